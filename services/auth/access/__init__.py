"""What a grant allows: items of access between the wire, storage and contracts."""
