"""What `dsvl2.model` and `dsvl2.pipelines` offer by name. A change here is one for users: note it in CHANGELOG.md."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MODEL = {
    "RELEASED_MODELS",
    "AdapterError",
    "AdapterNotFound",
    "ConfigError",
    "Constraint",
    "ConstraintError",
    "ContextOverflow",
    "DestinationError",
    "DeviceError",
    "DiskFull",
    "Engine",
    "GenerationRequest",
    "GenerationResult",
    "GrammarConstraint",
    "ImageError",
    "Message",
    "ModelConfig",
    "ModelError",
    "ModelInfo",
    "ModelNotFound",
    "NotEmpty",
    "NotEnoughMemory",
    "ProcessorConfig",
    "PromptError",
    "QuantizationError",
    "ReadingProfile",
    "RequestSize",
    "SamplingParams",
    "TileGrid",
    "TokenizerError",
    "Usage",
    "WeightsError",
    "cache_folder",
    "cached_models",
    "choose_canvas",
    "choose_grid",
    "embedded_models",
    "is_deepseek_vl2",
    "load_engine",
    "quantize_checkpoint",
    "step_bytes",
}
PIPELINES = {
    "FORMATS",
    "TASKS",
    "Block",
    "Box",
    "Document",
    "DocumentError",
    "Engine",
    "Format",
    "InputError",
    "InputFile",
    "Limits",
    "Line",
    "ModelStamp",
    "Notice",
    "OcrTask",
    "OutputError",
    "OutputFile",
    "PageError",
    "PageImage",
    "PageInfo",
    "PageResult",
    "ReadPage",
    "RenderOptions",
    "Source",
    "SourceOptions",
    "Target",
    "Task",
    "TextLayerUse",
    "UnreadablePage",
    "Word",
    "check_pages",
    "document_head",
    "document_record",
    "find_documents",
    "format_for_path",
    "get_format",
    "open_output",
    "open_source",
    "page_record",
    "parse_pages",
    "plan_outputs",
    "published_schema",
    "read_document",
    "render_output",
    "write_output",
}

BATCH = {
    "DEFAULT_NAME",
    "LEASE_SECONDS",
    "LeaseBoard",
    "STDIN_FILE",
    "STDIN_NAME",
    "BatchOptions",
    "Counts",
    "EngineFailed",
    "EngineSpec",
    "Hands",
    "KeptHands",
    "Manifest",
    "OutputPlan",
    "Place",
    "PlannedFile",
    "Quiet",
    "Reporter",
    "RunFolder",
    "RunStatus",
    "Shard",
    "Stop",
    "below",
    "check_shelf",
    "failed_documents",
    "find_run",
    "find_runs",
    "is_url",
    "lease_key",
    "place_of",
    "shown",
    "looks_like_requests",
    "plan_files",
    "plan_requests",
    "reset_failed",
    "run_batch",
    "run_status",
    "verify_run",
}
MODULES = [("dsvl2.model", MODEL), ("dsvl2.pipelines", PIPELINES), ("dsvl2.pipelines.batch", BATCH)]


@pytest.mark.parametrize(("module", "names"), MODULES)
def test_the_names_are_these_and_no_others(module: str, names: set[str]) -> None:
    assert set(importlib.import_module(module).__all__) == names


@pytest.mark.parametrize(("module", "names"), MODULES)
def test_every_name_is_there_and_says_what_it_is(module: str, names: set[str]) -> None:
    door = importlib.import_module(module)
    for name in sorted(names):
        thing = getattr(door, name)
        assert not callable(thing) or thing.__doc__, f"{module}.{name} has no docstring"


@pytest.mark.parametrize("module", ["dsvl2.model", "dsvl2.pipelines"])
def test_an_unknown_name_is_an_attribute_error(module: str) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = importlib.import_module(module).nonsense


@pytest.mark.parametrize(
    "statement",
    [
        "import dsvl2.model",
        "import dsvl2.pipelines",
        "import dsvl2.pipelines.batch",
        "from dsvl2.model import choose_grid",
    ],
)
def test_the_doors_open_without_torch(statement: str) -> None:
    code = f"import sys; {statement}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_version_is_that_of_the_program() -> None:
    from dsvl2_cli import __version__

    assert __version__.count(".") == 2
