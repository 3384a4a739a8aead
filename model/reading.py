"""How pages are fed to a checkpoint: `reading.json` beside config.json, absent for whole-page models."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dsvl2.model.errors import ConfigError
from dsvl2.model.folders import read_json

MODES = ("page", "bands")


@dataclass(frozen=True, slots=True)
class ReadingProfile:
    """What the page cutter and the tasks need to know of a model; lengths in pixels of the canvas.

    mode          "page": one image, the model tiles it. "bands": the pipeline cuts strips of exactly the canvas size.
    prompt        the text sent with every image; `<image>` marks its place
    tile          height of a band; its width is tile * m, m = 1..max_columns
    line_pitch    what a dense text line should measure from baseline to baseline; 0 = do not scale
    x_height      what the height of a small letter should measure; 0 = unknown
    location_bins number of `<|y_k|>` tokens, each tile / location_bins pixels high; 0 = the model writes none
    """

    mode: str = "page"
    prompt: str = "<image>\nConvert the document to markdown."
    tile: int = 384
    max_columns: int = 3
    line_pitch: float = 0.0
    x_height: float = 0.0
    location_bins: int = 0
    max_new_tokens: int = 2048

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"reading.json: mode is {self.mode!r}", f"known values: {', '.join(MODES)}")
        for name in ("tile", "max_columns", "max_new_tokens"):
            if getattr(self, name) <= 0:
                raise ConfigError(
                    f"reading.json: {name} is {getattr(self, name)}, must be positive", "correct the file"
                )

    @property
    def bin_height(self) -> float:
        """Height of one location bin; 0 when the model writes no locations."""
        return self.tile / self.location_bins if self.location_bins else 0.0

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "ReadingProfile":
        """Build from parsed JSON; an unknown key or a value of the wrong type raises ConfigError."""
        known = {spec.name: spec for spec in fields(cls)}
        for key, value in raw.items():
            if key not in known:
                raise ConfigError(f"reading.json: unknown key {key!r}", f"known keys: {', '.join(known)}")
            default = known[key].default
            if not isinstance(value, (int, float) if isinstance(default, float) else type(default)):
                raise ConfigError(f"reading.json: {key} is {value!r}, expected {known[key].type}", "correct the file")
        return cls(**raw)

    @classmethod
    def for_folder(cls, folder: Path) -> "ReadingProfile":
        """The profile beside a checkpoint, or the whole-page defaults."""
        path = folder / "reading.json"
        return cls.from_dict(read_json(path)) if path.exists() else cls()
