// A card of one cluster on a CPU: what kernels/cuda_backend/device.cuh promises, every thread a fiber that gives way where it waits.
// Copies take their time, shared memory begins as NaN, one arrival too many ends the program: so order and counts are tested too.
#pragma once
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#define __device__
#define __forceinline__ inline
#define __global__
#define __launch_bounds__(threads, blocks)
#define __grid_constant__

typedef unsigned int u32;
typedef unsigned long long u64;
using std::min;

struct float2 { float x, y; };
struct uint2 { u32 x, y; };
struct float4 { float x, y, z, w; };
struct uint4 { u32 x, y, z, w; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline uint2 make_uint2(u32 x, u32 y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint4 make_uint4(u32 x, u32 y, u32 z, u32 w) { return {x, y, z, w}; }

struct Map { const unsigned short* base; }; // of a cache [tokens, 576]

constexpr int MOST = 512, SHARED = 232448, PIECES = 9, ROWS = 32;
inline int MADE = MOST; // threads of a block, for every emulator of the process: each sets it
struct Barrier { int count, pending, phase; long bytes; };
struct Aside { u32 target; const void* source; int bytes; };
struct Meeting { int there = 0, past = 0; };
struct Warp { Meeting meeting; u32 words[32]; u32 a[32][4], b[32][2]; };
struct Block {
    int index;
    std::vector<char> memory = std::vector<char>(SHARED, char(0xff));
    std::map<u32, Barrier> barriers;
    Meeting named[16];
    Warp warps[MOST / 32];
    ucontext_t contexts[MOST];
    std::vector<char> stacks[MOST];
    std::vector<std::vector<Aside>> asides[MOST]; // groups of copies that a thread has under way, the last one open
    bool done[MOST] = {};
    int cluster_phase[MOST] = {};
};
struct Copy { int block; u32 target; const unsigned short* source; u32 barrier; int delay; };

inline std::vector<Block*> cluster;
inline std::vector<Copy> copies;
inline int now_block, now_thread, cluster_there, cluster_past;
inline ucontext_t scheduler;

struct Place { int x; };
#define threadIdx (Place{now_thread})
#define blockIdx (Place{cluster[now_block]->index})

inline Block& here() { return *cluster[now_block]; }
inline Warp& warp_here() { return here().warps[now_thread / 32]; }
inline void give_way() {
    const int block = now_block, thread = now_thread;
    swapcontext(&cluster[block]->contexts[thread], &scheduler);
    now_block = block, now_thread = thread;
}
inline void meet(Meeting& meeting, int all) {
    const int past = meeting.past;
    if (++meeting.there == all) meeting.there = 0, meeting.past++;
    while (meeting.past == past) give_way();
}
inline void settle(Barrier& barrier) {
    if (barrier.pending < 0) std::printf("one arrival too many\n"), std::exit(1);
    if (barrier.pending == 0 && barrier.bytes == 0) barrier.phase++, barrier.pending = barrier.count;
}

inline char* shared_memory() { return here().memory.data(); }
inline u32 shared_address(const void* pointer) { return u32(static_cast<const char*>(pointer) - shared_memory()); }
inline void barrier_init(u32 at, u32 count) { here().barriers[at] = {int(count), int(count), 0, 0}; }
inline void barriers_are_made() {}
inline void barrier_arrive(u32 at) { here().barriers.at(at).pending--, settle(here().barriers.at(at)); }
inline void barrier_expect(u32 at, u32 bytes) { here().barriers.at(at).bytes += bytes, barrier_arrive(at); }
inline void barrier_wait(u32 at, u32 parity) { while ((here().barriers.at(at).phase & 1) == int(parity)) give_way(); }
inline void fetch_map(const Map*) {}
inline void copy_box(u32 target, const Map* map, int, int token, int, u32 barrier) {
    copies.push_back({now_block, target, map->base + token * 64L * PIECES, barrier, std::rand() % 12});
}
inline void some_threads_meet(u32 which, u32 threads) { meet(here().named[which], threads); }
inline void __syncthreads() { meet(here().named[0], MADE); }
inline void __syncwarp() { meet(warp_here().meeting, 32); }
template <int COUNT> inline void more_registers() {}
template <int COUNT> inline void fewer_registers() {}
inline void release_next() {}
inline void hold() {}
inline void cluster_arrive() {
    here().cluster_phase[now_thread] = cluster_past;
    if (++cluster_there == int(cluster.size()) * MADE) cluster_there = 0, cluster_past++;
}
inline void cluster_arrive_bare() { cluster_arrive(); }
inline void cluster_wait() { while (cluster_past == here().cluster_phase[now_thread]) give_way(); }
inline u32 address_in(u32 address, u32 rank) { return address | rank << 24; }
inline void store_in(u32 address, float value) {
    std::memcpy(cluster[address >> 24]->memory.data() + (address & 0xffffff), &value, 4);
}
inline void store_in(u32 address, float first, float second) { store_in(address, first), store_in(address + 4, second); }

inline void written_for_copies() {}
inline void send(u32 target, u32 source, u32 bytes, u32 barrier) {
    Block& there = *cluster[target >> 24];
    std::memcpy(there.memory.data() + (target & 0xffffff), shared_memory() + source, bytes);
    Barrier& counts = there.barriers.at(barrier & 0xffffff);
    counts.bytes -= bytes;
    settle(counts);
}

inline void aside(const Aside& copy) {
    auto& groups = here().asides[now_thread];
    if (groups.empty()) groups.emplace_back();
    groups.back().push_back(copy);
}
inline void copy_aside(u32 target, const void* source) { aside({target, source, 16}); }
inline void copy_word_aside(u32 target, const u32* source) { aside({target, source, 4}); }
inline void copies_end() {
    auto& groups = here().asides[now_thread];
    if (groups.empty()) groups.emplace_back();
    groups.emplace_back();
}
template <int LEFT>
inline void copies_wait() { // the last moment at which a card has them there
    auto& groups = here().asides[now_thread];
    for (; int(groups.size()) > LEFT + 1; groups.erase(groups.begin()))
        for (const Aside& copy : groups[0]) std::memcpy(shared_memory() + copy.target, copy.source, copy.bytes);
}
inline uint4 read_once(const uint4* place) { return *place; }
inline u32 read_once(const u32* place) { return *place; }
inline float __uint_as_float(u32 bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}
inline u32 __byte_perm(u32 low, u32 high, u32 which) {
    const u64 both = low | u64(high) << 32;
    u32 found = 0;
    for (int i = 0; i < 4; i++) found |= u32(both >> (which >> 4 * i & 7) * 8 & 0xff) << 8 * i;
    return found;
}

inline float bf16(u32 bits) {
    bits <<= 16;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}
inline u32 rounded(float value) {
    u32 bits;
    std::memcpy(&bits, &value, 4);
    return std::isnan(value) ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
inline u32 two_bf16(float low, float high) { return rounded(low) | rounded(high) << 16; }
inline float power_of_two(float x) { return std::exp2(x); }
inline u32 given_by(u32 mine, int lane) { // the value that another lane of the warp has
    Warp& warp = warp_here();
    warp.words[now_thread % 32] = mine;
    __syncwarp();
    const u32 found = warp.words[lane];
    __syncwarp();
    return found;
}
inline int __shfl_sync(u32, int value, int lane) { return int(given_by(u32(value), lane)); }
inline float other_lane(float value, int mask) {
    u32 bits;
    std::memcpy(&bits, &value, 4);
    bits = given_by(bits, now_thread % 32 ^ mask);
    std::memcpy(&value, &bits, 4);
    return value;
}
inline float lane_of(float value, int lane) { return __uint_as_float(given_by([value] { u32 bits; std::memcpy(&bits, &value, 4); return bits; }(), lane)); }
inline bool __any_sync(u32, bool mine) {
    Warp& warp = warp_here();
    warp.words[now_thread % 32] = mine;
    __syncwarp();
    const bool found = *std::max_element(warp.words, warp.words + 32) != 0;
    __syncwarp();
    return found;
}
inline void load_any(u32 (&found)[4], u32 address, bool turned) {
    Warp& warp = warp_here();
    const int lane = now_thread % 32;
    warp.words[lane] = address;
    __syncwarp();
    for (int part = 0; part < 4; part++) {
        unsigned short two[2];
        for (int i = 0; i < 2; i++) {
            const u32 at = turned ? warp.words[part * 8 + lane % 4 * 2 + i] + lane / 4 * 2 : warp.words[part * 8 + lane / 4] + lane % 4 * 4 + i * 2;
            std::memcpy(two + i, shared_memory() + at, 2);
        }
        found[part] = two[0] | u32(two[1]) << 16;
    }
    __syncwarp();
}
inline void load_four(u32 (&found)[4], u32 address) { load_any(found, address, false); }
inline void load_four_turned(u32 (&found)[4], u32 address) { load_any(found, address, true); }
inline void multiply(float (&acc)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    Warp& warp = warp_here();
    const int lane = now_thread % 32;
    std::copy(a, a + 4, warp.a[lane]);
    warp.b[lane][0] = b0, warp.b[lane][1] = b1;
    __syncwarp();
    for (int i = 0; i < 4; i++) {
        const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        for (int k = 0; k < 16; k++) {
            const u32 left = warp.a[row % 8 * 4 + k % 8 / 2][row / 8 + k / 8 * 2], right = warp.b[column * 4 + k % 8 / 2][k / 8];
            acc[i] += bf16(k % 2 ? left >> 16 : left & 0xffff) * bf16(k % 2 ? right >> 16 : right & 0xffff);
        }
    }
    __syncwarp();
}

inline void multiply_between(float (&acc)[4], const u32 (&a)[4], u32 b0, u32 b1) { multiply(acc, a, b0, b1); }

inline void move_copies() { // a box [9][32][64], its 16-byte parts exchanged by the row
    for (size_t i = 0; i < copies.size();) {
        Copy& copy = copies[i];
        if (copy.delay-- > 0) { i++; continue; }
        now_block = copy.block;
        for (int unit = 0; unit < PIECES * ROWS * 8; unit++) {
            const int piece = unit / (ROWS * 8), row = unit / 8 % ROWS, part = unit % 8;
            const u32 at = copy.target + (piece * ROWS + row) * 128;
            std::memcpy(shared_memory() + at + (part ^ (at >> 7 & 7)) * 16, copy.source + row * 64 * PIECES + piece * 64 + part * 8, 16);
        }
        Barrier& barrier = here().barriers.at(copy.barrier);
        barrier.bytes -= PIECES * ROWS * 128;
        settle(barrier);
        copies.erase(copies.begin() + i);
    }
}
