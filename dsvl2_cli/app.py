"""The program's entry point."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `dsvl2` on sys.argv and exit."""
    print("dsvl2: under construction", file=sys.stderr)
    sys.exit(1)
