"""HTTP message signatures as Open Payments and GNAP use them (RFC 9421, RFC 9530, RFC 9635 7.3.1).

`docs/SIGNATURES.md` lists every rule of the verifier and why it is there.
"""
