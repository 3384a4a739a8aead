"""PDF files that look like the original and can be searched: the original's pages with invisible text on them."""

from dsvl2.pipelines.searchable.write import searchable_pdf, text_only_pdf

__all__ = ["searchable_pdf", "text_only_pdf"]
