"""Save what is left of a PDF that was cut short, as in a download that broke off."""

from __future__ import annotations

from typing import Any


def whole_objects(data: bytes) -> bytes:
    """Return the PDF up to the end of its last whole object: MuPDF gives up on one that breaks off. Empty if none."""
    end = data.rfind(b"endobj")
    return data[: end + 6] + b"\n" if end >= 0 else b""


def rebuild_page_tree(document: Any) -> int:
    """Gather the page objects that are still there, in file order, under a new tree; return how many there are.

    `document` is an open pymupdf Document; it is changed in memory only. What pages inherited from the lost tree (paper
    size, fonts) stays lost. Any damage that stops this raises whatever PyMuPDF raises.
    """
    pages = [xref for xref in range(1, document.xref_length()) if _is_page(document, xref)]
    if not pages:
        return 0
    tree, catalog = document.get_new_xref(), document.get_new_xref()
    kids = " ".join(f"{page} 0 R" for page in pages)
    document.update_object(tree, f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>")
    document.update_object(catalog, f"<</Type/Catalog/Pages {tree} 0 R>>")
    for page in pages:
        document.xref_set_key(page, "Parent", f"{tree} 0 R")
    document.xref_set_key(-1, "Root", f"{catalog} 0 R")
    return int(document.page_count)


def is_lost(document: Any, page: Any) -> bool:
    """Say whether the page object, all it draws with, or the pictures it draws lay in the part that is gone.

    MuPDF shows such a page as an empty sheet. One that never had anything on it is none of these.
    """
    try:
        kind, _ = document.xref_get_key(page.xref, "Contents")
    except ValueError:  # its object is not there
        return True
    if kind == "null":
        return False
    parts = [part for part in page.get_contents() if document.xref_is_stream(part)]
    if not parts:
        return True
    drawing = page.read_contents()
    pictures_alone = b" Do" in drawing and b"Tj" not in drawing and b"TJ" not in drawing
    return pictures_alone and not page.get_images() and not page.get_xobjects()


def _is_page(document: Any, xref: int) -> bool:
    try:
        return bool(document.xref_get_key(xref, "Type") == ("name", "/Page"))
    except Exception:  # a damaged object is no page
        return False
