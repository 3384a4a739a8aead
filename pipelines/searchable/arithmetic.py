"""The arithmetic coder of JBIG2 (ITU-T T.88, annex E): decisions of one bit, each in a context that learns what to expect."""

from __future__ import annotations

from collections.abc import Iterable

# Qe, the next state after the likelier and the less likely symbol, and whether these change places (table E.1).
_STATES = (
    (0x5601, 1, 1, 1), (0x3401, 2, 6, 0), (0x1801, 3, 9, 0), (0x0AC1, 4, 12, 0), (0x0521, 5, 29, 0), (0x0221, 38, 33, 0),
    (0x5601, 7, 6, 1), (0x5401, 8, 14, 0), (0x4801, 9, 14, 0), (0x3801, 10, 14, 0), (0x3001, 11, 17, 0),
    (0x2401, 12, 18, 0), (0x1C01, 13, 20, 0), (0x1601, 29, 21, 0), (0x5601, 15, 14, 1), (0x5401, 16, 14, 0),
    (0x5101, 17, 15, 0), (0x4801, 18, 16, 0), (0x3801, 19, 17, 0), (0x3401, 20, 18, 0), (0x3001, 21, 19, 0),
    (0x2801, 22, 19, 0), (0x2401, 23, 20, 0), (0x2201, 24, 21, 0), (0x1C01, 25, 22, 0), (0x1801, 26, 23, 0),
    (0x1601, 27, 24, 0), (0x1401, 28, 25, 0), (0x1201, 29, 26, 0), (0x1101, 30, 27, 0), (0x0AC1, 31, 28, 0),
    (0x09C1, 32, 29, 0), (0x08A1, 33, 30, 0), (0x0521, 34, 31, 0), (0x0441, 35, 32, 0), (0x02A1, 36, 33, 0),
    (0x0221, 37, 34, 0), (0x0141, 38, 35, 0), (0x0111, 39, 36, 0), (0x0085, 40, 37, 0), (0x0049, 41, 38, 0),
    (0x0025, 42, 39, 0), (0x0015, 43, 40, 0), (0x0009, 44, 41, 0), (0x0005, 45, 42, 0), (0x0001, 45, 43, 0),
    (0x5601, 46, 46, 0),
)  # fmt: skip
# A state with the symbol that it expects is one number: twice the state, and the symbol.
_QE = [qe for qe, *_ in _STATES for _ in (0, 1)]
_LIKELY = [2 * likely + symbol for _, likely, _, _ in _STATES for symbol in (0, 1)]
_UNLIKELY = [2 * unlikely + (symbol ^ switch) for _, _, unlikely, switch in _STATES for symbol in (0, 1)]
_HALF = 0x8000


def coded(decisions: Iterable[tuple[int, int, int]], contexts: int) -> bytes:
    """Return the code of decisions, each a context below `contexts`, a bit, and how often it comes in a row.

    A row of expected bits costs as much time as one: white paper is that.
    """
    states = [0] * contexts
    interval, low, room = _HALF, 0, 12
    out = bytearray(1)  # a first byte that a carry could go into; it stays 0
    for context, bit, times in decisions:
        while times:
            state = states[context]
            qe = _QE[state]
            if state & 1 == bit:
                free = min((interval - _HALF) // qe, times)
                interval -= free * qe
                low += free * qe
                times -= free
                if not times:
                    break
                interval -= qe
                if interval < qe:
                    interval = qe
                else:
                    low += qe
                states[context] = _LIKELY[state]
            else:
                interval -= qe
                if interval < qe:
                    low += qe
                else:
                    interval = qe
                states[context] = _UNLIKELY[state]
            times -= 1
            while interval < _HALF:
                interval <<= 1
                low <<= 1
                room -= 1
                if not room:
                    low, room = _out(out, low)
    full = low + interval
    low |= 0xFFFF
    if low >= full:
        low -= _HALF
    for _ in range(2):
        low, room = _out(out, low << room)
    if out[-1] != 0xFF:
        out.append(0xFF)
    return bytes(out[1:]) + b"\xac"


def _out(out: bytearray, low: int) -> tuple[int, int]:
    """Move a byte from the register to `out`, with its carry; return the rest and how many bits fit until the next."""
    if out[-1] != 0xFF and low >= 0x8000000:
        out[-1] += 1
        low &= 0x7FFFFFF
    if out[-1] == 0xFF:  # a bit is left for a carry
        out.append(low >> 20)
        return low & 0xFFFFF, 7
    out.append(low >> 19)
    return low & 0x7FFFF, 8
