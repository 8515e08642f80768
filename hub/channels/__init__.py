"""How notices leave the hub: one file a channel."""
