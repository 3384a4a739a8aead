"""Documents in, documents out: sources, pages, tasks and formats. This is the public door of the layer."""
