"""Assets that accounts are kept in, and their fees."""
