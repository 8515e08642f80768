"""Tells subscribers what happened: numbers it, decides what each may be shown now, sends it in order until it is taken."""
