"""The protocols of Interledger and Open Payments, pure: bytes, values and `now` in, values out."""
