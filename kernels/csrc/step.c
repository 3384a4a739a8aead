/* One decode step of a small DeepSeek-V2 decoder on one CPU thread: latent attention, routed and shared experts.

   A step of such a model is some 300 operations of a microsecond each; started one by one from Python they take ten times
   as long. Rows are independent of each other: each sum has one order. Compiled to a plain shared library without Python. */
#include <math.h>

#include "attention.h"
#include "product.h"

#define MOST 64 /* rows of a step */

struct layer {
    const float *norm, *after, *latent;
    struct matrix into, key, value, back, router; /* key, value: of the first head, in floats, the others behind */
    struct matrix gate_up, down; /* what every token goes through */
    const struct matrix *experts; /* gate over up, down, gate over up, ... of the routed ones */
};

struct model {
    int32_t layers, hidden, heads, rank, rotary, nope, value, routed, chosen, width, always, vocab, normalized, unused;
    float eps, latent_eps, scale, factor;
    const float *embedding, *norm, *cos, *sin; /* angles [positions][rotary / 2] */
    struct matrix head;
    const struct layer *layer;
};

/* What belongs to the sequences: one array [slots][size / BLOCK][rank + rotary][BLOCK] a layer, and room for what lies in between. */
struct state {
    float *const *kept;
    float *room;
    long size;
};

CLONED static void rms_norm(float *y, const float *x, const float *gain, int width, float eps) {
    floats squares = {0};
    for (int i = 0; i < width; i += LANES) squares += load(x + i) * load(x + i);
    float by = 1 / sqrtf(sum(squares) / width + eps);
    for (int i = 0; i < width; i += LANES) store(y + i, load(x + i) * by * load(gain + i));
}

CLONED static void swiglu(float *both, int width, float share) {
    for (int i = 0; i < width; i += LANES) {
        floats gate = load(both + i), up = load(both + width + i);
        store(both + i, gate / (1 + exponential(-gate)) * up * share);
    }
}

CLONED static void add(float *x, const float *delta, int width) {
    for (int i = 0; i < width; i += LANES) store(x + i, load(x + i) + load(delta + i));
}

/* Pairs of neighbours turned, the first ones of all pairs before the second ones. */
static void rotate(float *y, const float *x, const float *cos, const float *sin, int half) {
    for (int i = 0; i < half; i++) {
        y[i] = x[2 * i] * cos[i] - x[2 * i + 1] * sin[i];
        y[half + i] = x[2 * i + 1] * cos[i] + x[2 * i] * sin[i];
    }
}

/* Norm and turn what a token leaves behind, and write it to its place. */
static void leave(const struct model *m, const struct layer *l, float *latent, float *kept, int position) {
    int half = m->rotary / 2;
    float turned[256];
    rotate(turned, latent + m->rank, m->cos + (long)position * half, m->sin + (long)position * half, half);
    rms_norm(latent, latent, l->latent, m->rank, m->latent_eps);
    memcpy(latent + m->rank, turned, m->rotary * sizeof *turned);
    int width = m->rank + m->rotary, block = position / BLOCK;
    for (int d = 0; d < width; d++) kept[((long)block * width + d) * BLOCK + position % BLOCK] = latent[d];
}

/* Queries [heads][rank + rotary] of all rows: the first part through the keys' half of kv_b, the second turned. */
static void ask(const struct model *m, const struct layer *l, int rows, float *const *query, float *const *both,
                const int32_t *positions) {
    int half = m->rotary / 2, wide = m->nope + m->rotary;
    for (int h = 0; h < m->heads; h++) {
        struct matrix key = l->key;
        key.codes = (const float *)key.codes + (long)h * m->nope * m->rank;
        float *to[MOST];
        const float *from[MOST];
        for (int r = 0; r < rows; r++) {
            float *own = both[r] + h * wide;
            to[r] = query[r] + h * (m->rank + m->rotary), from[r] = own;
            for (int i = 0; i < wide; i++) own[i] *= m->scale;
            long at = (long)positions[r] * half;
            rotate(to[r] + m->rank, own + m->nope, m->cos + at, m->sin + at, half);
        }
        product(&key, rows, to, from, 0);
    }
}

/* The values of all heads [heads][value] from their mixed latents, for all rows. */
static void reveal(const struct model *m, const struct layer *l, int rows, float *const *values, float *const *mixed) {
    for (int h = 0; h < m->heads; h++) {
        struct matrix value = l->value;
        value.codes = (const float *)value.codes + (long)h * m->value * m->rank;
        float *to[MOST];
        const float *from[MOST];
        for (int r = 0; r < rows; r++) to[r] = values[r] + h * m->value, from[r] = mixed[r] + h * m->rank;
        product(&value, rows, to, from, 0);
    }
}

/* The best `chosen` of the router's scores, each with its softmax; -1 elsewhere. */
static void choose(const struct model *m, float *share, const float *logits) {
    float best = logits[0], total = 0, kept = 0, chance[256];
    for (int e = 1; e < m->routed; e++) best = logits[e] > best ? logits[e] : best;
    for (int e = 0; e < m->routed; e++) total += chance[e] = expf(logits[e] - best);
    for (int e = 0; e < m->routed; e++) chance[e] /= total, share[e] = -1;
    for (int n = 0; n < m->chosen; n++) {
        int top = -1;
        for (int e = 0; e < m->routed; e++)
            if (share[e] < 0 && (top < 0 || chance[e] > chance[top])) top = e;
        kept += share[top] = chance[top];
    }
    float by = m->normalized && m->chosen > 1 ? m->factor / (kept + 1e-20f) : m->factor;
    for (int e = 0; e < m->routed; e++)
        if (share[e] >= 0) share[e] *= by;
}

/* Add to y[r] what an expert makes of x[r], for some rows: hidden [rows][2 * width]. */
static void expert(const struct matrix *gate_up, const struct matrix *down, int rows, float *const *y,
                   const float *const *x, const float *share, float *room) {
    int width = down->in;
    float *hidden[MOST] = {0};
    const float *inner[MOST];
    float whole[MOST];
    for (int r = 0; r < rows; r++) inner[r] = hidden[r] = room + (long)r * 2 * width, whole[r] = 1;
    product(gate_up, rows, hidden, x, 0);
    for (int r = 0; r < rows; r++) swiglu(hidden[r], width, share[r]);
    product(down, rows, y, inner, whole);
}

static void feed(const struct model *m, const struct layer *l, int rows, float *const *y, const float *const *x,
                 float *room) {
    float whole[MOST], share[MOST][256], *scores[MOST] = {0};
    for (int r = 0; r < rows; r++) {
        memset(y[r], 0, m->hidden * sizeof **y);
        whole[r] = 1;
        scores[r] = room + (long)r * 256;
    }
    if (l->experts) {
        product(&l->router, rows, scores, x, 0);
        for (int r = 0; r < rows; r++) choose(m, share[r], scores[r]);
        for (int e = 0; e < m->routed; e++) {
            float *to[MOST], own[MOST];
            const float *from[MOST];
            int some = 0;
            for (int r = 0; r < rows; r++)
                if (share[r][e] >= 0) to[some] = y[r], from[some] = x[r], own[some++] = share[r][e];
            if (some) expert(l->experts + 2 * e, l->experts + 2 * e + 1, some, to, from, own, room);
        }
    }
    if (l->down.in) expert(&l->gate_up, &l->down, rows, y, x, whole, room);
}

CLONED static float likeliest(const float *logits, int count, int32_t *id) {
    int top = 0;
    for (int i = 1; i < count; i++)
        if (logits[i] > logits[top]) top = i;
    floats all = {0};
    for (int i = 0; i < count; i += LANES) all += exponential(load(logits + i) - logits[top]);
    *id = top;
    return -logf(sum(all));
}

/* Compute `rows` tokens: their logits [rows][vocab], the likeliest next token of each and its log probability. */
void dsvl2_step(const struct model *m, const struct state *s, int rows, const int32_t *tokens, const int32_t *positions,
                const int32_t *slots, float *logits, int32_t *ids, float *chances) {
    int width = m->rank + m->rotary;
    long slot = width * s->size;
    float *room = s->room, *x[MOST], *normed[MOST], *both[MOST], *query[MOST], *mixed[MOST], *values[MOST], *delta[MOST],
          *out[MOST];
    const float *const *seen = (const float *const *)normed;
    for (int r = 0; r < rows; r++) {
        x[r] = room, room += m->hidden;
        normed[r] = room, room += m->hidden;
        delta[r] = room, room += m->hidden;
        both[r] = room, room += m->layer[0].into.out;
        query[r] = room, room += m->heads * width;
        mixed[r] = room, room += m->heads * m->rank;
        values[r] = room, room += m->heads * m->value;
        out[r] = logits + (long)r * m->vocab;
        memcpy(x[r], m->embedding + (long)tokens[r] * m->hidden, m->hidden * sizeof **x);
    }
    for (int n = 0; n < m->layers; n++) {
        const struct layer *l = m->layer + n;
        float *kept = s->kept[n];
        for (int r = 0; r < rows; r++) rms_norm(normed[r], x[r], l->norm, m->hidden, m->eps);
        product(&l->into, rows, both, seen, 0);
        for (int r = 0; r < rows; r++) /* all write before one looks: they may belong to one sequence */
            leave(m, l, both[r] + m->heads * (m->nope + m->rotary), kept + slots[r] * slot, positions[r]);
        ask(m, l, rows, query, both, positions);
        for (int r = 0; r < rows; r++)
            attend(mixed[r], room, query[r], kept + slots[r] * slot, positions[r] + 1, m->heads, m->rank, width, s->size);
        reveal(m, l, rows, values, mixed);
        product(&l->back, rows, delta, (const float *const *)values, 0);
        for (int r = 0; r < rows; r++) {
            add(x[r], delta[r], m->hidden);
            rms_norm(normed[r], x[r], l->after, m->hidden, m->eps);
        }
        feed(m, l, rows, delta, seen, room);
        for (int r = 0; r < rows; r++) add(x[r], delta[r], m->hidden);
    }
    for (int r = 0; r < rows; r++) rms_norm(normed[r], x[r], m->norm, m->hidden, m->eps);
    product(&m->head, rows, out, seen, 0);
    for (int r = 0; r < rows; r++) chances[r] = likeliest(out[r], m->vocab, ids + r);
}

/* Floats of room that a step of so many rows needs over so many tokens. */
long dsvl2_room(const struct model *m, int rows, int size) {
    int inner = 2 * (m->width > m->always ? m->width : m->always);
    long each = 3L * m->hidden + m->layer[0].into.out + (long)m->heads * (2 * m->rank + m->rotary + m->value);
    long feed = (long)rows * (inner > 256 ? inner : 256), look = (long)m->heads * size;
    return rows * each + (feed > look ? feed : look) + LANES;
}
