// Products of one token's vector with 4-bit weights: 16 rows of a matrix at a time go to the matrix units as they lie in memory.
//
// Each lane's 16 bytes of a unit (16 rows, 64 columns) are its own operands, which no other lane reads: nothing but the vector is
// exchanged. That lies in shared memory as its operands do, all 8 columns of which are the same one. A nibble becomes 128 + n in
// bf16; 128 + zero times the sum of the unit's part of the vector is taken away afterwards. Lane 4 l + q adds up row l, or l + 8
// where q is odd.
#pragma once
#include "device.cuh"

constexpr float LOG2E = 1.4426950408889634f;
typedef unsigned short bf16_t;

__device__ __forceinline__ float low_half(u32 both) { return __uint_as_float(both << 16); }
__device__ __forceinline__ float high_half(u32 both) { return __uint_as_float(both & 0xffff0000u); }
__device__ __forceinline__ float wide(bf16_t value) { return __uint_as_float(static_cast<u32>(value) << 16); }

// Eight neighbouring columns to their places: word 8 q + part of unit `chunk / 8`; the sum of all 64 to sums.
__device__ __forceinline__ void stage(const u32 (&pairs)[4], int chunk, bool there, u32* operands, float* sums) {
    float sum = 0;
#pragma unroll
    for (int q = 0; q < 4; q++) {
        sum += low_half(pairs[q]) + high_half(pairs[q]);
        if (there) operands[chunk / 8 * 32 + q * 8 + chunk % 8] = pairs[q];
    }
    sum += other_lane(sum, 1), sum += other_lane(sum, 2), sum += other_lane(sum, 4);
    if (there && chunk % 8 == 0) sums[chunk / 8] = sum;
}

struct Operands {
    u32 part[8];
};

__device__ __forceinline__ Operands operands_of(const u32* operands, int unit, int lane) {
    const uint4* there = reinterpret_cast<const uint4*>(operands + unit * 32 + lane % 4 * 8);
    const uint4 first = there[0], second = there[1];
    return {{first.x, first.y, first.z, first.w, second.x, second.y, second.z, second.w}};
}

// 128 + the low nibbles of four bytes, and the high ones
__device__ __forceinline__ void raised(u32 bytes, u32& low0, u32& low1, u32& high0, u32& high1) {
    const u32 low = bytes & 0x0f0f0f0fu, high = bytes >> 4 & 0x0f0f0f0fu;
    low0 = __byte_perm(low, 0x43434343u, 0x4140), low1 = __byte_perm(low, 0x43434343u, 0x4342);
    high0 = __byte_perm(high, 0x43434343u, 0x4140), high1 = __byte_perm(high, 0x43434343u, 0x4342);
}

// A unit's product: acc[0] of row l, acc[2] of row l + 8
__device__ __forceinline__ void product(float (&acc)[4], const uint4& codes, const Operands& b) {
    u32 low[4], high[4];
    raised(codes.x, low[0], low[1], high[0], high[1]);
    raised(codes.y, low[2], low[3], high[2], high[3]);
    multiply(acc, low, b.part[0], b.part[1]);
    multiply(acc, high, b.part[4], b.part[5]);
    raised(codes.z, low[0], low[1], high[0], high[1]);
    raised(codes.w, low[2], low[3], high[2], high[3]);
    multiply(acc, low, b.part[2], b.part[3]);
    multiply(acc, high, b.part[6], b.part[7]);
}

// scale in the low half of a word, 128 + zero in the high one
__device__ __forceinline__ float scaled(float product, u32 word, float sum) {
    return low_half(word) * (product - high_half(word) * sum);
}
