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
from dsvl2_cli.opening import source_options

if TYPE_CHECKING:
    from dsvl2.pipelines import Format, InputFile, RenderOptions, SourceOptions
    from dsvl2_cli.settings import Settings

DEFAULT_FORMAT = "md"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read, how, and where each result goes (`targets`: path, or None for standard output)."""

    documents: tuple[InputFile | Missing, ...]
    targets: Mapping[InputFile, Path | None]
    format: Format
    render: RenderOptions
    source: SourceOptions
    passwords: Passwords
    settings: Settings
    force: bool
    report: bool
    reviews: Mapping[InputFile, Path] = field(default_factory=dict)
    figures: Path | None = None
    left_out: str = ""


def make_plan(
    words: Sequence[str],
    settings: Settings,
    *,
    files_from: str | None = None,
    pages: str | None = None,
    output: str | None = None,
    format: str | None = None,
    review: str | None = None,
    figures: str | None = None,
    force: bool = False,
    as_json: bool = False,
    password_file: str | None = None,
    password_env: str | None = None,
) -> Plan:
    """Decide everything that can be decided without opening a document.

    Raises:
        UsageError, PageRangeError, UnknownFormat, OutputError and its kinds, ModelNotFound.
    """
    from dsvl2.pipelines import InputFile, RenderOptions, plan_outputs

    named = expand(words, files_from)
    passwords = Passwords(password_file, password_env)
    source = source_options(settings, pages, passwords)
    chosen = choose_format(format, output, settings, as_json)
    engines.check_model(settings.model)
    others: Counter[str] = Counter()
    documents = tuple(find(named, others))
    files = [document for document in documents if isinstance(document, InputFile)]
    to_stdout = output is None or output == "-"
    if as_json and to_stdout and chosen.name == "pdf":
        raise UsageError("a --json report cannot carry a PDF", "name a file for it: -o out.pdf")
    if as_json and to_stdout:  # every document goes into the one report
        targets: dict[InputFile, Path | None] = dict.fromkeys(files)
    else:
        targets = {target.input: target.path for target in plan_outputs(files, output, chosen, force=force)}
    return Plan(
        documents=documents,
        targets=targets,
        format=chosen,
        render=RenderOptions(settings.page_markers, settings.front_matter, settings.min_confidence),
        source=source,
        passwords=passwords,
        settings=settings,
        force=force,
        report=as_json,
        reviews=_reviews(files, review, targets, force=force),
        figures=_figure_folder(figures),
        left_out=left_out(others),
    )


def _reviews(
    files: Sequence[InputFile], review: str | None, targets: Mapping[InputFile, Path | None], *, force: bool
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
    planned = plan_outputs(files, review, get_format("html"), force=force)
    reviews = {target.input: target.path for target in planned if target.path is not None}
    both = {path.resolve() for path in targets.values() if path} & {path.resolve() for path in reviews.values()}
    if both:
        raise UsageError(f"{both.pop()} would be the output and the review page", "give --review another name")
    return reviews


def _figure_folder(figures: str | None) -> Path | None:
    if figures == "-" or (figures is not None and Path(figures).is_file()):
        raise UsageError("figures are written into a folder", "name one: --figures pictures/")
    return None if figures is None else Path(figures)


def choose_format(flag: str | None, output: str | None, settings: Settings, as_json: bool) -> Format:
    """-f wins, then the suffix of an output file, then the configured format, then Markdown (JSON in a --json report).

    Raises:
        UnknownFormat: also for a suffix that stands for none.
    """
    from dsvl2.pipelines import format_for_path, get_format

    if flag is not None:
        return get_format(flag)
    if output is not None and output != "-":
        folder = Path(output).is_dir() or output.endswith("/")
        if not folder and Path(output).suffix:
            return format_for_path(output)
    elif as_json:
        return get_format("json")
    return get_format(settings.format or DEFAULT_FORMAT)
