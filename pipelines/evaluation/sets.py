"""Read sets of items: a plain `gt.jsonl`, and the layouts in which the public benchmarks are handed out.

A set is a folder or a file; which layout it has is seen from its files. Nothing is downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsvl2.pipelines.errors import InputError
from dsvl2.pipelines.evaluation.choices import LETTERS, parquet_rows, read_mmbench, read_mmmu
from dsvl2.pipelines.evaluation.items import Item, TaskName


class SetError(InputError):
    """A set cannot be read."""

    code = "evaluation_set"
    default_hint = "give a folder with gt.jsonl (a line an item, `file` beside it) or a public set as it is handed out"


def load_items(path: Path, *, task: TaskName | None = None) -> list[Item]:
    """Every item of a set in its order; `task` keeps (or, for plain sets, chooses) one kind. Raises SetError."""
    if not path.exists():
        raise SetError(f"{path} does not exist")
    try:
        for matches, read in LAYOUTS:
            if matches(path):
                items = [item for item in read(path, task) if task is None or item.task == task]
                if not items:
                    raise SetError(f"{path} has no item with an answer" + (f" for the task {task}" if task else ""))
                return items
    except ImportError as error:
        raise SetError(f"{path} is read with pyarrow, which is not installed", hint="pip install pyarrow") from error
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, StopIteration) as error:
        raise SetError(f"{path} has a row that is not as its layout has it: {type(error).__name__}: {error}") from error
    raise SetError(f"{path} has a layout that is not known")


def read_plain(path: Path, task: TaskName | None) -> Iterator[Item]:
    """`gt.jsonl`: id, file, and what is true: text | question + answer(s) | pairs | latex | cells | html | fields |
    box + phrase | data. The answer null means that it is not in the document.

    A line that says several of them is one item of each kind. Of lines with the same id the last one counts.
    """
    source = path / "gt.jsonl" if path.is_dir() else path
    found: dict[tuple[str, str, str], Item] = {}
    for number, row in enumerate(_json_lines(source), 1):
        if not isinstance(row, dict) or "file" not in row:
            raise SetError(f"{source}:{number} has no `file`")
        name, file = str(row.get("id", number)), source.parent / row["file"]
        try:
            kinds = list(_kinds(row))
        except (KeyError, TypeError, ValueError) as error:
            raise SetError(f"{source}:{number} lacks {error}, or has it in another form") from error
        for kind, prompt, truth, options in kinds:
            key = (kind, name, prompt if kind in ("ask", "choice", "ground") else "")
            if kind == "ask" and key in found:  # asked twice of one page: either answer will do
                truth = tuple(dict.fromkeys((*found[key].truth, *truth)))
            found[key] = Item(name, file, kind, prompt, truth, options)
    for place, item in enumerate(found.values()):
        again = item.task == "ask" and sum(key[:2] == ("ask", item.id) for key in found) > 1
        yield replace(item, id=f"{item.id}#{place}") if again else item


def _kinds(row: Mapping[str, Any]) -> Iterator[tuple[TaskName, str, Any, tuple[str, ...]]]:
    if "question" in row and "options" in row:
        options = tuple(map(str, row["options"]))
        answer = row["answer"]
        index = answer if isinstance(answer, int) else LETTERS.find(str(answer)[:1])
        yield "choice", row["question"], index, options
    elif "question" in row:
        yield "ask", row["question"], _accepted(row), ()
    for key, value in row.get("pairs", ()):
        yield "ask", key, (str(value),), ()
    if "latex" in row:
        yield "formula", "", row["latex"], ()
    if "cells" in row or "html" in row:
        yield "table", "", row.get("cells", row.get("html")), ()
    if "fields" in row:
        yield "extract", ", ".join(row["fields"]), row["fields"], ()
    if "phrase" in row and "box" in row:
        yield "ground", row["phrase"], tuple(row["box"]), ()
    if "data" in row and "latex" not in row:
        yield "chart", "", {key: row[key] for key in ("data", "encoding") if key in row}, ()
    text = _text(row)
    if text is not None and "latex" not in row:
        yield "ocr", "", text, ()


def _text(row: Mapping[str, Any]) -> str | None:
    """The text of a page; boxes of lines or words are read from top to bottom."""
    if "text" in row:
        return str(row["text"])
    parts = row.get("lines") or row.get("words")
    if not isinstance(parts, list) or not parts or "text" not in parts[0]:
        return None
    return "\n".join(part["text"] for part in parts)


def _accepted(row: Mapping[str, Any]) -> tuple[str, ...]:
    answer = row["answers"] if "answers" in row else row["label"] if "label" in row else row["answer"]
    return (
        tuple(map(str, answer))
        if isinstance(answer, list) and answer
        else ("" if answer in (None, []) else str(answer),)
    )


def read_questions(path: Path, task: TaskName | None) -> Iterator[Item]:
    """DocVQA, InfoVQA and TextVQA: a JSON file {"data": [{question, image | image_id, answers, ...}]}."""
    for source in _json_files(path):
        content = _json(source)
        for row in content["data"]:
            if not row.get("answers", row.get("answer")):  # a test split: its answers are kept back
                continue
            people = len(row.get("answers", ())) >= 10
            image = row.get("image") or row.get("image_local_name") or f"{row['image_id']}.jpg"
            file = _find(source.parent, image, Path("train_images") / image, Path("images") / Path(image).name)
            name = str(row.get("questionId", row.get("question_id")))
            yield Item(name, file, "ask", row["question"], _accepted(row), facts={"humans": True} if people else {})


def read_chartqa(path: Path, task: TaskName | None) -> Iterator[Item]:
    """ChartQA: JSON lists of {imgname, query, label}, pictures in `png/`."""
    for source in _json_files(path):
        for number, row in enumerate(_json(source), 1):
            file = _find(source.parent, row["imgname"], Path("png") / row["imgname"])
            facts = {"group": source.stem, "numbers": True}
            yield Item(f"{source.stem}:{number}", file, "ask", row["query"], (str(row["label"]),), facts=facts)


def read_ocrbench(path: Path, task: TaskName | None) -> Iterator[Item]:
    """OCRBench: a JSON list of {id, type, dataset_name, image_path, question, answers}."""
    for source in _json_files(path):
        for row in _json(source):
            file = _find(source.parent, row["image_path"], Path("OCRBench_Images") / row["image_path"])
            facts = {"substring": True, "group": row["type"], "ignore_space": row.get("dataset_name") == "HME100k"}
            yield Item(str(row["id"]), file, "ask", row["question"], _accepted(row), facts=facts)


def read_pubtabnet(path: Path, task: TaskName | None) -> Iterator[Item]:
    """PubTabNet: JSON lines of {filename, split, html: {structure: {tokens}, cells: [{tokens}]}}."""
    for source in _json_files(path, "*.jsonl"):
        for row in _json_lines(source):
            file = _find(source.parent, row["filename"], Path(str(row.get("split"))) / row["filename"])
            yield Item(row["filename"], file, "table", "", _pubtabnet_html(row["html"]))


def _pubtabnet_html(html: Mapping[str, Any]) -> str:
    cells = iter(html["cells"])
    parts = []
    for token in html["structure"]["tokens"]:
        if token == "</td>":
            parts.append("".join(next(cells)["tokens"]))
        parts.append(token)
    return "<table>" + "".join(parts) + "</table>"


def read_refcoco(path: Path, task: TaskName | None) -> Iterator[Item]:
    """RefCOCO as JSON (lines) of {image | file_name | img_path, expression | sent | caption, bbox [x, y, w, h]}."""
    for source in _json_files(path, "*.json*"):
        rows = _json_lines(source) if source.suffix == ".jsonl" else iter(_json(source))
        for number, row in enumerate(rows, 1):
            image = row.get("image") or row.get("file_name") or row["img_path"]
            phrase = row.get("expression") or row.get("sent") or row["caption"]
            x, y, width, height = row["bbox"]
            box = (x, y, x + width, y + height)
            yield Item(
                str(row.get("id", number)), _find(source.parent, image, Path("images") / image), "ground", phrase, box
            )


def read_choices(path: Path, task: TaskName | None) -> Iterator[Item]:
    """MMBench: TSV tables, with their pictures in them or beside them."""
    for source in sorted(path.glob("*.tsv")) if path.is_dir() else [path]:
        yield from read_mmbench(source)


def read_subjects(path: Path, task: TaskName | None) -> Iterator[Item]:
    """MMMU: Parquet files as they are handed out (also in folders of subjects), or the same rows as JSON (lines)."""
    for source in _parquet_files(path):
        yield from read_mmmu(parquet_rows(source), source.parent)
    for source in [] if _parquet_files(path) else _json_files(path, "*.json*"):
        rows = list(_json_lines(source)) if source.suffix == ".jsonl" else _json(source)
        yield from read_mmmu(rows, source.parent)


def read_funsd(path: Path, task: TaskName | None) -> Iterator[Item]:
    """FUNSD: `annotations/*.json` with `images/*.png`; words for `ocr`, linked question and answer entities for `ask`."""
    for source in sorted((path / "annotations").glob("*.json")):
        form = _json(source)["form"]
        file = _find(path, Path("images") / f"{source.stem}.png")
        words = [word["text"] for entity in form for word in entity["words"] if word["text"].strip()]
        yield Item(source.stem, file, "ocr", "", "\n".join(words))
        entities = {entity["id"]: entity for entity in form}
        for entity in form:
            if entity["label"] == "question" and entity["text"].strip():
                linked = [entities[b] for a, b in entity["linking"] if a == entity["id"] and b in entities]
                told = " ".join(other["text"] for other in linked if other["label"] == "answer")
                if told.strip():
                    yield Item(f"{source.stem}:{entity['id']}", file, "ask", entity["text"], (told,))


def _is_plain(path: Path) -> bool:
    return (path / "gt.jsonl").is_file() or path.name == "gt.jsonl"


def _json_rows(*keys: str) -> Callable[[Path], bool]:
    """Whether the first record of the first JSON file has all the keys."""

    def matches(path: Path) -> bool:
        for source in _json_files(path, "*.json*"):
            row = next(_json_lines(source), {}) if source.suffix == ".jsonl" else _json(source)
            row = row.get("data", row) if isinstance(row, dict) else row
            row = row[0] if isinstance(row, list) and row else row
            return isinstance(row, dict) and all(any(k in row for k in key.split("|")) for key in keys)
        return False

    return matches


def _has_tsv(path: Path) -> bool:
    return path.suffix == ".tsv" or any(path.glob("*.tsv"))


LAYOUTS: tuple[tuple[Callable[[Path], bool], Callable[[Path, TaskName | None], Iterator[Item]]], ...] = (
    (_is_plain, read_plain),
    (lambda path: (path / "annotations").is_dir() and (path / "images").is_dir(), read_funsd),
    (_json_rows("imgname", "query", "label"), read_chartqa),
    (_json_rows("image_path", "question", "answers", "type"), read_ocrbench),
    (_json_rows("filename", "html"), read_pubtabnet),
    (_json_rows("bbox", "expression|sent|caption"), read_refcoco),
    (_json_rows("question", "options", "answer", "image|image_1"), read_subjects),
    (_json_rows("question", "answers|answer|questionId", "image|image_id|image_local_name"), read_questions),
    (lambda path: bool(_parquet_files(path)), read_subjects),
    (_has_tsv, read_choices),
)
"""(does it match, how to read it), the first that matches counts."""


def _parquet_files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.parquet")) if path.is_dir() else [path] if path.suffix == ".parquet" else []


def _json_files(path: Path, pattern: str = "*.json") -> list[Path]:
    return sorted(path.glob(pattern)) if path.is_dir() else [path] if path.suffix.startswith(".json") else []


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetError(f"{path} cannot be read: {error}") from error


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise SetError(f"{path}:{number} is no JSON: {error}") from error


def _find(folder: Path, *names: str | Path) -> Path:
    """The first of the names that exists, else the first: what is missing is told when it is opened."""
    return next((folder / name for name in names if (folder / name).is_file()), folder / names[0])
