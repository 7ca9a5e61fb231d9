"""Public names of accounts."""
