// Runs the blocks of one cluster after another side by side; included behind the kernel's source.
#pragma once

static void (*body)();

static void run() {
    const int block = now_block, thread = now_thread;
    body();
    now_block = block, now_thread = thread;
    here().done[thread] = true;
    swapcontext(&here().contexts[thread], &scheduler);
}

// 0, or 1 if the threads wait for each other for ever; `between` is called whenever every thread has had its turn.
static int clusters(int count, int each, int threads, void (*what)(), void (*between)() = [] {}) {
    body = what, MADE = threads;
    for (int index = 0; index < count; index++) {
        std::vector<Block> made(each);
        cluster.clear();
        cluster_there = cluster_past = 0;
        for (int rank = 0; rank < each; rank++) {
            made[rank].index = index * each + rank;
            cluster.push_back(&made[rank]);
            for (int thread = 0; thread < threads; thread++) {
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
            for (now_block = 0; now_block < each; now_block++) {
                for (now_thread = 0; now_thread < threads; now_thread++) {
                    if (here().done[now_thread]) continue;
                    any = true;
                    const int block = now_block, thread = now_thread;
                    swapcontext(&scheduler, &cluster[block]->contexts[thread]);
                    now_block = block, now_thread = thread;
                }
            }
            between();
        }
    }
    return 0;
}
