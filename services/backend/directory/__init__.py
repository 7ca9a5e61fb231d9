"""Tenants, assets and peers in memory."""
