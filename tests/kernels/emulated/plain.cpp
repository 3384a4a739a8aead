// Runs kernels of `plain.cu` a block at a time: called through ctypes by test_cuda_plain.py.
#include "plain.cu"

#include "blocks.cuh"

static PlainDown down;

extern "C" int emulate_plain_down(const PlainDown* given, int width, int count) {
    down = *given;
    switch (width) {
        case 896: return blocks(count, 256, [] { plain_down_896(down); });
        case 1408: return blocks(count, 256, [] { plain_down_1408(down); });
        case 1536: return blocks(count, 256, [] { plain_down_1536(down); });
    }
    return 2;
}
