// Attention of one new token a row over latents, in the absorbed form: 16 heads share keys [latent | rope], the latent is the value.
//
// A block has a share of a row's tokens. One warp asks for them, a tile of 32 at a time, into a ring of shared memory that is
// always full of what is on its way; eight warps multiply: for the scores four by eight tokens each and two by half the columns,
// for the values two by 16 tokens each and four by 128 columns; the scores of a tile are on their way while the values of the one
// before are summed up. A tile lies there as nine pieces of 64 columns, [9][32][64], the 16-byte parts of every row changed about
// (the copy engine's 128-byte swizzle) so that eight rows touch all banks. The blocks of a row are a cluster: the first 2^n of them
// get from all others the columns that they sum up, so nothing goes through global memory and no second kernel is launched. Tokens
// older than what this step wrote are asked for before the kernel ahead is done.
#include "device.cuh"

constexpr int HEADS = 16, VALUES = 512, WIDTH = 576, TILE = 32;
constexpr int WARPS = 8;               // that multiply
constexpr int THREADS = WARPS * 32 + 128; // a warp group asks, so that the others may have its registers
constexpr int APART = 40;              // floats from a row of scores to the next
constexpr int PIECE = TILE * 128;      // bytes of 64 columns of a tile
constexpr int KEYS = WIDTH / 64 * PIECE;
constexpr int SIZE = 64;               // tokens of a block of the cache
constexpr int STEPS = WIDTH / 2 / 16;  // products of a warp for the scores of its tokens
constexpr int SLOTS = 4;               // tiles in shared memory
constexpr float LOG2E = 1.4426950408889634f;

struct Given {
    const unsigned short* query; // [R, 16, 576]
    const int* table;            // [R, B]
    const int* lengths;          // [R]
    unsigned short* out;         // [R, 16, 512]
    int columns;                 // B
    int newest;                  // tokens at the end of a row that this step may have written
    int shares;                  // blocks of a row
    int split;                   // log2 of how many of these sum up
};

// Where things lie in shared memory, in bytes.
constexpr int SCORES = SLOTS * KEYS;                         // [2][2][16][APART], of two tiles, by halves of the columns
constexpr int BARRIERS = SCORES + 2 * 2 * HEADS * APART * 4; // full, then empty
constexpr int MASSES = BARRIERS + 2 * SLOTS * 8;             // [shares][16] highest scores and masses
__device__ __forceinline__ int sums_from(int shares) { return MASSES + shares * HEADS * 8; } // [shares][16][apart]

// The warp that asks for tiles: one lane does, all look up blocks.
__device__ __forceinline__ void ask(const Given& g, const Map* map, u32 ring, u32 full, u32 empty, const int* blocks, int near, int begin, int end, int length, int lane) {
    const int early = (length - g.newest) / TILE; // tiles before this one are older than the step
    bool held = false;
    for (int tile = begin, count = 0; tile < end; tile++, count++) {
        if (!held && tile >= early) {
            hold();
            held = true;
        }
        const int at = count % SLOTS, column = tile * TILE / SIZE;
        const int block = column < 32 ? __shfl_sync(0xffffffffu, near, column) : blocks[column];
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

// A warp's share of the scores of a tile: eight tokens, half the columns.
__device__ __forceinline__ void score(float (&found)[4], const u32 (&query)[STEPS][4], u32 keys, int eight, int half, int lane) {
    float part[3][4] = {};
    const u32 mine = keys + (eight + lane % 8) * 128, apart = (lane / 8 ^ lane % 8) * 16;
#pragma unroll
    for (int k = 0; k < STEPS; k += 2) {
        u32 b[4];
        load_four(b, mine + (k < 16 ? (half * 4 + k / 4) * PIECE + (apart ^ (k & 2) << 5) : 8 * PIECE + (apart ^ half << 6)));
        multiply(part[k / 2 % 3], query[k], b[0], b[1]);
        multiply(part[k / 2 % 3], query[k + 1], b[2], b[3]);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) found[i] = part[0][i] + part[1][i] + part[2][i];
}

// The other half's sums of this warp's 64 columns, and this warp's of the other's: through the ring, which nobody needs any more.
__device__ __forceinline__ void join(float (&acc)[16][4], float (&top)[2], float (&mass)[2], char* shared, int warp, int lane) {
    some_threads_meet(1, WARPS * 32);
    const int half = warp / 4;
    float4* mine = reinterpret_cast<float4*>(shared) + warp * 9 * 32 + lane;
#pragma unroll
    for (int n = 0; n < 8; n++) {
        const float(&given)[4] = acc[n], (&kept)[4] = acc[8 + n];
        mine[n * 32] = half ? make_float4(given[0], given[1], given[2], given[3]) : make_float4(kept[0], kept[1], kept[2], kept[3]);
    }
    mine[8 * 32] = make_float4(top[0], top[1], mass[0], mass[1]);
    some_threads_meet(1, WARPS * 32);
    const float4* other = reinterpret_cast<const float4*>(shared) + (warp ^ 4) * 9 * 32 + lane;
    const float4 last = other[8 * 32];
    const float tops[2] = {last.x, last.y}, masses[2] = {last.z, last.w};
    float own[2], its[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
        const float highest = fmaxf(top[r], tops[r]);
        own[r] = power_of_two(top[r] - highest), its[r] = power_of_two(tops[r] - highest);
        top[r] = highest, mass[r] = mass[r] * own[r] + masses[r] * its[r];
    }
#pragma unroll
    for (int n = 0; n < 8; n++) {
        const float4 part = other[n * 32];
#pragma unroll
        for (int i = 0; i < 4; i++) acc[n][i] = half ? acc[8 + n][i] : acc[n][i];
        acc[n][0] = acc[n][0] * own[0] + part.x * its[0], acc[n][1] = acc[n][1] * own[0] + part.y * its[0];
        acc[n][2] = acc[n][2] * own[1] + part.z * its[1], acc[n][3] = acc[n][3] * own[1] + part.w * its[1];
    }
}

__device__ __forceinline__ void look(const Given& g, char* shared, u32 full, u32 empty, int slot, int rank, int begin, int end, int length, int warp, int lane) {
    const int row = lane / 4, pair = lane % 4 * 2; // of what a lane holds of a product
    const int few = warp % 4, half = warp / 4;
    float* scores = reinterpret_cast<float*>(shared + SCORES);
    const u32 ring = shared_address(shared);

    hold();
    u32 query[STEPS][4];
    const unsigned short* source = g.query + (static_cast<long long>(slot) * HEADS + row) * WIDTH + pair;
#pragma unroll
    for (int k = 0; k < STEPS; k++) { // 256 columns, then 32 of the rope
        const unsigned short* there = source + (k < 16 ? half * 256 + k * 16 : VALUES + half * 32 + (k - 16) * 16);
        query[k][0] = *reinterpret_cast<const u32*>(there);
        query[k][1] = *reinterpret_cast<const u32*>(there + 8 * WIDTH);
        query[k][2] = *reinterpret_cast<const u32*>(there + 8);
        query[k][3] = *reinterpret_cast<const u32*>(there + 8 * WIDTH + 8);
    }
    float acc[16][4] = {};
    float top[2] = {-1e30f, -1e30f}, mass[2] = {0, 0};

    for (int tile = begin - 1, count = -1; tile < end; tile++, count++) { // the scores of the next, the values of this one
        const int at = count % SLOTS, next = (count + 1) % SLOTS;
        float found[4];
        if (tile >= begin) some_threads_meet(1, WARPS * 32); // all scores of this tile are there
        if (tile + 1 < end) {
            barrier_wait(full + next * 8, (count + 1) / SLOTS & 1);
            const int left = length - (tile + 1) * TILE;
            if (left < TILE) clear(shared + next * KEYS, left, warp * 32 + lane);
            score(found, query, ring + next * KEYS, few * 8, half, lane);
        }
        if (tile >= begin) {
            const float* now = scores + (count & 1) * 2 * HEADS * APART + half * 16 + pair;
            float s[2][4], shrink[2]; // row and row + 8: columns pair, pair + 1 of both eights
#pragma unroll
            for (int r = 0; r < 2; r++) {
#pragma unroll
                for (int c = 0; c < 2; c++) {
                    const float* there = now + (row + r * 8) * APART + c * 8;
                    const float2 one = *reinterpret_cast<const float2*>(there);
                    const float2 two = *reinterpret_cast<const float2*>(there + HEADS * APART);
                    const int token = tile * TILE + half * 16 + c * 8 + pair;
                    s[r][2 * c] = token < length ? (one.x + two.x) * LOG2E : -1e38f;
                    s[r][2 * c + 1] = token + 1 < length ? (one.y + two.y) * LOG2E : -1e38f;
                }
                float highest = fmaxf(fmaxf(s[r][0], s[r][1]), fmaxf(s[r][2], s[r][3]));
                highest = fmaxf(highest, other_lane(highest, 1));
                highest = fmaxf(fmaxf(highest, other_lane(highest, 2)), top[r]);
                shrink[r] = power_of_two(top[r] - highest);
                top[r] = highest;
#pragma unroll
                for (int c = 0; c < 4; c++) s[r][c] = power_of_two(s[r][c] - highest);
                mass[r] = mass[r] * shrink[r] + ((s[r][0] + s[r][1]) + (s[r][2] + s[r][3]));
            }
            if (__any_sync(0xffffffffu, shrink[0] != 1.0f || shrink[1] != 1.0f)) {
#pragma unroll
                for (int n = 0; n < 16; n++) {
                    acc[n][0] *= shrink[0], acc[n][1] *= shrink[0], acc[n][2] *= shrink[1], acc[n][3] *= shrink[1];
                }
            }
            const u32 share[4] = {two_bf16(s[0][0], s[0][1]), two_bf16(s[1][0], s[1][1]), two_bf16(s[0][2], s[0][3]), two_bf16(s[1][2], s[1][3])};
            const u32 values = ring + at * KEYS + few * 2 * PIECE + (half * 16 + lane % 16) * 128, swapped = (lane / 16 ^ lane % 8) * 16;
#pragma unroll
            for (int n = 0; n < 16; n += 2) {
                u32 b[4];
                load_four_turned(b, values + n / 8 * PIECE + (swapped ^ n % 8 << 4));
                multiply(acc[n], share, b[0], b[1]);
                multiply(acc[n + 1], share, b[2], b[3]);
            }
            __syncwarp();
            if (lane == 0) barrier_arrive(empty + at * 8);
        }
        if (tile + 1 < end) {
            float* own = scores + ((count + 1 & 1) * 2 + half) * HEADS * APART + row * APART + few * 8 + pair;
            *reinterpret_cast<float2*>(own) = make_float2(found[0], found[1]);
            *reinterpret_cast<float2*>(own + 8 * APART) = make_float2(found[2], found[3]);
        }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
        mass[r] += other_lane(mass[r], 1);
        mass[r] += other_lane(mass[r], 2);
    }
    join(acc, top, mass, shared, warp, lane);
    const int first = few * 128 + half * 64 + pair;
    if (g.shares == 1) {
        unsigned short* target = g.out + (static_cast<long long>(slot) * HEADS + row) * VALUES + first;
        const float low = 1 / fmaxf(mass[0], 1e-30f), high = 1 / fmaxf(mass[1], 1e-30f);
#pragma unroll
        for (int n = 0; n < 8; n++) {
            *reinterpret_cast<u32*>(target + n * 8) = two_bf16(acc[n][0] * low, acc[n][1] * low);
            *reinterpret_cast<u32*>(target + 8 * VALUES + n * 8) = two_bf16(acc[n][2] * high, acc[n][3] * high);
        }
        return;
    }
    const int each = VALUES >> g.split, apart = each + 8; // columns that a block sums up; floats from a head's sums to the next
    cluster_wait(); // all blocks of the cluster run
    const u32 place = ring + sums_from(g.shares) + (rank * HEADS + row) * apart * 4;
#pragma unroll
    for (int n = 0; n < 8; n++) {
        const int column = first + n * 8;
        const u32 there = address_in(place + (column & each - 1) * 4, column >> 9 - g.split);
        store_in(there, acc[n][0], acc[n][1]);
        store_in(there + 8 * apart * 4, acc[n][2], acc[n][3]);
    }
    if (lane % 4 == 0) {
        for (int other = warp; other < 1 << g.split; other += WARPS) {
            const u32 there = address_in(ring + MASSES + (rank * HEADS + row) * 8, other);
            store_in(there, top[0], mass[0]);
            store_in(there + 8 * 8, top[1], mass[1]);
        }
    }
}

// What the blocks of a cluster sent this one: its columns of every head, two a thread at a time.
__device__ __forceinline__ void sum_up(const Given& g, const char* shared, int slot, int rank, int thread) {
    const int each = VALUES >> g.split, apart = each + 8;
    const float2* masses = reinterpret_cast<const float2*>(shared + MASSES);
    const float* sums = reinterpret_cast<const float*>(shared + sums_from(g.shares));
    for (int unit = thread; unit < HEADS * each / 2; unit += WARPS * 32) {
        const int head = unit >> 8 - g.split, column = (unit & each / 2 - 1) * 2;
        float highest = -1e30f, mass = 0, first = 0, second = 0;
#pragma unroll 4
        for (int other = 0; other < g.shares; other++) highest = fmaxf(highest, masses[other * HEADS + head].x);
#pragma unroll 4
        for (int other = 0; other < g.shares; other++) {
            const float2 its = masses[other * HEADS + head];
            const float2 part = *reinterpret_cast<const float2*>(sums + (other * HEADS + head) * apart + column);
            const float share = power_of_two(its.x - highest);
            mass += share * its.y, first += share * part.x, second += share * part.y;
        }
        mass = 1 / fmaxf(mass, 1e-30f);
        unsigned short* target = g.out + (static_cast<long long>(slot) * HEADS + head) * VALUES + rank * each + column;
        *reinterpret_cast<u32*>(target) = two_bf16(first * mass, second * mass);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) latent(const Given g, const __grid_constant__ Map map) {
    char* shared = shared_memory();
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    const int slot = blockIdx.x / g.shares, rank = blockIdx.x % g.shares;
    const u32 full = shared_address(shared) + BARRIERS, empty = full + SLOTS * 8;
    release_next();
    const int* blocks = g.table + static_cast<long long>(slot) * g.columns;
    const int near = warp == WARPS && lane < g.columns ? blocks[lane] : 0; // no kernel that lets others begin early writes these
    const int length = g.lengths[slot];
    if (thread == 0) {
        fetch_map(&map);
        for (int i = 0; i < SLOTS; i++) {
            barrier_init(full + i * 8, 1);
            barrier_init(empty + i * 8, WARPS);
        }
        barriers_are_made();
    }
    __syncthreads();
    if (g.shares > 1) cluster_arrive();
    const int tiles = (length + TILE - 1) / TILE;
    const int begin = tiles * rank / g.shares, end = tiles * (rank + 1) / g.shares;
    if (warp < WARPS) {
        more_registers<232>();
        look(g, shared, full, empty, slot, rank, begin, end, length, warp, lane);
        if (g.shares > 1) {
            __syncwarp();
            cluster_arrive();
            cluster_wait();
            if (rank < 1 << g.split) sum_up(g, shared, slot, rank, thread);
        }
    } else {
        fewer_registers<40>();
        if (warp == WARPS) ask(g, &map, shared_address(shared), full, empty, blocks, near, begin, end, length, lane);
        if (g.shares > 1) {
            __syncwarp();
            cluster_wait();
            cluster_arrive();
            cluster_wait();
        }
    }
}
