"""Who calls: what the guard found out, as the servicers read it."""
