"""Kernels in CUDA C++ for what Triton cannot say: clusters, and copies that the hardware makes. Compiled at first use."""
