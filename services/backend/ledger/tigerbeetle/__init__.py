"""The ledger in TigerBeetle."""
