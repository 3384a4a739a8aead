"""`dsvl2 models pull|verify|quantize|export|rm` and the names tiny, small and base. No network: the library is a stand-in."""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

RELEASED = runpy.run_path(str(Path(__file__).parents[1] / "model" / "released.py"))


@pytest.fixture
def own(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models that belong to the program."""
    from dsvl2_cli import catalog, removal

    folder = empty_home / "data" / "models"
    folder.mkdir(parents=True)
    for module in (catalog, removal):
        monkeypatch.setattr(module, "own_folder", lambda: folder)
    return folder


@pytest.fixture
def released(tmp_path: Path) -> Path:
    return RELEASED["write_released"](tmp_path / "released", "small")


@pytest.fixture
def cached(released: Path, empty_home: Path) -> Path:
    """The same in the form of Hugging Face's cache: a snapshot of links to blobs named by their sha256."""
    repository = empty_home / "hub" / "models--deepseek-ai--deepseek-vl2-small"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for path in released.iterdir():
        blob = repository / "blobs" / hashlib.sha256(path.read_bytes()).hexdigest()
        blob.write_bytes(path.read_bytes())
        (snapshot / path.name).symlink_to(blob)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    return snapshot


class ReadTimeout(Exception):
    """An error of an HTTP client: of no kind that Python has."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stand-in for huggingface_hub that notes what was asked of it."""
    asked: list[Any] = []

    def snapshot_download(repository: str, **options: Any) -> str:
        asked.append((repository, options))
        if repository == "no/such":
            raise OSError("404 Client Error\nmore")
        if repository == "cut/off":
            raise ReadTimeout("timed out")
        return "/somewhere"

    quiet = SimpleNamespace(disable_progress_bars=lambda: None)
    library = SimpleNamespace(snapshot_download=snapshot_download, asked=asked)
    monkeypatch.setitem(sys.modules, "huggingface_hub", library)
    monkeypatch.setitem(sys.modules, "huggingface_hub.utils", quiet)
    return library


def test_a_released_name_that_is_not_here_says_how_to_get_it(dsvl2: Any, sample_scan: Path) -> None:
    done = dsvl2("ocr", sample_scan, "--model", "tiny")
    assert done.code == 7
    assert "error[model_not_found]: deepseek-ai/deepseek-vl2-tiny is not on this machine" in done.err
    assert "dsvl2 models pull deepseek-ai/deepseek-vl2-tiny" in done.err


def test_a_released_name_finds_the_cache(dsvl2: Any, cached: Path) -> None:
    from dsvl2.model.folders import find_model

    record = json.loads(dsvl2("models", "show", "small", "--json").out)
    assert record["path"] == str(cached)
    assert find_model("small") == find_model("deepseek-ai/deepseek-vl2-small") == cached


def test_pull_asks_for_what_a_model_needs(dsvl2: Any, hub: Any, empty_home: Path) -> None:
    done = dsvl2("models", "pull", "tiny")
    assert (done.code, done.out) == (0, "/somewhere\n")
    ((repository, options),) = hub.asked
    assert repository == "deepseek-ai/deepseek-vl2-tiny"
    assert options["cache_dir"] == str(empty_home / "hub")
    assert "*.safetensors" in options["allow_patterns"]


def test_pull_is_refused_offline(dsvl2: Any, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = dsvl2("models", "pull", "tiny", "--offline")
    assert refused.code == 2 and "error[offline]" in refused.err
    monkeypatch.setenv("DSVL2_OFFLINE", "1")
    assert dsvl2("models", "pull", "tiny").code != 0
    assert not hub.asked


def test_a_pull_that_fails_says_why_in_one_line(dsvl2: Any, hub: Any) -> None:
    done = dsvl2("models", "pull", "no/such")
    assert done.code == 7
    assert "error[download_failed]: no/such could not be fetched: OSError: 404 Client Error\n" in done.err
    assert "cut/off could not be fetched: ReadTimeout: timed out\n" in dsvl2("models", "pull", "cut/off").err
    assert dsvl2("models", "pull", "nonsense").code == 2


def test_pull_works_with_the_library_as_it_is(process: Any, empty_home: Path) -> None:
    pytest.importorskip("huggingface_hub")
    done = process("models", "pull", "tiny", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.code == 7
    assert "error[download_failed]: deepseek-ai/deepseek-vl2-tiny could not be fetched" in done.err


def test_pull_without_the_library_says_what_to_install(dsvl2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    done = dsvl2("models", "pull", "tiny")
    assert done.code == 2 and "pip install 'dsvl2[hub]'" in done.err


def test_verify_reads_everything_there_is_to_compare(dsvl2: Any, released: Path, cached: Path) -> None:
    record = json.loads(dsvl2("models", "verify", released, "--json").out)
    assert not record["problems"] and set(record["files"].values()) == {"header"}
    record = json.loads(dsvl2("models", "verify", "small", "--json").out)
    assert not record["problems"] and set(record["files"].values()) == {"sha256"}
    assert dsvl2("models", "verify").code == 0


@pytest.mark.parametrize("harm", ["cut", "gone", "index", "bytes"])
def test_verify_finds_harm(dsvl2: Any, cached: Path, harm: str) -> None:
    first = sorted(cached.glob("*.safetensors"))[0]
    if harm == "cut":
        first.resolve().write_bytes(first.read_bytes()[:-3])
    elif harm == "gone":
        first.unlink()
    elif harm == "bytes":
        content = first.read_bytes()
        first.resolve().write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        index = cached / "model.safetensors.index.json"
        index.resolve().write_text(index.read_text().replace('"total_size": ', '"total_size": 1'))
    done = dsvl2("models", "verify", "small")
    assert done.code == 7
    assert first.name in done.err or "model.safetensors.index.json" in done.err


@pytest.mark.parametrize("scheme", ["e4a8", "nf4", "int8"])
def test_quantize_makes_a_folder_that_is_listed_with_its_facts(
    dsvl2: Any, released: Path, own: Path, scheme: str
) -> None:
    target = own / "small-packed"
    done = dsvl2("models", "quantize", released, target, "--scheme", scheme)
    assert (done.code, done.out) == (0, f"{target}\n")
    records = {record["name"]: record for record in json.loads(dsvl2("models", "list", own, "--json").out)["models"]}
    before = json.loads(dsvl2("models", "show", released, "--json").out)
    ours = records["small-packed"]
    assert (ours["scheme"], ours["context_length"], ours["origin"]) == (scheme, 4096, "own")
    assert ours["parameters"] == before["parameters"]
    assert ours["bytes"] < before["weight_bytes"]
    assert dsvl2("models", "show", "small-packed").code == 0
    assert dsvl2("models", "verify", "small-packed").code == 0


def test_quantize_tells_apart_what_can_go_wrong(dsvl2: Any, released: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    assert dsvl2("models", "quantize", released, made).code == 0
    for arguments, code, word in (
        ((released, made), 5, "bad_destination"),
        ((made, tmp_path / "x"), 7, "bad_weights"),
        ((released, tmp_path / "x", "--scheme", "int3"), 2, "bad_scheme"),
        ((tmp_path, tmp_path / "x"), 7, "model_not_found"),
    ):
        done = dsvl2("models", "quantize", *arguments)
        assert done.code == code
        assert f"error[{word}]" in done.err
    raw = json.loads((made / "config.json").read_text())
    raw["quantization_config"]["version"] = 9
    (made / "config.json").write_text(json.dumps(raw))
    done = dsvl2("models", "quantize", made, tmp_path / "x", "--scheme", "bf16")
    assert done.code == 7 and "error[unknown_quantization]" in done.err
    assert not (tmp_path / "x").exists()


def test_rm_removes_only_what_was_fetched_or_made_here(
    dsvl2: Any, cached: Path, own: Path, released: Path, empty_home: Path
) -> None:
    for name in ("nano", released):
        done = dsvl2("models", "rm", name, "--yes")
        assert done.code == 2 and "not in the cache" in done.err
    done = dsvl2("models", "rm", "small")  # nobody there to ask
    assert done.code == 2 and "--yes" in done.err and cached.exists()
    assert dsvl2("models", "rm", "small", "--yes").code == 0
    assert not list((empty_home / "hub").iterdir())
    released.rename(own / "mine")
    assert dsvl2("models", "rm", "mine", "-y").out == f"{own / 'mine'}\n"
    assert not list(own.iterdir())


def test_the_list_shows_size_scheme_context_and_licence(dsvl2: Any) -> None:
    head, line = dsvl2("models", "list").out.splitlines()
    assert head.split() == ["name", "parameters", "size", "scheme", "context", "licence", "origin", "path"]
    assert line.split()[:9] == ["nano", "22.7", "M", "23.3", "MB", "int8", "4096", "Apache-2.0", "embedded"]
    assert json.loads(dsvl2("models", "show", "nano", "--json").out)["licence"] == "Apache-2.0"


def test_a_folder_that_was_named_and_holds_no_model_is_told(dsvl2: Any, tmp_path: Path, released: Path) -> None:
    for path in released.glob("*.safetensors"):
        path.unlink()
    (tmp_path / "none").mkdir()
    done = dsvl2("models", "list", released, tmp_path / "none", tmp_path / "nowhere")
    assert done.code == 0
    assert "damaged" in done.out.splitlines()[-1]
    assert "none holds no DeepSeek-VL2 model" in done.err and "nowhere holds no DeepSeek-VL2 model" in done.err


def test_verify_reads_the_configuration_too(dsvl2: Any, released: Path) -> None:
    config = released / "config.json"
    config.write_text(config.read_text().replace("deepseek_vl_v2", "llava"))
    done = dsvl2("models", "verify", released)
    assert done.code == 7 and "config.model_type is 'llava'" in done.err


@pytest.mark.parametrize("name", ["out/small", "small.tar"])
def test_export_makes_whole_files_of_a_cache_s_links(
    name: str, dsvl2: Any, cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = dsvl2("models", "export", "small", name)
    assert (done.code, done.out) == (0, f"{name}\n")
    assert "dsvl2 models verify ./small" in done.err
    if name.endswith(".tar"):
        with tarfile.open(name) as archive:
            assert {member.mtime for member in archive} == {0}
            archive.extractall("out", filter="data")
    made = tmp_path / "out" / "small"
    names = {path.name for path in cached.iterdir()}
    assert {path.name for path in made.iterdir()} == {*names, "SHA256SUMS"}
    assert not any(path.is_symlink() for path in made.iterdir())
    report = json.loads(dsvl2("models", "verify", "./out/small", "--json").out)
    assert (set(report["files"].values()), set(report["files"]), report["problems"]) == ({"sha256"}, names, [])


def test_a_tar_of_the_same_model_is_the_same_bytes(dsvl2: Any, released: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        assert dsvl2("models", "export", released, tmp_path / folder / "x.tar").code == 0
    assert (tmp_path / "a/x.tar").read_bytes() == (tmp_path / "b/x.tar").read_bytes()


def test_export_leaves_nothing_of_a_model_that_is_damaged_or_a_place_that_is_taken(
    dsvl2: Any, released: Path, tmp_path: Path
) -> None:
    target = tmp_path / "made"
    target.mkdir()
    done = dsvl2("models", "export", released, target)
    assert (done.code, f"{target} exists" in done.err) == (5, True)
    target.rmdir()
    (released / "SHA256SUMS").write_text(f"{'0' * 64}  config.json\n")
    done = dsvl2("models", "export", released, target)
    assert (done.code, "config.json differs from its checksum" in done.err) == (7, True)
    (released / "SHA256SUMS").unlink()
    weights = next(released.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-9])
    done = dsvl2("models", "export", released, target.with_suffix(".tar"))
    assert (done.code, "cut short" in done.err) == (7, True)
    assert sorted(path.name for path in tmp_path.iterdir() if path != released) == []


def test_the_licence_of_a_model_card_stays_with_quantized_weights(dsvl2: Any, released: Path, tmp_path: Path) -> None:
    (released / "README.md").write_text("---\nlicense: other\nlicense_name: deepseek\n---\n# Model\n")
    assert dsvl2("models", "quantize", released, tmp_path / "packed").code == 0
    assert json.loads(dsvl2("models", "show", tmp_path / "packed", "--json").out)["licence"] == "deepseek"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--dtype", "float12"], "bad_dtype"), (["--quant", "3bit"], "bad_scheme"), (["--device", "tpu9"], "bad_device")],
)
def test_a_wrong_device_format_and_scheme_have_errors_of_their_own(
    dsvl2: Any, sample_scan: Path, arguments: list[str], code: str
) -> None:
    done = dsvl2("ocr", sample_scan, "--text-layer", "ignore", *arguments)
    assert done.code == 2 and f"error[{code}]" in done.err


def test_a_group_without_a_command_shows_its_help_and_no_error(dsvl2: Any) -> None:
    done = dsvl2("models")
    assert done.code == 2 and "Usage: dsvl2 models" in done.out and done.err == ""


@pytest.mark.parametrize("flags", [(), ("--quant", "nf4")])
def test_a_tokenizer_of_another_model_is_told_before_anything_is_read(
    dsvl2: Any, released: Path, sample_scan: Path, flags: tuple[str, ...]
) -> None:
    rows = json.loads((released / "config.json").read_text())["language_config"]["vocab_size"]
    added = [{"id": 0, "content": "<image>", "special": True, "single_word": False, "lstrip": False,
              "rstrip": False, "normalized": False}]  # fmt: skip
    model = {"type": "WordLevel", "vocab": {"a": rows + 6}, "unk_token": "a"}
    (released / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": added, "model": model}))
    done = dsvl2("ocr", sample_scan, "--model", released, *flags)
    assert done.code == 7 and "error[bad_tokenizer]" in done.err
    assert f"ids up to {rows + 6:,}" in done.err and f"{rows:,}" in done.err and "hint: " in done.err
