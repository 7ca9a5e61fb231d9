"""Incoming payments of any bank, as payers see them."""
