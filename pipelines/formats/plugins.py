"""Formats of other packages, found by the entry points that they declare.

    [project.entry-points."dsvl2.formats"]
    index = "my_package:IndexFormat"

The value is a `Format`, or a class of one that is made without arguments. A package is imported only when its format is
asked for; a name or suffix of ours stays ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import EntryPoint, entry_points

from dsvl2.pipelines.errors import UnknownFormat
from dsvl2.pipelines.formats.base import Format

GROUP = "dsvl2.formats"


def declared_formats() -> Sequence[EntryPoint]:
    """Return what installed packages declare, by name; of two with one name the first that Python finds."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name.lower(), point)
    return [found[name] for name in sorted(found)]


def loadable_formats() -> Iterator[Format]:
    """Yield the declared formats that can be loaded; what is wrong with the others is told who asks for them by name."""
    for point in declared_formats():
        with suppress(UnknownFormat):
            yield load_declared(point)


def load_declared(point: EntryPoint) -> Format:
    """Import a declared format.

    Raises:
        UnknownFormat: it cannot be imported, or is no format.
    """
    where = f"'{point.name}' of {point.dist.name if point.dist else 'a package'} ({point.value})"
    try:
        found = point.load()
        made = found() if isinstance(found, type) else found
    except Exception as error:  # code of others
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnknownFormat(
            f"the format {where} cannot be loaded: {reason}", hint="update or remove the package"
        ) from error
    suffixes = getattr(made, "suffixes", None)
    good = isinstance(suffixes, tuple) and bool(suffixes) and all(isinstance(s, str) and s[:1] == "." for s in suffixes)
    good = good and all(isinstance(getattr(made, word, None), str) for word in ("name", "title"))
    if not good or not all(callable(getattr(made, name, None)) for name in ("render", "stream")):
        hint = "a format has name, suffixes (a tuple, each with its dot), title, render and stream"
        raise UnknownFormat(f"{where} is no format", hint=hint)
    return made  # type: ignore[no-any-return]
