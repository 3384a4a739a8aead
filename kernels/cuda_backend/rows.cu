// Linear maps of one token by 4-bit weights (see nibbles.cuh). Weights wait in registers for the kernel ahead to be done.
#include "nibbles.cuh"

// ---- a linear map of x, of the norm of x, or of the norm of x + delta
struct Rows {
    const void* x;       // [K], fp32 where `is_wide`, else bf16
    const bf16_t* delta; // or null
    const bf16_t* gain;  // of the norm, or null
    float* total;        // x + delta, where there is delta
    const uint4* codes;
    const u32* words;
    void* out; // bf16, or fp32 where `exact`
    float eps;
    int is_wide, exact;
};

template <int K>
__device__ __forceinline__ void rows_of(const Rows& g) {
    constexpr int WARPS = 8, UNITS = K / 64, EACH = (UNITS + WARPS - 1) / WARPS, CHUNKS = K / 8, MANY = (CHUNKS + 255) / 256;
    u32* operands = reinterpret_cast<u32*>(shared_memory());
    float* sums = reinterpret_cast<float*>(operands + UNITS * 32);
    float* parts = sums + UNITS; // [8][16], then the squares of 8 warps
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, row = blockIdx.x * 16;
    release_next();
    const long long tile = static_cast<long long>(row / 64) * UNITS;
    const uint4* codes = g.codes + tile * 128 + row % 64 * 2 + lane;
    const u32* words = g.words + tile * 64 + row % 64 + lane / 4 + lane % 2 * 8;
    uint4 code[EACH];
    u32 word[EACH];
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        const int unit = i * WARPS + warp;
        if (UNITS % WARPS == 0 || unit < UNITS) code[i] = read_once(codes + unit * 128), word[i] = read_once(words + unit * 64);
    }
    uint4 gains[MANY];
#pragma unroll
    for (int i = 0; i < MANY; i++) {
        const int chunk = i * 256 + thread;
        gains[i] = make_uint4(0x3f803f80u, 0x3f803f80u, 0x3f803f80u, 0x3f803f80u);
        if (g.gain && chunk < CHUNKS) gains[i] = reinterpret_cast<const uint4*>(g.gain)[chunk];
    }
    hold();
    float squares = 0;
#pragma unroll
    for (int i = 0; i < MANY; i++) {
        const int chunk = i * 256 + thread;
        if (chunk - lane >= CHUNKS) break; // of a warp all or none
        float value[8];
        if (g.is_wide) {
            const float4* there = reinterpret_cast<const float4*>(g.x) + chunk * 2;
            const float4 first = there[0], second = there[1];
            value[0] = first.x, value[1] = first.y, value[2] = first.z, value[3] = first.w;
            value[4] = second.x, value[5] = second.y, value[6] = second.z, value[7] = second.w;
        } else {
            const uint4 found = reinterpret_cast<const uint4*>(g.x)[chunk];
            value[0] = low_half(found.x), value[1] = high_half(found.x), value[2] = low_half(found.y), value[3] = high_half(found.y);
            value[4] = low_half(found.z), value[5] = high_half(found.z), value[6] = low_half(found.w), value[7] = high_half(found.w);
        }
        if (g.delta) {
            const uint4 more = reinterpret_cast<const uint4*>(g.delta)[chunk];
            value[0] += low_half(more.x), value[1] += high_half(more.x), value[2] += low_half(more.y), value[3] += high_half(more.y);
            value[4] += low_half(more.z), value[5] += high_half(more.z), value[6] += low_half(more.w), value[7] += high_half(more.w);
            if (row == 0) {
                float4* target = reinterpret_cast<float4*>(g.total) + chunk * 2;
                target[0] = make_float4(value[0], value[1], value[2], value[3]);
                target[1] = make_float4(value[4], value[5], value[6], value[7]);
            }
        }
#pragma unroll
        for (int j = 0; j < 8; j++) squares += value[j] * value[j];
        const u32 gain[4] = {gains[i].x, gains[i].y, gains[i].z, gains[i].w};
        u32 pairs[4];
#pragma unroll
        for (int q = 0; q < 4; q++) pairs[q] = two_bf16(value[2 * q] * low_half(gain[q]), value[2 * q + 1] * high_half(gain[q]));
        stage(pairs, chunk, true, operands, sums);
    }
    if (g.gain) {
#pragma unroll
        for (int mask = 16; mask > 0; mask /= 2) squares += other_lane(squares, mask);
        if (lane == 0) parts[WARPS * 16 + warp] = squares;
    }
    __syncthreads();
    float sum = 0;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        const int unit = i * WARPS + warp;
        if (UNITS % WARPS == 0 || unit < UNITS) {
            float acc[4] = {};
            product(acc, code[i], operands_of(operands, unit, lane));
            sum += scaled(lane % 2 ? acc[2] : acc[0], word[i], sums[unit]);
        }
    }
    if (lane % 4 < 2) parts[warp * 16 + lane / 4 + lane % 2 * 8] = sum;
    __syncthreads();
    if (thread >= 16) return;
    float found = 0, all = 0;
#pragma unroll
    for (int i = 0; i < WARPS; i++) found += parts[i * 16 + thread], all += parts[WARPS * 16 + i];
    if (g.gain) found /= sqrtf(all / K + g.eps);
    if (g.exact) {
        reinterpret_cast<float*>(g.out)[row + thread] = found;
    } else {
        reinterpret_cast<bf16_t*>(g.out)[row + thread] = two_bf16(found, 0) & 0xffff;
    }
}

#define ROWS(K) \
    extern "C" __global__ void __launch_bounds__(256, 3) rows_##K(const Rows g) { rows_of<K>(g); }
ROWS(1280)
ROWS(2048)
ROWS(2560)
ROWS(4096)
