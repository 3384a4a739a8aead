"""The checkpoint's JSON as frozen dataclasses, with the class defaults of spec.md 1.3.

The released files leave out every value that equals a default of the class that wrote them,
so the defaults here are part of the format. Knows nothing of torch.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from dsvl2.model.errors import ConfigError
from dsvl2.model.folders import read_json

T = TypeVar("T")
_HINT = "compare the file with the released one; an edited config may be the cause"

CHOICES: dict[str, tuple[Any, ...]] = {
    "topk_method": ("greedy", "group_limited_greedy", "noaux_tc"),
    "scoring_func": ("softmax", "sigmoid"),
    "hidden_act": ("silu",),
    "model_type": ("deepseek_vl_v2",),
    "tile_tag": ("2D",),
    "global_view_pos": ("head",),
    "projector_type": ("downsample_mlp_gelu",),
    "class_token": (False,),
    "ignore_head": (True,),
    "token_pooling": (False,),
    "tie_word_embeddings": (False,),
}


@dataclass(frozen=True, slots=True)
class VisionConfig:
    """The SigLIP tower. Sizes in pixels; `grid` is the number of whole patches on a side."""

    model_name: str = "siglip_large_patch16_384"
    image_size: int = 384
    patch_size: int = 16
    width: int = 1024
    layers: int = 24
    heads: int = 16
    mlp_ratio: float = 4.0
    class_token: bool = False
    ignore_head: bool = True

    def __post_init__(self) -> None:
        _check_choices(self, "vision_config")
        _check_positive(self, "vision_config", "image_size", "patch_size", "width", "layers", "heads")
        if self.width % self.heads:
            _contradiction("vision_config", f"width {self.width} is not a multiple of heads {self.heads}")

    @property
    def grid(self) -> int:
        return self.image_size // self.patch_size

    @property
    def mlp_width(self) -> int:
        return int(self.width * self.mlp_ratio)


@dataclass(frozen=True, slots=True)
class ProjectorConfig:
    """Tower features to language width: 2x2 groups, then an MLP of `depth` linear layers."""

    projector_type: str = "downsample_mlp_gelu"
    input_dim: int = 1152
    n_embed: int = 2048
    depth: int = 2
    mlp_ratio: int = 1
    downsample_ratio: int = 2
    token_pooling: bool = False

    def __post_init__(self) -> None:
        _check_choices(self, "projector_config")
        _check_positive(self, "projector_config", "input_dim", "n_embed", "depth", "mlp_ratio", "downsample_ratio")


@dataclass(frozen=True, slots=True)
class LanguageConfig:
    """The decoder. `num_key_value_heads` None means as many as there are heads."""

    vocab_size: int = 102400
    hidden_size: int = 4096
    intermediate_size: int = 11008
    moe_intermediate_size: int = 1407
    num_hidden_layers: int = 30
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None
    n_shared_experts: int | None = None
    n_routed_experts: int | None = None
    num_experts_per_tok: int | None = None
    routed_scaling_factor: float = 1.0
    kv_lora_rank: int | None = 512
    q_lora_rank: int | None = 1536
    qk_rope_head_dim: int = 64
    v_head_dim: int = 128
    qk_nope_head_dim: int = 128
    topk_method: str = "gready"
    n_group: int | None = None
    topk_group: int | None = None
    moe_layer_freq: int = 1
    first_k_dense_replace: int = 0
    norm_topk_prob: bool = False
    scoring_func: str = "softmax"
    hidden_act: str = "silu"
    max_position_embeddings: int = 2048
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    pad_token_id: int | None = None
    bos_token_id: int = 100000
    eos_token_id: int = 100001
    tie_word_embeddings: bool = False
    rope_theta: float = 10000.0
    rope_scaling: Mapping[str, Any] | None = None
    attention_bias: bool = False
    use_mla: bool = True

    def __post_init__(self) -> None:
        # "gready" is the class default and invalid: it only matters where there are routed experts
        _check_choices(self, "language_config", skip=() if self.n_routed_experts else ("topk_method",))
        _check_positive(
            self, "language_config", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"
        )
        _check_moe(self)
        _check_attention(self)

    @property
    def kv_heads(self) -> int:
        return self.num_key_value_heads or self.num_attention_heads

    @property
    def head_dim(self) -> int:
        """Width of a head of plain multi-head attention; the MLA widths are keys of their own."""
        return self.hidden_size // self.num_attention_heads

    @property
    def rotary_dim(self) -> int:
        return self.qk_rope_head_dim if self.use_mla else self.head_dim

    def is_moe(self, layer: int) -> bool:
        return bool(self.n_routed_experts) and layer >= self.first_k_dense_replace and layer % self.moe_layer_freq == 0


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A whole config.json. `quantization` is the raw `quantization_config`, read by the scheme that it names."""

    vision: VisionConfig
    projector: ProjectorConfig
    language: LanguageConfig
    model_type: str = "deepseek_vl_v2"
    candidate_resolutions: tuple[tuple[int, int], ...] = ((384, 384),)
    tile_tag: str = "tile_tag"
    global_view_pos: str = "head"
    quantization: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _check_choices(self, "config")
        if self.projector.input_dim != self.vision.width:
            _contradiction(
                "projector_config", f"input_dim {self.projector.input_dim}, but the tower is {self.vision.width} wide"
            )
        if self.projector.n_embed != self.language.hidden_size:
            _contradiction(
                "projector_config", f"n_embed {self.projector.n_embed}, but hidden_size is {self.language.hidden_size}"
            )

    @property
    def side(self) -> int:
        """Image tokens on one side of a tile (q of spec.md 4.6): 14 for 384/14, 12 for 384/16."""
        return -(-self.vision.grid // self.projector.downsample_ratio)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "ModelConfig":
        """Build from a parsed config.json; raise ConfigError naming the key that is wrong."""
        try:
            candidates = tuple((int(w), int(h)) for w, h in raw.get("candidate_resolutions", ((384, 384),)))
        except (TypeError, ValueError) as error:
            raise ConfigError("candidate_resolutions is not a list of [width, height]", _HINT) from error
        if not candidates:
            _contradiction("config", "candidate_resolutions is empty")
        return cls(
            vision=_build(VisionConfig, raw.get("vision_config", {}), "vision_config"),
            projector=_build(ProjectorConfig, raw.get("projector_config", {}), "projector_config"),
            language=_build(LanguageConfig, raw.get("language_config", {}), "language_config"),
            model_type=raw.get("model_type", "deepseek_vl_v2"),
            candidate_resolutions=candidates,
            tile_tag=raw.get("tile_tag", "tile_tag"),
            global_view_pos=raw.get("global_view_pos", "head"),
            quantization=raw.get("quantization_config"),
        )

    @classmethod
    def from_file(cls, path: Path) -> "ModelConfig":
        return cls.from_dict(read_json(path))


@dataclass(frozen=True, slots=True)
class ProcessorConfig:
    """The parts of processor_config.json that change what the network sees; absent keys take spec.md 1.4."""

    image_mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    image_std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    image_token: str = "<image>"
    normalize: bool = True

    @property
    def pad_color(self) -> tuple[int, int, int]:
        """Canvas colour as bytes: int(0.5 * 255) = 127 for the released models, 255 for a mean of 1."""
        r, g, b = (int(mean * 255) for mean in self.image_mean)
        return r, g, b

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "ProcessorConfig":
        tuples = ("image_mean", "image_std")
        known: dict[str, Any] = {
            key: tuple(raw[key]) if key in tuples else raw[key]
            for key in ("image_token", "normalize", *tuples)
            if key in raw
        }
        for key in tuples:
            if key in known and len(known[key]) != 3:
                raise ConfigError(f"{key} in processor_config.json has {len(known[key])} values, not 3", _HINT)
        return cls(**known)


def _build(cls: type[T], raw: Mapping[str, Any], section: str) -> T:
    """Take the keys `cls` knows (files carry many unused ones), checking each value against the default's type."""
    values: dict[str, Any] = {}
    for spec in fields(cls):  # type: ignore[arg-type]
        if spec.name not in raw:
            continue
        value, default = raw[spec.name], spec.default
        if default is not MISSING and not _same_kind(value, default, str(spec.type)):
            raise ConfigError(f"{section}.{spec.name} is {value!r}, expected {spec.type}", _HINT)
        values[spec.name] = value
    return cls(**values)


def _same_kind(value: Any, default: Any, annotation: str) -> bool:
    if value is None:
        return default is None or "None" in annotation
    if isinstance(value, bool) or isinstance(default, bool):
        return isinstance(value, bool) and (isinstance(default, bool) or default is None)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    if default is None:
        return isinstance(value, (int, Mapping))
    return isinstance(value, type(default))


def _check_choices(config: Any, section: str, skip: tuple[str, ...] = ()) -> None:
    for spec in fields(config):
        value = getattr(config, spec.name)
        if spec.name in CHOICES and spec.name not in skip and value not in CHOICES[spec.name]:
            allowed = ", ".join(repr(choice) for choice in CHOICES[spec.name])
            raise ConfigError(f"{section}.{spec.name} is {value!r}", f"known values: {allowed}")


def _check_positive(config: Any, section: str, *names: str) -> None:
    for name in names:
        if getattr(config, name) <= 0:
            raise ConfigError(f"{section}.{name} is {getattr(config, name)}, must be positive", _HINT)


def _contradiction(section: str, fact: str) -> None:
    raise ConfigError(f"{section}: {fact}", _HINT)


def _check_moe(config: LanguageConfig) -> None:
    if not config.n_routed_experts:
        return
    k, groups = config.num_experts_per_tok, config.n_group or 1
    if not k or k > config.n_routed_experts:
        _contradiction("language_config", f"num_experts_per_tok {k} of n_routed_experts {config.n_routed_experts}")
    if config.n_routed_experts % groups or (config.topk_group or 1) > groups:
        _contradiction("language_config", f"n_group {groups}, topk_group {config.topk_group} do not divide the experts")


def _check_attention(config: LanguageConfig) -> None:
    if config.use_mla and not (config.kv_lora_rank and config.qk_rope_head_dim and config.v_head_dim):
        _contradiction("language_config", "use_mla needs kv_lora_rank, qk_rope_head_dim and v_head_dim")
    if not config.use_mla and config.hidden_size % config.num_attention_heads:
        _contradiction("language_config", f"hidden_size {config.hidden_size} is not a multiple of the heads")
    kind = (config.rope_scaling or {}).get("type", (config.rope_scaling or {}).get("rope_type"))
    if config.rope_scaling is not None and kind != "yarn":
        raise ConfigError(f"language_config.rope_scaling.type is {kind!r}", "known values: 'yarn'")
