"""One concern of the packet path a file; the order is in assembly.py."""
