"""Stand-ins for the other side of the wire, built once and proved against the real thing by contract tests.

A hub that speaks the wire contract with real signatures and no database, and a server that runs such an application in a thread.
"""
