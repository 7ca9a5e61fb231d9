"""What one backend process holds open."""
