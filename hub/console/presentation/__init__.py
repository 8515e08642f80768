"""How things look: pure functions from what services answer to what templates draw."""
