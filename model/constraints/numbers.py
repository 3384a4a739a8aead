"""Numbers as JSON writes them, within bounds, as a language: what may come next, and how to end one soonest.

Restricted to plain decimals of bounded length: an exponent may be a number that no float holds. Bounds and multiples are
exact (`Fraction`), and multiples hold for floats as well, as most validators compute with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from dsvl2.model.constraints.language import NOTHING, Language
from dsvl2.model.constraints.ranges import Ranges, merged

WHOLE_DIGITS, DECIMALS = 15, 6  # a float holds 15 digits
_PARTIAL = re.compile(r"-?(?:(0|[1-9]\d*)(\.\d*)?)?")
_COMPLETE = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_MULTIPLES_TRIED = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number must satisfy; None is no bound. `low` and `high` are included unless `open_low`, `open_high`."""

    low: Fraction | None = None
    high: Fraction | None = None
    open_low: bool = False
    open_high: bool = False
    multiple: Fraction | None = None
    integer: bool = False

    def hold(self, value: Fraction) -> bool:
        """Whether the value satisfies all of them."""
        if self.low is not None and (value < self.low or (self.open_low and value == self.low)):
            return False
        if self.high is not None and (value > self.high or (self.open_high and value == self.high)):
            return False
        if self.integer and value.denominator != 1:
            return False
        return self.multiple is None or self._divides(value)

    def _divides(self, value: Fraction) -> bool:
        assert self.multiple is not None
        if (value / self.multiple).denominator != 1:
            return False
        if value.denominator == 1 and self.multiple.denominator == 1:
            return True
        quotient = float(value) / float(self.multiple)
        return int(quotient) == quotient


class Number(Language):
    """The numbers within bounds that begin with `begun`."""

    def __init__(self, bounds: Bounds, begun: str = "") -> None:
        self.bounds, self.begun = bounds, begun
        self.key = (bounds, begun)
        self.nullable = bool(_COMPLETE.fullmatch(begun)) and bounds.hold(Fraction(begun))

    def step(self, char: str) -> Language:
        longer = self.begun + char
        if not char.isascii() or not _PARTIAL.fullmatch(longer) or not self._fits(longer):
            return NOTHING
        after = Number(self.bounds, longer)
        return NOTHING if after.ending is None else after

    def first(self) -> Ranges:
        return merged((ord(char), ord(char)) for char in "-0123456789." if self.step(char) is not NOTHING)

    def _end(self) -> str | None:
        if self.nullable:
            return ""
        for extra in range(1, WHOLE_DIGITS + DECIMALS + 3):
            for tail in self._tails(extra):
                return tail
        return None

    def _fits(self, begun: str) -> bool:
        whole, _, decimals = begun.lstrip("-").partition(".")
        return len(whole) <= self._whole_digits() and len(decimals) <= DECIMALS

    def _whole_digits(self) -> int:
        bounds = [
            abs(bound) for bound in (self.bounds.low, self.bounds.high, self.bounds.multiple) if bound is not None
        ]
        return max([WHOLE_DIGITS, *(len(str(ceil(bound))) for bound in bounds)])

    def _tails(self, extra: int) -> Iterator[str]:
        """Ends of `extra` characters that make a number within the bounds; a few of each form are tried."""
        if not self.begun:
            yield from ("-" + tail for tail in Number(self.bounds, "-")._tails(extra - 1) if extra > 1)
        sign, digits = ("-", self.begun[1:]) if self.begun.startswith("-") else ("", self.begun)
        whole, point, decimals = digits.partition(".")
        forms = [(0, extra)] if point else [(extra, 0), *((extra - 1 - after, after) for after in range(1, extra))]
        for before, after in forms:
            if self.bounds.integer and (point or after):
                continue
            for number in self._numbers(sign, whole, before, decimals, after):
                if self._fits(number) and self.bounds.hold(Fraction(number)):
                    yield number[len(self.begun) :]

    def _numbers(self, sign: str, whole: str, before: int, decimals: str, after: int) -> Iterator[str]:
        """Numbers of one form (so many digits more on each side of the point), the nearest to the bounds first."""
        if (before and whole.startswith("0")) or not (whole or before):
            return
        scale = 10 ** (len(decimals) + after)
        least = int(whole + "0" * before) if whole else 10 ** (before - 1) if before > 1 else 0
        most = int(whole + "9" * before)
        low = least * scale + int(decimals + "0" * after or 0)
        high = most * scale + int(decimals + "9" * after or 0)
        if before:  # every digit before the point may differ, so those after it run over all values
            low, high = least * scale, most * scale + scale - 1
        wanted_low, wanted_high = self._wanted(sign, scale)
        low, high = max(low, wanted_low), min(high, wanted_high)
        step = Fraction(1) if self.bounds.multiple is None else abs(self.bounds.multiple) * scale
        grain = step.numerator  # of whole numbers only multiples of the numerator are multiples of the fraction
        value = -(-low // grain) * grain
        for _ in range(_MULTIPLES_TRIED):
            if value > high:
                return
            shown = str(value).zfill(len(str(scale)))
            places = len(decimals) + after
            yield sign + (shown[:-places] + "." + shown[-places:] if places else shown)
            value += grain

    def _wanted(self, sign: str, scale: int) -> tuple[int, int]:
        """The bounds on the digits without sign and point."""
        low, high = self.bounds.low, self.bounds.high
        if sign:
            low, high = (None if high is None else -high), (None if low is None else -low)
        return (0 if low is None else ceil(low * scale)), (10**40 if high is None else floor(high * scale))
