/*
 * lifetime: what a running stream depends on goes away
 *
 * A stream spins, and its group is destroyed, its VM, the page it reads, the
 * handle of a buffer, or the whole process.  The job has to end as it should,
 * others must not notice, and the GPU must come to rest afterwards.  With
 * --fence, the fence of a job whose group is gone is asked for its status,
 * which crashes old kernels.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 4000
#define LOG_TIMEOUT_MS 1000
#define SUSPEND_TIMEOUT_MS 2000
#define GROUP_FREE_MS 200

/* A page that streams read, apart from the context's own */
#define PAGE_VA 0x30000000ull

/* Words of the poll page */
enum {
    POLL_STOP = 0,
    POLL_ROUNDS = 16,
};

static PanthorDev dev;
static PanthorContext bystander;

/* Reads @va and counts the rounds, until POLL_STOP is set */
static void submit_reader(PanthorContext *ctx, uint64_t va)
{
    uint32_t size;
    uint64_t code;
    size_t loop;
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(0, PANTHOR_POLL_VA));
    stream_emit(&s, cs_move48(2, va));
    stream_emit(&s, cs_move32(10, 0));
    loop = stream_here(&s);
    stream_load(&s, 12, 1, 2, 0);
    stream_emit(&s, cs_add_imm32(10, 10, 1));
    stream_store(&s, 10, 1, 0, POLL_ROUNDS * 4);
    stream_load(&s, 12, 1, 0, POLL_STOP * 4);
    stream_branch_back(&s, CS_COND_EQ, 12, loop);
    stream_end(&s);
    code = stream_place(&s, &ctx->code, &size);
    TAP_MUST(panthor_submit(ctx, 0, code, size, ctx->syncobj));
}

static bool wait_running(PanthorContext *ctx)
{
    uint64_t deadline = kernel_now_ns() + JOB_TIMEOUT_MS * 1000000ull;

    while (!__atomic_load_n(&ctx->poll[POLL_ROUNDS], __ATOMIC_SEQ_CST)) {
        if (kernel_now_ns() > deadline) {
            tap_diag("the stream does not run");
            return false;
        }
        kernel_sleep_ms(1);
    }
    return true;
}

/* A VM and a group whose stream reads their own memory, and runs */
static bool start_reader(PanthorContext *ctx)
{
    panthor_context_init(ctx, &dev, 1);
    submit_reader(ctx, PANTHOR_DATA_VA);
    return wait_running(ctx);
}

/* What became of the job: 1, an error, or -ETIME if it does not end */
static int job_end(PanthorContext *ctx)
{
    int status = 0, ret;

    ret = panthor_syncobj_wait(&dev, ctx->syncobj, 0, false, JOB_TIMEOUT_MS);
    if (!ret) {
        ret = panthor_syncobj_status(&dev, ctx->syncobj, &status);
    }
    return ret ? ret : status;
}

static bool short_job(PanthorContext *ctx)
{
    static uint32_t value;
    int ret = panthor_store_job(ctx, ++value, JOB_TIMEOUT_MS);

    if (ret) {
        tap_diag("%s", strerror(-ret));
    }
    return !ret;
}

/* Nobody else noticed, and the GPU comes to rest */
static void check_others(const char *name)
{
    int ret;

    tap_ok(short_job(&bystander), "%s: another VM lives on", name);
    ret = panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS);
    if (!tap_ok(!ret, "%s: and the GPU goes to sleep", name)) {
        tap_diag("%s", strerror(-ret));
    }
}

static void check_ended(const char *name, int end, int expected)
{
    if (!tap_ok(end == expected, "%s: the job ends, %s", name,
                expected == 1 ? "well" : strerror(-expected))) {
        tap_diag("fence %d", end);
    }
}

/* Of a job whose group was destroyed */
static void check_cancelled(const char *name, PanthorContext *ctx)
{
    int ret;

    if (kernel_names_outlive_groups()) {
        check_ended(name, job_end(ctx), -ECANCELED);
        return;
    }
    ret = panthor_syncobj_wait(&dev, ctx->syncobj, 0, false, JOB_TIMEOUT_MS);
    if (!tap_ok(!ret, "%s: the job ends", name)) {
        tap_diag("%s", strerror(-ret));
    }
    tap_skip("to ask would crash the kernel, see lifetime--fence",
             "%s: its fence says that it was cancelled", name);
}

static void test_group(void)
{
    const char *name = "group destroyed";
    PanthorContext ctx;

    start_reader(&ctx);
    panthor_context_new_group(&ctx, 1);
    check_cancelled(name, &ctx);
    tap_ok(short_job(&ctx), "%s: a new group on the VM works", name);
    check_others(name);
    panthor_context_fini(&ctx);
}

/* One that waits, and so may have lost its slot */
static void test_waiting_group(void)
{
    const char *name = "group destroyed while it waits";
    PanthorContext ctx;
    uint32_t size;
    uint64_t va;
    Stream s;

    panthor_context_init(&ctx, &dev, 1);
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(0, panthor_data_va(64)));
    stream_emit(&s, cs_move32(2, 0));
    stream_emit(&s, cs_sync_wait(CS_OP_SYNC_WAIT32, 0, 2, CS_COND_GT, 0));
    stream_end(&s);
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_submit(&ctx, 0, va, size, ctx.syncobj));
    /* The group is idle: it goes to sleep with the GPU */
    tap_ok(!panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS),
           "%s: the GPU sleeps meanwhile", name);
    panthor_context_new_group(&ctx, 1);
    check_cancelled(name, &ctx);
    check_others(name);
    panthor_context_fini(&ctx);
}

static void test_vm(void)
{
    const char *name = "VM destroyed";
    PanthorContext ctx;
    int end;

    start_reader(&ctx);
    TAP_MUST(panthor_vm_destroy(&dev, ctx.vm));
    end = job_end(&ctx);
    if (!tap_ok(end < 0 && end != -ETIME, "%s: the job fails", name)) {
        tap_diag("fence %d", end);
    }
    check_others(name);
    TAP_MUST(panthor_group_destroy(&dev, ctx.group));
    panthor_bo_destroy(&dev, &ctx.code_bo);
    panthor_bo_destroy(&dev, &ctx.data_bo);
    panthor_bo_destroy(&dev, &ctx.poll_bo);
    panthor_syncobj_destroy(&dev, ctx.syncobj);
}

static void test_unmap(void)
{
    const char *name = "page unmapped";
    int log = TAP_MUST(kernel_log_open()), ret;
    char record[512] = "", text[48];
    PanthorContext ctx;
    uint32_t fatal = 0;
    PanthorBo page;

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &page, PANTHOR_GPU_PAGE, ctx.vm));
    TAP_MUST(panthor_vm_map(&dev, ctx.vm, &page, 0, PAGE_VA, page.size,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    submit_reader(&ctx, PAGE_VA + 0x40);
    wait_running(&ctx);
    TAP_MUST(panthor_vm_unmap(&dev, ctx.vm, PAGE_VA, page.size));
    check_ended(name, job_end(&ctx), -EINVAL);
    snprintf(text, sizeof(text), "at VA 0x%016llX", PAGE_VA + 0x40);
    ret = kernel_log_find(log, text, record, sizeof(record), LOG_TIMEOUT_MS);
    if (!tap_ok(!ret, "%s: with a fault %s", name, text)) {
        tap_diag("%s", strerror(-ret));
    }
    ret = panthor_group_state(&dev, ctx.group, &fatal);
    tap_ok(ret == DRM_PANTHOR_GROUP_STATE_FATAL_FAULT && fatal == 1,
           "%s: the group is dead", name);
    tap_ok(panthor_vm_state(&dev, ctx.vm) == DRM_PANTHOR_VM_STATE_USABLE,
           "%s: the VM is usable", name);
    panthor_context_new_group(&ctx, 1);
    tap_ok(short_job(&ctx), "%s: a new group on the VM works", name);
    check_others(name);
    panthor_bo_destroy(&dev, &page);
    panthor_context_fini(&ctx);
    close(log);
}

/* The mapping is what counts: the handle may go */
static void test_handle(void)
{
    const char *name = "handle closed";
    PanthorContext ctx;
    PanthorBo page;

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &page, PANTHOR_GPU_PAGE, ctx.vm));
    TAP_MUST(panthor_vm_map(&dev, ctx.vm, &page, 0, PAGE_VA, page.size,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    submit_reader(&ctx, PAGE_VA);
    wait_running(&ctx);
    panthor_bo_destroy(&dev, &page);
    kernel_sleep_ms(20);
    panthor_poll_set(&ctx, POLL_STOP, 1);
    check_ended(name, job_end(&ctx), 1);
    check_others(name);
    panthor_context_fini(&ctx);
}

static void test_process(void)
{
    const char *name = "process killed";
    int status = 0, ready[2];
    pid_t pid;
    char c;

    TAP_MUST(pipe(ready) ? -errno : 0);
    fflush(stdout);
    pid = fork();
    if (!pid) {
        PanthorContext ctx;

        TAP_MUST(panthor_open(&dev));
        c = start_reader(&ctx);
        if (write(ready[1], &c, 1) == 1) {
            pause();
        }
        _exit(TAP_EXIT_FAIL);
    }
    TAP_MUST(pid < 0 ? -errno : 0);
    tap_ok(read(ready[0], &c, 1) == 1 && c, "%s: its stream runs", name);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    check_others(name);
    close(ready[0]);
    close(ready[1]);
}

static void test_fence(void)
{
    const char *name = "a fence that is named after a group that is gone";
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (!pid) {
        PanthorContext ctx;

        TAP_MUST(panthor_open(&dev));
        start_reader(&ctx);
        TAP_MUST(panthor_group_destroy(&dev, ctx.group));
        TAP_MUST(panthor_syncobj_wait(&dev, ctx.syncobj, 0, false,
                                      JOB_TIMEOUT_MS));
        /* The driver frees the group later, by work of a queue */
        kernel_sleep_ms(GROUP_FREE_MS);
        job_end(&ctx);
        _exit(TAP_EXIT_OK);
    }
    TAP_MUST(pid < 0 ? -errno : 0);
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) {
        tap_ok(true, "%s: the kernel oopses", name);
    } else {
        tap_skip("not met", "%s", name);
    }
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--fence", NULL };
    int option = tap_start(argc, argv, options,
                           "Takes away what a running stream needs.");

    if (option == 0) {
        tap_directive("allow-dmesg .");
        test_fence();
        return tap_end();
    }
    tap_directive("allow-dmesg Unhandled Page fault in AS[0-9]+ at VA|"
                  "fault status:|(exception|access) type 0x|source id 0x|"
                  "CS_FATAL|CSG slot");
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&bystander, &dev, 1);
    test_group();
    test_waiting_group();
    test_vm();
    test_unmap();
    test_handle();
    test_process();
    panthor_context_fini(&bystander);
    panthor_close(&dev);
    return tap_end();
}
