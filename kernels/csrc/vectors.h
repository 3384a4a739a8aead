/* Sixteen floats at a time, in the vector types that GCC and Clang know on every machine.

   A function marked CLONED is compiled for several generations of x86; the loader takes the one that this CPU runs. */
#ifndef DSVL2_VECTORS_H
#define DSVL2_VECTORS_H

#include <stdint.h>
#include <string.h>

#define LANES 16
#define INLINE static inline __attribute__((always_inline))
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__)
#define CLONED __attribute__((noinline, target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONED __attribute__((noinline))
#endif

typedef float floats __attribute__((vector_size(64)));
typedef int32_t ints __attribute__((vector_size(64)));

INLINE floats load(const float *from) {
    floats v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE ints load_words(const void *from) {
    ints v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void store(float *to, floats v) { memcpy(to, &v, sizeof v); }

/* The signed byte number `at` of each of sixteen words: shifts, because compilers are bad at widening bytes. */
INLINE floats byte_of(ints words, const int at) {
    return __builtin_convertvector(words << (24 - 8 * at) >> 24, floats);
}

/* a where the mask is all ones, b where it is zero: C has no ?: for vectors. */
INLINE floats chosen(ints mask, floats a, floats b) { return (floats)((mask & (ints)a) | (~mask & (ints)b)); }

INLINE float sum(floats v) {
    float part[LANES], total = 0;
    store(part, v);
    for (int step = LANES / 2; step; step /= 2)
        for (int i = 0; i < step; i++) part[i] += part[i + step];
    return total + part[0];
}

/* e^x to 2 ulp (Cephes' polynomial); below -87 it stays at e^-87. */
INLINE floats exponential(floats x) {
    const floats low = (floats){0} - 87.0f, high = (floats){0} + 88.0f;
    x = chosen(x < low, low, x);
    x = chosen(x > high, high, x);
    const float rounder = 12582912.0f; /* 1.5 * 2^23: adding it leaves the nearest integer in the low bits */
    floats shifted = x * 1.44269504f + rounder, whole = shifted - rounder;
    floats r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    ints power = __builtin_convertvector(whole, ints) + 127;
    return p * (floats)(power << 23);
}

#endif
