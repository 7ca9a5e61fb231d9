"""What all tables of the backend share."""
