"""Announces changes of what every process holds in memory; the directory hears of them."""
