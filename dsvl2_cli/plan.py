"""Everything `dsvl2 ocr` decides before the first page: inputs, format, outputs. Nothing is written or loaded here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli import engines
from dsvl2_cli.errors import UsageError
from dsvl2_cli.inputs import Missing, Passwords, expand, find, left_out
from dsvl2_cli.lexicons import LexiconFile, read_lexicons
from dsvl2_cli.opening import source_options
from dsvl2_cli.outputs import Output, plan_all

if TYPE_CHECKING:
    from dsvl2.pipelines import InputFile, RenderOptions, SourceOptions
    from dsvl2_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read, how, and where each result goes."""

    documents: tuple[InputFile | Missing, ...]
    outputs: tuple[Output, ...]
    render: RenderOptions
    source: SourceOptions
    passwords: Passwords
    settings: Settings
    force: bool
    report: bool
    reviews: Mapping[InputFile, Path] = field(default_factory=dict)
    figures: Path | None = None
    left_out: str = ""
    lexicon: LexiconFile | None = None


def make_plan(
    words: Sequence[str],
    settings: Settings,
    *,
    files_from: str | None = None,
    pages: str | None = None,
    outputs: Sequence[str] = (),
    formats: Sequence[str] = (),
    keep_suffix: bool = False,
    review: str | None = None,
    figures: str | None = None,
    lexicons: Sequence[str] = (),
    force: bool = False,
    as_json: bool = False,
    password_file: str | None = None,
    password_env: str | None = None,
) -> Plan:
    """Decide everything that can be decided without opening a document.

    Raises:
        UsageError, PageRangeError, UnknownFormat, OutputError and its kinds, ModelNotFound.
    """
    from dsvl2.pipelines import InputFile

    named = expand(words, files_from)
    passwords = Passwords(password_file, password_env)
    source = source_options(settings, pages, passwords)
    engines.check_model(settings.model)
    others: Counter[str] = Counter()
    documents = tuple(find(named, others))
    files = [document for document in documents if isinstance(document, InputFile)]
    planned = plan_all(files, outputs, formats, settings, force=force, keep_suffix=keep_suffix, as_json=as_json)
    if figures is not None:
        _check_one_folder(files, planned)
    return Plan(
        documents=documents,
        outputs=planned,
        render=render_options(settings),
        source=source,
        passwords=passwords,
        settings=settings,
        force=force,
        report=as_json,
        reviews=_reviews(files, review, planned, force=force, keep_suffix=keep_suffix),
        figures=_figure_folder(figures),
        left_out=left_out(others),
        lexicon=read_lexicons(lexicons),
    )


def render_options(settings: Settings) -> RenderOptions:
    """Return what the settings say of outputs."""
    from dsvl2.pipelines import RenderOptions

    return RenderOptions(
        settings.page_markers, settings.front_matter, settings.min_confidence, pdf_images=settings.pdf_images
    )


def _reviews(
    files: Sequence[InputFile], review: str | None, outputs: Sequence[Output], *, force: bool, keep_suffix: bool
) -> Mapping[InputFile, Path]:
    """Say where the pages for reviewing go: as outputs do, but never to standard output.

    Raises:
        UsageError: to standard output. OutputError and its kinds: it cannot be written, or is an output as well.
    """
    from dsvl2.pipelines import get_format, plan_outputs

    if review is None:
        return {}
    if review == "-":
        raise UsageError("a review page is written to a file", "name it: --review check.html")
    planned = plan_outputs(files, review, get_format("html"), force=force, keep_suffix=keep_suffix)
    reviews = {target.input: target.path for target in planned if target.path is not None}
    taken = {path.resolve() for output in outputs for path in output.targets.values() if path}
    both = taken & {path.resolve() for path in reviews.values()}
    if both:
        raise UsageError(f"{both.pop()} would be the output and the review page", "give --review another name")
    return reviews


def _check_one_folder(files: Sequence[InputFile], outputs: Sequence[Output]) -> None:
    """The text links to figures by their place relative to itself, which must be the same for all its forms."""
    for file in files:
        if len({path.parent.resolve() for output in outputs if (path := output.targets[file])}) > 1:
            raise UsageError("--figures needs all outputs in one folder", "write them side by side, or in two runs")


def _figure_folder(figures: str | None) -> Path | None:
    if figures == "-" or (figures is not None and Path(figures).is_file()):
        raise UsageError("figures are written into a folder", "name one: --figures pictures/")
    return None if figures is None else Path(figures)
