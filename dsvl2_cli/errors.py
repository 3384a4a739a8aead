"""What the program itself can find wrong, beside the errors of the layers below.

CliError
+-- UsageError      the command line does not make sense
+-- SettingsError   a configuration file or DSVL2_* variable is wrong
+-- OfflineError    something tried to use the network under --offline
+-- DownloadError   a model could not be fetched
+-- LibraryMissing  an optional library is needed for what was asked
+-- StandardOutputError  standard output takes no more
"""

from __future__ import annotations


class CliError(Exception):
    """`str(error)` is the fact, `hint` the remedy, `code` a stable word."""

    code = "internal"

    def __init__(self, fact: str, hint: str = "") -> None:
        super().__init__(fact)
        self.hint = hint


class UsageError(CliError):
    """The command line asks for something that cannot be done; nothing was started."""

    code = "usage"


class SettingsError(CliError):
    """A configuration file or variable has an unknown key or a value of the wrong kind."""

    code = "bad_settings"


class OfflineError(CliError):
    """A network connection was tried although --offline forbids it."""

    code = "offline"


class DownloadError(CliError):
    """A model could not be fetched; what has arrived stays and is used by the next attempt."""

    code = "download_failed"


class LibraryMissing(CliError):
    """An optional library is needed and not installed."""

    code = "library_missing"


class StandardOutputError(CliError):
    """Results cannot be written on standard output: the disk behind it is full, or it fails."""

    code = "output_unwritable"

    def __init__(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        super().__init__(f"standard output cannot be written: {reason}", "write to a file in another place with -o")
