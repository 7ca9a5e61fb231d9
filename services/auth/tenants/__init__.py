"""Tenants as far as authorisation needs them."""
