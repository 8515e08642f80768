"""Linkage between regions that may not show each other their lists: keyed encodings, compared by a hub without the key.

Pure: the secret, the rows and the arrays are arguments. After Schnell, Bachteler and Reiher (2009, 2011), with the
hash function and the folding of clkhash; see docs/private-linkage.md for what this hides and what it does not.
"""
