"""The hub's HTTP interface for members, verifiers and monitors; pages for people are in `hub.console`."""
