"""Run prompts through the decoder: whole or in chunks, single or left-padded (spec.md 6.4, 7.5).

Letters: B sequences, T prompt tokens, L tokens in sight, H hidden.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dsvl2.model.attention import LayerCache
from dsvl2.model.decoder import Decoder

CHUNK = 2048  # bounds the attention scores and the expert activations of a long prompt


def run_prompt(
    decoder: Decoder,
    x: Tensor,
    caches: Sequence[LayerCache],
    *,
    attention_mask: Tensor | None = None,
    chunk: int = CHUNK,
    after: int = 0,
) -> Tensor:
    """x [B, T, H] -> final hidden state of the last position [B, H]; the caches are extended by T.

    attention_mask [B, after + T], 1 = token, 0 = padding on the left; positions count real tokens only, in every chunk.
    after: how many tokens the caches hold already.
    """
    *_, last = chunks(decoder, x, caches, attention_mask=attention_mask, chunk=chunk, after=after)
    return last


def chunks(
    decoder: Decoder,
    x: Tensor,
    caches: Sequence[LayerCache],
    *,
    attention_mask: Tensor | None = None,
    chunk: int = CHUNK,
    after: int = 0,
) -> Iterator[Tensor]:
    """The same chunk by chunk: yields the final hidden state of each chunk's last position [B, H]."""
    length = after + x.shape[1]
    if attention_mask is None and not after and length <= chunk:
        yield decoder(x, caches=caches)[:, -1]
        return
    valid = (
        torch.ones((len(x), length), dtype=torch.bool, device=x.device)
        if attention_mask is None
        else attention_mask.bool()
    )
    positions = positions_of(valid)
    for start in range(after, length, chunk):
        end = min(start + chunk, length)
        mask = visible(valid[:, :end], start)
        yield decoder(x[:, start - after : end - after], positions[:, start:end], mask=mask, caches=caches)[:, -1]


def positions_of(valid: Tensor) -> Tensor:
    """Position of every token, counting real ones from 0; padding gets 1 as in the release, and is never looked at."""
    return (valid.long().cumsum(-1) - 1).masked_fill(~valid, 1)


def visible(valid: Tensor, start: int) -> Tensor:
    """What the tokens from `start` on may see: valid [B, L] -> bool [B, 1, L - start, L].

    Padding sees itself, or its empty row would turn into NaN and spread through the values.
    """
    length = valid.shape[1]
    key = torch.arange(length, device=valid.device)
    query = key[start:, None]
    return ((key <= query) & valid[:, None, :] | (key == query))[:, None]
