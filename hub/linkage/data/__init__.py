"""Tables that ship with the linkage: character shapes and variants, compound surnames."""
