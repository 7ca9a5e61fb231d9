"""GNAP as Open Payments narrows it (RFC 9635, authorization server API 1.3)."""
