"""GNAP as this server speaks it: its errors, its URLs, its discovery document, its messages."""
