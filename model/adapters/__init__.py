"""Low-rank adapters (LoRA): `configuration` says what a folder holds and how strongly it acts, `files` reads it, `changes` is
what is added to a weight. They are merged into the weights while these are read; no forward pass learns of them."""
