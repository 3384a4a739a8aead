"""The network and its runtime. Names are imported lazily: config, tiling and reading do not pull torch in."""
