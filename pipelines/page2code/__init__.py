"""A screenshot as one HTML file: placed from what was read, or written by a whole-page checkpoint and made safe."""

from dsvl2.pipelines.page2code.place import placed_html
from dsvl2.pipelines.page2code.sanitize import safe_html
from dsvl2.pipelines.page2code.task import SPEC, PageCode, page_from_image, page_from_reading, parse_html

__all__ = ["SPEC", "PageCode", "page_from_image", "page_from_reading", "parse_html", "placed_html", "safe_html"]
