"""The simulated county system of Yongkang: JSON over HTTP with signed requests, and the quirks of DOMAIN §6.1."""
