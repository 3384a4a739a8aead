"""Tile sizes that were best on a card, as `tests/bench/tune_tiles.py` prints them: (tokens, rows, columns, warps, stages).

Keys: a part of the card's name; then (kernel, format number of `tiles`, bin of tokens of `tuning`).
"""

CARDS: dict[str, dict[tuple[str, int, int], tuple[int, int, int, int, int]]] = {}
