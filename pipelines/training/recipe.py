"""The recipe: every number of a training run, in one frozen record that is saved beside its log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

# (columns of tiles: share of batches) for each curriculum level; a level is left at its accuracy
LEVELS: tuple[tuple[float, tuple[float, float, float, float], float], ...] = (
    (0.01, (1.0, 0.0, 0.0, 0.0), 0.50),  # one or two large lines
    (0.04, (0.7, 0.3, 0.0, 0.0), 0.80),  # up to four
    (0.08, (0.35, 0.3, 0.2, 0.15), 0.88),  # up to nine
    (0.50, (0.15, 0.22, 0.33, 0.30), 2.00),  # everything
)


def changes_of(settings: Sequence[str]) -> dict[str, Any]:
    """`FIELD=JSON` of the command line by field."""
    return {key: json.loads(value) for key, _, value in (item.partition("=") for item in settings)}


def _values(kind: type, path: Path | None, changes: Mapping[str, object]) -> dict[str, Any]:
    """What a file and a command line say of a record's fields, lists as tuples."""
    values: Any = json.loads(path.read_text(encoding="utf-8")) if path else {}
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no JSON object")
    values |= {key: value for key, value in changes.items() if value is not None}
    known = [each.name for each in fields(kind)]
    for name in values:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise ValueError(f"unknown recipe field {name!r}" + (f"; do you mean {near[0]}?" if near else ""))
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


@dataclass(frozen=True, slots=True)
class FineTuning:
    """Numbers of a checkpoint's fine-tuning. A step takes `batch` pairs one after another: memory is that of one pair."""

    steps: int = 200
    batch: int = 4
    rate: float = 2e-5
    warmup: int = 10
    weight_decay: float = 0.01
    tower: bool = False  # whether the vision tower learns too
    dtype: str = "float32"
    seed: int = 0

    @classmethod
    def load(cls, path: Path | None, **changes: object) -> FineTuning:
        """As `Recipe.load`."""
        return cls(**_values(cls, path, changes))


RECIPES = Path(__file__).parent / "recipes"


def named_recipe(name: str) -> Path:
    """The file of a recipe that comes with the package (`align`, `pretrain`, `tasks`, `nano_1`, ...).

    Raises:
        ValueError: there is none of this name; the message lists those there are.
    """
    path = RECIPES / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in RECIPES.glob("*.json")))
        raise ValueError(f"there is no recipe called {name!r}; there are {known}")
    return path


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyperparameters. Times in seconds, sizes in samples per device and step, by tiles of width.

    A step takes one batch of every kind whose loss has a weight: bands to read, formulas, questions about pages.
    """

    budget: float = 1500.0
    seed: int = 0
    muon_lr: float = 0.02
    adam_lr: float = 2e-3
    warmup_steps: int = 150
    flat_share: float = 0.38  # of the budget at full rate; then linear to zero
    map_weight: float = 1.0  # character map loss, first half
    map_weight_late: float = 0.4
    balance_weight: float = 0.003
    bands_weight: float = 1.0  # of each kind's loss; 0 leaves the kind out
    formulas_weight: float = 0.0
    answers_weight: float = 0.0
    formulas_every: int = 1  # steps; a kind that comes seldom comes with its whole batch
    answers_every: int = 1
    context_weight: float = 0.03  # of the page's and the question's own tokens, beside 1 for the answer's
    location_weight: float = 2.0
    nothing_weight: float = 1.0  # of the end token that is the whole answer to a band without words
    decision_weight: float = 1.0  # of an answer's first token, which says whether there is one
    character_noise: float = 0.04  # share of input characters replaced: the reader must survive its own slips
    location_noise: float = 0.05
    map_patches: int = 192  # patches a tile that the character map is trained on in a step
    batch_sizes: tuple[int, int, int, int] = (72, 56, 40, 32)
    formula_sizes: tuple[int, int, int, int] = (96, 64, 48, 40)
    formula_mix: tuple[float, float, float, float] = (0.3, 0.38, 0.24, 0.08)
    formula_strength: float = 0.7  # of the degradation of their pictures
    inline_share: float = 0.0  # of the batches of formulas one tile wide: as they stand in lines of text
    answer_tokens: int = 49152  # of a batch of conversations, padding included
    document_shares: tuple[float, float, float, float] = (
        0.0,
        0.0,
        0.0,
        0.0,
    )  # receipts and forms among bands, by tiles
    clean_share: float = 0.25  # batches that are hardly degraded, as pages rendered from PDF are
    coarse_share: float = 0.0  # bands that at least come back from fewer pixels, clean ones too: small print, enlarged
    level_min_steps: int = 40
    last_level: int = 3  # of the curriculum: 1 stops at four large lines
    workers: int = 14
    compile: bool = True
    compile_aside: bool = False  # train uncompiled until another process has filled the compiler's cache
    average_share: float = 0.0  # of the live weights in the saved average, every four steps; 0 saves the live ones
    check_every: float = 0.0  # s between looks at held-out bands; 0 never looks
    amp: bool = True
    log_every: int = 50
    save_every: float = 150.0
    max_steps: int = 1_000_000_000
    adapter_ranks: Mapping[str, int] = field(default_factory=dict)  # by part (`low_rank.PARTS`): only an adapter learns
    adapter_bits: int = 4  # that it is stored in, and rounded to while it learns

    @classmethod
    def load(cls, path: Path | None, **changes: object) -> Recipe:
        """Read a JSON file of some of the fields (all optional); keyword arguments that are not None win.

        Raises:
            ValueError: a field is unknown, or the file is no JSON object.
        """
        return cls(**_values(cls, path, changes))

    @property
    def kinds(self) -> tuple[str, ...]:
        """What a step learns from."""
        weights = {"bands": self.bands_weight, "formulas": self.formulas_weight, "answers": self.answers_weight}
        return tuple(kind for kind, weight in weights.items() if weight > 0)

    def every(self, kind: str) -> int:
        """In which steps a kind comes: every so many."""
        return {"formulas": self.formulas_every, "answers": self.answers_every}.get(kind, 1)

    def kinds_at(self, step: int) -> tuple[str, ...]:
        """What ``step`` learns from; kinds that come every second step take turns."""
        return tuple(
            kind
            for place, kind in enumerate(self.kinds)
            if self.every(kind) == 1 or (step + place) % self.every(kind) == 0
        )

    def weight(self, kind: str) -> float:
        """Weight of a kind's loss."""
        return float(getattr(self, f"{kind}_weight"))

    def save(self, path: Path) -> None:
        """Write all fields as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def rate(self, step: int, share: float) -> float:
        """Learning-rate factor at ``step`` with ``share`` of the budget used."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        if share <= self.flat_share:
            return warm
        return warm * max(0.01, (1 - share) / (1 - self.flat_share))
