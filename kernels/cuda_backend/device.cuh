// What Hopper does that CUDA C++ has no words for: copies that count bytes on a barrier, matrix products of a warp, clusters,
// and a kernel that begins before the one ahead of it ends. Everything else of a kernel is plain C++.
#pragma once

typedef unsigned int u32;
typedef unsigned long long u64;

// What a block was given of shared memory at its launch.
__device__ __forceinline__ char* shared_memory() {
    extern __shared__ __align__(1024) char shared[];
    return shared;
}

__device__ __forceinline__ u32 shared_address(const void* pointer) {
    return static_cast<u32>(__cvta_generic_to_shared(pointer));
}

// ---- barriers of a block in shared memory: `count` arrivals and all bytes announced end a phase
__device__ __forceinline__ void barrier_init(u32 barrier, u32 count) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}

__device__ __forceinline__ void barriers_are_made() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ __forceinline__ void barrier_arrive(u32 barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

__device__ __forceinline__ void barrier_expect(u32 barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

__device__ __forceinline__ bool barrier_is_past(u32 barrier, u32 parity) {
    u32 past;
    asm volatile(
        "{\n.reg .pred done;\nmbarrier.try_wait.parity.shared::cta.b64 done, [%1], %2;\nselp.u32 %0, 1, 0, done;\n}"
        : "=r"(past) : "r"(barrier), "r"(parity) : "memory");
    return past;
}

__device__ __forceinline__ u64 nanoseconds() {
    u64 now;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    return now;
}

// A wait for copies ends after a quarter of a second whatever happens: a result then errs, but nothing hangs.
__device__ __forceinline__ void barrier_wait(u32 barrier, u32 parity) {
    if (barrier_is_past(barrier, parity)) return;
    const u64 begun = nanoseconds();
    while (!barrier_is_past(barrier, parity) && nanoseconds() - begun < 250000000ull) {}
}

// A tensor's layout as the host describes it to the copy engine.
struct __align__(64) Map {
    char opaque[128];
};

// a box of a tensor of three dimensions into shared memory; the barrier counts its bytes when they are there
__device__ __forceinline__ void copy_box(u32 target, const Map* map, int first, int second, int third, u32 barrier) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4}], [%5];"
        ::"r"(target), "l"(map), "r"(first), "r"(second), "r"(third), "r"(barrier) : "memory");
}

__device__ __forceinline__ void fetch_map(const Map* map) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

__device__ __forceinline__ void some_threads_meet(u32 which, u32 threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(which), "r"(threads) : "memory");
}

// ---- the kernel ahead of this one, and the one behind it
__device__ __forceinline__ void release_next() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }
__device__ __forceinline__ void hold() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

// ---- registers of this warp group's threads, by its role
template <int COUNT>
__device__ __forceinline__ void more_registers() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT)); }
template <int COUNT>
__device__ __forceinline__ void fewer_registers() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT)); }

// ---- clusters: blocks that reach each other's shared memory
__device__ __forceinline__ u32 cluster_rank() {
    u32 rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

__device__ __forceinline__ void cluster_arrive() { asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory"); }
// without a fence: what was written before is not promised to others, and nothing waits for it
__device__ __forceinline__ void cluster_arrive_bare() { asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory"); }
__device__ __forceinline__ void cluster_wait() { asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"); }

__device__ __forceinline__ u32 address_in(u32 address, u32 rank) {
    u32 found;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(found) : "r"(address), "r"(rank));
    return found;
}

__device__ __forceinline__ void store_in(u32 address, float value) {
    asm volatile("st.shared::cluster.f32 [%0], %1;" ::"r"(address), "f"(value) : "memory");
}

__device__ __forceinline__ void store_in(u32 address, float first, float second) {
    asm volatile("st.shared::cluster.v2.f32 [%0], {%1, %2};" ::"r"(address), "f"(first), "f"(second) : "memory");
}

// bytes of this block's shared memory to another's, whose barrier counts them when they are there
__device__ __forceinline__ void send(u32 target, u32 source, u32 bytes, u32 barrier) {
    asm volatile(
        "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
        ::"r"(target), "r"(source), "r"(bytes), "r"(barrier) : "memory");
}

__device__ __forceinline__ void written_for_copies() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// ---- 16 bytes that a thread copies to shared memory while it goes on; groups of such copies are waited for in their order
__device__ __forceinline__ void copy_aside(u32 target, const void* source) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(target), "l"(source) : "memory");
}

__device__ __forceinline__ void copy_word_aside(u32 target, const u32* source) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(target), "l"(source) : "memory");
}

__device__ __forceinline__ void copies_end() { asm volatile("cp.async.commit_group;" ::: "memory"); }

template <int LEFT>
__device__ __forceinline__ void copies_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory"); }

// ---- what is read once
__device__ __forceinline__ uint4 read_once(const uint4* place) {
    uint4 found;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
        : "=r"(found.x), "=r"(found.y), "=r"(found.z), "=r"(found.w) : "l"(place));
    return found;
}

__device__ __forceinline__ u32 read_once(const u32* place) {
    u32 found;
    asm volatile("ld.global.nc.L1::no_allocate.u32 %0, [%1];" : "=r"(found) : "l"(place));
    return found;
}

// ---- a warp's operands and product: acc [16, 8] += a [16, 16] b [16, 8] in bf16
__device__ __forceinline__ void load_four(u32 (&found)[4], u32 address) {
    asm volatile(
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(found[0]), "=r"(found[1]), "=r"(found[2]), "=r"(found[3]) : "r"(address) : "memory");
}

__device__ __forceinline__ void load_four_turned(u32 (&found)[4], u32 address) {
    asm volatile(
        "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(found[0]), "=r"(found[1]), "=r"(found[2]), "=r"(found[3]) : "r"(address) : "memory");
}

__device__ __forceinline__ void multiply(float (&acc)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(acc[0]), "+f"(acc[1]), "+f"(acc[2]), "+f"(acc[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// the same, among other work wherever the compiler has room for it
__device__ __forceinline__ void multiply_between(float (&acc)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(acc[0]), "+f"(acc[1]), "+f"(acc[2]), "+f"(acc[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ u32 two_bf16(float low, float high) {
    u32 both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

__device__ __forceinline__ float power_of_two(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ __forceinline__ float other_lane(float value, int mask) { return __shfl_xor_sync(0xffffffffu, value, mask); }
__device__ __forceinline__ float lane_of(float value, int lane) { return __shfl_sync(0xffffffffu, value, lane); }
