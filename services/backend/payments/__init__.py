"""Payments of all kinds, as administrators see and make them."""
