"""The collected formulas in one file: glyphs and rules as TeX placed them, the fonts that draw them, the labels.

Arrays (G glyphs, R rules, F formulas; lengths in 1/32 pt): `font` uint8 [G], `code` uint8 [G], `dx`, `dy` int16 [G]
(x relative to where the glyph before ended, y to its baseline), `rules` int16 [R, 4] (x, y of the lower left corner,
width, height), `glyph_counts` uint16 [F], `rule_counts` uint8 [F], `split` uint8 [F], `labels` (text, a line each),
`uses` (JSON: TeX name, size in pt, file of each font), `widths` int16 [fonts, 256], `files` (JSON: name and length of
each outline) and `outlines` (their bytes). xz over an npz.
"""

from __future__ import annotations

import io
import json
import lzma
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dsvl2.pipelines.training.formulas.dvi import DviPage, FontUse

UNITS = 32  # in a point
SPLITS = ("train", "held_out", "unseen")
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One formula: fonts, codes [n], x, y [n] and rules [m, 4] in 1/32 pt, y down from the baseline."""

    fonts: Ints
    codes: Ints
    x: Ints
    y: Ints
    rules: Ints


@dataclass(frozen=True, slots=True)
class Typeset:
    """A formula that went through TeX."""

    label: str
    split: str
    page: DviPage


class Store:
    """The file in memory."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        self.uses: list[tuple[str, float, str]] = [tuple(use) for use in json.loads(bytes(arrays["uses"]))]
        self.labels: list[str] = bytes(arrays["labels"]).decode("utf-8").split("\n")
        self.split: npt.NDArray[np.uint8] = arrays["split"]
        self._arrays = arrays
        self._glyph_ends = np.cumsum(arrays["glyph_counts"], dtype=np.int64)
        self._rule_ends = np.cumsum(arrays["rule_counts"], dtype=np.int64)

    @classmethod
    def load(cls, path: Path | str) -> Store:
        """Read a collected file; raises FileNotFoundError, lzma.LZMAError or ValueError for one that is none."""
        with lzma.open(path) as stream, np.load(io.BytesIO(stream.read())) as arrays:
            return cls(dict(arrays))

    def members(self, split: str) -> npt.NDArray[np.int64]:
        """Indices of the formulas of a split."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def outline(self, use: int) -> bytes:
        """The Type 1 file of a font."""
        start = 0
        for name, length in json.loads(bytes(self._arrays["files"])):
            if name == self.uses[use][2]:
                return bytes(self._arrays["outlines"][start : start + length])
            start += length
        raise KeyError(self.uses[use][2])

    def advances(self, fonts: int | Ints, codes: Ints | None = None) -> Ints:
        """Widths of characters in 1/32 pt: of all 256 codes of a font, or of `codes` in `fonts`."""
        table: npt.NDArray[np.int16] = self._arrays["widths"]
        return (table[fonts] if codes is None else table[fonts, codes]).astype(np.int32)

    def widths(self) -> npt.NDArray[np.float64]:
        """Width of every formula in 1/32 pt, from the first glyph's origin to the farthest glyph's end [F]."""
        arrays = self._arrays
        ends = self.advances(arrays["font"].astype(np.int32), arrays["code"].astype(np.int32))
        steps = arrays["dx"].astype(np.int64) + ends  # from the end of one glyph to the end of the next
        total = np.cumsum(steps)
        starts = self._glyph_ends - arrays["glyph_counts"]
        before = np.concatenate([[0], total])[starts]
        right = np.maximum.reduceat(total, starts) - before
        left = np.minimum.reduceat(total - ends, starts) - before
        found: npt.NDArray[np.float64] = (right - left).astype(np.float64)
        return found

    def text_sizes(self) -> npt.NDArray[np.float64]:
        """Size of every formula's largest letters in pt [F]; extension fonts (big signs) do not count."""
        sizes = np.array([0.0 if "ex" in name else size for name, size, _ in self.uses])
        starts = self._glyph_ends - self._arrays["glyph_counts"]
        largest: npt.NDArray[np.float64] = np.maximum(np.maximum.reduceat(sizes[self._arrays["font"]], starts), 5.0)
        return largest

    def drawing(self, index: int) -> Drawing:
        """Where everything of formula `index` stands."""
        arrays, end, rule_end = self._arrays, int(self._glyph_ends[index]), int(self._rule_ends[index])
        part = slice(end - int(arrays["glyph_counts"][index]), end)
        fonts, codes = arrays["font"][part].astype(np.int32), arrays["code"][part].astype(np.int32)
        ended = np.concatenate([[0], arrays["widths"][fonts, codes][:-1]]) if len(fonts) else np.zeros(0, np.int32)
        x = np.cumsum(arrays["dx"][part].astype(np.int32) + ended.astype(np.int32), dtype=np.int32)
        y = np.cumsum(arrays["dy"][part].astype(np.int32), dtype=np.int32)
        rules = arrays["rules"][rule_end - int(arrays["rule_counts"][index]) : rule_end].astype(np.int32)
        return Drawing(fonts, codes, x, y, rules)


def save(
    path: Path,
    formulas: Sequence[Typeset],
    widths: Callable[[str], dict[int, float]],
    outline: Callable[[str], tuple[Path, Callable[[int], int | None]]],
) -> None:
    """Write the file. `widths` gives a TeX font's character widths, `outline` its Type 1 file and the map of codes."""
    uses: dict[FontUse, int] = {}
    for formula in formulas:
        for use, *_ in formula.page.glyphs:
            uses.setdefault(use, len(uses))
    maps = [outline(use.name) for use in uses]
    table = np.zeros((len(uses), 256), np.int16)
    for use, row in uses.items():
        for code, width in widths(use.name).items():
            own = maps[row][1](code)
            if own is not None:
                table[row, own] = round(width * use.size * UNITS)
    columns: dict[str, list[Any]] = {
        key: [] for key in ("font", "code", "dx", "dy", "rules", "glyph_counts", "rule_counts")
    }
    for formula in formulas:
        _append(columns, formula.page, uses, maps, table)
    files = sorted({path for path, _ in maps})
    blobs = [file.read_bytes() for file in files]
    kinds = {
        "font": np.uint8,
        "code": np.uint8,
        "dx": np.int16,
        "dy": np.int16,
        "rules": np.int16,
        "glyph_counts": np.uint16,
        "rule_counts": np.uint8,
    }
    arrays: dict[str, Any] = {key: np.array(values, kinds[key]) for key, values in columns.items()}
    arrays["rules"] = arrays["rules"].reshape(-1, 4)
    arrays |= {
        "split": np.array([SPLITS.index(formula.split) for formula in formulas], np.uint8), "widths": table,
        "labels": _bytes("\n".join(formula.label for formula in formulas)), "outlines": np.frombuffer(b"".join(blobs), np.uint8),
        "files": _bytes(json.dumps([(file.name, len(blob)) for file, blob in zip(files, blobs, strict=True)])),
        "uses": _bytes(json.dumps([(use.name, use.size, file.name) for use, (file, _) in zip(uses, maps, strict=True)])),
    }  # fmt: skip
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path.write_bytes(lzma.compress(buffer.getvalue(), preset=9))


def _bytes(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode("utf-8"), np.uint8)


def _append(
    columns: dict[str, list[Any]],
    page: DviPage,
    uses: dict[FontUse, int],
    maps: Sequence[tuple[Path, Callable[[int], int | None]]],
    widths: npt.NDArray[np.int16],
) -> None:
    pen, line = 0, 0
    for use, code, x, y in page.glyphs:
        font = uses[use]
        own = maps[font][1](code)
        assert own is not None  # `drawable` was asked before
        left, base = round(x * UNITS), round(y * UNITS)
        columns["font"].append(font)
        columns["code"].append(own)
        columns["dx"].append(left - pen)
        columns["dy"].append(base - line)
        pen, line = left + int(widths[font, own]), base
    columns["rules"] += [[round(value * UNITS) for value in rule] for rule in page.rules]
    columns["glyph_counts"].append(len(page.glyphs))
    columns["rule_counts"].append(len(page.rules))


def drawable(page: DviPage, outline: Callable[[str], tuple[Path, Callable[[int], int | None]]]) -> bool:
    """Whether every glyph has an outline, and the page is of a size that the arrays and a canvas hold."""
    if not page.glyphs or len(page.rules) > 60:
        return False
    reach: Iterable[float] = (value for _, _, x, y in page.glyphs for value in (x, y))
    if max(map(abs, reach)) > 900:
        return False
    try:
        return all(outline(use.name)[1](code) is not None for use, code, _, _ in page.glyphs)
    except KeyError:
        return False
