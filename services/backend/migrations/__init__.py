"""The backend's database schema, one revision a change."""
