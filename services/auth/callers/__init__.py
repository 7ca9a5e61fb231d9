"""Who calls an RPC."""
