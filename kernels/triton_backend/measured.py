"""Tile sizes that were best on a card, as `tests/bench/tune_tiles.py` prints them: (tokens, rows, columns, warps, stages).

Keys: a part of the card's name; then (kernel, format number of `tiles`, bin of tokens of `tuning`).
"""

CARDS: dict[str, dict[tuple[str, int, int], tuple[int, int, int, int, int]]] = {
    "H100": {
        ("down", 0, 2): (16, 64, 128, 4, 4),
        ("down", 0, 3): (16, 64, 128, 4, 3),
        ("down", 0, 5): (128, 256, 64, 8, 4),
        ("down", 0, 6): (128, 128, 64, 8, 3),
        ("down", 2, 1): (16, 64, 128, 4, 3),
        ("down", 2, 2): (16, 64, 64, 4, 3),
        ("down", 2, 5): (64, 128, 64, 4, 4),
        ("down", 2, 6): (128, 64, 64, 4, 3),
        ("down", 3, 1): (16, 128, 64, 8, 4),
        ("down", 3, 2): (16, 128, 64, 8, 3),
        ("down", 3, 3): (32, 128, 64, 8, 3),
        ("gate_up", 0, 2): (16, 64, 128, 4, 4),
        ("gate_up", 0, 3): (16, 64, 128, 4, 4),
        ("gate_up", 0, 5): (128, 128, 64, 8, 4),
        ("gate_up", 0, 6): (128, 128, 64, 8, 4),
        ("gate_up", 2, 1): (16, 64, 128, 4, 3),
        ("gate_up", 2, 2): (16, 64, 64, 4, 3),
        ("gate_up", 2, 5): (64, 64, 64, 4, 4),
        ("gate_up", 2, 6): (128, 64, 64, 4, 3),
        ("gate_up", 3, 1): (16, 128, 64, 8, 4),
        ("gate_up", 3, 2): (16, 128, 64, 8, 3),
        ("gate_up", 3, 3): (32, 128, 64, 8, 3),
        ("linear", 1, 4): (32, 64, 128, 4, 4),  # no columns divided: a step of small e4a8 at 128 rows 9,420 -> 9,300 us
    }
}
