"""The story told by `hub demo`: a synthetic population, simulated systems, and the walk through what they exchange."""
