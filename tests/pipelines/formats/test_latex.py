"""LaTeX output compiles: by pdflatex where there is one, else by a check of braces and environments."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dsvl2.pipelines.documents import Block, Document, PageError, PageResult
from dsvl2.pipelines.formats import RenderOptions, get_format
from dsvl2.pipelines.formats.latex_math import compiles
from dsvl2.pipelines.formats.latex_text import latex_text
from dsvl2.pipelines.training.charset import CHARACTERS

PDFLATEX = shutil.which("pdflatex")


def render(*blocks: Block) -> str:
    pages = (PageResult(1, blocks), PageResult(2, error=PageError("x", "100 % bad \\ {\nline")))
    return get_format("latex").render(Document("s", pages), RenderOptions(page_markers=True))


def check(text: str, folder: Path) -> None:
    """Compile with pdflatex if it is there; always check what can be checked without it."""
    assert structure_fault(text) is None
    if PDFLATEX is None:
        return
    (folder / "a.tex").write_text(text, encoding="utf-8")
    command = [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "-file-line-error", "a.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-1500:]


def structure_fault(text: str) -> str | None:
    """Return what is unbalanced, or a character that pdflatex does not know; None if all is well."""
    opened: list[str] = []
    body = re.sub(r"(?<!\\)%.*", "", text)
    for match in re.finditer(r"\\(begin|end)\{(\w+)\}|\\.|([{}])", body, re.DOTALL):
        if match[1] == "begin" or match[3] == "{":
            opened.append(match[2] or "{")
        elif (match[1] == "end" or match[3] == "}") and (not opened or opened.pop() != (match[2] or "{")):
            return f"unbalanced at {match.start()}"
    strange = re.search(r"[^\x09\x0a\x20-\x7e\u00c0-\u017f]", body)
    return f"open: {opened}" if opened else f"strange: {strange[0]!r}" if strange else None


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        (
            "50 % of $5 & #1_a {x} ~ ^ \\",
            "50 \\% of \\$5 \\& \\#1\\_a \\{x\\} \\textasciitilde{} \\textasciicircum{} \\textbackslash{}",
        ),
        ("don't “quote” ‘me’", "don't ``quote'' `me'"),
        ("a -- b --- c, 1–2", "a -{}- b -{}-{}- c, 1--2"),
        ("‘“x”’", "`{}``x''{}'"),
        ("?‘ !‘", "?{}` !{}`"),
        ("é à ß ő", "é à ß ő"),
        ("ǎ ẽ ṭ ș", "\\v{a} \\~{e} \\d{t} \\textcommabelow{s}"),
        ("x\u0302", "\\^{x}"),
        ("ﬁ ﬂ ½ m² H₂O", "fi fl \\textonehalf{} m\\textsuperscript{2} H\\textsubscript{2}O"),
        (
            "α ≤ Ω − 3 × 2",
            "\\ensuremath{\\alpha} \\ensuremath{\\leq} \\textohm{} \\ensuremath{-} 3 \\ensuremath{\\times} 2",
        ),
        ("漢", "[U+6F22]"),
        ("a\u00a0b\u00adc", "a~b\\-c"),
    ],
)
def test_text_is_escaped(text: str, latex: str) -> None:
    assert latex_text(text.replace("Ω", "\u2126") if "\\textohm" in latex else text) == latex


def test_every_character_of_the_embedded_model_is_drawn() -> None:
    assert [char for char in CHARACTERS if "[U+" in latex_text(char)] == []


def test_every_character_below_3000_compiles(tmp_path: Path) -> None:
    chars = [chr(code) for code in range(0x20, 0x3000)]
    blocks = [Block("paragraph", "".join(chars[start : start + 60])) for start in range(0, len(chars), 60)]
    check(render(*blocks), tmp_path)


def test_any_blocks_compile(tmp_path: Path) -> None:
    rng = random.Random(5)
    spec = [*"\\{}$&%#_^~<>|\"'`-?!,[]*() ab1\n–’“é\u0301", "\\end{", "verbatim", "%"]
    kinds = ("heading", "paragraph", "list_item", "list_item", "table", "figure", "formula", "code")

    def text() -> str:
        return rng.choice(["", "(a) ", "12. ", "b) "]) + "".join(rng.choice(spec) for _ in range(rng.randint(0, 12)))

    blocks = []
    for _ in range(500):
        kind = rng.choice(kinds)
        width = rng.randint(0, 5)
        rows = tuple(tuple(text() for _ in range(rng.randint(0, width))) for _ in range(3)) if kind == "table" else ()
        blocks.append(Block(kind, text(), level=rng.randint(0, 7), rows=rows))  # type: ignore[arg-type]
    check(render(*blocks), tmp_path)


def test_a_wide_table_wraps_and_compiles(tmp_path: Path) -> None:
    rows = tuple(tuple("word " * (3 * column) for column in range(1, 6)) for _ in range(80))
    text = render(Block("table", "", rows=rows))
    assert "p{0." in text
    check(text, tmp_path)


def test_an_empty_document_compiles(tmp_path: Path) -> None:
    check(get_format("latex").render(Document("s", ())), tmp_path)


def test_structure_of_a_small_document() -> None:
    text = render(
        Block("heading", "1. Intro", level=1),
        Block("paragraph", "Two\nlines"),
        Block("list_item", "a"),
        Block("list_item", "deep", level=3),
        Block("list_item", "2. two"),
        Block("formula", "\\frac{a}{b}"),
        Block("formula", "\\frac{a"),
        Block("code", "if x:\n  [y]"),
    )
    body = text.partition("\\begin{document}\n")[2]
    assert body == (
        "\n% page 1\n\n\\section*{1. Intro}\n\nTwo\\newline{}\nlines\n\n"
        "\\begin{itemize}\n\\item{} a\n  \\begin{itemize}\n  \\item{} deep\n  \\end{itemize}\n\\item[2.] two\n\\end{itemize}\n\n"
        "\\[\n\\frac{a}{b}\n\\]\n\n"
        "\\begin{flushleft}\\ttfamily\n\\textbackslash{}frac\\{a\n\\end{flushleft}\n\n"
        "\\begin{flushleft}\\ttfamily\nif~x:\\newline{}\n\\mbox{}~~[y]\n\\end{flushleft}\n\n"
        "% page 2\n\n% page 2 could not be read: 100 % bad \\ { line\n\n\\end{document}\n"
    )


@pytest.mark.parametrize(
    "formula",
    [
        "E = mc^2",
        "\\frac{a}{b} + \\sqrt{x_1^{2}}",
        "\\left( \\sum_{i=1}^n x_i \\right]",
        "\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}",
        "f(x) = \\begin{cases} 1 & \\text{if } x > 0 \\\\ 0 & \\text{otherwise} \\end{cases}",
        "x'' + y'^2",
        "\\{ a \\} \\% \\$",
    ],
)
def test_sound_formulas_are_kept(formula: str, tmp_path: Path) -> None:
    assert compiles(formula)
    check(render(Block("formula", formula)), tmp_path)


@pytest.mark.parametrize(
    "formula",
    [
        "",
        "x^2^3",
        "x_",
        "{a",
        "a}",
        "\\frac{a}",
        "\\unknown x",
        "a & b",
        "\\left( x",
        "\\left x \\right)",
        "\\begin{matrix} a",
        "\\begin{cases} a & b & c \\end{cases}",
        "\\input{/etc/passwd}",
        "$x$",
        "a % b",
        "a # b",
        "x^2'",
        "^\\frac{a}{b}",
        "a\n\nb",
        "π",
        "\\\\",
    ],
)
def test_unsound_formulas_are_not(formula: str) -> None:
    assert not compiles(formula)


@pytest.mark.parametrize(
    ("formula", "sound"),
    [(r"x_1\rightarrow y^2", True), (r"s_1\in a", True), (r"x_\alpha\in a", True), (r"x_\frac{1}{2}", False)],
)
def test_what_follows_a_script_of_one_sign_is_no_part_of_it(formula: str, sound: bool) -> None:
    assert compiles(formula) is sound
