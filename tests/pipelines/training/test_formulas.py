"""Formulas as training material: what TeX wrote, the collected file, the pictures."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo, ReadingProfile
from dsvl2.model.request import Usage
from dsvl2.pipelines.evaluation.formulas import drawn, measure, photographed
from dsvl2.pipelines.formulas import normalise
from dsvl2.pipelines.training.formulas import harvest
from dsvl2.pipelines.training.formulas.collect import Gathering, forbidden_in, gather, gather_inline, split_of
from dsvl2.pipelines.training.formulas.draw import Mask, Pen
from dsvl2.pipelines.training.formulas.dvi import DviPage, DviReader, FontUse, widths_of
from dsvl2.pipelines.training.formulas.inline import inline, with_neighbours
from dsvl2.pipelines.training.formulas.samples import (
    FormulaResources,
    make_formula_batch,
    make_inline_batch,
)
from dsvl2.pipelines.training.formulas.sheet import formula_sheet
from dsvl2.pipelines.training.formulas.store import Store, Typeset, drawable, save
from dsvl2.pipelines.training.formulas.tex import SETUPS, outline_of, tfm_widths, typeset

LETTERS = FontUse("cmmi10", 10.0)
DIGITS = FontUse("cmr10", 10.0)


def point(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def dvi(page: bytes, number: int = 7) -> bytes:
    fonts = b"\xf3\x00" + bytes(4) + point(10) + point(10) + b"\x00\x05cmr10"
    begin = b"\x8b" + struct.pack(">10i", number, *[0] * 9) + point(-1)
    return b"\xf7\x02" + bytes(12) + b"\x02hi" + begin + fonts + b"\xab" + page + b"\x8c" + b"\xf8"


def half(_: str) -> dict[int, float]:
    return dict.fromkeys(range(128), 0.5)


def test_dvi_commands_move_the_pen() -> None:
    program = b"".join([
        b"AB", b"\x8d", b"\x92" + point(3), b"\xa0" + point(4), b"C", b"\x8e", b"D",  # push, right, down, pop
        b"\x85E", b"F", b"\x84" + point(1) + point(20), b"G",  # put does not move; a rule does
        b"\x97" + point(2), b"H", b"\x93", b"I", b"\xef\x03abc", b"\x8a", b"J",  # w, w again, a special, nothing
    ])  # fmt: skip
    (page,) = DviReader(dvi(program), half).pages()
    assert page.number == 7
    where = {chr(code): (x, y) for _, code, x, y in page.glyphs}
    assert where == {
        "A": (0, 0), "B": (5, 0), "C": (13, 4), "D": (10, 0), "E": (15, 0), "F": (15, 0), "G": (40, 0), "H": (47, 0),
        "I": (54, 0), "J": (59, 0),
    }  # fmt: skip
    assert page.rules == [(20, 0, 20, 1)]
    assert {use for use, *_ in page.glyphs} == {DIGITS}


def test_what_is_no_dvi_file_is_refused() -> None:
    with pytest.raises(ValueError, match="not a DVI file"):
        next(DviReader(b"%PDF-1.4", half).pages())
    with pytest.raises(ValueError, match="unknown DVI command 250"):
        next(DviReader(dvi(b"\xfa"), half).pages())


def test_widths_are_read_from_font_metrics() -> None:
    lengths = [0] * 12
    lengths[1:5] = 2, 65, 67, 3
    characters = bytes([1, 0, 0, 0]) + bytes(4) + bytes([2, 0, 0, 0])
    data = struct.pack(">12H", *lengths) + bytes(8) + characters + struct.pack(">3i", 0, 1 << 19, 1 << 20)
    assert widths_of(data) == {65: 0.5, 67: 1.0}


def page(number: int, letters: int) -> DviPage:
    glyphs = [(LETTERS, 97 + i % 26, 5.0 * i, 12.0 if i % 3 else 10.0) for i in range(letters)]
    glyphs.append((DIGITS, 49, 5.0 * letters, 12.0))
    return DviPage(number, glyphs, [(0.0, 8.0, 5.0 * letters, 0.4)])


def outlines(folder: Path) -> Callable[[str], tuple[Path, Callable[[int], int | None]]]:
    for name in ("cmmi10", "cmr10"):
        (folder / name).write_bytes(name.encode() * 3)
    return lambda font: (folder / font, lambda code: code if code < 128 else None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    formulas = [Typeset(rf"α_{{{i}}}", "train" if i % 5 else "held_out", page(i, 3 + 2 * i)) for i in range(50)]
    path = tmp_path / "formulas.npz.xz"
    save(path, formulas, half, outlines(tmp_path))
    return path


def test_the_collected_file_gives_back_what_tex_placed(file: Path) -> None:
    store = Store.load(file)
    assert store.labels[7] == r"α_{7}"
    assert len(store.members("held_out")) == 10
    assert store.outline(0) == b"cmmi10" * 3
    drawing = store.drawing(7)
    wanted = page(7, 17)
    assert drawing.codes.tolist() == [code for _, code, _, _ in wanted.glyphs]
    assert (drawing.x / 32).tolist() == [x for _, _, x, _ in wanted.glyphs]
    assert (drawing.y / 32).tolist() == [y for _, _, _, y in wanted.glyphs]
    assert drawing.rules[0].tolist() == [0, 256, 85 * 32, 13]
    assert store.widths()[7] / 32 == pytest.approx(90)
    assert store.text_sizes()[7] == 10


def test_pages_without_an_outline_are_not_drawable(tmp_path: Path) -> None:
    outline = outlines(tmp_path)
    assert drawable(page(0, 4), outline)
    assert not drawable(DviPage(0), outline)
    assert not drawable(DviPage(0, [(LETTERS, 200, 0.0, 0.0)]), outline)
    assert not drawable(DviPage(0, [(LETTERS, 97, 2000.0, 0.0)]), outline)


@pytest.fixture
def resources(file: Path, monkeypatch: pytest.MonkeyPatch) -> FormulaResources:
    def box(self: Pen, font: int, code: int) -> tuple[Mask, int, int]:
        return np.full((26, 24), 255, np.uint8), 2, -26

    monkeypatch.setattr(Pen, "glyph", box)
    return FormulaResources.load(file)


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_batches_fill_the_columns_asked_for(resources: FormulaResources, columns: int) -> None:
    batch = make_formula_batch(Random(columns), resources, columns, 24)
    assert batch.images.shape == (24, 384, 384 * columns)
    assert batch.images.dtype == np.uint8
    assert len(batch.labels) == 24
    for image in batch.images:
        inked = np.flatnonzero((image.astype(int) < int(image.max()) - 50).any(0))
        assert inked.size
        width = inked[-1] - inked[0] + 1
        assert width <= 384 * columns
        assert width > 384 * (columns - 1) * 0.55  # formulas that need fewer columns are for other batches


def test_the_same_seed_gives_the_same_batch(resources: FormulaResources) -> None:
    first, second = (make_formula_batch(Random(3), resources, 2, 6) for _ in range(2))
    assert first.labels == second.labels
    assert np.array_equal(first.images, second.images)


def test_a_sheet_shows_a_batch(resources: FormulaResources) -> None:
    for columns in (1, 3):
        assert formula_sheet(make_formula_batch(Random(1), resources, columns, 2)).width == 384 * columns


def test_documents_give_their_formulas(tmp_path: Path) -> None:
    (tmp_path / "a.tex").write_text(
        r"\newcommand{\half}{\frac12} Text $x$ and $\sum_{i=1}^n x_i^2 \leq 1$. "
        r"\begin{align} a &= \half b \label{q}\\ c &= d \end{align}"
        "\n\n\\[ E = mc^2 % energy\n \\]"
    )
    (tmp_path / "b.py").write_text(
        '"""Doc.\n\n    .. math:: f(x) = \\\\frac{1}{x}\n\n    and :math:`\\sqrt{2\\pi} + \\alpha`.\n"""'
    )
    found = {normalise(text) for text in harvest.harvest(tmp_path)}
    assert {r"\sum_{i=1}^nx_i^2\leq1", r"a=\frac{1}{2}b", "E=mc^2", r"f(x)=\frac{1}{x}", r"\sqrt{2\pi}+\alpha"} <= found
    assert "x" not in found


def test_measured_formulas_are_refused(tmp_path: Path) -> None:
    truth = tmp_path / "gt.jsonl"
    truth.write_text('{"latex": "{\\\\cal L} = x^{2} + y ."}\n\n')
    gathering = Gathering(forbidden_in([truth]))
    assert not gathering.add(r"\mathcal{L}=x^2+y.")
    assert gathering.refused == 1
    assert gathering.add(r"\mathcal{L}=x^2-y.")
    assert not gathering.add(r"{\cal L}=x^2-y\ .")  # the same formula
    assert not gathering.add(r"\frac{x}")


def test_splits_do_not_depend_on_the_order() -> None:
    found = gather(Random(2), 60, 5, None, set())
    assert sum(split == "unseen" for _, _, split in found.sources) == 5
    assert all(split == split_of(normalise(label)) for _, label, split in found.sources if split != "unseen")


@pytest.mark.skipif(shutil.which("latex") is None or shutil.which("dvicopy") is None, reason="needs TeX")
def test_tex_sets_formulas_and_leaves_out_the_broken(tmp_path: Path) -> None:
    sources = [r"\frac{a}{b}", r"\undefinedcommand x", r"x^2"]
    pages = list(typeset(SETUPS[0], sources, tmp_path))
    assert [page.number for page in pages] == [0, 2]
    assert len(pages[0].rules) == 1
    assert all(drawable(page, outline_of) for page in pages)
    save(tmp_path / "out.xz", [Typeset("x", "train", page) for page in pages], tfm_widths, outline_of)
    picture = Pen(Store.load(tmp_path / "out.xz")).draw(Store.load(tmp_path / "out.xz").drawing(1))
    assert picture.max() == 255


class Parrot:
    """Reads every picture as the same formula."""

    def __init__(self) -> None:
        self.info = ModelInfo(
            name="parrot", path="", parameters=0, weight_bytes=0, scheme="none", dtype="float32", device="cpu",
            context_length=4096, vocab_size=512, fingerprint="0" * 64, reading=ReadingProfile(),
        )  # fmt: skip

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        answer = r"\alpha_{3}"
        usage = Usage(9, 5, len(answer), 1)
        return [GenerationResult(answer, (1,), (answer,), (-0.1,), "stop", usage) for _ in requests]


def test_measuring_counts_exact_matches(resources: FormulaResources) -> None:
    examples = list(drawn(resources, 40, seed=1))
    assert len(examples) == 40
    assert all(example.image.mode == "L" for example in examples)
    figures = measure(examples, Parrot(), looks=1, show=False)
    assert figures["count"] == 40
    assert figures["exact"] == pytest.approx(1 / 40)  # α_{3} is one of them
    assert figures["low"] <= figures["exact"] <= figures["high"]
    assert figures["similarity"] > 0.4


def test_folders_of_pictures_are_measured(tmp_path: Path) -> None:
    Image.new("L", (60, 40), 255).save(tmp_path / "a.png")
    (tmp_path / "gt.jsonl").write_text('{"file": "a.png", "latex": "x"}\n')
    (example,) = photographed(tmp_path)
    assert (example.name, example.truth) == ("a.png", "x")
    assert measure([example], Parrot(), looks=1, show=True)["exact"] == 0  # blank: nothing is asked


def test_formulas_in_lines_are_short_and_can_be_single_letters() -> None:
    measured = gather_inline(Random(3), 300, set()).sources[40][1]
    found = gather_inline(Random(3), 300, {normalise(measured)})
    labels = [label for _, label, _ in found.sources]
    assert len(set(labels)) == 300
    assert measured not in labels and found.refused
    assert min(map(len, labels)) == 1 and sorted(map(len, labels))[150] < 14
    assert all(inline(Random(seed)).strip() for seed in range(50))


def test_a_crop_keeps_the_edges_of_the_lines_around_it() -> None:
    formula, other = np.full((20, 40), 7, np.uint8), np.full((30, 25), 200, np.uint8)
    seen = set()
    for seed in range(30):
        cut = with_neighbours(Random(seed), formula, other, 2.0)
        assert cut.shape[1] == 40
        rows = np.flatnonzero((cut == 7).all(1))
        assert len(rows) == 20 and rows[-1] - rows[0] == 19
        seen.add((bool((cut[: rows[0]] == 200).any()), bool((cut[rows[-1] + 1 :] == 200).any())))
    assert len(seen) == 4


def test_formulas_in_lines_stand_on_one_tile(resources: FormulaResources) -> None:
    batch = make_inline_batch(Random(4), resources, 6)
    assert batch.images.shape == (6, 384, 384)
    assert len(batch.labels) == 6 and all(image.min() < 128 for image in batch.images)
