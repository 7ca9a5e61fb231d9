"""`python -m rafiki_cli`."""

from rafiki_cli.main import main

main()
