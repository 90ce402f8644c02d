"""Lets `python -m hil` do what `hil` does."""

import sys

from hil.cli import main

if __name__ == "__main__":
    sys.exit(main())
