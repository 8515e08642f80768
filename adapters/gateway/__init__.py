"""The process that stands at a county: spool, map, seal, submit, read the mailbox, write back."""
