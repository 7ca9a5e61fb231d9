"""Peering with other nodes by one request to a URL."""
