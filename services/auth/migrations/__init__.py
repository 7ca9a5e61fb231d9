"""The authorization server's database schema, one revision a change."""
