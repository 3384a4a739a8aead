"""Virtual pages that teach the embedded model to answer questions about the spatial text of a page."""
