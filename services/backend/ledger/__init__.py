"""Accounts and transfers: one interface, three engines (memory, Postgres, TigerBeetle)."""
