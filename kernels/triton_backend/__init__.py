"""Triton kernels, one file each; reached through `ops` only. On a machine without a GPU they run under TRITON_INTERPRET=1."""
