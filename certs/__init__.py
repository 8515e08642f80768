"""What is signed, sealed, revoked and logged; knows no HTTP, database or clock.

Use `seal` to send what only the recipient may read, `sdjwt` to issue, present and verify certificates, `trust` to know whom
to believe, `status` for revocation, `merkle` and `checkpoint` for the audit log, `tokens` for receipts. Time is an
argument (aware datetimes), bytes go in and out, every refusal is an error of `errors` with a code.
"""
