"""A stand-in engine: Tesseract reads every band, in the line form that the embedded model prints.

With it the page cutter, the assembly and the formats are measured without the model: what is wrong then is not the
model's doing, and what is right shows what the cut alone is worth.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Sequence

from PIL import Image

from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo, ReadingProfile, Usage
from dsvl2.pipelines.evaluation.readers import ReaderUnavailable

PROFILE = ReadingProfile(
    mode="bands",
    prompt="<image>\nRead.",
    tile=384,
    max_columns=3,
    line_pitch=32.0,
    x_height=12.0,
    location_bins=48,
    max_new_tokens=900,
)
"""How pages are fed to the embedded model."""

CANVAS_DPI = "200"
"""A text line of 32 pixels is 11.5 point at this resolution; Tesseract would guess it from the image otherwise."""


class StandInEngine:
    """Answers requests with one band each by running `tesseract --psm 6` on it, one thread."""

    def __init__(self, languages: str = "eng", profile: ReadingProfile = PROFILE) -> None:
        program = shutil.which("tesseract")
        if program is None:
            raise ReaderUnavailable("there is no program called tesseract", hint="apt-get install tesseract-ocr")
        self._command = [program, "-", "-", "--psm", "6", "--dpi", CANVAS_DPI, "-l", languages, "tsv"]
        self._bin = profile.bin_height
        self.info = ModelInfo("layout", "", 0, 0, "tesseract", "none", "cpu", 4096, 0, "0" * 64, profile)

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        """Read the bands one after the other."""
        return [self._answer(request.messages[-1].images[0]) for request in requests]

    def _answer(self, band: Image.Image) -> GenerationResult:
        buffer = io.BytesIO()
        band.save(buffer, "PNG")
        environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        done = subprocess.run(self._command, input=buffer.getvalue(), capture_output=True, env=environment, check=True)
        pieces = located_lines(done.stdout.decode("utf-8"), self._bin)
        count = len(pieces)
        return GenerationResult(
            "".join(pieces), (0,) * count, tuple(pieces), (0.0,) * count, "stop", Usage(0, 0, count, 0)
        )


def located_lines(table: str, bin_height: float) -> list[str]:
    """Turn Tesseract's TSV into pieces: for every line its `<|y_k|>` and then its characters.

    k is the bin of the vertical middle of the line's first word.
    """
    lines: dict[tuple[str, ...], tuple[float, list[str]]] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if cells[0] == "5" and cells[11].strip():
            middle = int(cells[7]) + int(cells[9]) / 2
            lines.setdefault(tuple(cells[1:5]), (middle, []))[1].append(cells[11])
    pieces: list[str] = []
    for middle, words in lines.values():
        pieces += [f"<|y_{int(middle // bin_height)}|>", *" ".join(words)]
    return pieces
