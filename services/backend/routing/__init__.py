"""Routes and rates, explained."""
