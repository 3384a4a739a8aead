"""adapter_config.json as PEFT writes it: the ranks and scales of an adapter, and what of PEFT cannot be merged here."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsvl2.model.errors import AdapterError, AdapterNotFound

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
MERGE_THERE = (
    "merge it where it was trained (peft: merge_and_unload), and give the folder of those weights as the model"
)
# What changes the mathematics beyond W + scale * B A, by the key that says so.
UNSUPPORTED = {
    "use_dora": "DoRA (use_dora)",
    "lora_bias": "biases of its own (lora_bias)",
    "use_qalora": "QALoRA (use_qalora)",
    "layer_replication": "repeated layers (layer_replication)",
    "alora_invocation_tokens": "activated LoRA (alora_invocation_tokens)",
    "target_parameters": "parameters instead of modules (target_parameters)",
    "trainable_token_indices": "single rows of the embedding (trainable_token_indices)",
    "arrow_config": "routed adapters (arrow_config)",
    "use_bdlora": "block-diagonal factors (use_bdlora)",
    "kasa_config": "KaSA (kasa_config)",
    "monteclora_config": "MonteCLoRA (monteclora_config)",
}
REBASED = (
    "pissa",
    "olora",
    "loftq",
    "corda",
    "lora_ga",
)  # these starts change the weights that the adapter is added to


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """What of adapter_config.json matters once an adapter is trained.

    patterns map the end of a module's name (a regular expression) to a rank or an alpha other than `rank` and `alpha`.
    """

    rank: int
    alpha: float
    rank_patterns: Mapping[str, int] = field(default_factory=dict)
    alpha_patterns: Mapping[str, float] = field(default_factory=dict)
    rank_stabilized: bool = False

    def rank_of(self, module: str) -> int:
        """Columns of a module's B."""
        return int(_matching(self.rank_patterns, module, self.rank))

    def scale_of(self, module: str) -> float:
        """What B A is multiplied by: alpha / r, or alpha / sqrt(r) when stabilized by rank."""
        alpha, rank = float(_matching(self.alpha_patterns, module, self.alpha)), self.rank_of(module)
        return alpha / (rank**0.5 if self.rank_stabilized else rank)


def _matching(patterns: Mapping[str, Any], module: str, default: Any) -> Any:
    """PEFT's rule: the first pattern that the name is or ends in."""
    return next((value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", module)), default)


def read_config(folder: Path) -> LoraConfig:
    """Read adapter_config.json; raise AdapterNotFound when there is none, AdapterError for what cannot be merged."""
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise AdapterNotFound(*_no_adapter(folder))
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise AdapterError(f"{path} is no JSON: {error}", "copy or train the adapter again") from error
    if not isinstance(raw, dict):
        raise AdapterError(f"{path} holds {type(raw).__name__}, not an object", "copy or train the adapter again")
    kind = raw.get("peft_type")
    if kind != "LORA":
        raise AdapterError(f"{path}: peft_type is {kind!r}, and only LORA can be merged here", MERGE_THERE)
    for key, name in UNSUPPORTED.items():
        if raw.get(key):
            raise AdapterError(f"{path}: {name} cannot be merged here", MERGE_THERE)
    start = raw.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(REBASED):
        raise AdapterError(
            f"{path}: it was started by {start!r} and belongs to weights that were changed for it",
            "save it with path_initial_model_for_weight_conversion, which makes a plain LoRA of it",
        )
    try:
        return _parsed(raw)
    except (KeyError, TypeError, ValueError, re.error) as error:
        fact = f"{path}: r, lora_alpha or their patterns are missing or no numbers ({error})"
        raise AdapterError(fact, "copy or train the adapter again") from error


def _parsed(raw: Mapping[str, Any]) -> LoraConfig:
    ranks = {re.compile(key).pattern: int(rank) for key, rank in (raw.get("rank_pattern") or {}).items()}
    alphas = {re.compile(key).pattern: float(alpha) for key, alpha in (raw.get("alpha_pattern") or {}).items()}
    found = LoraConfig(int(raw["r"]), float(raw["lora_alpha"]), ranks, alphas, bool(raw.get("use_rslora")))
    if min([found.rank, *ranks.values()]) < 1:
        raise ValueError("a rank below 1")
    return found


def _no_adapter(folder: Path) -> tuple[str, str]:
    """Why a place is no adapter, and what may have been meant."""
    if folder.is_file():
        return f"{folder} is a file, not the folder of an adapter", f"give the folder that holds {CONFIG_FILE}"
    if not folder.is_dir():
        return f"there is no folder {folder}", f"give the folder of a LoRA adapter: {CONFIG_FILE} and {WEIGHTS_FILE}"
    if (folder / "config.json").is_file():
        return (
            f"{folder} is a model, not an adapter: it has no {CONFIG_FILE}",
            f"give it as the model: --model {folder}",
        )
    return f"no {CONFIG_FILE} in {folder}", f"a LoRA adapter is a folder with {CONFIG_FILE} and {WEIGHTS_FILE}"
