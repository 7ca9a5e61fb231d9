"""Who is signed in to the admin pages."""
