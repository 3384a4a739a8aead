// Runs `latent.cu` over rows of a cache, a cluster at a time: called through ctypes by test_cuda_latents.py.
#include "latent.cu"

static Given given;
static Map map;

static void run() {
    const int block = now_block, thread = now_thread;
    latent(given, map);
    now_block = block, now_thread = thread;
    here().done[thread] = true;
    swapcontext(&here().contexts[thread], &scheduler);
}

// 0, or 1 if the threads wait for each other for ever.
extern "C" int emulate(const unsigned short* query, const unsigned short* cache, const int* table, const int* lengths, unsigned short* out, int rows, int columns, int shares) {
    MADE = 384;
    int split = 0;
    while (2 << split <= shares) split++;
    given = {query, table, lengths, out, columns, rows, shares, split};
    map.base = cache;
    for (int row = 0; row < rows; row++) {
        std::vector<Block> made(shares);
        cluster.clear(), copies.clear();
        cluster_there = cluster_past = 0;
        for (int rank = 0; rank < shares; rank++) {
            made[rank].index = row * shares + rank;
            cluster.push_back(&made[rank]);
            for (int thread = 0; thread < MADE; thread++) {
                ucontext_t& context = made[rank].contexts[thread];
                getcontext(&context);
                made[rank].stacks[thread].resize(1 << 16);
                context.uc_stack.ss_sp = made[rank].stacks[thread].data();
                context.uc_stack.ss_size = made[rank].stacks[thread].size();
                makecontext(&context, run, 0);
            }
        }
        bool any = true;
        for (int round = 0; any; round++) {
            if (round > 1000000) return 1;
            any = false;
            for (now_block = 0; now_block < shares; now_block++) {
                for (now_thread = 0; now_thread < MADE; now_thread++) {
                    if (here().done[now_thread]) continue;
                    any = true;
                    const int block = now_block, thread = now_thread;
                    swapcontext(&scheduler, &cluster[block]->contexts[thread]);
                    now_block = block, now_thread = thread;
                }
            }
            move_copies();
        }
    }
    return 0;
}
