"""Grants: asked for, interacted about, continued, revoked."""
