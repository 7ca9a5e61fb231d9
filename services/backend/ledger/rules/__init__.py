"""The rules of the ledger: what a transfer may do, whatever engine keeps it."""
