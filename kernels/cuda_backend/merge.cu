// What programs found of their shares of one token's latents as one, and each head's map of that: latents of 512, values of 128.
//
// Four blocks are a cluster: each merges a quarter of a head's columns, gives it to the others, and maps a quarter of the rows. The
// map's weights are on their way before the kernel ahead is done.
#include "device.cuh"

constexpr int VALUES = 512;
constexpr float FAR = -3.4e38f; // less than any logarithm of a mass
typedef unsigned short bf16_t;

struct Merge {
    const float* part;      // [parts, heads, 512]
    const float* total;     // [parts, heads]
    const bf16_t* to_value; // [heads, 128, 512], heads `apart`
    bf16_t* out;            // [heads, 128]
    long long apart;
    int parts, heads; // parts: 32 at most
};

__device__ __forceinline__ float low_half(u32 both) { return __uint_as_float(both << 16); }
__device__ __forceinline__ float high_half(u32 both) { return __uint_as_float(both & 0xffff0000u); }

__device__ __forceinline__ float eight_times(const uint4& w, const float4& first, const float4& second) {
    return low_half(w.x) * first.x + high_half(w.x) * first.y + low_half(w.y) * first.z + high_half(w.y) * first.w +
           low_half(w.z) * second.x + high_half(w.z) * second.y + low_half(w.w) * second.z + high_half(w.w) * second.w;
}

// 256 threads; block 4 h + c of a cluster of four: columns 128 c on are its share of the merge, rows 32 c on of the map.
extern "C" __global__ void __launch_bounds__(256, 2) merge_128(const Merge g) {
    float* mixed = reinterpret_cast<float*>(shared_memory()); // [512], then sums of eight warps [8][128]
    float* sums = mixed + VALUES;
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, head = blockIdx.x / 4, rank = blockIdx.x % 4;
    release_next();
    const bf16_t* rows = g.to_value + head * g.apart + static_cast<long long>(rank * 32 + warp * 4) * VALUES + lane * 8;
    uint4 w[4][2];
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
        for (int h = 0; h < 2; h++) w[i][h] = read_once(reinterpret_cast<const uint4*>(rows + i * VALUES + h * 256));
    cluster_arrive(), cluster_wait(); // the others' memory is there
    hold();
    const float log = lane < g.parts ? g.total[lane * g.heads + head] : FAR;
    float4 found[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const int part = warp * 4 + i;
        found[i] = make_float4(0, 0, 0, 0);
        if (part < g.parts)
            found[i] = *reinterpret_cast<const float4*>(g.part + (static_cast<long long>(part) * g.heads + head) * VALUES + rank * 128 + lane * 4);
    }
    float highest = log;
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) highest = fmaxf(highest, other_lane(highest, mask));
    float share = log < -1e38f ? 0 : power_of_two(log - highest), all = share;
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) all += other_lane(all, mask);
    share /= fmaxf(all, 1e-30f);
    float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const float own = lane_of(share, warp * 4 + i);
        sum.x += own * found[i].x, sum.y += own * found[i].y, sum.z += own * found[i].z, sum.w += own * found[i].w;
    }
    *reinterpret_cast<float4*>(sums + warp * 128 + lane * 4) = sum;
    __syncthreads();
    if (thread < 128) {
        float column = 0;
#pragma unroll
        for (int i = 0; i < 8; i++) column += sums[i * 128 + thread];
        const u32 place = shared_address(mixed + rank * 128 + thread);
#pragma unroll
        for (int to = 0; to < 4; to++) store_in(address_in(place, to), column);
    }
    cluster_arrive(), cluster_wait();
    float found_rows[4];
    const float4* there = reinterpret_cast<const float4*>(mixed) + lane * 2;
    const float4 x0 = there[0], x1 = there[1], x2 = there[64], x3 = there[65];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        float row = eight_times(w[i][0], x0, x1) + eight_times(w[i][1], x2, x3);
#pragma unroll
        for (int mask = 16; mask > 0; mask /= 2) row += other_lane(row, mask);
        found_rows[i] = row;
    }
    if (lane == 0)
        *reinterpret_cast<uint2*>(g.out + head * 128 + rank * 32 + warp * 4) =
            make_uint2(two_bf16(found_rows[0], found_rows[1]), two_bf16(found_rows[2], found_rows[3]));
}
