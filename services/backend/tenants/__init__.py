"""Account servicing entities that share the node."""
