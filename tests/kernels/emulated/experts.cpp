// Runs kernels of `experts.cu` a block at a time: called through ctypes by test_cuda_one.py.
#include "experts.cu"

#include "blocks.cuh"

static Both both;
static Down down;

extern "C" int emulate_both(const Both* given, int columns, int count) {
    both = *given;
    switch (columns) {
        case 1280: return blocks(count / 2, 256, [] { both_1280(both); });
        case 2048: return blocks(count, 128, [] { both_2048(both); });
        case 2560: return blocks(count / 2, 256, [] { both_2560(both); });
    }
    return 2;
}

extern "C" int emulate_down(const Down* given, int width, int count) {
    down = *given;
    switch (width) {
        case 896: return blocks(count, 512, [] { down_896(down); });
        case 1408: return blocks(count, 512, [] { down_1408(down); });
        case 1536: return blocks(count, 512, [] { down_1536(down); });
    }
    return 2;
}
