"""What a decode step has to read from memory: the least, however clever the kernels.

Letters: B sequences, E routed experts of which k are chosen.
"""

from math import prod

from dsvl2.model.config import ModelConfig
from dsvl2.model.execution import DTYPES
from dsvl2.model.loading import UNPACK
from dsvl2.model.memory import cache_bytes
from dsvl2.model.quantization.placement import UNPACKED
from dsvl2.model.quantization.schemes import scheme_named
from dsvl2.model.request import ModelInfo
from dsvl2.model.weights import released_shapes


def step_bytes(config: ModelConfig, info: ModelInfo, sequences: int, context: int) -> int:
    """Bytes of weights and cache that one step of so many sequences with so many tokens each has to read.

    Every weight of the language model counts once, in the format in which it is held; of the routed experts those that B
    sequences hit, E (1 - (1 - k/E)^B) of them when routing is even; of the embeddings one row a sequence.
    """
    language, kind = config.language, DTYPES[info.dtype]
    packed = info.scheme != "none" and info.parameters > UNPACK
    scheme = scheme_named(info.scheme) if packed else None
    hit = 1.0
    if language.n_routed_experts and language.num_experts_per_tok:
        hit = 1 - (1 - language.num_experts_per_tok / language.n_routed_experts) ** sequences
    total = float(sequences * context * cache_bytes(language, kind))
    for name, shape in released_shapes(config).items():
        if not name.startswith("language."):
            continue
        form = scheme.form_of(name) if scheme is not None and not name.endswith(UNPACKED) else None
        size = prod(shape) * (form.bits / 8 if form else kind.itemsize)
        if name.endswith("embed_tokens.weight"):
            size = sequences * shape[1] * kind.itemsize
        total += size * (hit if ".mlp.experts." in name else 1.0)
    return int(total)
