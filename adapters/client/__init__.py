"""The hub's wire from the side of whoever calls it: a typed client for integrators, and what the gateway speaks through."""
