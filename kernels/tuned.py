"""Whether the tile sizes of the kernels were measured on a card, or come from the rule for all others."""

import os

from dsvl2.kernels.triton_backend.measured import CARDS


def table_for(card: str) -> str | None:
    """The name of the measured table that a card gets; None when it gets the rule. A file in $DSVL2_TILES comes first."""
    own = os.environ.get("DSVL2_TILES")
    return own or next((name for name in CARDS if name in card), None)
