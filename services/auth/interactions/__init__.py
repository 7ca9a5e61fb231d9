"""A user's consent: the browser's way to the identity provider and back."""
