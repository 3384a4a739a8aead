// Runs kernels of `rows.cu` a block at a time: called through ctypes by test_cuda_one.py.
#include "rows.cu"

#include "blocks.cuh"

static Rows rows;

extern "C" int emulate_rows(const Rows* given, int columns, int count) {
    rows = *given;
    switch (columns) {
        case 1280: return blocks(count, 256, [] { rows_1280(rows); });
        case 2048: return blocks(count, 256, [] { rows_2048(rows); });
        case 2560: return blocks(count, 256, [] { rows_2560(rows); });
        case 4096: return blocks(count, 256, [] { rows_4096(rows); });
    }
    return 2;
}
