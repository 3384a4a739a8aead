"""The benchmark: what it counts, what it says of a busy machine, that its floor is the known one, and what it refuses."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dsvl2.kernels import tuned
from dsvl2.model import Engine, ModelConfig, ModelInfo, ReadingProfile, load_engine, step_bytes
from dsvl2.pipelines.benchmark import (
    Decoding,
    Figures,
    Machine,
    PageTimes,
    Spread,
    example_page,
    measure,
    measure_cold_start,
    record,
    table,
)
from dsvl2.pipelines.benchmark.machine import bandwidth
from dsvl2.pipelines.benchmark.measuring import BenchmarkError
from dsvl2.pipelines.documents import PageImage
from dsvl2_cli.app import run
from tests.bench.full_size import write
from tests.model.released import config_of

INFO = ModelInfo("m", "/m", 16_100_000_000, 1, "none", "bfloat16", "cpu", 4096, 100, "ab" * 32, ReadingProfile())


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("model")
    write("small", folder, Path(__file__).resolve().parents[2] / "parity" / "fixture", scaled=True)
    (folder / "reading.json").write_text('{"max_new_tokens": 30, "prompt": "<image>\\nRead."}')
    return load_engine(folder, device="cpu", dtype="float32")


class Slow:
    """Another engine."""

    name, about = "other", "an engine for this test"

    def read_page(self, page: PageImage) -> str:
        return "text" * page.number


def noise(number: int = 1) -> PageImage:
    return PageImage(number, Image.effect_noise((96, 48), 80), 150.0)


def test_pages_are_read_so_many_times_and_others_with_them(engine: Engine) -> None:
    figures = measure(engine, [noise(1), noise(2)], load_seconds=0.5, repeat=2, others=[Slow()])
    assert figures.reading.pages == 2 and len(figures.reading.seconds.values) == 2
    assert 0 < figures.reading.tokens <= 60 and figures.bandwidth > 1e8 and figures.peak_memory > 1e7
    ((name, _, spread),) = figures.others
    assert name == "other" and len(spread.values) == 2
    for one in figures.decoding:
        assert one.step_ms > 0 and one.bytes > 0 and (one.share is None) == (one.sequences > 1)
    content = json.loads(json.dumps(record(figures)))
    assert content["schema"] == "dsvl2/bench/v1" and content["against"][0]["ratio"] > 0
    assert "seconds a page" in table(figures) and "ours / other" in table(figures)


def test_a_page_that_cannot_be_read_has_no_time(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(engine, "generate", broken)
    with pytest.raises(BenchmarkError, match="page 1 cannot be read"):
        measure(engine, [noise()], load_seconds=0.0, repeat=1)


@pytest.mark.parametrize(
    ("scheme", "sequences", "gigabytes"), [("none", 1, 4.91 + 0.064), ("none", 32, 29.77 + 2.039), ("w4", 1, 1.41 + 0.064)]
)  # fmt: skip
def test_the_bytes_of_a_step_are_those_of_the_roofline(scheme: str, sequences: int, gigabytes: float) -> None:
    # 4 bits in groups of 64 and kv_b in full: 1.41 GB where the roofline's 4.16 bits of everything are 1.29
    config = ModelConfig.from_dict(config_of("small", scaled=False))
    found = step_bytes(config, replace(INFO, scheme=scheme), sequences, 2048)
    assert found / 1e9 == pytest.approx(gigabytes, rel=0.03)


def figures(**more: Any) -> Figures:
    machine = Machine("A processor", 2, 0.1, "cpu")
    made = Figures(
        machine, INFO, 1.25, PageTimes(1, 3000, 900, Spread((3.0, 2.0, 4.0))), (Decoding(1, 700, 4.0, 10_000_000, 1.0),),
        1e10, 500_000_000, None, Spread((2.5,)),
    )  # fmt: skip
    return replace(made, **more)


def test_the_table_says_medians_ratios_and_the_share_of_the_floor() -> None:
    said = table(figures(others=(("tesseract", "5.3", Spread((1.5, 1.5, 1.0))),)))
    assert "3.00 s (median of 3, 2.00-4.00)" in said and "ours / tesseract  2.00" in said
    assert "4 ms a step; floor 1 ms (10.0 MB read), 25% of it" in said
    assert "BUSY" not in said and "16.10 B parameters" in said


def test_a_busy_machine_is_marked() -> None:
    busy = Machine("A processor", 2, 3.0, "cpu")
    assert busy.busy and not replace(busy, load=None).busy and not replace(busy, cores=64).busy
    marked = figures(machine=busy, others=())
    assert "load 3.0 before (BUSY)" in table(marked) and record(marked)["machine"]["busy"] is True


def test_memory_is_read_at_a_speed_above_that_of_a_disk() -> None:
    assert 1e8 < bandwidth("cpu", 1 << 20) < 1e13


def test_a_cold_start_that_fails_is_told_with_its_last_line() -> None:
    assert len(measure_cold_start([sys.executable, "-c", "pass"], 2).values) == 2
    with pytest.raises(BenchmarkError, match="ended with 3: no such thing"):
        measure_cold_start([sys.executable, "-c", "import sys; sys.stderr.write('no such thing'); sys.exit(3)"], 1)


def test_the_built_in_page_is_full_of_text() -> None:
    page, text = example_page()
    assert page.text_layer is None and len(text) > 2900 and page.image.size == (1240, 1755)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["bench", "--pages", "2"], 2, "--pages needs a FILE"),
        (["bench", "--against", "nobody"], 2, "known: tesseract"),
        (["bench", "no-such-file.pdf", "--no-cold"], 4, "does not exist"),
        (["bench", "--model", "no-such-model"], 7, "here: nano"),
    ],
)
def test_mistakes_are_told_before_anything_is_measured(
    words: list[str], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == code
    assert said in capfd.readouterr().err


def test_a_card_has_a_table_or_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tuned.CARDS, "H100", {})
    monkeypatch.delenv("DSVL2_TILES", raising=False)
    assert tuned.table_for("NVIDIA H100 80GB HBM3") == "H100" and tuned.table_for("Some Card 9000") is None
    monkeypatch.setenv("DSVL2_TILES", "/mine/tiles.json")
    assert tuned.table_for("Some Card 9000") == "/mine/tiles.json"


def test_doctor_says_which_table_a_card_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from dsvl2_cli.commands import doctor

    monkeypatch.delenv("DSVL2_TILES", raising=False)
    monkeypatch.setitem(tuned.CARDS, "H100", {})
    names = ["NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3", "Some Card 9000"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(names))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda place: names[place])
    said = doctor.tiles()
    assert said["kernel tiles, NVIDIA H100 80GB HBM3"] == "measured: H100"
    assert "the general rule" in said["kernel tiles, Some Card 9000"] and len(said) == 2
