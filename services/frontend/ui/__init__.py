"""The admin web UI: pages made on the server, for a browser without any script."""
