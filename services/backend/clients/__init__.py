"""Other parties that the backend calls."""
