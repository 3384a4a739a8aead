"""The packed data in memory: corpus, faces by family, and a bounded cache of sized fonts."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import log
from pathlib import Path
from random import Random
from typing import Any, Literal

from dsvl2.pipelines.training.glyphs import Outline, SizedFont
from dsvl2.pipelines.training.printers import TYPE, Look
from dsvl2.pipelines.training.text import Corpus

_STEP = 1.045  # sizes are rounded to powers of this, so that glyph bitmaps are met again
_KEPT_FONTS = 1000  # sized fonts in memory: up to 0.3 MB each
Split = Literal["train", "held_out"]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a family."""

    family: str
    outline: Outline
    bold: bool = False
    italic: bool = False
    mono: bool = False
    small_caps: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """The faces of one family; there is always a plain one."""

    name: str
    plain: tuple[Face, ...]
    bold: tuple[Face, ...]
    italic: tuple[Face, ...]
    small_caps: tuple[Face, ...]


class Resources:
    """What a renderer draws from. One for each process; every draw comes from the caller's ``rng``."""

    def __init__(self, corpus: Corpus, faces: Sequence[Face], weights: dict[str, float] | None = None) -> None:
        self.corpus = corpus
        names = sorted({face.family for face in faces})
        grouped = [_family(name, [face for face in faces if face.family == name]) for name in names]
        self.families = tuple(family for family in grouped if family.plain)
        self._ends = list(accumulate((weights or {}).get(family.name, 1.0) for family in self.families))
        self.mono = tuple(family for family in self.families if family.plain[0].mono) or self.families
        self._widest = sorted({id(f): f for f in faces if not f.italic and not f.small_caps}.values(), key=_reach)[:12]
        self._sized: OrderedDict[tuple[int, int, Look], SizedFont] = OrderedDict()

    @classmethod
    def load(cls, folder: Path | str, split: Split = "train") -> Resources:
        """Read a packed folder; ``held_out`` takes the held-out text and font families only."""
        folder = Path(folder)
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text("utf-8"))
        with (folder / "corpus.txt").open(encoding="utf-8") as file:
            lines = file.readlines()
        held_out = split == "held_out"
        lines = lines[meta["train_lines"] :] if held_out else lines[: meta["train_lines"]]
        records = [record for record in meta["faces"] if record["held_out"] == held_out]
        weights = {record["family"]: float(record["weight"]) for record in records}
        return cls(Corpus(lines), _faces(records, folder / "fonts"), weights)

    def family(self, rng: Random) -> Family:
        """A family, by weight."""
        return self.families[bisect_right(self._ends, rng.random() * self._ends[-1])]

    def fallback(self, rng: Random, text: str) -> Face | None:
        """A face that has all characters of ``text``, as programs take one for missing symbols."""
        able = [face for face in self._widest if face.outline.letters.issuperset(text)]
        return rng.choice(able) if able else None

    def sized(self, face: Face, size: float, look: Look = TYPE) -> SizedFont:
        """``face`` at about ``size`` px per em, as a printer of that ``look`` prints it."""
        step = round(log(max(4.0, size)) / log(_STEP))
        key = (id(face), step, look)
        found = self._sized.get(key)
        if found is None:
            found = self._sized[key] = SizedFont(face.outline, _STEP**step, look)
            if len(self._sized) > _KEPT_FONTS:
                self._sized.popitem(last=False)
        else:
            self._sized.move_to_end(key)
        return found


def _reach(face: Face) -> int:
    return -len(face.outline.letters)


def _faces(records: Iterable[dict[str, Any]], folder: Path) -> list[Face]:
    return [
        Face(
            family=record["family"], bold=record["bold"], italic=record["italic"], mono=record["mono"],
            small_caps=record["small_caps"],
            outline=Outline((folder / record["file"]).read_bytes(), frozenset(record["cover"])),
        )
        for record in records
    ]  # fmt: skip


def _family(name: str, faces: Sequence[Face]) -> Family:
    text = [face for face in faces if not face.small_caps]
    return Family(
        name=name,
        plain=tuple(f for f in text if not f.bold and not f.italic) or tuple(text),
        bold=tuple(f for f in text if f.bold and not f.italic),
        italic=tuple(f for f in text if f.italic and not f.bold),
        small_caps=tuple(f for f in faces if f.small_caps and not f.italic),
    )
