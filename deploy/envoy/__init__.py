"""Renders the Envoy configuration of a node from the templates in `envoy/`."""
