"""The process that opens untrusted files: it sends back page images, and dies alone if a library does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from dsvl2.pipelines.batch.children import settle
from dsvl2.pipelines.batch.codec import (
    Header,
    pack_image,
    pack_request,
    pack_result,
    receive,
    send,
    unpack_notices,
    unpack_result,
)
from dsvl2.pipelines.batch.reader import summary
from dsvl2.pipelines.batch.requests import RequestPage, is_request, open_request, request_digest
from dsvl2.pipelines.documents import Document, ModelStamp, PageError, ReadPage, UnreadablePage
from dsvl2.pipelines.errors import DocumentError, UnreadableFile, UnsupportedFile, page_error
from dsvl2.pipelines.sources import Source, SourceOptions, open_source, printable


def decoder_main(pipe: Connection, options: SourceOptions, memory: int | None) -> None:
    """Answer `open` and `page` requests until the pipe closes."""
    settle(memory)
    decoder = Decoder(options)
    with suppress(EOFError, OSError):
        while True:
            header, blobs = receive(pipe)
            if header["op"] == "open":
                send(pipe, decoder.open(header))
            elif header["op"] == "render":
                send(pipe, *decoder.render(header, blobs))
            else:
                answer, pixels = decoder.page(header)
                send(pipe, answer, pixels)


class Decoder:
    """Holds one open document."""

    def __init__(self, options: SourceOptions) -> None:
        self._options = options
        self._source: Source | None = None
        self._request: RequestPage | None = None

    def open(self, header: Header) -> Header:
        """Open the document; `sha256` saves hashing it again. The answer has its facts, or `error`."""
        if self._source is not None:
            self._source.close()
            self._source = None
        self._request = None
        try:
            if is_request(header.get("url") or ""):
                self._request = open_request(header["url"], header["name"], self._options)
                digest = header["sha256"] or request_digest(header["url"])
                return {"sha256": digest, "kind": "request", "page_count": 1, "selected": [1], "notices": []}
            source = self._source = self._opened(header)
            if source.stored is not None:
                fact = f"{header['name']} was read already, and a batch keeps what it read itself"
                raise UnsupportedFile(fact, hint="dsvl2 ocr, ask, extract and table take it as it is")
            return {
                "sha256": header["sha256"] or source.sha256,
                "kind": source.kind,
                "page_count": source.page_count,
                "selected": list(source.selected),
                "notices": [[notice.code, notice.message] for notice in source.notices],
            }
        except Exception as error:  # decoders raise everything there is
            return {"error": _told(error, header["name"])}

    def _opened(self, header: Header) -> Source:
        if header.get("url"):
            from dsvl2.pipelines.batch.remote import fetch

            data = fetch(header["url"], header["name"], self._options.limits)
            return open_source(data, self._options, name=header["name"])
        if header["spooled"]:
            return open_source(Path(header["path"]).read_bytes(), self._options, name=header["name"])
        return open_source(Path(header["path"]), self._options, name=header["name"])

    def render(self, header: Header, blobs: Sequence[bytes]) -> tuple[Header, list[bytes]]:
        """Make an output from the original file and the packed results of its pages. The answer has it, or `error`."""
        from dsvl2.pipelines.formats import RenderOptions, get_format, rendered

        try:
            with self._opened(header) as source:
                head = header["document"]
                document = Document(
                    head["source"],
                    tuple(unpack_result(blob, head["source"]) for blob in blobs),
                    head["page_count"],
                    header["sha256"],
                    None if head["model"] is None else ModelStamp(**head["model"]),
                    tuple((name, value) for name, value in head["options"]),
                    unpack_notices(head["notices"]),
                )
                options = RenderOptions(*header["render"])
                made = rendered(get_format(header["format"]), document, source.original, options)
            told = [[notice.code, notice.message] for notice in made.notices]
            return {"notices": told}, [made.data.encode() if isinstance(made.data, str) else made.data]
        except Exception as error:
            return {"error": _told(error, header["name"])}, []

    def page(self, header: Header) -> tuple[Header, list[bytes]]:
        """Draw a page; `dpi` overrides the usual resolution, `image` asks for the image even where a text layer says it all.

        The answer has the image, a `result`, or `error`.
        """
        if self._request is not None:
            told, pixels = pack_request(self._request)
            return told, [pixels]
        source = self._source
        assert source is not None
        layer = "ignore" if header.get("image") else self._options.text_layer
        source.options = replace(self._options, dpi=header["dpi"] or self._options.dpi, text_layer=layer)
        page = source.page(header["number"])
        if isinstance(page, UnreadablePage):
            error = _memory_named(page.error)
            return {"number": page.number, "error": [error.code, error.message, error.hint]}, []
        if isinstance(page, ReadPage):  # its text layer says it all
            return {"result": summary(page.result, 0.0)}, [pack_result(page.result, source.name)]
        answer, pixels = pack_image(page)
        return answer, [pixels]


def _memory_named(error: PageError) -> PageError:
    """MuPDF reports a refused allocation as any other damage."""
    if error.code == "file_unreadable" and "alloc (" in error.message:
        return replace(page_error(MemoryError()), hint="raise --decode-memory, or use a lower --dpi")
    return error


def _told(error: Exception, name: str) -> list[str]:
    if not isinstance(error, (DocumentError, MemoryError)):
        fact = " ".join(str(error).split())[:200] or type(error).__name__
        error = UnreadableFile(f"{name} is damaged: {printable(fact)}")
    told = _memory_named(page_error(error))
    return [told.code, told.message, told.hint]
