"""STREAM (RFC 29): frames, encrypted packets, credentials, receipts, sender and receiver."""
