"""A hub under mixed load whose processes die all the time."""
