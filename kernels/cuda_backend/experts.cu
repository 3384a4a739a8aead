// Experts of one token by 4-bit weights (see nibbles.cuh), in two launches. Weights are on their way to shared memory, all that
// there is room for at once, before the kernel ahead is done; of chosen experts as soon as the choice is known.
#include "nibbles.cuh"

// ---- gate and up of the chosen and the shared experts, 16 rows of each a block
struct Both {
    const bf16_t* x;      // [K]
    const long long* idx; // [chosen]
    const uint4* codes;   // [E, 2, width / 64, K / 64, 128]
    const u32* words;     // [E, 2, width / 64, K / 64, 64]
    const uint4* shared;  // the same of one expert, `beside` times as wide
    const u32* shared_words;
    bf16_t* out; // [chosen + beside, width]
    int width, chosen, beside;
};

template <int K, int DEPTH, int GROUPS>
__device__ __forceinline__ void both_of(const Both& g) {
    constexpr int WARPS = 4, THREADS = GROUPS * WARPS * 32; // warps that share the columns, for each group of 16 rows
    constexpr int PAIR = 1152, UNITS = K / 64, EACH = UNITS / WARPS, CHUNKS = K / 8, MANY = (CHUNKS + THREADS - 1) / THREADS;
    char* memory = shared_memory();
    u32* operands = reinterpret_cast<u32*>(memory + GROUPS * WARPS * DEPTH * PAIR);
    float* sums = reinterpret_cast<float*>(operands + UNITS * 32);
    float* parts = sums + UNITS; // [GROUPS][4][32]
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, group = warp % GROUPS, quarter = warp / GROUPS;
    const int tiles = g.width / (16 * GROUPS), place = blockIdx.x / tiles, row = (blockIdx.x % tiles * GROUPS + group) * 16;
    const int which = (place + g.chosen) % (g.chosen + g.beside); // the shared ones begin: they wait for no choice
    const bool always = which >= g.chosen;
    if (!always) hold(), release_next(); // only now: the kernel behind reads the choice before it waits
    const int high = always ? g.beside * g.width : g.width, first = always ? (which - g.chosen) * g.width + row : row;
    const long long matrix = static_cast<long long>(high / 64) * UNITS;
    const long long at = (always ? 0 : g.idx[which] * 2 * matrix) + static_cast<long long>(first / 64) * UNITS + quarter;
    const uint4* gates = (always ? g.shared : g.codes) + at * 128 + first % 64 * 2 + lane;
    const uint4* ups = gates + matrix * 128;
    const u32* words = (always ? g.shared_words : g.words) + at * 64 + first % 64 + lane / 4 + lane % 2 * 8 + (lane & 2 ? matrix * 64 : 0);
    const u32 slots = shared_address(memory) + warp * DEPTH * PAIR;
    const auto ask = [&](int i, int slot) {
        copy_aside(slots + slot * PAIR + lane * 16, gates + i * WARPS * 128);
        copy_aside(slots + slot * PAIR + 512 + lane * 16, ups + i * WARPS * 128);
        copy_word_aside(slots + slot * PAIR + 1024 + lane * 4, words + i * WARPS * 64);
    };
#pragma unroll
    for (int i = 0; i < DEPTH; i++) ask(i, i), copies_end();
    if (always) hold(), release_next();
#pragma unroll
    for (int i = 0; i < MANY; i++) {
        const int chunk = i * THREADS + thread;
        if (chunk - lane >= CHUNKS) break; // of a warp all or none
        const uint4 found = reinterpret_cast<const uint4*>(g.x)[chunk];
        const u32 pairs[4] = {found.x, found.y, found.z, found.w};
        stage(pairs, chunk, true, operands, sums);
    }
    __syncthreads();
    float sum = 0;
    const char* mine = memory + warp * DEPTH * PAIR;
#pragma unroll 2
    for (int i = 0, slot = 0; i < EACH; i++) {
        copies_wait<DEPTH - 1>();
        const char* there = mine + slot * PAIR;
        const uint4 gate = reinterpret_cast<const uint4*>(there)[lane], up = reinterpret_cast<const uint4*>(there + 512)[lane];
        const u32 word = reinterpret_cast<const u32*>(there + 1024)[lane];
        const int unit = i * WARPS + quarter;
        const Operands b = operands_of(operands, unit, lane);
        float one[4] = {}, two[4] = {};
        product(one, gate, b), product(two, up, b);
        sum += scaled(lane & 2 ? (lane & 1 ? two[2] : two[0]) : (lane & 1 ? one[2] : one[0]), word, sums[unit]);
        if (i + DEPTH < EACH) ask(i + DEPTH, slot);
        copies_end();
        slot = slot + 1 == DEPTH ? 0 : slot + 1;
    }
    parts[warp * 32 + lane / 4 + lane % 4 * 8] = sum; // 16 of gate, 16 of up
    __syncthreads();
    if (thread >= 16 * GROUPS) return;
    float gate = 0, up = 0;
#pragma unroll
    for (int i = 0; i < WARPS; i++) {
        const float* there = parts + (i * GROUPS + thread / 16) * 32 + thread % 16;
        gate += there[0], up += there[16];
    }
    const float found = gate / (1 + power_of_two(-gate * LOG2E)) * up;
    g.out[which * g.width + blockIdx.x % tiles * 16 * GROUPS + thread] = two_bf16(found, 0) & 0xffff;
}

// ---- down of all those experts and their weighted sum, 16 rows a block, an expert a warp
struct Down {
    const bf16_t* x;      // [chosen + beside, width]
    const long long* idx; // [chosen]
    const float* weight;  // [chosen]
    const uint4* codes;   // [E, rows / 64, width / 64, 128]
    const u32* words;
    const uint4* shared; // [rows / 64, beside * width / 64, 128]
    const u32* shared_words;
    bf16_t* out; // [rows]
    int rows, chosen, beside;
};

template <int WIDTH, int DEPTH, int SHARE>
__device__ __forceinline__ void down_of(const Down& g) {
    constexpr int WARPS = 8 * SHARE, UNIT = 640, WHOLE = WIDTH / 64, UNITS = WHOLE / SHARE; // of an expert, of a warp
    constexpr int CHUNKS = UNITS * 8, MANY = (CHUNKS + 31) / 32;
    char* memory = shared_memory();
    float* sums = reinterpret_cast<float*>(memory + WARPS * (DEPTH * UNIT + UNITS * 128));
    float* parts = sums + WARPS * UNITS; // [WARPS][16]
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, row = blockIdx.x * 16;
    u32* operands = reinterpret_cast<u32*>(memory + WARPS * DEPTH * UNIT) + warp * UNITS * 32;
    sums += warp * UNITS;
    release_next();
    const int which = warp / SHARE;
    const bool always = which >= g.chosen;
    const int across = always ? g.beside * WHOLE : WHOLE; // units of a row
    // the kernel ahead has waited for the choice of experts before it let this one begin
    const long long expert = always ? 0 : g.idx[which];
    const long long at = expert * (g.rows / 64) * WHOLE + static_cast<long long>(row / 64) * across + (always ? (which - g.chosen) * WHOLE : 0) + warp % SHARE * UNITS;
    const uint4* codes = (always ? g.shared : g.codes) + at * 128 + row % 64 * 2 + lane;
    const u32* words = (always ? g.shared_words : g.words) + at * 64 + row % 64 + lane / 4 + lane % 2 * 8;
    const u32 slots = shared_address(memory) + warp * DEPTH * UNIT;
    const auto ask = [&](int i, int slot) {
        copy_aside(slots + slot * UNIT + lane * 16, codes + i * 128);
        copy_word_aside(slots + slot * UNIT + 512 + lane * 4, words + i * 64);
    };
#pragma unroll
    for (int i = 0; i < DEPTH; i++) ask(i, i), copies_end();
    hold();
    uint4 found[MANY];
    const uint4* source = reinterpret_cast<const uint4*>(g.x + warp * UNITS * 64);
#pragma unroll
    for (int i = 0; i < MANY; i++) found[i] = i * 32 + lane < CHUNKS ? source[i * 32 + lane] : make_uint4(0, 0, 0, 0);
    const float share = always ? 1 : g.weight[which];
#pragma unroll
    for (int i = 0; i < MANY; i++) {
        const u32 pairs[4] = {found[i].x, found[i].y, found[i].z, found[i].w};
        stage(pairs, i * 32 + lane, i * 32 + lane < CHUNKS, operands, sums);
    }
    __syncwarp();
    float sum = 0;
    const char* mine = memory + warp * DEPTH * UNIT;
#pragma unroll 2
    for (int i = 0, slot = 0; i < UNITS; i++) {
        copies_wait<DEPTH - 1>();
        const uint4 code = reinterpret_cast<const uint4*>(mine + slot * UNIT)[lane];
        const u32 word = reinterpret_cast<const u32*>(mine + slot * UNIT + 512)[lane];
        float acc[4] = {};
        product(acc, code, operands_of(operands, i, lane));
        sum += scaled(lane & 1 ? acc[2] : acc[0], word, sums[i]);
        if (i + DEPTH < UNITS) ask(i + DEPTH, slot);
        copies_end();
        slot = slot + 1 == DEPTH ? 0 : slot + 1;
    }
    if (lane % 4 < 2) parts[warp * 16 + lane / 4 + lane % 2 * 8] = sum * share;
    __syncthreads();
    if (thread >= 16) return;
    float all = 0;
#pragma unroll
    for (int i = 0; i < WARPS; i++) all += parts[i * 16 + thread];
    g.out[row + thread] = two_bf16(all, 0) & 0xffff;
}

#define BOTH(K, DEPTH, GROUPS, BLOCKS) \
    extern "C" __global__ void __launch_bounds__(GROUPS * 128, BLOCKS) both_##K(const Both g) { both_of<K, DEPTH, GROUPS>(g); }
#define DOWN(WIDTH, DEPTH, SHARE) \
    extern "C" __global__ void __launch_bounds__(SHARE * 256, 2) down_##WIDTH(const Down g) { down_of<WIDTH, DEPTH, SHARE>(g); }
BOTH(1280, 5, 2, 3)
BOTH(2048, 8, 1, 6)
BOTH(2560, 10, 2, 2)
DOWN(896, 7, 2)
DOWN(1408, 11, 2)
DOWN(1536, 8, 2)
