// Down of all experts of one token and their weighted sum, by bf16 weights, in one launch: a warp an expert, a few rows a block.
//
// Weights are on their way to registers before the kernel ahead is done: which experts they are of was known before it let this
// one begin.
#include "nibbles.cuh"

struct PlainDown {
    const bf16_t* x;      // [chosen + beside, width]
    const long long* idx; // [chosen]
    const float* weight;  // [chosen]
    const bf16_t* down;   // [E, rows, width]
    const bf16_t* shared; // [rows, beside * width]
    bf16_t* out;          // [rows]
    int rows, chosen, beside;
};

__device__ __forceinline__ float products(const uint4& w, const uint4& x) {
    const u32 left[4] = {w.x, w.y, w.z, w.w}, right[4] = {x.x, x.y, x.z, x.w};
    float even = 0, odd = 0;
#pragma unroll
    for (int i = 0; i < 4; i++) even += low_half(left[i]) * low_half(right[i]), odd += high_half(left[i]) * high_half(right[i]);
    return even + odd;
}

// 256 threads, eight experts.
template <int WIDTH, int ROWS>
__device__ __forceinline__ void plain_down_of(const PlainDown& g) {
    constexpr int WARPS = 8, CHUNKS = WIDTH / 8, EACH = (CHUNKS + 31) / 32;
    float* parts = reinterpret_cast<float*>(shared_memory()); // [WARPS][ROWS]
    const int thread = threadIdx.x, which = thread / 32, lane = thread % 32, row = blockIdx.x * ROWS;
    release_next();
    const bool always = which >= g.chosen;
    const long long across = always ? g.beside * WIDTH : WIDTH;
    const long long first = always ? row * across + (which - g.chosen) * WIDTH : (g.idx[which] * g.rows + row) * across;
    const uint4* weights = reinterpret_cast<const uint4*>((always ? g.shared : g.down) + first) + lane;
    uint4 w[ROWS][EACH], x[EACH];
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < EACH; j++)
            if (CHUNKS % 32 == 0 || j * 32 + lane < CHUNKS) w[i][j] = read_once(weights + i * across / 8 + j * 32);
    hold();
    const uint4* source = reinterpret_cast<const uint4*>(g.x + which * WIDTH) + lane;
#pragma unroll
    for (int j = 0; j < EACH; j++)
        if (CHUNKS % 32 == 0 || j * 32 + lane < CHUNKS) x[j] = source[j * 32];
    const float share = always ? 1 : g.weight[which];
    float sum[ROWS] = {};
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
#pragma unroll
        for (int j = 0; j < EACH; j++)
            if (CHUNKS % 32 == 0 || j * 32 + lane < CHUNKS) sum[i] += products(w[i][j], x[j]);
    }
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
#pragma unroll
        for (int mask = 16; mask > 0; mask /= 2) sum[i] += other_lane(sum[i], mask);
        if (lane == 0) parts[which * ROWS + i] = sum[i] * share;
    }
    __syncthreads();
    if (thread >= ROWS) return;
    float all = 0;
#pragma unroll
    for (int i = 0; i < WARPS; i++) all += parts[i * ROWS + thread];
    g.out[row + thread] = two_bf16(all, 0) & 0xffff;
}

#define PLAIN_DOWN(WIDTH, ROWS, BLOCKS) \
    extern "C" __global__ void __launch_bounds__(256, BLOCKS) plain_down_##WIDTH(const PlainDown g) { plain_down_of<WIDTH, ROWS>(g); }
// of 1,408 and 1,536 columns two blocks a multiprocessor: three have too few registers, and small takes 2,195 us, not 2,129
PLAIN_DOWN(896, 2, 3)
PLAIN_DOWN(1408, 2, 2)
PLAIN_DOWN(1536, 2, 2)
