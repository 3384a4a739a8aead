"""Fonts are cut down to what they really draw, and loaded again by split."""

from __future__ import annotations

import io
import json
from pathlib import Path
from random import Random

import pytest
from PIL import ImageFont

pytest.importorskip("fontTools")

from dsvl2.pipelines.training.charset import CHARACTERS, INDEX
from dsvl2.pipelines.training.collect import write_meta
from dsvl2.pipelines.training.fontpack import FACES, look_of, pack_fonts
from dsvl2.pipelines.training.fonts import Resources


def _font_data() -> bytes:
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    assert isinstance(font.path, io.BytesIO)
    return font.path.getvalue()


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A packed folder with one face for training and one held out."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("LiberationSans-Regular.ttf", "Vollkorn-Regular.ttf", "Unlisted-Regular.ttf"):
        (source / name).write_bytes(_font_data())
    out = tmp_path / "out"
    faces = pack_fonts(source, out / "fonts")
    train, held_out = ["en\tone two three"] * 3, ["en\tfour five six"]
    (out / "corpus.txt").write_text("\n".join(train + held_out) + "\n", encoding="utf-8")
    write_meta(out, faces, train, held_out, {"made": 4})
    return out


def test_only_listed_fonts_are_packed_and_nothing_beyond_the_charset(packed: Path) -> None:
    meta = json.loads((packed / "meta.json").read_text("utf-8"))
    assert [face["family"] for face in meta["faces"]] == ["Liberation Sans", "Vollkorn"]
    assert meta["characters"] == CHARACTERS
    assert set(meta["faces"][0]["cover"]) >= set(map(chr, range(32, 127)))
    assert meta["held_out_families"] == ["Vollkorn"]


def test_a_split_holds_its_own_text_and_families(packed: Path) -> None:
    for split, family, word in (("train", "Liberation Sans", "one"), ("held_out", "Vollkorn", "four")):
        resources = Resources.load(packed, split)  # type: ignore[arg-type]
        assert [f.name for f in resources.families] == [family]
        assert resources.corpus.paragraph(Random(0)).startswith(word)
        assert resources.families[0].plain[0].outline.letters <= set(INDEX)


def test_at_least_seven_font_families_are_held_out() -> None:
    assert sum(held_out for _, _, held_out, _ in FACES) >= 7


@pytest.mark.parametrize(
    ("stem", "look"),
    [
        ("LiberationSans-BoldItalic", (True, True, False)), ("cmunti", (False, True, False)),
        ("cmunit", (False, True, False)), ("C059-BdIta", (True, True, False)), ("cmunrm", (False, False, False)),
        ("Go-Smallcaps", (False, False, True)), ("lmsansdemicond10-regular", (False, False, False)),
    ],
)  # fmt: skip
def test_the_look_of_a_face_is_read_from_its_name(stem: str, look: tuple[bool, bool, bool]) -> None:
    assert look_of(stem) == look
