// Runs `heads.cu` a cluster at a time: called through ctypes by test_cuda_heads.py.
#include "heads.cu"

#include "clusters.cuh"

static Heads given;

extern "C" int emulate_heads(const Heads* what) {
    given = *what;
    return clusters(given.heads, 8, 256, [] { heads_128(given); });
}
