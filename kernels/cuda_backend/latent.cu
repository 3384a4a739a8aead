// Attention of one new token a row over latents, in the absorbed form: 16 heads share keys [latent | rope], the latent is the value.
//
// A block has a share of a row's tokens. One warp asks for them, a tile of 32 at a time, into a ring of shared memory that is
// always full of what is on its way; eight warps multiply: four by eight tokens each and two by half the columns for the scores,
// eight by 64 columns each for the values. A tile lies there as nine pieces of 64 columns, [9][32][64], the 16-byte parts of every
// row changed about (the copy engine's 128-byte swizzle) so that eight rows touch all banks. The blocks of a row are a cluster:
// each sends every other the columns that are that one's to sum up (SHARES > 1), so nothing goes through global memory and no
// second kernel is launched. Tokens older than what this step wrote are asked for before the kernel ahead is done.
#include "device.cuh"

constexpr int HEADS = 16, VALUES = 512, WIDTH = 576, TILE = 32;
constexpr int WARPS = 8;               // that multiply
constexpr int APART = 40;              // floats from a row of scores to the next
constexpr int PIECE = TILE * 128;      // bytes of 64 columns of a tile
constexpr int KEYS = WIDTH / 64 * PIECE;
constexpr int SIZE = 64;               // tokens of a block of the cache
constexpr int STEPS = WIDTH / 2 / 16;  // products of a warp for the scores of its tokens
constexpr float LOG2E = 1.4426950408889634f;

struct Given {
    const unsigned short* query; // [R, 16, 576]
    const int* table;            // [R, B]
    const int* lengths;          // [R]
    unsigned short* out;         // [R, 16, 512]
    int columns;                 // B
    int newest;                  // tokens at the end of a row that this step may have written
};

template <int SHARES, int SLOTS>
struct Room {
    static constexpr int scores = SLOTS * KEYS;
    static constexpr int barriers = scores + 2 * 2 * HEADS * APART * 4;
    static constexpr int masses = barriers + 2 * SLOTS * 8;                     // [SHARES][16] highest, then masses
    static constexpr int sums = (masses + 2 * SHARES * HEADS * 4 + 15) / 16 * 16; // [SHARES][16][512 / SHARES]
    static constexpr int apart = VALUES / SHARES + 8; // floats from a head's sums to the next
    static constexpr int bytes = SHARES > 1 ? sums + SHARES * HEADS * apart * 4 : sums;
};

// The warp that asks for tiles: one lane does, all look up blocks.
template <int SLOTS>
__device__ __forceinline__ void ask(const Given& g, const Map* map, u32 ring, u32 full, u32 empty, int slot, int begin, int end, int length, int lane) {
    const int* blocks = g.table + static_cast<long long>(slot) * g.columns;
    const int early = (length - g.newest) / TILE; // tiles before this one are older than the step
    const int first = begin * TILE / SIZE, last = (end * TILE - 1) / SIZE;
    const int near = first + lane <= last ? blocks[first + lane] : 0;
    bool held = false;
    for (int tile = begin, count = 0; tile < end; tile++, count++) {
        if (!held && tile >= early) {
            hold();
            held = true;
        }
        const int at = count % SLOTS, from = tile * TILE / SIZE - first;
        const int block = from < 32 ? __shfl_sync(0xffffffffu, near, from) : blocks[first + from];
        if (lane == 0) {
            if (count >= SLOTS) barrier_wait(empty + at * 8, (count / SLOTS & 1) ^ 1);
            barrier_expect(full + at * 8, KEYS);
            copy_box(ring + at * KEYS, map, 0, block * SIZE + tile * TILE % SIZE, 0, full + at * 8);
        }
        __syncwarp();
    }
    if (!held) hold();
}

// Rows of the last tile behind a row's end: whatever lay there, it must not reach the values.
__device__ __forceinline__ void clear(char* keys, int rows, int thread) {
    for (int unit = thread; unit < (TILE - rows) * WIDTH / 8; unit += WARPS * 32) {
        const int piece = unit / ((TILE - rows) * 8), rest = unit % ((TILE - rows) * 8);
        *reinterpret_cast<uint4*>(keys + piece * PIECE + rows * 128 + rest * 16) = make_uint4(0, 0, 0, 0);
    }
    some_threads_meet(1, WARPS * 32);
}

template <int SHARES, int SLOTS>
__device__ __forceinline__ void look(const Given& g, char* shared, u32 full, u32 empty, int slot, int rank, int begin, int end, int length, int warp, int lane) {
    const int row = lane / 4, pair = lane % 4 * 2; // of what a lane holds of a product
    const int eight = warp % 4 * 8, half = warp / 4; // tokens and columns whose scores it makes: 256, then 32 of the rope
    float* scores = reinterpret_cast<float*>(shared + Room<SHARES, SLOTS>::scores);
    const u32 ring = shared_address(shared);

    hold();
    u32 query[STEPS][4];
    const unsigned short* source = g.query + (static_cast<long long>(slot) * HEADS + row) * WIDTH + pair;
#pragma unroll
    for (int k = 0; k < STEPS; k++) {
        const unsigned short* there = source + (k < 16 ? half * 256 + k * 16 : VALUES + half * 32 + (k - 16) * 16);
        query[k][0] = *reinterpret_cast<const u32*>(there);
        query[k][1] = *reinterpret_cast<const u32*>(there + 8 * WIDTH);
        query[k][2] = *reinterpret_cast<const u32*>(there + 8);
        query[k][3] = *reinterpret_cast<const u32*>(there + 8 * WIDTH + 8);
    }
    float acc[8][4] = {};
    float top[2] = {-1e30f, -1e30f}, mass[2] = {0, 0};

    for (int tile = begin, count = 0; tile < end; tile++, count++) {
        const int at = count % SLOTS;
        const u32 keys = ring + at * KEYS;
        barrier_wait(full + at * 8, count / SLOTS & 1);
        float part[3][4] = {};
        if (tile * TILE + TILE > length) clear(shared + at * KEYS, length - tile * TILE, warp * 32 + lane);
        const u32 mine = keys + (eight + lane % 8) * 128, apart = (lane / 8 ^ lane % 8) * 16;
#pragma unroll
        for (int k = 0; k < STEPS; k += 2) {
            u32 b[4];
            load_four(b, mine + (k < 16 ? (half * 4 + k / 4) * PIECE + (apart ^ (k & 2) << 5) : 8 * PIECE + (apart ^ half << 6)));
            multiply(part[k / 2 % 3], query[k], b[0], b[1]);
            multiply(part[k / 2 % 3], query[k + 1], b[2], b[3]);
        }
        float* now = scores + (count & 1) * 2 * HEADS * APART;
        float* own = now + (warp / 4) * HEADS * APART + row * APART + eight + pair;
        *reinterpret_cast<float2*>(own) = make_float2(part[0][0] + part[1][0] + part[2][0], part[0][1] + part[1][1] + part[2][1]);
        *reinterpret_cast<float2*>(own + 8 * APART) =
            make_float2(part[0][2] + part[1][2] + part[2][2], part[0][3] + part[1][3] + part[2][3]);
        some_threads_meet(1, WARPS * 32);

        float s[2][8]; // row and row + 8: columns pair, pair + 1 of every eight
#pragma unroll
        for (int r = 0; r < 2; r++) {
#pragma unroll
            for (int c = 0; c < 4; c++) {
                const float* there = now + (row + r * 8) * APART + c * 8 + pair;
                const float2 one = *reinterpret_cast<const float2*>(there);
                const float2 two = *reinterpret_cast<const float2*>(there + HEADS * APART);
                const int token = tile * TILE + c * 8 + pair;
                s[r][2 * c] = token < length ? (one.x + two.x) * LOG2E : -1e38f;
                s[r][2 * c + 1] = token + 1 < length ? (one.y + two.y) * LOG2E : -1e38f;
            }
        }
        float shrink[2];
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float highest = top[r];
#pragma unroll
            for (int c = 0; c < 8; c++) highest = fmaxf(highest, s[r][c]);
            highest = fmaxf(highest, other_lane(highest, 1));
            highest = fmaxf(highest, other_lane(highest, 2));
            shrink[r] = power_of_two(top[r] - highest);
            top[r] = highest;
            float sum = 0;
#pragma unroll
            for (int c = 0; c < 8; c++) {
                s[r][c] = power_of_two(s[r][c] - highest);
                sum += s[r][c];
            }
            mass[r] = mass[r] * shrink[r] + sum;
        }
        if (__any_sync(0xffffffffu, shrink[0] != 1.0f || shrink[1] != 1.0f)) {
#pragma unroll
            for (int n = 0; n < 8; n++) {
                acc[n][0] *= shrink[0], acc[n][1] *= shrink[0], acc[n][2] *= shrink[1], acc[n][3] *= shrink[1];
            }
        }
#pragma unroll
        for (int k = 0; k < 2; k++) { // 16 tokens each
            const u32 share[4] = {
                two_bf16(s[0][4 * k], s[0][4 * k + 1]), two_bf16(s[1][4 * k], s[1][4 * k + 1]),
                two_bf16(s[0][4 * k + 2], s[0][4 * k + 3]), two_bf16(s[1][4 * k + 2], s[1][4 * k + 3])};
            const u32 values = keys + warp * PIECE + (k * 16 + lane / 8 % 2 * 8 + lane % 8) * 128;
            const u32 swapped = (lane / 16 ^ lane % 8) * 16;
#pragma unroll
            for (int n = 0; n < 8; n += 2) {
                u32 b[4];
                load_four_turned(b, values + (swapped ^ n << 4));
                multiply(acc[n], share, b[0], b[1]);
                multiply(acc[n + 1], share, b[2], b[3]);
            }
        }
        __syncwarp();
        if (lane == 0) barrier_arrive(empty + at * 8);
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
        mass[r] += other_lane(mass[r], 1);
        mass[r] += other_lane(mass[r], 2);
    }
    if (SHARES == 1) {
        unsigned short* target = g.out + (static_cast<long long>(slot) * HEADS + row) * VALUES + warp * 64 + pair;
        const float low = 1 / fmaxf(mass[0], 1e-30f), high = 1 / fmaxf(mass[1], 1e-30f);
#pragma unroll
        for (int n = 0; n < 8; n++) {
            *reinterpret_cast<u32*>(target + n * 8) = two_bf16(acc[n][0] * low, acc[n][1] * low);
            *reinterpret_cast<u32*>(target + 8 * VALUES + n * 8) = two_bf16(acc[n][2] * high, acc[n][3] * high);
        }
    } else {
        constexpr int MINE = VALUES / SHARES, APART_SUMS = Room<SHARES, SLOTS>::apart; // columns that a block sums up
        const u32 masses = ring + Room<SHARES, SLOTS>::masses, sums = ring + Room<SHARES, SLOTS>::sums;
        cluster_wait(); // all blocks of the cluster run
#pragma unroll
        for (int n = 0; n < 8; n++) {
            const int column = warp * 64 + n * 8 + pair;
            const u32 place = sums + ((rank * HEADS + row) * APART_SUMS + column % MINE) * 4;
            const u32 there = address_in(place, column / MINE);
            store_in(there, acc[n][0], acc[n][1]);
            store_in(there + 8 * APART_SUMS * 4, acc[n][2], acc[n][3]);
        }
        if (lane % 4 == 0) {
            for (int other = warp; other < SHARES; other += WARPS) {
#pragma unroll
                for (int r = 0; r < 2; r++) {
                    const u32 there = address_in(masses + (rank * HEADS + row + r * 8) * 4, other);
                    store_in(there, top[r]);
                    store_in(there + SHARES * HEADS * 4, mass[r]);
                }
            }
        }
    }
}

// What the blocks of a cluster sent this one: its columns of every head, two a thread at a time.
template <int SHARES, int SLOTS>
__device__ __forceinline__ void sum_up(const Given& g, const char* shared, int slot, int rank, int thread) {
    constexpr int MINE = VALUES / SHARES;
    const float* tops = reinterpret_cast<const float*>(shared + Room<SHARES, SLOTS>::masses);
    const float* masses = tops + SHARES * HEADS;
    const float* sums = reinterpret_cast<const float*>(shared + Room<SHARES, SLOTS>::sums);
    for (int unit = thread; unit < HEADS * MINE / 2; unit += WARPS * 32) {
        const int head = unit / (MINE / 2), column = unit % (MINE / 2) * 2;
        float highest = -1e30f, mass = 0, first = 0, second = 0;
#pragma unroll
        for (int other = 0; other < SHARES; other++) highest = fmaxf(highest, tops[other * HEADS + head]);
#pragma unroll
        for (int other = 0; other < SHARES; other++) {
            const float share = power_of_two(tops[other * HEADS + head] - highest);
            const float2 part = *reinterpret_cast<const float2*>(sums + (other * HEADS + head) * Room<SHARES, SLOTS>::apart + column);
            mass += share * masses[other * HEADS + head];
            first += share * part.x, second += share * part.y;
        }
        mass = 1 / fmaxf(mass, 1e-30f);
        unsigned short* target = g.out + (static_cast<long long>(slot) * HEADS + head) * VALUES + rank * MINE + column;
        *reinterpret_cast<u32*>(target) = two_bf16(first * mass, second * mass);
    }
}

template <int SHARES, int SLOTS>
__device__ __forceinline__ void attend(const Given& g, const Map* map) {
    char* shared = shared_memory();
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    const int slot = blockIdx.x / SHARES, rank = blockIdx.x % SHARES;
    const u32 full = shared_address(shared) + Room<SHARES, SLOTS>::barriers, empty = full + SLOTS * 8;
    release_next();
    if (thread == 0) {
        fetch_map(map);
        for (int i = 0; i < SLOTS; i++) {
            barrier_init(full + i * 8, 1);
            barrier_init(empty + i * 8, WARPS);
        }
        barriers_are_made();
    }
    const int length = g.lengths[slot]; // no kernel that lets others begin early writes lengths or tables
    __syncthreads();
    if (SHARES > 1) cluster_arrive();
    const int tiles = (length + TILE - 1) / TILE;
    const int begin = tiles * rank / SHARES, end = tiles * (rank + 1) / SHARES;
    if (warp == WARPS) {
        ask<SLOTS>(g, map, shared_address(shared), full, empty, slot, begin, end, length, lane);
        if (SHARES > 1) cluster_wait();
    } else {
        look<SHARES, SLOTS>(g, shared, full, empty, slot, rank, begin, end, length, warp, lane);
    }
    if (SHARES > 1) {
        __syncwarp();
        cluster_arrive();
        cluster_wait();
        if (warp < WARPS) sum_up<SHARES, SLOTS>(g, shared, slot, rank, thread);
    }
}

#define KERNEL(SHARES, SLOTS)                                                                                       \
    extern "C" __global__ void __launch_bounds__(WARPS * 32 + 32, 1)                                                \
        latent_##SHARES(const Given given, const __grid_constant__ Map map) {                                       \
        attend<SHARES, SLOTS>(given, &map);                                                                         \
    }
KERNEL(1, 6)
KERNEL(2, 4)
KERNEL(4, 4)
KERNEL(8, 4)
