"""The `dsvl2` program. `dsvl2` itself is a namespace package, so the version lives here."""

__version__ = "0.1.0"
