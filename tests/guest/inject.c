/*
 * inject: each failure that the device can be asked for, and what panthor
 * makes of it
 *
 * The table in lib/failures.c says for each what panthor's source says: which
 * message, whether the GPU is reset, whether the job or the VM_BIND that met it
 * fails, and what else shows that a failure of which nothing comes has taken
 * place: the device, which is asked in any case, says only that it was to.  In
 * any case a job on a new VM has to work afterwards.  With --rounds the cases
 * come a hundred times in random order; inject.seed= on the kernel's command
 * line repeats one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/failures.h"
#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/random.h"
#include "lib/tap.h"

#define ROUNDS 100

/* JOB_TIMEOUT_MS of panthor_sched.c is 5 s; resets and retries before it */
#define JOB_TIMEOUT_MS 12000
/* For a job on a new VM, which may wait for a reset that is under way */
#define AFTER_TIMEOUT_MS 5000
/* Some come after the fence: a reset may wait for a power domain, twice 2 s */
#define LOG_TIMEOUT_MS 6000
#define SUSPEND_TIMEOUT_MS 5000
#define SETTLE_MS 100
#define RESET_TIMEOUT_MS 2000
#define WAKE_TIMEOUT_MS 1000
/* A reset that boots the firmware anew takes less */
#define GROUP_PATIENCE_MS 1000
/* For a driver that still waits for a reset or a flush to complete */
#define RESET_COMPLETED 0x100
#define FLUSH_COMPLETED 0x20000
#define STORM_TIMEOUT_MS 1000
/* PING_INTERVAL_MS of panthor_fw.c is 12 s; the answer may take 100 ms */
#define PING_MS 13000
#define SPIN_STEP_MS 500

#define BIND_VA 0x50000000ull
#define HOLE_VA 0x60000000ull
/* As many as the driver gives */
#define HEAP_CHUNKS 3
/* More than one GPU can have */
#define MAX_CASES 200

static PanthorDev dev;
static PanthorContext ctx;
/* The longest that the driver has taken for something */
static uint64_t held_ns;

static void note_held(uint64_t since)
{
    uint64_t ns = kernel_now_ns() - since;

    if (ns > held_ns) {
        held_ns = ns;
    }
}

/* They come before the job does, or, many as they are, while it runs. */
static void check_interrupts(const Failure *c, uint64_t before)
{
    uint64_t end = kernel_now_ns() + STORM_TIMEOUT_MS * 1000000ull;
    uint64_t count;

    while ((count = panthor_interrupts(c->line) - before) < c->interrupts &&
           kernel_now_ns() < end) {
        kernel_sleep_ms(1);
    }
    if (!tap_ok(count >= c->interrupts, "%s: the CPU takes it", c->name)) {
        tap_diag("%" PRIu64 " interrupts", count);
    }
}

static int read_job(PanthorContext *c, uint64_t where)
{
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_load_at(&s, 10, where, 0);
    stream_end(&s);
    return panthor_run_stream(c, 0, &s, JOB_TIMEOUT_MS);
}

/* Start a stream that runs until end_spin(): it is on its slot then */
static void start_spin(PanthorContext *c)
{
    panthor_submit_spin(c);
    kernel_sleep_ms(100);
}

static int end_spin(PanthorContext *c)
{
    return panthor_end_spin(c, JOB_TIMEOUT_MS);
}

/* The job comes to INSERT while the stream runs, and its doorbell rings. */
static int second_job(void)
{
    uint32_t syncobj, size;
    int ret, status = 0;
    uint64_t va;
    Stream s;

    TAP_MUST(panthor_syncobj_create(&dev, &syncobj));
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(10, 2));
    stream_store_at(&s, 10, panthor_data_va(0), 0);
    stream_end(&s);
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_submit(&ctx, 0, va, size, syncobj));
    ret = end_spin(&ctx);
    if (!ret) {
        ret = panthor_syncobj_wait(&dev, syncobj, 0, false, JOB_TIMEOUT_MS);
    }
    if (!ret) {
        panthor_syncobj_status(&dev, syncobj, &status);
        ret = status < 0 ? status : ctx.data[0] == 2 ? 0 : -EIO;
    }
    panthor_syncobj_destroy(&dev, syncobj);
    return ret;
}

static int draw_job(void)
{
    uint64_t heap_va, chunk_va;
    uint32_t heap;
    Stream s;
    int ret;

    TAP_MUST(panthor_heap_create(&dev, ctx.vm, 1, HEAP_CHUNKS, &heap,
                                 &heap_va, &chunk_va));
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(50, heap_va));
    stream_emit(&s, cs_heap_set(50));
    stream_emit(&s, cs_heap_operation(CS_HEAP_VT_STARTED, 0, 0));
    stream_emit(&s, cs_opcode(CS_OP_RUN_FULLSCREEN));
    stream_emit(&s, cs_wait(1 << STREAM_SB_ENDPOINT));
    stream_emit(&s, cs_heap_operation(CS_HEAP_VT_COMPLETED, 0, 0));
    stream_end(&s);
    ret = panthor_run_stream(&ctx, 0, &s, JOB_TIMEOUT_MS);
    TAP_MUST(panthor_heap_destroy(&dev, heap));
    return ret;
}

/* What has to be before the failure is armed */
static void prepare(Stimulus stimulus, PanthorBo *bo)
{
    /*
     * What a case before has left to work queues would meet it, too.  A tick
     * of the scheduler that is due would also give a slot and an address
     * space to a group that has no job yet.
     */
    kernel_sleep_ms(SETTLE_MS);
    panthor_context_init(&ctx, &dev, 1);
    switch (stimulus) {
    case UNMAP:
        TAP_MUST(panthor_bo_create(&dev, bo, 2 * PANTHOR_GPU_PAGE, ctx.vm));
        TAP_MUST(panthor_vm_map(&dev, ctx.vm, bo, 0, BIND_VA,
                                2 * PANTHOR_GPU_PAGE, 0));
        TAP_MUST(panthor_store_job(&ctx, 1, AFTER_TIMEOUT_MS));
        break;
    case SLEEP:
    case RESET:
    case TWO_RESETS:
        TAP_MUST(panthor_store_job(&ctx, 1, AFTER_TIMEOUT_MS));
        break;
    case DESTROY:
    case SECOND_GROUP:
    case SECOND_JOB:
    case PING:
        start_spin(&ctx);
        break;
    default:
        return;
    }
    /* The same of the job above */
    kernel_sleep_ms(SETTLE_MS);
}

/*
 * Create a group as soon as one can be: while the firmware is loaded anew,
 * panthor finds no size for its suspend buffers, see docs/findings.rst.
 */
static int create_group(uint32_t vm, uint32_t *group)
{
    uint64_t end = kernel_now_ns() + AFTER_TIMEOUT_MS * 1000000ull;
    int ret;

    while ((ret = panthor_group_create(&dev, vm, 1, group)) == -ENOSPC &&
           kernel_now_ns() < end) {
        /* Only a job has the driver try again to boot it, if that failed. */
        panthor_store_job(&ctx, 9, WAKE_TIMEOUT_MS);
    }
    return ret;
}

static int wait_for_groups(void)
{
    uint32_t vm, group;
    int ret = panthor_vm_create(&dev, &vm);

    if (ret) {
        return ret;
    }
    ret = create_group(vm, &group);
    if (!ret) {
        TAP_MUST(panthor_group_destroy(&dev, group));
    }
    TAP_MUST(panthor_vm_destroy(&dev, vm));
    return ret;
}

/* It takes the fault that has the driver reset the GPU */
static int reset_job(void)
{
    TAP_MUST(host_request(NULL, 0, "inject cs-fatal opcode=0x15"));
    return panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS);
}

static int two_resets(void)
{
    int ret = reset_job();

    TAP_MUST(wait_for_groups());
    panthor_context_new_group(&ctx, 1);
    reset_job();
    return ret;
}

/* Another one takes its place, for panthor_context_fini() */
static int destroy_group(void)
{
    int ret = panthor_group_destroy(&dev, ctx.group);

    TAP_MUST(create_group(ctx.vm, &ctx.group));
    return ret;
}

static int second_group(void)
{
    PanthorContext other;
    int ret, first;

    panthor_context_init(&other, &dev, 1);
    ret = panthor_store_job(&other, 2, JOB_TIMEOUT_MS);
    first = end_spin(&ctx);
    panthor_context_fini(&other);
    return ret ? ret : first;
}

/* Keep the GPU busy: each stream is below the driver's time-out for jobs */
static int busy_past_ping(void)
{
    uint64_t start = kernel_now_ns();
    int ret;

    do {
        kernel_sleep_ms(SPIN_STEP_MS);
        ret = end_spin(&ctx);
        if (!ret) {
            ctx.code.used = 0;
            start_spin(&ctx);
        }
    } while (!ret && (kernel_now_ns() - start) / 1000000 < PING_MS);
    return ret ? ret : end_spin(&ctx);
}

static void open_device(void)
{
    TAP_MUST(panthor_open(&dev));
    dev.group_patience_ms = GROUP_PATIENCE_MS;
    TAP_MUST(panthor_forbid_suspend(&dev, true));
}

static void unbind(char *name, size_t size)
{
    TAP_MUST(module_unbind(&dev, name, size));
    panthor_close(&dev);
}

static void bind_again(const char *name)
{
    TAP_MUST(module_bind(name, &dev));
    panthor_close(&dev);
    open_device();
}

/* Bound in vain, and once more */
static int bind_twice(void)
{
    char name[64];
    int ret;

    panthor_context_fini(&ctx);
    unbind(name, sizeof(name));
    ret = module_bind(name, &dev);
    if (!ret) {
        panthor_close(&dev);
        open_device();
    } else {
        bind_again(name);
    }
    panthor_context_init(&ctx, &dev, 1);
    return ret;
}

static int sleep_and_wake(void)
{
    uint64_t start = kernel_now_ns();
    int ret;

    panthor_forbid_suspend(&dev, false);
    if (panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS)) {
        tap_diag("the GPU does not fall asleep");
    }
    note_held(start);
    start = kernel_now_ns();
    ret = panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS);
    note_held(start);
    return ret;
}

static void bind_anew(void)
{
    char name[64];

    panthor_context_fini(&ctx);
    unbind(name, sizeof(name));
    bind_again(name);
    panthor_context_init(&ctx, &dev, 1);
}

/* Returns what became of the job, the VM_BIND or the binding */
static int provoke(Stimulus stimulus)
{
    switch (stimulus) {
    case FIRST_JOB:
        return panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS);
    case UNMAP:
        return panthor_vm_unmap(&dev, ctx.vm, BIND_VA, PANTHOR_GPU_PAGE);
    case SLEEP:
        return sleep_and_wake();
    case DESTROY:
        return destroy_group();
    case SECOND_GROUP:
        return second_group();
    case RESET:
        return reset_job();
    case TWO_RESETS:
        return two_resets();
    case BAD_READ:
        return read_job(&ctx, HOLE_VA);
    case PING:
        return busy_past_ping();
    case SECOND_JOB:
        return second_job();
    case DRAW:
        return draw_job();
    case BIND:
        return bind_twice();
    }
    return -EINVAL;
}

/* A job on a new VM; the first one may meet a reset that is under way */
static int job_on_new_vm(void)
{
    PanthorContext fresh;
    int ret = wait_for_groups();

    if (ret) {
        return ret;
    }
    panthor_context_init(&fresh, &dev, 1);
    ret = panthor_store_job(&fresh, 3, AFTER_TIMEOUT_MS);
    panthor_context_fini(&fresh);
    return ret;
}

/* The driver has the reset done by a work queue, which may take its time */
static void wait_for_reset(uint64_t before)
{
    uint64_t end = kernel_now_ns() + RESET_TIMEOUT_MS * 1000000ull;
    uint64_t now = before;

    while (!host_get_u64("reset-count", &now) && now == before &&
           kernel_now_ns() < end) {
        kernel_sleep_ms(SETTLE_MS);
    }
}

static void check_message(int log, const Failure *c)
{
    char record[1024] = "";
    int ret;

    ret = kernel_log_find(log, c->message ? c->message : "panthor",
                          record, sizeof(record),
                          c->message ? LOG_TIMEOUT_MS : 0);
    if (c->message) {
        tap_ok(!ret, "%s: the driver says \"%s\" (%s)", c->name, c->message,
               c->source);
    } else if (!tap_ok(ret == -ENOENT, "%s: the driver says nothing (%s)",
                       c->name, c->source)) {
        tap_diag("%.300s", record);
    }
}

/*
 * What a case has left in the driver does not decide about the next one: if no
 * job is done any more, the device is bound anew.
 */
static void make_good(void)
{
    char name[64];
    int ret;

    TAP_MUST(panthor_forbid_suspend(&dev, true));
    /* It would never flush again, see docs/findings.rst. */
    host_request(NULL, 0, "inject irq-spurious interrupt=gpu mask=0x%x",
                 FLUSH_COMPLETED);
    ret = job_on_new_vm();
    if (!ret) {
        return;
    }
    tap_diag("a job fails, with nothing injected (%s): the device is bound "
             "anew", strerror(-ret));
    unbind(name, sizeof(name));
    bind_again(name);
    TAP_MUST(job_on_new_vm());
}

/* PWR_CONTROL came with architecture 14 (panthor_hw_has_pwr_ctrl(), v7.3) */
static bool has_pwr_control(void)
{
    struct drm_panthor_gpu_info info;

    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info,
                           sizeof(info)));
    return info.gpu_id >> 28 >= 14;
}

/* The cases of the GPU at hand; returns their number */
static unsigned cases_of_gpu(const Failure *list[MAX_CASES])
{
    bool pwr = has_pwr_control();
    const FailureTable *tables[] = {
        &failures_common,
        pwr ? &failures_of_pwr_control : &failures_of_gpu_control,
    };
    unsigned num = 0;

    for (int t = 0; t < 2; t++) {
        for (size_t i = 0; i < tables[t]->num; i++) {
            TAP_MUST(num < MAX_CASES ? 0 : -ENOSPC);
            list[num++] = &tables[t]->rows[i];
        }
    }
    tap_skip(pwr ? "the GPU has PWR_CONTROL" : "the GPU has no PWR_CONTROL",
             "failures of %s", pwr ? "GPU_CONTROL's power registers and reset"
             : "PWR_CONTROL");
    return num;
}

/* Arm what a case says; the numbers are for was_met() */
static void arm(const char *injections, char id[2][32])
{
    const char *second = strchr(injections, ';');
    int len = second ? second - injections : (int)strlen(injections);

    TAP_MUST(host_request(id[0], sizeof(id[0]), "inject %.*s", len,
                          injections));
    id[1][0] = '\0';
    if (second) {
        TAP_MUST(host_request(id[1], sizeof(id[1]), "inject %s", second + 1));
    }
}

/* Once, or @many times; true of no injection */
static bool was_met(const char *id, bool many)
{
    char met[32] = "";

    if (!*id) {
        return true;
    }
    host_request(met, sizeof(met), "injected %s", id);
    if (many ? atoi(met) >= 1 : atoi(met) == 1) {
        return true;
    }
    tap_diag("injection %s was met %s times", id, met);
    return false;
}

/* The case as it is on this kernel; false if there is none */
static bool case_of_kernel(Failure *c)
{
    if (kernel_locks_first()) {
        return true;
    }
    if (c->none_6_12) {
        tap_skip(c->none_6_12, "%s", c->name);
        return false;
    }
    if (c->message_6_12) {
        c->message = c->message_6_12;
    }
    if (c->fails_6_12) {
        c->fails = true;
    }
    /* There, it resets the GPU each time that it wakes up. */
    if (c->stimulus == SLEEP) {
        c->reset = EITHER;
    }
    return true;
}

static void run_case(const Failure *of_table)
{
    Failure this_one = *of_table;
    const Failure *c = &this_one;
    int log, warnings;
    uint64_t resets = 0, resets_after = 0;
    uint64_t counted = 0, counted_after = 0, interrupts, start;
    char id[2][32], record[1024];
    unsigned refused;
    PanthorBo bo = { 0 };
    bool many = strstr(c->injection, "count=") != NULL;
    int ret;

    if (!case_of_kernel(&this_one)) {
        return;
    }
    make_good();
    refused = dev.groups_refused;
    log = TAP_MUST(kernel_log_open());
    warnings = TAP_MUST(kernel_log_open());
    prepare(c->stimulus, &bo);
    TAP_MUST(host_get_u64("reset-count", &resets));
    if (c->counter) {
        TAP_MUST(host_get_u64(c->counter, &counted));
    }
    interrupts = c->line ? panthor_interrupts(c->line) : 0;
    arm(c->injection, id);
    if (c->line) {
        check_interrupts(c, interrupts);
    }
    held_ns = 0;
    start = kernel_now_ns();
    ret = provoke(c->stimulus);
    if (c->stimulus != SLEEP) {
        note_held(start);
    }
    if (c->fails != EITHER &&
        !tap_ok((ret != 0) == c->fails, "%s: what met it %s (%s)", c->name,
                c->fails ? "fails" : "is none the worse", c->source)) {
        tap_diag("%s", strerror(-ret));
    }
    check_message(log, c);

    tap_ok(was_met(id[0], many) & was_met(id[1], many), "%s: it was met%s",
           c->name, many ? "" : " once");
    if (c->counter) {
        host_get_u64(c->counter, &counted_after);
        tap_ok(counted_after > counted, "%s: %s has grown", c->name,
               c->counter);
    }
    host_request(NULL, 0, "inject-clear");
    if (c->stimulus == TWO_RESETS && has_pwr_control()) {
        /* No injection raises PWR_INT: only so does the driver reset again. */
        bind_anew();
    } else if (c->stimulus == TWO_RESETS) {
        host_request(NULL, 0, "inject irq-spurious interrupt=gpu mask=0x%x",
                     RESET_COMPLETED);
    }

    if (c->reset) {
        wait_for_reset(resets);
    }
    ret = job_on_new_vm();
    if (!tap_ok(!ret, "%s: a job on a new VM works afterwards", c->name)) {
        tap_diag("%s", strerror(-ret));
    }
    if (c->stimulus == RESET) {
        note_held(start);
    }
    if (c->held_ms &&
        !tap_ok(held_ns >= c->held_ms * 1000000ull,
                "%s: the driver waits for it", c->name)) {
        tap_diag("%" PRIu64 " us", held_ns / 1000);
    }
    if (dev.groups_refused != refused) {
        tap_ok(false, "%s: a group is created during a reset", c->name);
    }
    host_get_u64("reset-count", &resets_after);
    if (c->reset != EITHER &&
        !tap_ok((resets_after > resets) == c->reset, "%s: the GPU is %sreset",
                c->name, c->reset ? "" : "not ")) {
        tap_diag("%" PRIu64 " resets", resets_after - resets);
    }
    ret = kernel_log_find(warnings, "WARNING: ", record, sizeof(record), 0);
    if (!tap_ok(ret == -ENOENT, "%s: the kernel does not warn", c->name)) {
        tap_diag("%.300s", record);
    }

    if (bo.size) {
        panthor_bo_destroy(&dev, &bo);
    }
    panthor_context_fini(&ctx);
    close(warnings);
    close(log);
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--rounds", NULL };
    static const char *const violations[] = {
        "fault-not-acknowledged", "expansion-drops-part",
        "enabled-after-fault", "enabled-at-l2-off", "lock-at-l2-off",
        "lock-at-update", "change-outside-lock", "stale-translation-used",
        "recycle-without-flush", "unlock-without-flush", "update-missing",
        "mcu-enabled-at-l2-off",
    };
    int option = tap_start(argc, argv, options,
                           "Has the device fail, and the driver recover.");
    const Failure *list[MAX_CASES];
    char strict[16];
    Random random;
    unsigned i, num;

    /* The failures are checked one by one: no line is bad of itself. */
    tap_directive("allow-dmesg .");
    /*
     * What the driver does is a mistake only if the hardware has not failed
     * it: a fault whose interrupt was lost, a LOCK after an UNLOCK that hung,
     * commands for an L2 that did not come on, a space that is still enabled
     * since no reset came, a microcontroller of which it knows no boot.
     */
    for (i = 0; i < sizeof(violations) / sizeof(violations[0]); i++) {
        tap_directive("allow-violation %s", violations[i]);
    }
    if (!kernel_locks_first() && kernel_at_least(6, 13)) {
        tap_skip("the tables are those of Linux 6.12, and of 7.2 and later",
                 "all failures");
        return tap_end();
    }
    if (host_request(NULL, 0, "inject-clear")) {
        tap_skip(host_error(), "all failures");
        return tap_end();
    }
    /* Hardware that fails has the driver break the checker's rules. */
    if (!host_request(strict, sizeof(strict), "qom-get strict") &&
        !strcmp(strict, "stop")) {
        tap_skip("the checker stops the machine", "all failures");
        return tap_end();
    }
    open_device();
    num = cases_of_gpu(list);
    if (option < 0) {
        for (i = 0; i < num; i++) {
            run_case(list[i]);
        }
    } else {
        random_init(&random, random_seed("inject"));
        for (i = 0; i < ROUNDS; i++) {
            run_case(list[random_below(&random, num)]);
        }
    }
    panthor_forbid_suspend(&dev, false);
    panthor_close(&dev);
    return tap_end();
}
