"""Schemes for stored weights: `schemes` says how, `convert` rewrites a checkpoint."""
