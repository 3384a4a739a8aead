// Runs the threads of one block after another, for kernels that use no cluster; included behind the kernel's source.
#pragma once

static void (*body)();

static void run() {
    const int thread = now_thread;
    body();
    now_block = 0, now_thread = thread;
    here().done[thread] = true;
    swapcontext(&here().contexts[thread], &scheduler);
}

// 0, or 1 if the threads wait for each other for ever.
static int blocks(int count, int threads, void (*what)()) {
    body = what, MADE = threads;
    for (int index = 0; index < count; index++) {
        Block made;
        made.index = index;
        cluster = {&made};
        for (int thread = 0; thread < threads; thread++) {
            ucontext_t& context = made.contexts[thread];
            getcontext(&context);
            made.stacks[thread].resize(1 << 16);
            context.uc_stack.ss_sp = made.stacks[thread].data();
            context.uc_stack.ss_size = made.stacks[thread].size();
            makecontext(&context, run, 0);
        }
        bool any = true;
        for (int round = 0; any; round++) {
            if (round > 1000000) return 1;
            any = false;
            for (now_block = 0, now_thread = 0; now_thread < threads; now_thread++) {
                if (made.done[now_thread]) continue;
                any = true;
                const int thread = now_thread;
                swapcontext(&scheduler, &made.contexts[thread]);
                now_block = 0, now_thread = thread;
            }
        }
    }
    return 0;
}
