"""Look-ups of identity by members: matching, cross-references, demographics. Each limited to what its caller may see,
and each told to the persons it was about (WIRE.md, Identity; DOMAIN §2).
"""
