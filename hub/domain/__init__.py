"""The rules of the exchange: pure, without clock, network, disk or database."""
