"""`pytest tests/parity --parity-dir DIR [DIR...]`: compare with recorded folders; the small one in the repository by default.

A recorded folder is a checkpoint in the released layout with `oracle/index.json` (cases, tokenizer cases) and
`oracle/<case>.safetensors` (what the reference computed).
"""

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from dsvl2.model.config import ModelConfig
from dsvl2.model.engine import Engine
from dsvl2.model.loading import load_engine
from dsvl2.model.request import Message
from dsvl2.model.vl2 import DeepseekVL2
from dsvl2.model.weights import load_network

OWN = Path(__file__).parent / "fixture"
ROLES = {"<|User|>": "user", "<|Assistant|>": "assistant", "deepseekapi-sys": "system"}


@lru_cache(maxsize=4)
def engine_of(folder: Path) -> Engine:
    return load_engine(folder, device="cpu", dtype="float32")


@lru_cache(maxsize=4)
def plain_network(folder: Path) -> DeepseekVL2:
    """The network as loaded, before the engine exchanges modules."""
    return load_network(folder, ModelConfig.from_file(folder / "config.json"), dtype=torch.float32)


@dataclass(frozen=True)
class Recorded:
    """One case of one folder."""

    folder: Path
    name: str

    @cached_property
    def entry(self) -> dict[str, Any]:
        cases: list[dict[str, Any]] = index_of(self.folder)["cases"]
        return next(case for case in cases if case["name"] == self.name)

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        return load_file(self.folder / "oracle" / f"{self.name}.safetensors")

    @cached_property
    def conversations(self) -> list[tuple[Message, ...]]:
        """One a row; the empty last turn of the assistant is how the reference asks for an answer."""
        given = self.entry["conversation"]
        rows = given if given and isinstance(given[0], list) else [given]
        return [tuple(self._message(turn) for turn in row if turn["content"] or turn["images"]) for row in rows]

    def _message(self, turn: dict[str, Any]) -> Message:
        images = tuple(Image.open(self.folder / "oracle" / "images" / name) for name in turn.get("images", ()))
        return Message(ROLES.get(turn["role"], turn["role"]), turn["content"], images)  # type: ignore[arg-type]

    @property
    def padded(self) -> bool:
        mask = self.tensors.get("attention_mask")
        return mask is not None and not bool(mask.all())


@lru_cache(maxsize=8)
def index_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "oracle" / "index.json").read_text(encoding="utf-8"))
    return found


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--parity-dir", nargs="+", type=Path, default=[OWN], help="folders in the fixture format")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    folders = [folder for given in metafunc.config.getoption("parity_dir", [OWN]) for folder in _expand(given)]
    if "case" in metafunc.fixturenames:
        cases = [Recorded(folder, entry["name"]) for folder in folders for entry in index_of(folder)["cases"]]
        metafunc.parametrize("case", cases, ids=[f"{case.folder.name}-{case.name}" for case in cases])
    if "folder" in metafunc.fixturenames:
        metafunc.parametrize("folder", folders, ids=[folder.name for folder in folders])


def _expand(given: Path) -> list[Path]:
    """A folder with an oracle, or the folders below it that have one."""
    given = given.resolve()
    found = [given] if (given / "oracle").is_dir() else sorted(path.parent for path in given.glob("*/oracle"))
    if not found:
        raise pytest.UsageError(f"{given} holds no recorded folder")
    return found


@pytest.fixture
def engine(case: Recorded) -> Engine:
    """The engine of the case's folder in fp32."""
    return engine_of(case.folder)


@pytest.fixture(params=["plain", "prepared"])
def network(request: pytest.FixtureRequest, case: Recorded) -> DeepseekVL2:
    """The network as loaded, and as the engine runs it."""
    return plain_network(case.folder) if request.param == "plain" else engine_of(case.folder).network
