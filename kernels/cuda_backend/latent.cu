// Attention of one new token a row over latents, in the absorbed form: 16 heads share keys [latent | rope], the latent is the value.
//
// A block has a share of a row's tokens. One warp asks for them, a tile of 32 at a time, into a ring of shared memory that is
// always full of what is on its way; eight warps multiply: four by eight tokens each and two by half the columns for the scores,
// eight by 64 columns each for the values; the scores of a tile are on their way while the values of the one before are summed up.
// A tile lies there as nine pieces of 64 columns, [9][32][64], the 16-byte parts of every row changed about (the copy engine's
// 128-byte swizzle) so that eight rows touch all banks. The blocks of a row are a cluster: the first 2^n of them get from all
// others the columns that they sum up, a message copied as a whole, so nothing goes through global memory and no second kernel is launched. Tokens older than
// what this step wrote are asked for before the kernel ahead is done.
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
constexpr int WIDE = WIDTH * 2 + 16;   // bytes from a head of the query to the next
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
constexpr int BARRIERS = SCORES + 2 * 2 * HEADS * APART * 4; // full, then empty, then of the sums
constexpr int SUMS = BARRIERS + (2 * SLOTS + 2) * 8;         // a message of each block; behind them the query [16][WIDE]
__device__ __forceinline__ int apart_of(const Given& g) { return (VALUES >> g.split) + 8; } // floats from a head's sums to the next
__device__ __forceinline__ int message_of(const Given& g) { return HEADS * (apart_of(g) * 4 + 8); } // sums [16][apart], then highest scores and masses [16]

// The warp that asks for tiles: one lane does, all look up blocks.
__device__ __forceinline__ void ask(const Given& g, const Map* map, u32 ring, u32 full, u32 empty, const int* blocks, int near, int begin, int end, int length, int lane) {
    const int early = (length - g.newest) / TILE; // tiles before this one are older than the step
    bool held = false;
    for (int tile = begin, count = 0; tile < end; tile++, count++) {
        if (!held && (tile >= early || count == SLOTS)) { // nobody empties the ring before
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
    release_next(); // not before: what the next kernel asks for early would delay this one's tiles (8 rows: 12.4 us, not 14.3)
}

// Rows of the last tile behind a row's end: whatever lay there, it must not reach the values.
__device__ __forceinline__ void clear(char* keys, int rows, int thread) {
    for (int unit = thread; unit < (TILE - rows) * WIDTH / 8; unit += WARPS * 32) {
        const int piece = unit / ((TILE - rows) * 8), rest = unit % ((TILE - rows) * 8);
        *reinterpret_cast<uint4*>(keys + piece * PIECE + rows * 128 + rest * 16) = make_uint4(0, 0, 0, 0);
    }
    some_threads_meet(1, WARPS * 32);
}

// A warp's share of the scores of a tile: eight tokens, every other 32 columns.
__device__ __forceinline__ void score(float (&found)[4], const u32 (&query)[STEPS][4], u32 keys, int eight, int half, int lane) {
    float part[4][4] = {};
    const u32 mine = keys + (eight + lane % 8) * 128 + ((lane / 8 ^ lane % 8) * 16 ^ half << 6);
#pragma unroll
    for (int i = 0; i < STEPS / 2; i++) {
        u32 b[4];
        load_four(b, mine + i * PIECE);
        multiply_between(part[2 * i % 4], query[2 * i], b[0], b[1]);
        multiply_between(part[2 * i % 4 + 1], query[2 * i + 1], b[2], b[3]);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) found[i] = part[0][i] + part[1][i] + (part[2][i] + part[3][i]);
}

// The query's part for these scores, by way of shared memory.
__device__ __forceinline__ void take(u32 (&query)[STEPS][4], const Given& g, char* shared, int slot, int half, int warp, int lane) {
    const uint4* source = reinterpret_cast<const uint4*>(g.query + static_cast<long long>(slot) * HEADS * WIDTH);
    char* place = shared + SUMS + (g.shares > 1 ? g.shares * message_of(g) : 0);
    for (int unit = warp * 32 + lane; unit < HEADS * WIDTH / 8; unit += WARPS * 32) {
        *reinterpret_cast<uint4*>(place + unit / (WIDTH / 8) * WIDE + unit % (WIDTH / 8) * 16) = source[unit];
    }
    some_threads_meet(1, WARPS * 32);
    const u32 mine = shared_address(place) + lane % 16 * WIDE + lane / 16 * 16 + half * 64;
#pragma unroll
    for (int k = 0; k < STEPS; k++) load_four(query[k], mine + k / 2 * 128 + k % 2 * 32);
}

__device__ __forceinline__ void look(const Given& g, char* shared, u32 full, u32 empty, int slot, int rank, int begin, int end, int length, int warp, int lane) {
    const int row = lane / 4, pair = lane % 4 * 2; // of what a lane holds of a product
    const int few = warp % 4, half = warp / 4;
    float* scores = reinterpret_cast<float*>(shared + SCORES);
    const u32 ring = shared_address(shared);

    hold();
    u32 query[STEPS][4];
    take(query, g, shared, slot, half, warp, lane);
    float acc[8][4] = {};
    float top[2] = {-1e30f, -1e30f}, mass[2] = {0, 0};

    float found[4];
    if (begin < end) {
        barrier_wait(full, 0);
        if (length - begin * TILE < TILE) clear(shared, length - begin * TILE, warp * 32 + lane);
        score(found, query, ring, few * 8, half, lane);
        float* own = scores + half * HEADS * APART + row * APART + few * 8 + pair;
        *reinterpret_cast<float2*>(own) = make_float2(found[0], found[1]);
        *reinterpret_cast<float2*>(own + 8 * APART) = make_float2(found[2], found[3]);
    }
    for (int tile = begin, count = 0; tile < end; tile++, count++) { // the scores of the next, the values of this one
        const int at = count % SLOTS, next = (count + 1) % SLOTS;
        some_threads_meet(1, WARPS * 32); // all scores of this tile are there
        if (tile + 1 < end) {
            barrier_wait(full + next * 8, (count + 1) / SLOTS & 1);
            const int left = length - (tile + 1) * TILE;
            if (left < TILE) clear(shared + next * KEYS, left, warp * 32 + lane);
        }
        score(found, query, ring + next * KEYS, few * 8, half, lane); // behind the last tile: of nothing, for nobody
        {
            const float* now = scores + (count & 1) * 2 * HEADS * APART + pair;
            float s[2][8], shrink[2]; // row and row + 8: columns pair, pair + 1 of every eight
#pragma unroll
            for (int r = 0; r < 2; r++) {
#pragma unroll
                for (int c = 0; c < 4; c++) {
                    const float* there = now + (row + r * 8) * APART + c * 8;
                    const float2 one = *reinterpret_cast<const float2*>(there);
                    const float2 two = *reinterpret_cast<const float2*>(there + HEADS * APART);
                    const int token = tile * TILE + c * 8 + pair;
                    s[r][2 * c] = token < length ? (one.x + two.x) * LOG2E : -1e38f;
                    s[r][2 * c + 1] = token + 1 < length ? (one.y + two.y) * LOG2E : -1e38f;
                }
                float highest = fmaxf(fmaxf(fmaxf(s[r][0], s[r][1]), fmaxf(s[r][2], s[r][3])), fmaxf(fmaxf(s[r][4], s[r][5]), fmaxf(s[r][6], s[r][7])));
                highest = fmaxf(highest, other_lane(highest, 1));
                highest = fmaxf(fmaxf(highest, other_lane(highest, 2)), top[r]);
                shrink[r] = power_of_two(top[r] - highest);
                top[r] = highest;
#pragma unroll
                for (int c = 0; c < 8; c++) s[r][c] = power_of_two(s[r][c] - highest);
                mass[r] = mass[r] * shrink[r] + (((s[r][0] + s[r][1]) + (s[r][2] + s[r][3])) + ((s[r][4] + s[r][5]) + (s[r][6] + s[r][7])));
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
                const u32 values = ring + at * KEYS + warp * PIECE + (k * 16 + lane % 16) * 128, swapped = (lane / 16 ^ lane % 8) * 16;
#pragma unroll
                for (int n = 0; n < 8; n += 2) {
                    u32 b[4];
                    load_four_turned(b, values + (swapped ^ n << 4));
                    multiply_between(acc[n], share, b[0], b[1]);
                    multiply_between(acc[n + 1], share, b[2], b[3]);
                }
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
    const int first = warp * 64 + pair;
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
    // a message for each of those that sum up: written where the tiles were, then copied as a whole
    const int each = VALUES >> g.split, apart = apart_of(g), message = message_of(g);
    some_threads_meet(1, WARPS * 32);
#pragma unroll
    for (int n = 0; n < 8; n++) {
        const int column = first + n * 8;
        char* place = shared + (column >> 9 - g.split) * message + (row * apart + (column & each - 1)) * 4;
        *reinterpret_cast<float2*>(place) = make_float2(acc[n][0], acc[n][1]);
        *reinterpret_cast<float2*>(place + 8 * apart * 4) = make_float2(acc[n][2], acc[n][3]);
    }
    if (lane % 4 == 0 && warp < 1 << g.split) {
        char* place = shared + warp * message + HEADS * apart * 4 + row * 8;
        *reinterpret_cast<float2*>(place) = make_float2(top[0], mass[0]);
        *reinterpret_cast<float2*>(place + 8 * 8) = make_float2(top[1], mass[1]);
    }
    written_for_copies();
    some_threads_meet(1, WARPS * 32);
    cluster_wait(); // all blocks of the cluster run
    const int target = warp * 32 + lane;
    if (target < 1 << g.split) {
        send(address_in(ring + SUMS + rank * message, target), ring + target * message, message, address_in(ring + BARRIERS + 2 * SLOTS * 8, target));
    }
}

// What the blocks of a cluster sent this one: its columns of every head, two a thread at a time.
__device__ __forceinline__ void sum_up(const Given& g, const char* shared, int slot, int rank, int thread) {
    const int each = VALUES >> g.split, apart = apart_of(g), message = message_of(g);
    const char* masses = shared + SUMS + HEADS * apart * 4;
    for (int unit = thread; unit < HEADS * each / 2; unit += WARPS * 32) {
        const int head = unit >> 8 - g.split, column = (unit & each / 2 - 1) * 2;
        float highest = -1e30f, mass = 0, first = 0, second = 0;
#pragma unroll 4
        for (int other = 0; other < g.shares; other++) {
            highest = fmaxf(highest, reinterpret_cast<const float2*>(masses + other * message)[head].x);
        }
#pragma unroll 4
        for (int other = 0; other < g.shares; other++) {
            const float2 its = reinterpret_cast<const float2*>(masses + other * message)[head];
            const float2 part = *reinterpret_cast<const float2*>(shared + SUMS + other * message + (head * apart + column) * 4);
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
    const u32 full = shared_address(shared) + BARRIERS, empty = full + SLOTS * 8, sums = empty + SLOTS * 8;
    const bool sums_up = g.shares > 1 && rank < 1 << g.split;
    const int* blocks = g.table + static_cast<long long>(slot) * g.columns;
    const int near = warp == WARPS && lane < g.columns ? blocks[lane] : 0; // no kernel that lets others begin early writes these
    const int length = g.lengths[slot];
    if (thread == 0) {
        fetch_map(&map);
        for (int i = 0; i < SLOTS; i++) {
            barrier_init(full + i * 8, 1);
            barrier_init(empty + i * 8, WARPS);
        }
        barrier_init(sums, 1);
        barriers_are_made();
        if (sums_up) barrier_expect(sums, g.shares * message_of(g));
    }
    __syncthreads();
    if (g.shares > 1) cluster_arrive_bare();
    const int tiles = (length + TILE - 1) / TILE;
    const int begin = tiles * rank / g.shares, end = tiles * (rank + 1) / g.shares;
    if (warp < WARPS) {
        more_registers<232>();
        look(g, shared, full, empty, slot, rank, begin, end, length, warp, lane);
        if (sums_up) barrier_wait(sums, 0);
    } else {
        fewer_registers<40>();
        if (warp == WARPS) ask(g, &map, shared_address(shared), full, empty, blocks, near, begin, end, length, lane);
        if (g.shares > 1) cluster_wait();
    }
    if (g.shares > 1) {
        __syncwarp();
        cluster_arrive_bare(); // what was sent here is here
        if (sums_up && warp < WARPS) sum_up(g, shared, slot, rank, thread);
        __syncwarp();
        cluster_wait(); // and what was sent from here is there
    }
}
