"""How bytes travel between a county system and the hub: the gateway and one folder per transport."""
