"""PDF pages as images, by PyMuPDF. MuPDF's own messages become notices and never reach stderr."""

from __future__ import annotations

from math import ceil
from types import ModuleType
from typing import Any

from PIL import Image

from dsvl2.pipelines.documents import Notice, PageImage, ReadPage, TextLayerUse
from dsvl2.pipelines.errors import Encrypted, FileMissing, UnreadableFile, WrongPassword
from dsvl2.pipelines.sources.attachments import attachment_notice
from dsvl2.pipelines.sources.base import Blob, PageInfo, Source, SourceOptions
from dsvl2.pipelines.sources.pdf_text import layer_page
from dsvl2.pipelines.sources.salvage import is_lost, rebuild_page_tree, whole_objects
from dsvl2.pipelines.textlayer import judge, layer_result

DEFAULT_DPI = 150.0
SCAN_DPI = (100.0, 300.0)
"""A page that is one scanned image is rendered at that image's own resolution, within these bounds."""
_SCAN_COVERAGE = 0.8
_LOWEST_DPI = 72.0
_STORE_INTERVAL = 16
_INVISIBLE = 3  # PDF text rendering mode of the text that OCR programs lay under a scan
_HARMLESS = ("...", "PDF stream Length incorrect")  # the first only repeats the line before it


class PdfSource(Source):
    """The pages of a PDF file. A damaged file that MuPDF can repair is read, with the notice `pdf_repaired`.

    Raises:
        Encrypted, WrongPassword, UnreadableFile, PageRangeError, PageMissing, TooLarge.
    """

    kind = "pdf"

    def __init__(self, blob: Blob, options: SourceOptions) -> None:
        super().__init__(blob, options)
        self._mupdf = _quiet_mupdf()
        self._document: Any = self._open(blob)
        self._decided: dict[int, ReadPage | TextLayerUse] = {}
        self._gathered = False
        try:
            self._unlock()
            self._repaired = bool(self._document.is_repaired)
            self.select(self._count())
        except BaseException:
            self._document.close()
            raise
        if self._repaired:
            what = "pages may be missing"
            if self._gathered:
                what = f"its list of pages is gone, and {self._document.page_count} pages were found; others may be missing"
            self.notices.append(Notice("pdf_repaired", f"{self.name} is damaged and was repaired; {what}"))
        inside = attachment_notice(self._document, self.name)
        if inside is not None:
            self.notices.append(inside)

    def _open(self, blob: Blob) -> Any:
        try:
            if blob.data is not None:
                return self._mupdf.open(stream=blob.data, filetype="pdf")
            blob.open().close()  # for the plain message if it cannot be read
            return self._mupdf.open(str(blob.path), filetype="pdf")
        except FileMissing:
            raise
        except Exception as error:
            with blob.open() as file:
                whole = whole_objects(file.read())
            try:
                if whole:
                    return self._mupdf.open(stream=whole, filetype="pdf")
            except Exception:  # what was wrong with the file itself says more
                pass
            raise UnreadableFile(f"{blob.name} is damaged beyond repair, or no PDF at all") from error

    def _unlock(self) -> None:
        if not self._document.needs_pass:
            return
        if self.options.password is None:
            raise Encrypted(f"{self.name} is encrypted")
        if not self._document.authenticate(self.options.password):
            raise WrongPassword(f"{self.name}: the password does not open it")

    def _count(self) -> int:
        try:
            count = int(self._document.page_count)
            self._document.page_xref(0)
        except Exception:
            count = 0
        if count > 0:
            return count
        try:
            count = rebuild_page_tree(self._document)
        except Exception as error:
            raise UnreadableFile(f"{self.name} is damaged: its list of pages cannot be read") from error
        if count < 1:
            raise UnreadableFile(f"{self.name} is damaged: there is no page in it")
        self._repaired = True
        self._gathered = True
        return count

    def text_page(self, number: int) -> ReadPage | None:
        """Return the page as its text layer has it, None if that is ignored, missing or not to be trusted."""
        if self.options.text_layer == "ignore":
            return None
        if number not in self._decided:
            page = self._document.load_page(number - 1)
            if self._repaired and is_lost(self._document, page):
                return None  # an error when it is to be drawn
            layer = layer_page(self._mupdf, page)
            use = judge(layer, self.options.text_layer)
            if use.decision == "used":
                dpi = self._resolution(page, number)[0] if layer.pictures else self.options.dpi or DEFAULT_DPI
                self._decided[number] = ReadPage(layer_result(layer, number, dpi, use))
            else:
                self._decided[number] = use
            self._warnings()
        decided = self._decided[number]
        return decided if isinstance(decided, ReadPage) else None

    def raw_text(self, number: int) -> str:
        """Return the page's text layer as it stands: some milliseconds, where judging it takes tens."""
        if self.options.text_layer == "ignore":
            return ""
        try:
            text = str(self._document.load_page(number - 1).get_text("text"))
        except Exception:  # what is wrong with the page comes out when it is read
            text = ""
        self._warnings()
        return text

    def read_page(self, number: int) -> PageImage:
        """Render page `number`; `text_layer` is its text as stored in the file, None if it has none."""
        self._warnings()
        page = self._document.load_page(number - 1)
        if self._repaired and is_lost(self._document, page):
            raise UnreadableFile(f"page {number} is damaged: what it showed is no longer in the file")
        dpi, notices = self._resolution(page, number)
        self._check_embedded(page, number)
        zoom = dpi / 72.0
        pixmap = page.get_pixmap(
            matrix=self._mupdf.Matrix(zoom, zoom),
            colorspace=self._mupdf.csRGB if self.options.color else self._mupdf.csGRAY,
            alpha=False,
        )
        mode = "RGB" if self.options.color else "L"
        image = Image.frombytes(mode, (pixmap.width, pixmap.height), pixmap.samples_mv)
        text = page.get_text("text").strip()
        warnings = self._warnings()
        if warnings and len(set(image.getextrema() if mode == "L" else image.convert("L").getextrema())) == 1:
            raise UnreadableFile(f"page {number} is damaged: nothing of it can be drawn ({warnings[0]})")
        if warnings:
            more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
            notices += (Notice("pdf_warning", f"MuPDF: {warnings[0]}{more}"),)
        size = (float(page.rect.width), float(page.rect.height))
        del page, pixmap
        if number % _STORE_INTERVAL == 0:
            self._mupdf.TOOLS.store_shrink(
                100
            )  # MuPDF keeps decoded images and fonts of every page until told otherwise
        use = self._decided.pop(number, None)
        use = use if isinstance(use, TextLayerUse) else None
        return PageImage(number, image, dpi, size, text or None, self.name, notices, use)

    def page_info(self, number: int) -> PageInfo:
        """Describe page `number` without rendering it."""
        page = self._document.load_page(number - 1)
        dpi, _ = self._resolution(page, number)
        width, height = float(page.rect.width), float(page.rect.height)
        pixels = (ceil(width * dpi / 72 - 0.001), ceil(height * dpi / 72 - 0.001))
        return PageInfo(number, *pixels, dpi, (width, height), len("".join(page.get_text("text").split())))

    def _resolution(self, page: Any, number: int) -> tuple[float, tuple[Notice, ...]]:
        """Choose the dpi; automatic ones give way to the pixel limit, one that was asked for does not."""
        width, height = float(page.rect.width), float(page.rect.height)
        if not (width > 0 and height > 0):
            raise UnreadableFile(f"page {number} has no area")
        limits, what = self.options.limits, f"page {number}"
        dpi = self.options.dpi or self._natural_dpi(page)
        notices: tuple[Notice, ...] = ()
        if self.options.dpi is None and limits.megapixels:
            fits = (limits.megapixels * 1e6 / (width * height)) ** 0.5 * 72.0 * 0.99
            if _LOWEST_DPI <= fits < dpi:
                message = f"page {number} is {width / 72:.0f} x {height / 72:.0f} inches: rendered at {fits:.0f} dpi"
                notices, dpi = (Notice("page_downscaled", message),), fits
        limits.check_pixels(round(width * dpi / 72), round(height * dpi / 72), f"{what} at {dpi:.0f} dpi")
        return dpi, notices

    def _natural_dpi(self, page: Any) -> float:
        """150 dpi, or the resolution of the scan if scanned images cover the page (1:1 keeps every stroke as it is)."""
        area = float(page.rect.width) * float(page.rect.height)
        covered, best = 0.0, 0.0
        for image in page.get_image_info():
            x0, y0, x1, y1 = image["bbox"]
            width, height = abs(x1 - x0), abs(y1 - y0)
            covered += width * height / area
            if width * height > 0.05 * area:
                pairs = zip(sorted((image["width"], image["height"])), sorted((width, height)), strict=True)
                best = max(best, *(pixels / side * 72 for pixels, side in pairs))
        if covered < _SCAN_COVERAGE or best == 0.0:
            return DEFAULT_DPI
        dpi = min(max(best, SCAN_DPI[0]), SCAN_DPI[1])
        if dpi < DEFAULT_DPI and any(span["type"] != _INVISIBLE for span in page.get_texttrace()):
            return DEFAULT_DPI  # printed text over a coarse picture
        return dpi

    def _check_embedded(self, page: Any, number: int) -> None:
        """Refuse embedded images that are bombs: rendering decodes them whole."""
        for entry in page.get_images(full=False):
            self.options.limits.check_pixels(int(entry[2]), int(entry[3]), f"page {number}: an image inside it")

    def _warnings(self) -> list[str]:
        """Return what MuPDF complained of since the last call, without what does no harm."""
        lines = [line.strip()[:200] for line in self._mupdf.TOOLS.mupdf_warnings().splitlines()]
        return [line for line in lines if line and not line.startswith(_HARMLESS)]

    def close(self) -> None:
        """Let go of the file and of what MuPDF cached of it."""
        if not self._document.is_closed:
            self._document.close()
            self._mupdf.TOOLS.store_shrink(100)


def _quiet_mupdf() -> ModuleType:
    """Import PyMuPDF (a second of start-up that only PDFs should pay) and keep it from writing to stderr."""
    import pymupdf

    tools: Any = pymupdf.TOOLS
    tools.mupdf_display_errors(False)
    tools.mupdf_display_warnings(False)
    return pymupdf
