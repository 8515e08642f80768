"""What is signed, sealed, revoked and logged; knows no HTTP, database or clock."""
