"""What clients do about grants: ask, continue, cancel; and the tokens that come of it."""
