"""Whether a token is active and what it allows: what a resource server asks."""
