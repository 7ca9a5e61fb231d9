"""Money that wallet addresses send."""
