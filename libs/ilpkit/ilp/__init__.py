"""ILPv4: packets, addresses, error codes, conditions, and what peers say inside packets."""
