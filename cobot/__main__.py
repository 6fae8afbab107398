"""`python -m cobot` is the command `cobot`."""

from cobot.cli import main

main()
