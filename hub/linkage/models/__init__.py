"""Model files: default.json ships; its id and content hash name it wherever a score is kept."""
