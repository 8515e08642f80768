"""The acts of the hub: each opens one transaction, does one thing wholly, and leaves an audit leaf."""
