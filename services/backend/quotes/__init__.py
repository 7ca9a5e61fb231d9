"""Prices of payments."""
