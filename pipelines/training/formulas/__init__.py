"""Pictures of formulas with their LaTeX: sources, typesetting by TeX, and the batches the embedded model learns from."""
