/* Products of a few rows of floats with a packed matrix.

   A row's sums run over the columns one after the other, whatever the number of rows: its bits depend on no neighbour. */
#ifndef DSVL2_PRODUCT_H
#define DSVL2_PRODUCT_H

#include "vectors.h"

enum kind { INT8, FP32 };

/* Elements by 16 rows of the matrix: int8 [out / 16][in / 4][16][4], floats [out / 16][in][16]. Each of the `out` sums is
   multiplied by its scale (none: NULL). */
struct matrix {
    const void *codes;
    const float *scale;
    int32_t out, in, kind, unused;
};

INLINE void tile(const struct matrix *m, int first, const int blocks, const int rows, enum kind kind, float *const *y,
                 const float *const *x, const float *share) {
    floats sums[4][8] = {{{0}}};
    const int in = m->in, step = kind == INT8 ? 4 : 1;
    const float *codes = (const float *)m->codes + (long)first * (in / step) * LANES;
    for (int k = 0; k < in; k += step, codes += LANES) {
#pragma GCC unroll 8
        for (int b = 0; b < blocks; b++) {
            const float *here = codes + (long)b * (in / step) * LANES;
#pragma GCC unroll 4
            for (int i = 0; i < step; i++) {
                floats weight = kind == INT8 ? byte_of(load_words(here), i) : load(here);
#pragma GCC unroll 4
                for (int r = 0; r < rows; r++) sums[r][b] += weight * x[r][k + i];
            }
        }
    }
#pragma GCC unroll 8
    for (int b = 0; b < blocks; b++) {
        int at = (first + b) * LANES;
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            floats done = m->scale ? sums[r][b] * load(m->scale + at) : sums[r][b];
            store(y[r] + at, share ? load(y[r] + at) + done * share[r] : done);
        }
    }
}

INLINE void strip(const struct matrix *m, const int rows, enum kind kind, float *const *y, const float *const *x,
                  const float *share) {
    int blocks = m->out / LANES, b = 0;
    if (rows == 1)
        for (; b + 8 <= blocks; b += 8) tile(m, b, 8, rows, kind, y, x, share);
    for (; b + 4 <= blocks; b += 4) tile(m, b, 4, rows, kind, y, x, share);
    for (; b < blocks; b++) tile(m, b, 1, rows, kind, y, x, share);
}

/* y[r] = m x[r], or with shares y[r] += share[r] * m x[r]. Few forms of the loop: each costs a second to compile. */
CLONED static void product(const struct matrix *m, int rows, float *const *y, const float *const *x, const float *share) {
    int r = 0;
    if (m->kind == INT8) {
        for (; r + 4 <= rows; r += 4) strip(m, 4, INT8, y + r, x + r, share ? share + r : 0);
        for (; r + 2 <= rows; r += 2) strip(m, 2, INT8, y + r, x + r, share ? share + r : 0);
        if (r < rows) strip(m, 1, INT8, y + r, x + r, share ? share + r : 0);
    } else {
        for (; r + 4 <= rows; r += 4) strip(m, 4, FP32, y + r, x + r, share ? share + r : 0);
        for (; r < rows; r++) strip(m, 1, FP32, y + r, x + r, share ? share + r : 0);
    }
}

#endif
