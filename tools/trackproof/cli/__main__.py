"""`python -m trackproof.cli`."""

from trackproof.cli import main

main()
