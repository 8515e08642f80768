"""The engine that every mapping runs on: pure, synchronous, batch first; it knows neither network nor clock."""
