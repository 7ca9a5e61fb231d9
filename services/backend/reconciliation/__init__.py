"""Compares the ledger with the payments and with what was told of them, as money moves."""
