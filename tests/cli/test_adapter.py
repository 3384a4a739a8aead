"""`--adapter`, and what `dsvl2 models` says and does about an adapter that a model brings for requests without an image."""

from __future__ import annotations

import hashlib
import json
import runpy
import tarfile
from pathlib import Path
from typing import Any

import pytest

from dsvl2_cli.engines import engine_key, make_engine
from dsvl2_cli.packaged import embedded_models
from dsvl2_cli.settings import Settings

MODEL = Path(__file__).parents[1] / "model"
RELEASED, LORA = (runpy.run_path(str(MODEL / name)) for name in ("released.py", "lora.py"))
WEIGHTS = "text_adapter/adapter_model.safetensors"


def adapter(folder: Path, model: Path, *ends: str, **how: Any) -> Path:
    from dsvl2.model.config import ModelConfig
    from dsvl2.model.weights import released_shapes

    made: Path = LORA["lora"](folder, released_shapes(ModelConfig.from_file(model / "config.json")), ends, **how)
    return made


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A scaled-down model with an adapter for text."""
    folder: Path = RELEASED["write_released"](tmp_path / "released", "small")
    adapter(folder / "text_adapter", folder, "q_proj", "o_proj")
    return folder


def test_an_adapter_that_is_not_there_or_of_another_model_stops_before_anything_is_read(
    dsvl2: Any, released: Path, sample_scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = dsvl2("ocr", sample_scan, "--text-layer", "ignore", "--adapter", "nowhere")
    assert done.code == 7 and "error[adapter_not_found]: there is no folder nowhere" in done.err
    monkeypatch.setenv("DSVL2_ADAPTER", str(released / "text_adapter"))
    done = dsvl2("ask", sample_scan, "who?", "--text-layer", "ignore")
    assert done.code == 7 and "error[bad_adapter]" in done.err and "the model asks for" in done.err


def test_an_adapter_changes_what_the_program_runs_and_says_so(tmp_path: Path) -> None:
    nano = embedded_models()["nano"]
    path = adapter(tmp_path / "lora", nano, "q_proj")
    plain, merged = Settings(threads=1), Settings(threads=1, adapter=str(path))
    infos = [make_engine(settings).info for settings in (plain, merged)]
    assert infos[0].fingerprint != infos[1].fingerprint and infos[1].adapter == str(path)
    key = engine_key(merged)
    assert engine_key(plain) != key
    adapter(tmp_path / "lora", nano, "q_proj", "o_proj")
    assert engine_key(merged) != key


def test_a_model_says_that_it_has_an_adapter_for_text(dsvl2: Any, released: Path) -> None:
    told = json.loads(dsvl2("models", "show", released, "--json").out)["text_adapter"]
    assert told.startswith("LoRA of rank 4 on 6 modules") and "without an image" in told
    assert "text adapter" in dsvl2("models", "show", released).out
    (released / "text_adapter" / "adapter_config.json").unlink()
    done = dsvl2("models", "show", released)
    assert (done.code, "text_adapter/adapter_config.json is missing" in done.err) == (7, True)


@pytest.mark.parametrize("name", ["out/copy", "copy.tar"])
def test_an_adapter_is_copied_and_compared_with_its_model(
    dsvl2: Any, released: Path, tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    assert dsvl2("models", "export", released, target).code == 0
    if name.endswith(".tar"):
        with tarfile.open(target) as archive:
            archive.extractall(tmp_path / "out", filter="data")
    made = tmp_path / "out" / "copy"
    digest = hashlib.sha256((released / WEIGHTS).read_bytes()).hexdigest()
    assert f"{digest}  {WEIGHTS}\n" in (made / "SHA256SUMS").read_text()
    assert json.loads(dsvl2("models", "verify", made, "--json").out)["files"][WEIGHTS] == "sha256"
    with (made / WEIGHTS).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    done = dsvl2("models", "verify", made)
    assert (done.code, f"{WEIGHTS} differs from its checksum" in done.err) == (7, True)
    (made / WEIGHTS).write_bytes((released / WEIGHTS).read_bytes()[:-4])
    (made / "SHA256SUMS").unlink()
    done = dsvl2("models", "verify", made)
    assert (done.code, "cut short" in done.err) == (7, True)


def test_an_adapter_stays_with_quantized_weights(dsvl2: Any, released: Path, tmp_path: Path) -> None:
    assert dsvl2("models", "quantize", released, tmp_path / "packed").code == 0
    assert (tmp_path / "packed" / WEIGHTS).read_bytes() == (released / WEIGHTS).read_bytes()
