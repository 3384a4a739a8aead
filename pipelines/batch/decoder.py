"""The process that opens untrusted files: it sends back page images, and dies alone if a library does."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from dsvl2.pipelines.batch.children import settle
from dsvl2.pipelines.batch.codec import Header, pack_image, pack_result, receive, send
from dsvl2.pipelines.batch.reader import summary
from dsvl2.pipelines.documents import PageError, ReadPage, UnreadablePage
from dsvl2.pipelines.errors import DocumentError, UnreadableFile, page_error
from dsvl2.pipelines.sources import Source, SourceOptions, open_source, printable


def decoder_main(pipe: Connection, options: SourceOptions, memory: int | None) -> None:
    """Answer `open` and `page` requests until the pipe closes."""
    settle(memory)
    decoder = Decoder(options)
    with suppress(EOFError, OSError):
        while True:
            header, _ = receive(pipe)
            if header["op"] == "open":
                send(pipe, decoder.open(header))
            else:
                answer, pixels = decoder.page(header)
                send(pipe, answer, pixels)


class Decoder:
    """Holds one open document."""

    def __init__(self, options: SourceOptions) -> None:
        self._options = options
        self._source: Source | None = None

    def open(self, header: Header) -> Header:
        """Open the document; `sha256` saves hashing it again. The answer has its facts, or `error`."""
        if self._source is not None:
            self._source.close()
            self._source = None
        try:
            path = Path(header["path"])
            if header["spooled"]:
                source = open_source(path.read_bytes(), self._options, name=header["name"])
            else:
                source = open_source(path, self._options, name=header["name"])
            self._source = source
            return {
                "sha256": header["sha256"] or source.sha256,
                "kind": source.kind,
                "page_count": source.page_count,
                "selected": list(source.selected),
                "notices": [[notice.code, notice.message] for notice in source.notices],
            }
        except (DocumentError, MemoryError) as error:
            failure = page_error(error)
        except Exception as error:  # decoders raise everything there is
            fact = " ".join(str(error).split())[:200] or type(error).__name__
            failure = page_error(UnreadableFile(f"{header['name']} is damaged: {printable(fact)}"))
        return {"error": [failure.code, failure.message, failure.hint]}

    def page(self, header: Header) -> tuple[Header, list[bytes]]:
        """Draw a page; `dpi` overrides the usual resolution. The answer has the image, a `result`, or `error`."""
        source = self._source
        assert source is not None
        source.options = replace(self._options, dpi=header["dpi"] or self._options.dpi)
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
