"""The authorisation server: GNAP grants, interaction, tokens and their introspection."""
