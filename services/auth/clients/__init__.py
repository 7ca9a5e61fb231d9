"""Clients: who they are, their keys and the name that users see."""
