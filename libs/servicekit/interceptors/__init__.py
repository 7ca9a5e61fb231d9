"""What runs around every RPC, one concern a module."""
