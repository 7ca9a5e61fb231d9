"""Nodes that packets are exchanged with."""
