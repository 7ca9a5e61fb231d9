"""Kills and stalls of every part of the local network under load, and an audit of all books."""
