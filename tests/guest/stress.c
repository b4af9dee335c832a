/*
 * stress: a bit of everything, in an order that a seed repeats
 *
 * Several processes, each with VMs and groups of its own, do what the other
 * programs do one at a time: jobs, queues that wait for each other, chains
 * over two VMs, groups of all priorities, faults, and groups, pages and VMs
 * that go away under a running stream.  After each step the result is known
 * and compared, whatever the other processes do.
 *
 * On the kernel's command line, stress.seed= and stress.steps= choose the
 * order and the number of steps of each process; --long has more of them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/random.h"
#include "lib/tap.h"

#define PROCESSES 3
#define STEPS 40
#define STEPS_LONG 400
/* More than the driver's own five seconds */
#define JOB_TIMEOUT_MS 10000
#define SUSPEND_TIMEOUT_MS 2000

#define QUEUES 3
#define CHAIN_JOBS 12
#define MANY_GROUPS 5
/* Two ends of a sleep that the driver's autosuspend of 50 ms is between */
#define SLEEP_MAX_MS 80

#define PAGE_VA 0x30000000ull
#define SHARED_VA 0x31000000ull
#define HOLE_VA 0x7f12345000ull

/* Of a process that the driver has cut short */
#define EXIT_LOST_TICK 77

/* Words of the data buffer */
enum {
    DATA_RESULT = 0,
    DATA_SYNC = 64,
};

/* Words of the poll page */
enum {
    POLL_STOP = 0,
    POLL_ROUNDS = 16,
};

typedef struct Process {
    Random random;
    PanthorDev dev;
    PanthorContext ctx;
    PanthorContext second;
    PanthorBo page;
    PanthorBo shared;
    uint32_t timeline;
    uint64_t point;
    uint32_t value;
} Process;

/* Shared with the parent */
typedef struct Outcome {
    unsigned steps;
    char problem[160];
} Outcome;

static Outcome *outcome;
static int self;

static void __attribute__((format(printf, 1, 2), noreturn))
give_up(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(outcome[self].problem, sizeof(outcome[self].problem), fmt, ap);
    va_end(ap);
    _exit(TAP_EXIT_FAIL);
}

static void expect(const char *what, long have, long want)
{
    if (!kernel_at_least(7, 0) && have != want &&
        (have == -ETIMEDOUT || (have == -EINVAL && want == 0))) {
        /* A tick of the driver's scheduler that is lost, see storm.c */
        _exit(EXIT_LOST_TICK);
    }
    if (have != want) {
        give_up("step %u, %s: %ld instead of %ld", outcome[self].steps, what,
                have, want);
    }
}

/* 1, the error of the fence, or -ETIME if there is none yet */
static int job_end(Process *p, uint32_t syncobj)
{
    int status = 0, ret;

    ret = panthor_syncobj_wait(&p->dev, syncobj, 0, false, JOB_TIMEOUT_MS);
    if (!ret) {
        ret = panthor_syncobj_status(&p->dev, syncobj, &status);
    }
    return ret ? ret : status;
}

static void start(Process *p, PanthorContext *ctx, Stream *s)
{
    uint32_t size;
    uint64_t va;

    ctx->code.used = 0;
    va = stream_place(s, &ctx->code, &size);
    expect("submission", panthor_submit(ctx, 0, va, size, ctx->syncobj), 0);
    (void)p;
}

static void begin(Stream *s)
{
    stream_init(s);
    stream_begin(s);
}

/* Takes a while, adds up, and stores */
static void emit_work(Process *p, Stream *s, uint32_t value)
{
    size_t loop;

    stream_emit(s, cs_move32(10, value));
    stream_emit(s, cs_move32(12, 1 + random_below(&p->random, 2000)));
    loop = stream_here(s);
    stream_emit(s, cs_add_imm32(12, 12, -1));
    stream_branch_back(s, CS_COND_GT, 12, loop);
    stream_emit(s, cs_add_imm32(10, 10, 1));
    stream_store_at(s, 10, panthor_data_va(DATA_RESULT), 0);
}

static void check_alive(Process *p, PanthorContext *ctx)
{
    Stream s;

    begin(&s);
    emit_work(p, &s, ++p->value);
    stream_end(&s);
    start(p, ctx, &s);
    expect("job", job_end(p, ctx->syncobj), 1);
    expect("its result", ctx->data[DATA_RESULT], p->value + 1);
}

static void step_job(Process *p)
{
    check_alive(p, &p->ctx);
}

/* Each queue waits for the one before it; the first is submitted last */
static void step_queues(Process *p)
{
    uint32_t syncobj[QUEUES], size;
    uint64_t va;
    Stream s;
    int q;

    memset(p->ctx.data + DATA_SYNC, 0, 256);
    p->ctx.code.used = 0;
    for (q = QUEUES - 1; q >= 0; q--) {
        begin(&s);
        if (q) {
            stream_emit(&s, cs_move48(0, panthor_data_va(DATA_SYNC + q * 4)));
            stream_emit(&s, cs_move48(2, 0));
            stream_emit(&s, cs_sync_wait(CS_OP_SYNC_WAIT64, 0, 2,
                                         CS_COND_GT, 0));
        }
        stream_emit(&s, cs_move48(0,
                                  panthor_data_va(DATA_SYNC + (q + 1) * 4)));
        stream_emit(&s, cs_move48(2, q + 1));
        stream_emit(&s, cs_sync(CS_OP_SYNC_SET64, 0, 2, CS_SYNC_SCOPE_SYSTEM,
                                0, 0, STREAM_SB_LOAD_STORE));
        stream_end(&s);
        va = stream_place(&s, &p->ctx.code, &size);
        TAP_MUST(panthor_syncobj_create(&p->dev, &syncobj[q]));
        expect("queue's submission",
               panthor_submit(&p->ctx, q, va, size, syncobj[q]), 0);
    }
    for (q = 0; q < QUEUES; q++) {
        expect("queue's job", job_end(p, syncobj[q]), 1);
        expect("queue's object", p->ctx.data[DATA_SYNC + (q + 1) * 4], q + 1);
        panthor_syncobj_destroy(&p->dev, syncobj[q]);
    }
}

/* Jobs of two VMs in turn */
static void step_chain(Process *p)
{
    uint32_t *count = p->shared.cpu;

    *count = 0;
    p->ctx.code.used = 0;
    p->second.code.used = 0;
    for (unsigned i = 0; i < CHAIN_JOBS; i++) {
        PanthorContext *ctx = i & 1 ? &p->second : &p->ctx;
        struct drm_panthor_sync_op sync[2] = {
            panthor_wait_op(p->timeline, p->point),
            panthor_signal_op(p->timeline, p->point + 1),
        };
        PanthorJob job = { .syncs = sync, .sync_count = 2 };
        Stream s;

        begin(&s);
        stream_load_at(&s, 10, SHARED_VA, 0);
        stream_emit(&s, cs_add_imm32(10, 10, 1));
        stream_store(&s, 10, 1, 0, 0);
        stream_end(&s);
        job.stream_va = stream_place(&s, &ctx->code, &job.stream_size);
        expect("chain's submission",
               panthor_group_submit(&p->dev, ctx->group, &job, 1), 0);
        p->point++;
    }
    expect("chain", panthor_syncobj_wait(&p->dev, p->timeline, p->point,
                                         false, JOB_TIMEOUT_MS), 0);
    expect("chain's count", *count, CHAIN_JOBS);
}

/* Groups of any priority, at once */
static void step_groups(Process *p)
{
    uint32_t group[MANY_GROUPS], syncobj[MANY_GROUPS];
    struct drm_panthor_sync_op signal;
    PanthorJob job = { .syncs = &signal, .sync_count = 1 };
    Stream s;
    unsigned i;

    p->ctx.code.used = 0;
    for (i = 0; i < MANY_GROUPS; i++) {
        TAP_MUST(panthor_syncobj_create(&p->dev, &syncobj[i]));
        TAP_MUST(panthor_group_create_with(
            &p->dev, p->ctx.vm, 1,
            random_below(&p->random, PANTHOR_GROUP_PRIORITY_HIGH + 1), 0x1000,
            &group[i]));
        begin(&s);
        stream_emit(&s, cs_move32(10, p->value + i));
        stream_store_at(&s, 10, panthor_data_va(DATA_SYNC + i), 0);
        stream_end(&s);
        job.stream_va = stream_place(&s, &p->ctx.code, &job.stream_size);
        signal = panthor_signal_op(syncobj[i], 0);
        expect("group's submission",
               panthor_group_submit(&p->dev, group[i], &job, 1), 0);
    }
    for (i = 0; i < MANY_GROUPS; i++) {
        expect("group's job", job_end(p, syncobj[i]), 1);
        expect("group's result", p->ctx.data[DATA_SYNC + i], p->value + i);
        panthor_syncobj_destroy(&p->dev, syncobj[i]);
        expect("group's end", panthor_group_destroy(&p->dev, group[i]), 0);
    }
}

static void step_fault(Process *p)
{
    unsigned kind = random_below(&p->random, 3);
    Stream s;

    begin(&s);
    switch (kind) {
    case 0:
        stream_emit(&s, cs_opcode(0xfe));
        break;
    case 1:
        stream_load_at(&s, 10, HOLE_VA, 0);
        break;
    default:
        stream_call(&s, PANTHOR_CODE_VA + 4, 8, 60);
    }
    stream_end(&s);
    start(p, &p->ctx, &s);
    expect("faulting job", job_end(p, p->ctx.syncobj), -EINVAL);
    panthor_context_new_group(&p->ctx, QUEUES);
    check_alive(p, &p->ctx);
}

/* Counts its rounds, until POLL_STOP is set or its page is taken away */
static void start_spinner(Process *p)
{
    uint64_t deadline = kernel_now_ns() + JOB_TIMEOUT_MS * 1000000ull;
    PanthorContext *ctx = &p->ctx;
    size_t loop;
    Stream s;

    panthor_poll_set(ctx, POLL_STOP, 0);
    panthor_poll_set(ctx, POLL_ROUNDS, 0);
    begin(&s);
    stream_emit(&s, cs_move48(0, PANTHOR_POLL_VA));
    stream_emit(&s, cs_move48(2, PAGE_VA));
    stream_emit(&s, cs_move32(10, 0));
    loop = stream_here(&s);
    stream_load(&s, 12, 1, 2, 0);
    stream_emit(&s, cs_add_imm32(10, 10, 1));
    stream_store(&s, 10, 1, 0, POLL_ROUNDS * 4);
    stream_load(&s, 12, 1, 0, POLL_STOP * 4);
    stream_branch_back(&s, CS_COND_EQ, 12, loop);
    stream_end(&s);
    start(p, ctx, &s);
    while (!__atomic_load_n(&ctx->poll[POLL_ROUNDS], __ATOMIC_SEQ_CST)) {
        if (kernel_now_ns() > deadline) {
            give_up("step %u: a stream does not run", outcome[self].steps);
        }
        kernel_sleep_ms(1);
    }
}

static void map_page(Process *p)
{
    expect("map", panthor_vm_map(&p->dev, p->ctx.vm, &p->page, 0, PAGE_VA,
                                 p->page.size,
                                 DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC), 0);
}

static void step_spin(Process *p)
{
    start_spinner(p);
    kernel_sleep_ms(random_below(&p->random, 30));
    panthor_poll_set(&p->ctx, POLL_STOP, 1);
    expect("stream that spins", job_end(p, p->ctx.syncobj), 1);
}

static void step_destroy_group(Process *p)
{
    start_spinner(p);
    panthor_context_new_group(&p->ctx, QUEUES);
    if (kernel_names_outlive_groups()) {
        expect("job of a group that is gone", job_end(p, p->ctx.syncobj),
               -ECANCELED);
    } else {
        expect("end of a job of a group that is gone",
               panthor_syncobj_wait(&p->dev, p->ctx.syncobj, 0, false,
                                    JOB_TIMEOUT_MS), 0);
    }
    check_alive(p, &p->ctx);
}

static void step_unmap(Process *p)
{
    start_spinner(p);
    expect("unmap", panthor_vm_unmap(&p->dev, p->ctx.vm, PAGE_VA,
                                     p->page.size), 0);
    expect("job without its page", job_end(p, p->ctx.syncobj), -EINVAL);
    panthor_context_new_group(&p->ctx, QUEUES);
    map_page(p);
    check_alive(p, &p->ctx);
}

static void init_vm(Process *p)
{
    panthor_context_init(&p->ctx, &p->dev, QUEUES);
    TAP_MUST(panthor_bo_create(&p->dev, &p->page, PANTHOR_GPU_PAGE, 0));
    map_page(p);
    TAP_MUST(panthor_vm_map(&p->dev, p->ctx.vm, &p->shared, 0, SHARED_VA,
                            p->shared.size,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
}

static void step_destroy_vm(Process *p)
{
    int end;

    start_spinner(p);
    expect("end of a VM", panthor_vm_destroy(&p->dev, p->ctx.vm), 0);
    end = job_end(p, p->ctx.syncobj);
    if (end >= 0 || end == -ETIME) {
        expect("job of a VM that is gone", end, -EINVAL);
    }
    expect("end of its group",
           panthor_group_destroy(&p->dev, p->ctx.group), 0);
    panthor_bo_destroy(&p->dev, &p->ctx.code_bo);
    panthor_bo_destroy(&p->dev, &p->ctx.data_bo);
    panthor_bo_destroy(&p->dev, &p->ctx.poll_bo);
    panthor_syncobj_destroy(&p->dev, p->ctx.syncobj);
    panthor_bo_destroy(&p->dev, &p->page);
    init_vm(p);
    check_alive(p, &p->ctx);
}

static void step_sleep(Process *p)
{
    kernel_sleep_ms(random_below(&p->random, SLEEP_MAX_MS));
}

static void process(uint64_t seed, unsigned steps)
{
    static void (*const step[])(Process *p) = {
        step_job, step_queues, step_chain, step_groups, step_fault,
        step_spin, step_destroy_group, step_unmap, step_destroy_vm,
        step_sleep,
    };
    static Process p;

    random_init(&p.random, seed);
    TAP_MUST(panthor_open(&p.dev));
    TAP_MUST(panthor_bo_create(&p.dev, &p.shared, PANTHOR_GPU_PAGE, 0));
    init_vm(&p);
    panthor_context_init(&p.second, &p.dev, 1);
    TAP_MUST(panthor_vm_map(&p.dev, p.second.vm, &p.shared, 0, SHARED_VA,
                            p.shared.size,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    TAP_MUST(panthor_syncobj_create(&p.dev, &p.timeline));
    TAP_MUST(panthor_timeline_signal(&p.dev, p.timeline, ++p.point));
    while (outcome[self].steps < steps) {
        step[random_below(&p.random, sizeof(step) / sizeof(step[0]))](&p);
        outcome[self].steps++;
    }
    _exit(TAP_EXIT_OK);
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--long", NULL };
    pid_t pid[PROCESSES];
    uint64_t steps;
    PanthorDev dev;
    Random random;
    int i, ret;

    steps = tap_start(argc, argv, options,
                      "Does everything at once, in an order that is printed.")
            == 0 ? STEPS_LONG : STEPS;
    kernel_option("stress.steps", &steps);
    random_init(&random, random_seed("stress"));
    tap_directive("allow-dmesg Unhandled Page fault in AS[0-9]+ at VA|"
                  "fault status:|(exception|access) type 0x|source id 0x|"
                  "CS_FATAL|CSG slot");
    if (!kernel_at_least(7, 0)) {
        tap_directive("allow-dmesg job timeout");
    }
    outcome = mmap(NULL, PROCESSES * sizeof(*outcome),
                   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    TAP_MUST(outcome == MAP_FAILED ? -errno : 0);
    for (i = 0; i < PROCESSES; i++) {
        uint64_t seed = random_next(&random);

        self = i;
        fflush(stdout);
        pid[i] = fork();
        if (!pid[i]) {
            process(seed, steps);
        }
        TAP_MUST(pid[i] < 0 ? -errno : 0);
    }
    for (i = 0; i < PROCESSES; i++) {
        int status = -1;

        waitpid(pid[i], &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_LOST_TICK) {
            tap_skip("before 7.0 the driver can forget a job",
                     "process %d does %u steps", i, (unsigned)steps);
            continue;
        }
        if (!tap_ok(!status, "process %d does %u steps", i,
                    (unsigned)steps)) {
            tap_diag("%u steps, status 0x%x: %s", outcome[i].steps, status,
                     outcome[i].problem);
        }
    }
    TAP_MUST(panthor_open(&dev));
    ret = panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS);
    if (!tap_ok(!ret, "the GPU goes to sleep afterwards")) {
        tap_diag("%s", strerror(-ret));
    }
    panthor_close(&dev);
    return tap_end();
}
