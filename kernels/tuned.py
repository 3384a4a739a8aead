"""What the kernels do on a card: tile sizes that were measured or the rule for all others, and who computes what."""

import os

from dsvl2.kernels.triton_backend.measured import CARDS


def table_for(card: str) -> str | None:
    """The name of the measured table that a card gets; None when it gets the rule. A file in $DSVL2_TILES comes first."""
    own = os.environ.get("DSVL2_TILES")
    return own or next((name for name in CARDS if name in card), None)


def latent_attention(device: int) -> str:
    """What computes latent attention of many rows on a CUDA device, in words; tries it."""
    from dsvl2.kernels.cuda_backend import latent

    return latent.state(device)


def one_token(device: int) -> str:
    """What multiplies one token by weights of 4 bits on a CUDA device, in words; tries it."""
    from dsvl2.kernels.cuda_backend import one

    return one.state(device)
