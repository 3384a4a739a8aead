"""Black and white pictures as JBIG2 data for PDF (ITU-T T.88), without loss: every pixel is coded, none is taken for another's.

Two of the standard's tools are used: the generic region, which codes pixels, and symbols where a picture has the very
same pieces again and again, as printed by a program and never scanned. Nothing here takes letters for each other that
differ in a pixel, which is how other encoders came to swap digits.
"""

from __future__ import annotations

import struct

from dsvl2.pipelines.searchable.jbig2_generic import Ink, generic_region
from dsvl2.pipelines.searchable.jbig2_symbols import symbols

_PAGE_INFORMATION, _DICTIONARY, _LOSSLESS_TEXT, _LOSSLESS_REGION = 48, 0, 7, 39


def jbig2(black: Ink, *, repeats: bool = True) -> bytes:
    """Return a picture as segments of one page for PDF's JBIG2Decode.

    Args:
        black: [height, width], bool; true is ink.
        repeats: look for pieces that are there several times.
    """
    height, width = black.shape
    page = struct.pack(">IIIIBH", width, height, 0, 0, 0x01, 0)  # lossless, white where nothing is
    ways = [_segment(1, _LOSSLESS_REGION, generic_region(black))]
    if repeats and (found := symbols(black)):
        dictionary, text = found
        ways.append(_segment(1, _DICTIONARY, dictionary) + _segment(2, _LOSSLESS_TEXT, text, refers=1))
    return _segment(0, _PAGE_INFORMATION, page) + min(ways, key=len)


def _segment(number: int, kind: int, data: bytes, *, refers: int = 0) -> bytes:
    referred = bytes([0x20, refers]) if refers else bytes([0])
    return struct.pack(">IB", number, kind) + referred + struct.pack(">BI", 1, len(data)) + data
