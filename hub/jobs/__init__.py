"""What runs without a request: the worker that does claimed work, and the clock that makes work due."""
