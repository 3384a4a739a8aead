"""What was probably meant by a path that leads nowhere. Looks at names only."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

_WINDOWS = re.compile(r"([A-Za-z]):[\\/](.*)", re.DOTALL)
_MOST = 5000  # names of a folder that are looked through
_ALIKE = 0.75


def meant(word: str) -> str:
    """Return a hint for a path that does not exist; "" if nothing comes to mind."""
    drive = _WINDOWS.fullmatch(word)
    if drive and os.name != "nt":
        there = f"/mnt/{drive[1].lower()}/" + drive[2].replace("\\", "/")
        seen = os.path.exists(there)
        return f"did you mean {there}?" if seen else f"this is a path of Windows; in WSL it would be {there}"
    turned = word.replace("\\", "/")
    if turned != word and os.path.exists(turned):
        return f"did you mean {turned}?"
    near = _neighbour(Path(word))
    return f"did you mean {near}?" if near is not None else ""


def _neighbour(path: Path) -> Path | None:
    """Return the file in the same folder whose name is most like this one; capitals apart first, the same stem next."""
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for _, entry in zip(range(_MOST), entries, strict=False)]
    except (OSError, ValueError):
        return None
    names = sorted(name for name in names if not name.startswith(".") and name.isprintable())
    for name in names:
        if name.casefold() == path.name.casefold():
            return path.with_name(name)
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=_ALIKE)
    return path.with_name(near[0]) if near else None
