"""Everything the model layer raises on purpose.

ModelError
├── ModelNotFound     no such folder, no such built-in model
├── AdapterNotFound   a folder that holds no adapter
├── AdapterError      an adapter that is damaged, of a kind that cannot be merged, or of another model
├── ConfigError       config.json or processor_config.json says something unknown or contradictory
│   └── QuantizationError   it records a scheme or version that is not known here
├── WeightsError      a tensor or a file is missing, unexpected, misshapen or cut short
├── TokenizerError    tokenizer.json is missing, or lacks a token the prompt needs
├── PromptError       a conversation that cannot be written as tokens
├── ImageError        an image that cannot be cut into tiles
├── ConstraintError   the form that an answer must have cannot be kept
├── ContextOverflow   the request does not fit the context; raised before any work
├── DeviceError       the requested device cannot run this, or is not here
│   ├── DtypeError          there is no such number format
│   └── SchemeError         the requested quantization is unknown, or not what the checkpoint is stored in
├── NotEnoughMemory   the weights do not fit; raised before any is read
└── DestinationError  a checkpoint cannot be written there
    └── DiskFull      there is no room for it
"""


class ModelError(Exception):
    """Base of the tree: `str(error)` is the fact, `.hint` the remedy, `.code` a stable snake_case name."""

    code = "model_error"

    def __init__(self, fact: str, hint: str = "") -> None:
        super().__init__(fact)
        self.hint = hint


class ModelNotFound(ModelError):
    """There is no model under that name or path."""

    code = "model_not_found"


class AdapterNotFound(ModelError):
    """The folder holds no LoRA adapter."""

    code = "adapter_not_found"


class AdapterError(ModelError):
    """The adapter is damaged, cannot be merged into weights, or does not fit the model."""

    code = "bad_adapter"


class ConfigError(ModelError):
    """A configuration file holds an unknown value of a known key, or contradicts itself."""

    code = "bad_config"


class WeightsError(ModelError):
    """The checkpoint's tensors do not match its configuration."""

    code = "bad_weights"


class TokenizerError(ModelError):
    """The tokenizer file is missing or lacks a token."""

    code = "bad_tokenizer"


class PromptError(ModelError):
    """The conversation breaks the rules of the prompt format."""

    code = "bad_prompt"


class ImageError(ModelError):
    """The image cannot be fitted on a canvas."""

    code = "bad_image"


class ContextOverflow(ModelError):
    """Prompt and answer together are longer than the context."""

    code = "context_overflow"


class ConstraintError(ModelError):
    """No answer of the form asked for can be written by this model, or within the limit; raised before any work."""

    code = "bad_constraint"


class DeviceError(ModelError):
    """The requested device is not available on this machine, or cannot do what was asked of it."""

    code = "bad_device"


class DtypeError(DeviceError):
    """The requested number format is none that computations run in."""

    code = "bad_dtype"


class SchemeError(DeviceError):
    """The requested quantization is unknown, or the checkpoint is stored in another."""

    code = "bad_scheme"


class QuantizationError(ConfigError):
    """The configuration records a quantization that this version does not know."""

    code = "unknown_quantization"


class NotEnoughMemory(ModelError):
    """The weights do not fit into the memory of the device; the hint says what would."""

    code = "not_enough_memory"


class DestinationError(ModelError):
    """The folder to write to exists already or cannot be written; nothing was changed."""

    code = "bad_destination"


class DiskFull(DestinationError):
    """The disk has no room for the result; what was begun is removed."""

    code = "disk_full"
