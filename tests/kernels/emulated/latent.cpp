// Runs `latent.cu` over rows of a cache, a cluster at a time: called through ctypes by test_cuda_latents.py.
#include "latent.cu"
#include "clusters.cuh"

static Given given;
static Map map;

// 0, or 1 if the threads wait for each other for ever.
extern "C" int emulate(const unsigned short* query, const unsigned short* cache, const int* table, const int* lengths, unsigned short* out, int rows, int columns, int shares) {
    int split = 0;
    while (2 << split <= shares) split++;
    given = {query, table, lengths, out, columns, rows, shares, split};
    map.base = cache;
    copies.clear();
    return clusters(rows, shares, 384, [] { latent(given, map); }, move_copies);
}
