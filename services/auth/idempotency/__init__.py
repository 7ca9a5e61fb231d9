"""Replies kept by idempotency key, sealed, because some hold tokens."""
