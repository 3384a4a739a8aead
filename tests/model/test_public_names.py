"""The public door opens without torch, and every name behind it exists."""

import subprocess
import sys

import dsvl2.model


def test_every_public_name_exists() -> None:
    for name in dsvl2.model.__all__:
        assert getattr(getattr(dsvl2.model, name), "__name__", name) == name  # a constant has none


def test_sizes_prompts_and_errors_come_without_torch() -> None:
    code = (
        "import sys; from dsvl2.model import choose_grid, Message, ReadingProfile, ModelConfig, PromptError; "
        "from dsvl2.model import embedded_models; embedded_models(); "
        "import dsvl2.model.prompt, dsvl2.model.pixels; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
