"""Auth's database schema, one revision a change."""
