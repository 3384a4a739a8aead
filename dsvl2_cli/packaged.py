"""Files that lie inside the installed packages, found without importing the packages themselves."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def package_folder(name: str) -> Path:
    """Return the folder of a package; its own code is not run (finding a spec imports only the parent)."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{name} is not installed", name=name)
    return Path(next(iter(spec.submodule_search_locations)))


def embedded_models() -> dict[str, Path]:
    """Name -> folder of every model shipped inside the package."""
    root = package_folder("dsvl2.model") / "embedded"
    return {path.parent.name: path.parent for path in sorted(root.glob("*/config.json"))}


def published_schemas() -> dict[str, Path]:
    """Name -> file of every published JSON Schema (`ocr-v1.json` is called `ocr`; the highest version wins)."""
    root = package_folder("dsvl2.pipelines") / "formats" / "schema"
    return {path.stem.rpartition("-")[0]: path for path in sorted(root.glob("*-v*.json"))}
