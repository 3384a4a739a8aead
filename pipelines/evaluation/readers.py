"""What can be measured: anything that turns a page into text. Ours through the public door, Tesseract as a program.

A reader is one object with a name and `read(page)`; it says itself how long it took.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dsvl2.pipelines.documents import Document, PageImage
from dsvl2.pipelines.errors import DocumentError
from dsvl2.pipelines.evaluation.metrics import strip_markdown
from dsvl2.pipelines.evaluation.page_sets import EvalPage
from dsvl2.pipelines.formats import get_format

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks import Engine


class ReaderUnavailable(DocumentError):
    """A reader to be measured cannot be run here."""

    code = "reader_unavailable"


@dataclass(frozen=True, slots=True)
class Reading:
    """A page's text (no markup), wall time in seconds, peak memory of the reader so far in MB if it is known.

    `cached` means that text and time come from an earlier run; `note` says what went wrong, if anything did.
    """

    text: str
    seconds: float
    peak_mb: float | None = None
    cached: bool = False
    note: str = ""


class Reader(Protocol):
    """What `evaluate` measures. `about` is one line for the report: version and settings."""

    name: str
    about: str

    def read(self, page: EvalPage) -> Reading: ...


class FunctionReader:
    """Measure any function from a page image to its text: an adapter for experiments and tests."""

    def __init__(self, name: str, read_page: Callable[[PageImage], str], about: str = "") -> None:
        self.name, self.about, self._read_page = name, about or name, read_page

    def read(self, page: EvalPage) -> Reading:
        """Read one page and time it."""
        start = time.perf_counter()
        text = self._read_page(PageImage(1, page.image, page.dpi, source=page.name))
        return Reading(text, time.perf_counter() - start, own_peak_mb())


class OwnReader:
    """This package's own reading path: engine, layout, text task, and by default the Markdown that a user gets."""

    def __init__(self, engine: Engine, *, form: str = "markdown") -> None:
        info = engine.info
        self._engine, self._form = engine, form
        self.name = info.name
        self.about = f"{info.name} {info.scheme} {info.dtype} {info.device} {info.fingerprint[:12]}, output {form}"

    def read(self, page: EvalPage) -> Reading:
        """Read one page as a document of one page."""
        from dsvl2.pipelines.run import run
        from dsvl2.pipelines.tasks import OcrTask

        start = time.perf_counter()
        image = PageImage(1, page.image, page.dpi, source=page.name)
        (result,) = run(OcrTask(), [image], self._engine)
        rendered = get_format(self._form).render(Document(page.name, (result,), page_count=1))
        seconds = time.perf_counter() - start
        note = f"{result.error.code}: {result.error.message}" if result.error else ""
        note = note or "; ".join(notice.code for notice in result.warnings)
        text = strip_markdown(rendered) if self._form == "markdown" else rendered
        return Reading(text, seconds, own_peak_mb(), note=note)


class TesseractReader:
    """The `tesseract` program: --psm 3 for pages, --psm 7 for lines, one or more threads.

    With a cache folder its output and time (not its memory) are kept by image, languages and version.
    """

    def __init__(
        self, languages: str = "eng", *, threads: int = 1, cache: Path | None = None, fresh: bool = False
    ) -> None:
        program = shutil.which("tesseract")
        if program is None:
            raise ReaderUnavailable("there is no program called tesseract", hint="apt-get install tesseract-ocr")
        self._program, self._languages, self._threads = program, languages, threads
        self._cache = cache
        shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        self._version = shown.splitlines()[0]
        self.name = "tesseract" if languages == "eng" else f"tesseract:{languages}"
        self.about = f"{self._version}, -l {languages}, --psm 3 (lines: 7), OMP_THREAD_LIMIT={threads}"

    def read(self, page: EvalPage) -> Reading:
        """Read one page; raises ReaderUnavailable if the program fails."""
        buffer = io.BytesIO()
        page.image.save(buffer, "PNG", dpi=(page.dpi, page.dpi), compress_level=1)
        kept = self._kept(page)
        if kept is not None and kept.exists():
            return Reading(**{**json.loads(kept.read_text(encoding="utf-8")), "cached": True, "peak_mb": None})
        reading = self._run(buffer.getvalue(), "7" if page.line else "3")
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(asdict(reading)), encoding="utf-8")
        return reading

    def _run(self, png: bytes, mode: str) -> Reading:
        command = [self._program, "-", "-", "--psm", mode, "-l", self._languages]
        environment = {**os.environ, "OMP_THREAD_LIMIT": str(self._threads)}
        start = time.perf_counter()
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed:
            given.write(png)
            given.seek(0)
            process = subprocess.Popen(command, stdin=given, stdout=printed, stderr=subprocess.DEVNULL, env=environment)
            peak = _watch(process)
            seconds = time.perf_counter() - start
            if process.returncode != 0:
                raise ReaderUnavailable(
                    f"tesseract ended with {process.returncode} for -l {self._languages}",
                    hint="check `tesseract --list-langs`",
                )
            printed.seek(0)
            return Reading(printed.read().decode("utf-8").replace("\f", ""), seconds, peak)

    def _kept(self, page: EvalPage) -> Path | None:
        if self._cache is None:
            return None
        key = f"{self._version} {self._languages} {self._threads} {page.line} {page.dpi} {page.image.size}"
        digest = hashlib.sha256(key.encode() + page.image.tobytes()).hexdigest()
        return self._cache / "tesseract" / f"{digest}.json"


def own_peak_mb() -> float:
    """Peak resident memory of this process so far, in MB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _watch(process: subprocess.Popen[bytes]) -> float | None:
    """Wait for the process; return its peak resident memory in MB, looked up every 20 ms (Linux, else None).

    The kernel's own figure for a finished child is no use: it counts what the child was forked from.
    """
    peak = 0
    while True:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
            peak = max(peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
        except OSError:
            pass
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
        return peak / 1024 if peak else None
