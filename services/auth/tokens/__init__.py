"""Access tokens: issue, rotation, revocation and clean-up."""
