"""Where the results of `dsvl2 ocr` go, and in which formats: one reading may be written several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli.errors import UsageError

if TYPE_CHECKING:
    from dsvl2.pipelines import Format, InputFile
    from dsvl2_cli.settings import Settings

DEFAULT_FORMAT = "md"


@dataclass(frozen=True, slots=True)
class Output:
    """One form of the results, and where each document's goes (None: standard output)."""

    format: Format
    targets: Mapping[InputFile, Path | None]


def plan_all(
    files: Sequence[InputFile],
    outputs: Sequence[str],
    formats: Sequence[str],
    settings: Settings,
    *,
    force: bool,
    keep_suffix: bool,
    as_json: bool,
) -> tuple[Output, ...]:
    """Decide every output before any work is done. `as_json` without a file puts the documents into the one report.

    Raises:
        UsageError: two results for one place. UnknownFormat, OutputError and its kinds.
    """
    from dsvl2.pipelines import plan_outputs

    planned: list[Output] = []
    for output, flag in _pairs(outputs, formats):
        chosen = choose_format(flag, output, settings, as_json)
        to_stdout = output is None or output == "-"
        if as_json and to_stdout and chosen.name == "pdf":
            raise UsageError("a --json report cannot carry a PDF", "name a file for it: -o out.pdf")
        if as_json and to_stdout:
            planned.append(Output(chosen, dict.fromkeys(files)))
        else:
            targets = plan_outputs(files, output, chosen, force=force, keep_suffix=keep_suffix)
            planned.append(Output(chosen, {target.input: target.path for target in targets}))
    _check_apart(planned)
    return tuple(planned)


def _pairs(outputs: Sequence[str], formats: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """Say which -f belongs to which -o: all of them to the only -o; the only -f to those whose name does not tell."""
    if len(outputs) <= 1:
        only, flags = (outputs[0] if outputs else None), list(formats)
        return [(only, flag) for flag in flags] or [(only, None)]
    if len(formats) > 1:
        raise UsageError(
            "several -o and several -f do not say which goes where", "name files: -o scan.md -o searchable.pdf"
        )
    flag = formats[0] if formats else None
    return [(output, None if _tells_its_format(output) else flag) for output in outputs]


def _tells_its_format(output: str) -> bool:
    return output != "-" and not _is_folder(output) and Path(output).suffix != ""


def _is_folder(output: str) -> bool:
    return output.endswith("/") or Path(output).is_dir()


def _check_apart(planned: Sequence[Output]) -> None:
    """No two results may go to one place.

    Raises:
        UsageError: they do.
    """
    taken: dict[Path | None, Output] = {}
    for output in planned:
        for path in {None if path is None else path.resolve() for path in output.targets.values()}:
            if path in taken:
                what = "standard output" if path is None else str(path)
                raise UsageError(
                    f"{what} would take both {taken[path].format.name} and {output.format.name}",
                    "name a folder, -o DIR/, or a file for each: -o scan.md -o searchable.pdf",
                )
            taken[path] = output


def choose_format(flag: str | None, output: str | None, settings: Settings, as_json: bool) -> Format:
    """-f wins, then the suffix of an output file, then the configured format, then Markdown (JSON in a --json report).

    Raises:
        UnknownFormat: also for a suffix that stands for none.
    """
    from dsvl2.pipelines import format_for_path, get_format

    if flag is not None:
        return get_format(flag)
    if output is not None and output != "-":
        if _tells_its_format(output):
            return format_for_path(output)
    elif as_json:
        return get_format("json")
    return get_format(settings.format or DEFAULT_FORMAT)
