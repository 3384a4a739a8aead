/* Absorbed latent attention of one token: all heads look at one row of latents, kept in blocks with the tokens side by side. */
#ifndef DSVL2_ATTENTION_H
#define DSVL2_ATTENTION_H

#include "vectors.h"

#define BLOCK 64    /* tokens of a block [width][BLOCK]: 28 KB of nano, which a core's first cache holds */
#define VECTORS (BLOCK / LANES)
#define TOGETHER 4  /* heads */

/* scores[h][BLOCK] of one block for TOGETHER heads, `apart` floats from head to head; query [h][width]. */
INLINE void score(float *scores, long apart, const float *query, const float *block, int width) {
    floats sums[TOGETHER][VECTORS] = {{{0}}};
    for (int d = 0; d < width; d++, block += BLOCK) {
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            floats key = load(block + v * LANES);
#pragma GCC unroll 4
            for (int h = 0; h < TOGETHER; h++) sums[h][v] += key * query[h * width + d];
        }
    }
#pragma GCC unroll 4
    for (int h = 0; h < TOGETHER; h++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) store(scores + h * apart + v * LANES, sums[h][v]);
}

/* Turn the scores of `seen` tokens into shares that add up to 1, and what follows up to `tokens` into 0. */
INLINE void softmax(float *scores, int seen, int tokens) {
    floats best = {0}, all = {0};
    for (int t = seen; t < tokens; t++) scores[t] = scores[0];
    best += scores[0];
    for (int t = 0; t < tokens; t += LANES) best = chosen(load(scores + t) > best, load(scores + t), best);
    float part[LANES], most = scores[0];
    store(part, best);
    for (int i = 0; i < LANES; i++) most = part[i] > most ? part[i] : most;
    for (int t = 0; t < tokens; t += LANES) store(scores + t, exponential(load(scores + t) - most));
    for (int t = seen; t < tokens; t++) scores[t] = 0;
    for (int t = 0; t < tokens; t += LANES) all += load(scores + t);
    float by = 1 / sum(all);
    for (int t = 0; t < tokens; t += LANES) store(scores + t, load(scores + t) * by);
}

/* mixed[h][d] for TOGETHER heads and four columns from d on: the tokens' latents by their shares. */
INLINE void mix(float *mixed, const float *shares, long apart, const float *kept, int tokens, int rank, int width) {
    floats sums[TOGETHER][4] = {{{0}}};
    for (int t = 0; t < tokens; t += BLOCK, kept += (long)width * BLOCK, shares += BLOCK)
        for (int v = 0; v < BLOCK; v += LANES) {
#pragma GCC unroll 4
            for (int c = 0; c < 4; c++) {
                floats latent = load(kept + c * BLOCK + v);
#pragma GCC unroll 4
                for (int h = 0; h < TOGETHER; h++) sums[h][c] += latent * load(shares + h * apart + v);
            }
        }
#pragma GCC unroll 4
    for (int h = 0; h < TOGETHER; h++)
#pragma GCC unroll 4
        for (int c = 0; c < 4; c++) mixed[h * rank + c] = sum(sums[h][c]);
}

/* query [heads][width], scaled; kept [size / BLOCK][width][BLOCK], latents first; `seen` tokens of it -> mixed [heads][rank].
   scores: room for heads * size floats. */
CLONED static void attend(float *mixed, float *scores, const float *query, const float *kept, int seen, int heads, int rank,
                          int width, long size) {
    int tokens = (seen + BLOCK - 1) / BLOCK * BLOCK;
    for (int t = 0; t < tokens; t += BLOCK)
        for (int h = 0; h < heads; h += TOGETHER)
            score(scores + h * size + t, size, query + h * width, kept + (long)t * width, width);
    for (int h = 0; h < heads; h++) softmax(scores + h * size, seen, tokens);
    for (int d = 0; d < rank; d += 4)
        for (int h = 0; h < heads; h += TOGETHER)
            mix(mixed + h * rank + d, scores + h * size, size, kept + (long)d * BLOCK, tokens, rank, width);
}

#endif
