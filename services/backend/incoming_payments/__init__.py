"""Money that wallet addresses expect."""
