"""Where the objects of a text layer go: into a new PDF file, written as small as the format allows, or an open one."""

from __future__ import annotations

import hashlib
import zlib
from itertools import accumulate
from typing import Any, Protocol

_IN_STREAM = 100  # objects of one object stream
_FLATE = "/Filter/FlateDecode"


class Objects(Protocol):
    """Takes PDF objects and numbers them."""

    def reserve(self) -> int:
        """Return a number for an object to come."""

    def put(self, number: int, text: str) -> None:
        """Give an object its text."""

    def put_stream(self, data: bytes, entries: str = "", *, pack: bool = True) -> int:
        """Add a stream with more entries for its dictionary; return its number."""


class OpenPdf:
    """The objects of an open PyMuPDF document."""

    def __init__(self, document: Any) -> None:
        self._document = document

    def reserve(self) -> int:
        """Return a number for an object to come."""
        return int(self._document.get_new_xref())

    def put(self, number: int, text: str) -> None:
        """Give an object its text."""
        self._document.update_object(number, text)

    def put_stream(self, data: bytes, entries: str = "", *, pack: bool = True) -> int:
        """Add a stream; its entries must not be about how it is packed."""
        number = self.reserve()
        self.put(number, f"<<{entries}>>")
        self._document.update_stream(number, data, new=True, compress=pack)
        return number


class NewPdf:
    """A PDF file to write: streams as they come, everything else in object streams (PDF 32000-1, 7.5.7, 7.5.8).

    The same objects give the same bytes. A number that nothing was put to is a free one.
    """

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._streams: dict[int, bytes] = {}
        self._count = 0

    def reserve(self) -> int:
        """Return a number for an object to come."""
        self._count += 1
        return self._count

    def put(self, number: int, text: str) -> None:
        """Give an object its text."""
        self._texts[number] = text

    def put_stream(self, data: bytes, entries: str = "", *, pack: bool = True) -> int:
        """Add a stream, packed unless `pack` is false."""
        number = self.reserve()
        self._streams[number] = _stream(data, entries, pack=pack)
        return number

    def to_bytes(self, root: int, more: str = "", *, version: str = "1.5", mark: bool = True) -> bytes:
        """Return the file.

        Args:
            root: number of its catalog.
            more: further entries of its trailer.
            version: of PDF, at least 1.5.
            mark: say in the second line that the file is not text, as programs that send files may want to know.
        """
        ways = [self._file(root, more, version, mark, gathered=gathered) for gathered in (True, False)]
        return min(ways, key=len)

    def _file(self, root: int, more: str, version: str, mark: bool, *, gathered: bool) -> bytes:
        """Return the file with its objects in object streams, or, where those are few, as they are."""
        places: dict[int, tuple[int, int, int]] = {}
        streams, last = dict(self._streams), self._count
        for start in range(0, len(self._texts) if gathered else 0, _IN_STREAM):
            part, last = sorted(self._texts)[start : start + _IN_STREAM], last + 1
            streams[last] = self._gathered(part)
            places.update({number: (2, last, place) for place, number in enumerate(part)})
        body = bytearray(f"%PDF-{version}\n".encode() + (b"%\xe2\xe3\xcf\xd3\n" if mark else b""))
        plain = {} if gathered else {number: text.encode("ascii") for number, text in self._texts.items()}
        for number, data in [*streams.items(), *plain.items()]:
            places[number] = (1, len(body), 0)
            body += b"%d 0 obj" % number + data + (b"endobj\n" if data.endswith(b">") else b" endobj\n")
        start, last = len(body), last + 1
        places[last] = (1, start, 0)
        wide, third = (start.bit_length() + 7) // 8, int(gathered)
        table = b"".join(
            bytes([kind]) + second.to_bytes(wide, "big") + bytes([index])[:third]
            for kind, second, index in (places.get(number, (0, 0, 255)) for number in range(last + 1))
        )
        packed, how = deflated(table), _FLATE
        if len(packed) + len(_FLATE) >= len(table):
            packed, how = table, ""
        entries = f"/Type/XRef/Size {last + 1}/W[1 {wide} {third}]/Root {root} 0 R{more}"
        body += f"{last} 0 obj<<{entries}{how}/Length {len(packed)}>>stream\n".encode()
        return bytes(body) + packed + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF" % start

    def name(self) -> str:
        """Return an entry for the trailer that tells this file from others (PDF 32000-1, 14.4), the same for the same."""
        said = hashlib.sha256(repr(sorted(self._texts.items())).encode())
        for number in sorted(self._streams):
            said.update(self._streams[number])
        name = said.hexdigest()[:8]
        return f"/ID[<{name}><{name}>]"

    def _gathered(self, numbers: list[int]) -> bytes:
        texts = [self._texts[number] for number in numbers]
        between = "" if all(text.startswith("<<") for text in texts) else " "
        ends = list(accumulate((len(text) + len(between) for text in texts), initial=0))
        head = " ".join(f"{number} {start}" for number, start in zip(numbers, ends, strict=False)) + " "
        data = (head + between.join(texts)).encode("ascii")
        return _stream(data, f"/Type/ObjStm/N {len(texts)}/First {len(head)}")


def _stream(data: bytes, entries: str, *, pack: bool = True) -> bytes:
    if pack and len(packed := deflated(data)) + len(_FLATE) < len(data):
        data, entries = packed, entries + _FLATE
    return f"<<{entries}/Length {len(data)}>>stream\n".encode("ascii") + data + b"\nendstream"


def deflated_twice(data: bytes, how: str) -> tuple[bytes, str]:
    """Return deflated data and the entries that say so, deflated once more where that is smaller.

    A white page is one match of 258 bytes after the other, which takes two bits each; those are alike again.

    how: a filter of one name at the beginning, then its parameters if it has any.
    """
    packed = deflated(data)
    again = how.replace(_FLATE, "/Filter[/FlateDecode/FlateDecode]", 1)
    again = again.replace("/DecodeParms<<", "/DecodeParms[null<<").replace(">>", ">>]")
    return (packed, again) if len(packed) + len(again) < len(data) + len(how) else (data, how)


def deflated(data: bytes) -> bytes:
    """Return data as zlib packs them smallest: letters and pixels like other ways of looking for what was there before."""
    found = []
    for memory in (8, 9):  # short data take shorter codes from one of them
        for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED):
            packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, memory, strategy)
            found.append(packer.compress(data) + packer.flush())
    return min(found, key=len)
