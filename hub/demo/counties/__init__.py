"""Stand-ins for other people's systems, run as processes of their own: two counties and a partner's webhook receiver.

They know nothing of the hub. What each speaks and how it misbehaves is written in the README beside this file.
"""
