// Attention of one new token over keys and values of plain heads of 128 columns, in one launch: the blocks of a head are a cluster.
//
// A warp takes 32 tokens at a time, which lie in one block of the cache: two of them a load, sixteen lanes a token. Each lane reads
// from shared memory what it asked for itself, so that nothing but scores is exchanged; what is cached is on its way before the
// kernel ahead is done. The newest token, which that kernel made, is turned here, counted by one warp, and written to the cache.
#include "device.cuh"

constexpr int WIDTH = 128, SIZE = 64, UNIT = 32; // columns of a head, tokens of a block of the cache, tokens that a warp takes at once
constexpr int WARPS = 8, BLOCKS = 8, EACH = WIDTH / BLOCKS; // of a block, of a cluster; columns that a block sums up
constexpr int PLANE = UNIT * WIDTH * 2, RING = 2 * PLANE;   // bytes of a warp's keys, and of its values too
constexpr int MESSAGE = EACH + 2;
constexpr float LOG2E = 1.4426950408889634f;
typedef unsigned short bf16_t;

struct Heads {
    const bf16_t* q; // [A, 128], as k and v
    const bf16_t* k;
    const bf16_t* v;
    const float* cos; // [64]
    const float* sin;
    bf16_t* cache;           // [2, P, A, 64, 128]
    const long long* places; // [2, A], rows of the cache for the newest keys and values
    const int* table;        // blocks of the row
    const int* lengths;      // [1]
    bf16_t* out;             // [A, 128]
    long long beyond;        // elements from a key to its value
    float scale;
    int heads;
};

__device__ __forceinline__ void wide(float (&found)[8], const uint4& bits) {
    const u32 pairs[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        found[2 * i] = __uint_as_float(pairs[i] << 16);
        found[2 * i + 1] = __uint_as_float(pairs[i] & 0xffff0000u);
    }
}

__device__ __forceinline__ uint4 narrow(const float (&x)[8]) {
    return make_uint4(two_bf16(x[0], x[1]), two_bf16(x[2], x[3]), two_bf16(x[4], x[5]), two_bf16(x[6], x[7]));
}

__device__ __forceinline__ float dot(const float (&x)[8], const uint4& bits) {
    float y[8];
    wide(y, bits);
    return (x[0] * y[0] + x[1] * y[1] + (x[2] * y[2] + x[3] * y[3])) + (x[4] * y[4] + x[5] * y[5] + (x[6] * y[6] + x[7] * y[7]));
}

// Eight columns of a head, turned: halves of the head are paired.
__device__ __forceinline__ void turned(float (&found)[8], const bf16_t* head, const float (&cos)[8], const float (&sin)[8], int part) {
    float own[8], other[8];
    wide(own, reinterpret_cast<const uint4*>(head)[part]);
    wide(other, reinterpret_cast<const uint4*>(head)[part ^ 8]);
#pragma unroll
    for (int i = 0; i < 8; i++) found[i] = own[i] * cos[i] + (part < 8 ? -other[i] : other[i]) * sin[i];
}

__device__ __forceinline__ void eight(float (&found)[8], const float* source) {
    const float4 first = reinterpret_cast<const float4*>(source)[0], second = reinterpret_cast<const float4*>(source)[1];
    found[0] = first.x, found[1] = first.y, found[2] = first.z, found[3] = first.w;
    found[4] = second.x, found[5] = second.y, found[6] = second.z, found[7] = second.w;
}

// Half of what is left of sixteen lanes' sums: in the end lane i has that of s[i].
template <int MANY>
__device__ __forceinline__ void gather(float (&s)[UNIT / 2], int part) {
#pragma unroll
    for (int i = 0; i < MANY; i++) {
        const float keep = part & MANY ? s[i + MANY] : s[i], give = part & MANY ? s[i] : s[i + MANY];
        s[i] = keep + other_lane(give, MANY);
    }
}

// 256 threads; block 8 h + c of a cluster of eight: of head h every eighth unit of tokens, and columns 16 c on of the sum.
extern "C" __global__ void __launch_bounds__(WARPS * 32, 1) heads_128(const Heads g) {
    char* memory = shared_memory();
    float* sums = reinterpret_cast<float*>(memory + WARPS * RING); // [WARPS][128]
    float* marks = sums + WARPS * WIDTH;                           // [WARPS][2]: highest score, mass
    float* messages = marks + WARPS * 2;                           // [BLOCKS][MESSAGE]: columns, highest score, mass
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, half = lane / 16, part = lane % 16;
    const int head = blockIdx.x / BLOCKS, rank = blockIdx.x % BLOCKS;
    const int length = g.lengths[0], old = length > 0 ? length - 1 : 0, units = (old + UNIT - 1) / UNIT;
    const char* mine = memory + warp * RING + lane * 16;
    const auto ask = [&](int unit, int plane) {
        if (unit >= units) return;
        const long long block = static_cast<long long>(g.table[unit * UNIT / SIZE]) * g.heads + head;
        const bf16_t* rows = g.cache + plane * g.beyond + (block * SIZE + unit * UNIT % SIZE + half) * WIDTH + part * 8;
#pragma unroll
        for (int i = 0; i < UNIT / 2; i++) copy_aside(shared_address(mine) + plane * PLANE + i * 512, rows + i * 2 * WIDTH);
    };
    int unit = warp * BLOCKS + rank;
    ask(unit, 0), copies_end();
    ask(unit, 1), copies_end();
    cluster_arrive_bare();
    float cos[8], sin[8];
    eight(cos, g.cos + part % 8 * 8), eight(sin, g.sin + part % 8 * 8); // of a kernel that lets no other begin early
    hold();
    float query[8], key[8], acc[8];
    const uint4 value = reinterpret_cast<const uint4*>(g.v + head * WIDTH)[part];
    turned(query, g.q + head * WIDTH, cos, sin, part);
    turned(key, g.k + head * WIDTH, cos, sin, part);
#pragma unroll
    for (int i = 0; i < 8; i++) query[i] *= g.scale;
    const uint4 newest = narrow(key);
    wide(query, narrow(query));
    float score = dot(query, newest);
#pragma unroll
    for (int mask = 8; mask > 0; mask /= 2) score += other_lane(score, mask);
    const bool counts = length > 0 && warp == WARPS - 1 && rank == BLOCKS - 1; // by the last of all, as it has the fewest tokens
    if (counts && half == 0) {
        reinterpret_cast<uint4*>(g.cache + g.places[head] * WIDTH)[part] = newest;
        reinterpret_cast<uint4*>(g.cache + g.places[g.heads + head] * WIDTH)[part] = value;
    }
    float top = counts ? score * LOG2E : -1e30f, mass = counts && lane == 0 ? 1 : 0;
    wide(acc, value);
#pragma unroll
    for (int i = 0; i < 8; i++) acc[i] = counts && half == 0 ? acc[i] : 0;
    release_next(); // not before: a step of tiny in bf16 587 us, not 600
    for (; unit < units; unit += WARPS * BLOCKS) {
        copies_wait<1>();
        float s[UNIT / 2];
#pragma unroll
        for (int i = 0; i < UNIT / 2; i++) s[i] = dot(query, *reinterpret_cast<const uint4*>(mine + i * 512));
        ask(unit + WARPS * BLOCKS, 0), copies_end();
        gather<8>(s, part), gather<4>(s, part), gather<2>(s, part), gather<1>(s, part);
        const int left = old - unit * UNIT;
        const float own = part * 2 + half < left ? s[0] * LOG2E : -1e38f;
        float highest = fmaxf(own, top);
#pragma unroll
        for (int mask = 16; mask > 0; mask /= 2) highest = fmaxf(highest, other_lane(highest, mask));
        const float shrink = power_of_two(top - highest), share = power_of_two(own - highest);
        top = highest, mass = mass * shrink + share;
#pragma unroll
        for (int i = 0; i < 8; i++) acc[i] *= shrink;
        copies_wait<1>();
#pragma unroll
        for (int i = 0; i < UNIT / 2; i++) {
            float row[8];
            wide(row, *reinterpret_cast<const uint4*>(mine + PLANE + i * 512));
            const float its = lane_of(share, half * 16 + i);
            const bool there = i * 2 + half < left; // whatever lies behind a row's end, it must not reach the sum
#pragma unroll
            for (int j = 0; j < 8; j++) acc[j] += its * (there ? row[j] : 0);
        }
        ask(unit + WARPS * BLOCKS, 1), copies_end();
    }
#pragma unroll
    for (int i = 0; i < 8; i++) acc[i] += other_lane(acc[i], 16);
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) mass += other_lane(mass, mask);
    if (half == 0) {
        float4* place = reinterpret_cast<float4*>(sums + warp * WIDTH + part * 8);
        place[0] = make_float4(acc[0], acc[1], acc[2], acc[3]), place[1] = make_float4(acc[4], acc[5], acc[6], acc[7]);
    }
    if (lane == 0) marks[warp * 2] = top, marks[warp * 2 + 1] = mass;
    __syncthreads();
    cluster_wait(); // the others' memory is there
    if (thread < WIDTH) {
        float highest = -1e30f, all = 0, column = 0;
#pragma unroll
        for (int i = 0; i < WARPS; i++) highest = fmaxf(highest, marks[i * 2]);
#pragma unroll
        for (int i = 0; i < WARPS; i++) {
            const float its = power_of_two(marks[i * 2] - highest);
            all += its * marks[i * 2 + 1], column += its * sums[i * WIDTH + thread];
        }
        const u32 place = shared_address(messages + rank * MESSAGE), to = thread / EACH;
        store_in(address_in(place + thread % EACH * 4, to), column);
        if (thread % EACH == 0) store_in(address_in(place + EACH * 4, to), highest, all);
    }
    cluster_arrive(), cluster_wait();
    if (thread >= EACH) return;
    float highest = -1e30f, all = 0, column = 0;
#pragma unroll
    for (int i = 0; i < BLOCKS; i++) highest = fmaxf(highest, messages[i * MESSAGE + EACH]);
#pragma unroll
    for (int i = 0; i < BLOCKS; i++) {
        const float its = power_of_two(messages[i * MESSAGE + EACH] - highest);
        all += its * messages[i * MESSAGE + EACH + 1], column += its * messages[i * MESSAGE + thread];
    }
    g.out[head * WIDTH + rank * EACH + thread] = two_bf16(column / fmaxf(all, 1e-30f), 0) & 0xffff;
}
