"""Envoy's external authorisation check of public GNAP requests, over their raw bytes."""
