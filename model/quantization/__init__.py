"""Weights in few bits: `schemes` says which weights in which format, `files` how they are stored, `modules` what runs on
them, `placement` puts these into a network, `convert` rewrites a checkpoint. The module tree never learns of any."""
