"""Packets that a peer never answered: found, entered, listed and resolved."""
