/*
 * protected: streams with protected regions, and what the driver does meanwhile
 *
 * No released panthor enters protected mode; what is needed is a driver such as
 * that of tests/kernel/protected.  The MMU executes no command in that mode, so
 * the driver has to leave it for each; a region that is not done asks for it
 * again.  Every job has to come to its end whatever is done in between, unless
 * the hardware fails or its group is destroyed.
 *
 * With protected memory (protected-size= of the device) what a region stores is
 * there, and nobody else may touch it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/block.h"
#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/refuse.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 8000
#define SUSPEND_TIMEOUT_MS 3000
#define RESET_TIMEOUT_MS 3000
#define GROUP_PATIENCE_MS 1000
/* Longer than it takes until the GPU sleeps, and less than drivers wait */
#define LATE_EXIT_MS 80

/* Rounds of two instructions in a region */
#define SHORT_ROUNDS 3
#define LONG_ROUNDS 400000
/* Longer than a driver waits for the end of the mode, some 100 ms */
#define LASTING_ROUNDS 3000000
#define FLUSH_NS        5000000
/* Until a job has come to its region */
#define BEGIN_MS 20

#define BLOCK_VA 0x400000ull
#define CUT_VA 0x420000ull
#define CUT_SIZE 0x10000ull
#define FAR_VA 0x60000000ull

/* More than there are slots */
#define GROUPS 9

#define MARK 0x9407ec7du

/* What regions store to: protected memory, if the driver has any */
#define SECRET_VA 0x50000000ull
#define SECRET_SIZE 0x10000ull

/* Blocks that are tried at most, until nothing is left */
#define POOL_PARTS_MAX 1024

#define RTC "/sys/class/rtc/rtc0/"

/* Words of the data buffer */
enum {
    DATA_INSIDE,
    DATA_BEHIND,
    DATA_LEAKED,
};

static PanthorDev dev;

/* Where the device has protected memory, 0: nowhere */
static uint64_t protected_base;

/* Does the driver have a flag for groups? */
static bool groups_have_flag(void)
{
#ifdef HAVE_DRM_PANTHOR_GROUP_CREATE_PROTECTED
    return true;
#else
    return false;
#endif
}

/* And one for memory? */
static bool memory_has_flag(void)
{
#ifdef HAVE_DRM_PANTHOR_BO_PROTECTED
    return true;
#else
    return false;
#endif
}

/* Memory for regions, at SECRET_VA */
static int map_secret(PanthorContext *ctx)
{
    struct drm_panthor_bo_create create = {
        .size = SECRET_SIZE,
        .exclusive_vm_id = ctx->vm,
        .flags = DRM_PANTHOR_BO_NO_MMAP,
    };
    PanthorBo bo = { .size = SECRET_SIZE };
    int ret;

#ifdef HAVE_DRM_PANTHOR_BO_PROTECTED
    create.flags |= protected_base ? DRM_PANTHOR_BO_PROTECTED : 0;
#endif
    ret = panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_CREATE, &create);
    bo.handle = create.handle;
    if (!ret) {
        ret = panthor_vm_map(&dev, ctx->vm, &bo, 0, SECRET_VA, SECRET_SIZE,
                             DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
        /* The VM keeps it. */
        panthor_bo_destroy(&dev, &bo);
    }
    return ret;
}

/* A group that may have regions, and memory for them */
static void context_init(PanthorContext *ctx)
{
#ifdef HAVE_DRM_PANTHOR_GROUP_CREATE_PROTECTED
    dev.group_flags = DRM_PANTHOR_GROUP_CREATE_PROTECTED;
#endif
    panthor_context_init(ctx, &dev, 1);
    dev.group_flags = 0;
    TAP_MUST(map_secret(ctx));
}

static bool driver_knows_protected_mode(void)
{
    FILE *f = fopen("/proc/kallsyms", "r");
    bool found = false;
    char line[512];

    while (f && !found && fgets(line, sizeof(line), f)) {
        found = strstr(line, " panthor_protm_") != NULL;
    }
    if (f) {
        fclose(f);
    }
    return found;
}

/* A region of so many rounds, which stores a word at @va and loads it again */
static void emit_region(Stream *s, uint64_t va, uint32_t rounds)
{
    stream_emit(s, cs_move48(2, va));
    stream_emit(s, cs_move32(10, rounds));
    stream_emit(s, cs_move32(11, MARK));
    stream_emit(s, cs_move32(12, 0));
    stream_emit(s, cs_prot_region(6));
    stream_store(s, 11, 1, 2, 0);
    stream_emit(s, cs_add_imm32(10, 10, -1));
    stream_emit(s, cs_branch(CS_COND_GT, 10, -2));
    stream_load(s, 12, 1, 2, 0);
}

/* Submit it; end it with region_ended() */
static void submit_region_at(PanthorContext *ctx, uint64_t secret,
                             uint32_t rounds)
{
    uint32_t size;
    uint64_t va;
    Stream s;

    ctx->data[DATA_INSIDE] = 0;
    ctx->data[DATA_BEHIND] = 0;
    ctx->code.used = 0;
    stream_init(&s);
    stream_begin(&s);
    emit_region(&s, secret, rounds);
    stream_store_at(&s, 12, panthor_data_va(DATA_INSIDE), 2);
    stream_emit(&s, cs_move32(11, ~MARK));
    stream_store_at(&s, 11, panthor_data_va(DATA_BEHIND), 2);
    stream_end(&s);
    va = stream_place(&s, &ctx->code, &size);
    TAP_MUST(panthor_submit(ctx, 0, va, size, ctx->syncobj));
}

static void submit_region(PanthorContext *ctx, uint32_t rounds)
{
    submit_region_at(ctx, SECRET_VA, rounds);
}

/* 0, an error of panthor_wait(), or -EIO if it has not done what it says */
static int region_ended(PanthorContext *ctx)
{
    int ret = panthor_wait(ctx, JOB_TIMEOUT_MS);

    return ret ? ret : ctx->data[DATA_INSIDE] == MARK &&
                       ctx->data[DATA_BEHIND] == (uint32_t)~MARK ? 0 : -EIO;
}

static bool ok(int ret, const char *name)
{
    if (!tap_ok(!ret, "%s", name)) {
        tap_diag("%s", strerror(-ret));
    }
    return !ret;
}

static void test_lengths(void)
{
    static const struct {
        uint32_t rounds;
        const char *name;
    } rows[] = {
        { 1, "a region of one round" },
        { SHORT_ROUNDS, "a short region" },
        { LONG_ROUNDS / 10, "a region of some milliseconds" },
        { LONG_ROUNDS, "a long region" },
    };
    uint64_t before = 0, after = 0;
    PanthorContext ctx;

    host_get_u64("reset-count", &before);
    context_init(&ctx);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t start = kernel_now_ns();

        submit_region(&ctx, rows[i].rounds);
        ok(region_ended(&ctx), rows[i].name);
        tap_diag("%u us", (unsigned)((kernel_now_ns() - start) / 1000));
    }
    panthor_context_fini(&ctx);
    /* What is over before the driver looks is over all the same. */
    host_get_u64("reset-count", &after);
    tap_ok(after == before, "regions of any length: the GPU is not reset");
}

/* What is done to a VM while a region runs: 0 or a negative errno */
static int map_far(PanthorContext *ctx, PanthorBo *bo)
{
    int ret = panthor_vm_map(&dev, ctx->vm, bo, 0, FAR_VA, PANTHOR_GPU_PAGE,
                             DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);

    return ret ? ret : panthor_vm_unmap(&dev, ctx->vm, FAR_VA,
                                        PANTHOR_GPU_PAGE);
}

static int cut(PanthorContext *ctx, PanthorBo *bo __attribute__((unused)))
{
    return panthor_vm_unmap(&dev, ctx->vm, CUT_VA, CUT_SIZE);
}

static int run_normal(PanthorContext *ctx,
                      PanthorBo *bo __attribute__((unused)))
{
    return panthor_store_job(ctx, 7, JOB_TIMEOUT_MS);
}

static const struct {
    const char *name;
    int (*function)(PanthorContext *ctx, PanthorBo *bo);
    /* It takes the VM's queue itself */
    bool other_only;
} deeds[] = {
    { "a page is mapped and unmapped", map_far, false },
    { "a block is taken apart", cut, false },
    { "a normal job runs", run_normal, true },
};

static void test_meanwhile(unsigned deed, bool other)
{
    char name[128];
    PanthorContext ctx, second, *of = other ? &second : &ctx;
    PanthorBo block;
    int ret;

    context_init(&ctx);
    panthor_context_init(&second, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &block, PANTHOR_GPU_BLOCK, of->vm));
    TAP_MUST(panthor_vm_map(&dev, of->vm, &block, 0, BLOCK_VA,
                            PANTHOR_GPU_BLOCK,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    submit_region(&ctx, LASTING_ROUNDS);
    kernel_sleep_ms(BEGIN_MS);
    ret = deeds[deed].function(of, &block);
    snprintf(name, sizeof(name), "%s in %s VM while a region runs",
             deeds[deed].name, other ? "another" : "the same");
    ok(ret, name);
    snprintf(name, sizeof(name), "and the region comes to its end (%s, %s VM)",
             deeds[deed].name, other ? "another" : "the same");
    ok(region_ended(&ctx), name);
    panthor_bo_destroy(&dev, &block);
    panthor_context_fini(&second);
    panthor_context_fini(&ctx);
}

static void test_many_groups(bool normal)
{
    static PanthorContext ctx[GROUPS], quiet[GROUPS];
    unsigned good = 0, good_normal = 0;

    for (unsigned i = 0; i < GROUPS; i++) {
        context_init(&ctx[i]);
        panthor_context_init(&quiet[i], &dev, 1);
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        submit_region(&ctx[i], LONG_ROUNDS / 10);
        if (normal) {
            panthor_submit_store(&quiet[i], i + 1);
        }
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        good += !region_ended(&ctx[i]);
        good_normal += normal && !panthor_stored(&quiet[i], i + 1,
                                                 JOB_TIMEOUT_MS);
    }
    tap_ok(good == GROUPS, "more groups with a region than slots%s (%u of %u)",
           normal ? ", and as many without" : "", good, GROUPS);
    if (normal) {
        tap_ok(good_normal == GROUPS, "and these, too (%u of %u)",
               good_normal, GROUPS);
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        panthor_context_fini(&quiet[i]);
        panthor_context_fini(&ctx[i]);
    }
}

static int job_on_new_vm(void)
{
    PanthorContext fresh;
    int ret;

    context_init(&fresh);
    submit_region(&fresh, SHORT_ROUNDS);
    ret = region_ended(&fresh);
    panthor_context_fini(&fresh);
    return ret;
}

static void test_destroy(void)
{
    PanthorContext ctx;

    context_init(&ctx);
    submit_region(&ctx, LONG_ROUNDS);
    kernel_sleep_ms(BEGIN_MS);
    panthor_context_fini(&ctx);
    ok(job_on_new_vm(), "a group goes in its region, and the next one has one");
}

static void test_suspend(void)
{
    PanthorContext ctx;

    context_init(&ctx);
    submit_region(&ctx, SHORT_ROUNDS);
    ok(region_ended(&ctx), "a region before the GPU sleeps");
    ok(panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS), "the GPU sleeps");
    submit_region(&ctx, SHORT_ROUNDS);
    ok(region_ended(&ctx), "and one after that");
    panthor_context_fini(&ctx);
}

/*
 * A region is over, and the mode is not: the GPU is told to sleep in it.  The
 * driver has to leave it for the commands that take the address spaces away.
 */
static void test_suspend_in_mode(void)
{
    PanthorContext ctx;

    if (host_request(NULL, 0, "inject protm-exit delay-ns=%u",
                     LATE_EXIT_MS * 1000000)) {
        tap_skip(host_error(), "a GPU that sleeps before the mode is over");
        return;
    }
    context_init(&ctx);
    submit_region(&ctx, SHORT_ROUNDS);
    ok(region_ended(&ctx), "a region, after which the mode is over late");
    ok(panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS),
       "the GPU sleeps before it is over");
    host_request(NULL, 0, "inject-clear");
    submit_region(&ctx, SHORT_ROUNDS);
    ok(region_ended(&ctx), "and a region after that");
    panthor_context_fini(&ctx);
}

/* Another process, in whose region the GPU is: for end_process() */
static pid_t start_process(void)
{
    int ready[2];
    char c = 0;
    pid_t pid;

    TAP_MUST(pipe(ready) ? -errno : 0);
    fflush(stdout);
    pid = fork();
    if (!pid) {
        PanthorContext ctx;

        TAP_MUST(panthor_open(&dev));
        context_init(&ctx);
        submit_region(&ctx, LONG_ROUNDS);
        kernel_sleep_ms(BEGIN_MS);
        (void)!write(ready[1], &c, 1);
        for (;;) {
            pause();
        }
    }
    TAP_MUST(pid < 0 ? -errno : 0);
    close(ready[1]);
    TAP_MUST(read(ready[0], &c, 1) == 1 ? 0 : -EIO);
    close(ready[0]);
    return pid;
}

static void end_process(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_kill(void)
{
    end_process(start_process());
    ok(job_on_new_vm(), "a process dies in its region, and the next one has "
       "one");
}

/*
 * The driver is taken away in the mode.  That the group is not freed then is
 * so with stock, see "A device that is never freed" in docs/findings.rst; its
 * work has to be over when the module goes.
 */
static void test_unload(void)
{
    const char *what = "the module is unloaded while a region runs";
    const char *reason;
    char name[64];
    Module module;
    pid_t pid;

    reason = module_open(&module);
    if (reason) {
        tap_skip(reason, what);
        return;
    }
    pid = start_process();
    TAP_MUST(module_unbind(&dev, name, sizeof(name)));
    kernel_sleep_ms(JOB_TIMEOUT_MS);
    end_process(pid);
    panthor_close(&dev);
    TAP_MUST(module_unload());
    TAP_MUST(module_load(&module, &dev));
    module_close(&module);
    dev.group_patience_ms = GROUP_PATIENCE_MS;
    ok(job_on_new_vm(), "the module is unloaded while a region runs, and "
       "loaded: there is one again");
}

/* The machine is suspended to idle while a region runs. */
static void test_system_suspend(void)
{
    const char *name = "a region over a suspend of the machine";
    PanthorContext ctx;
    int ret;

    if (access(RTC "wakealarm", W_OK) || access("/sys/power/state", W_OK)) {
        tap_skip("no clock that could wake the machine", name);
        return;
    }
    context_init(&ctx);
    submit_region(&ctx, LONG_ROUNDS);
    kernel_sleep_ms(BEGIN_MS);
    kernel_write_file(RTC "wakealarm", "0");
    ret = kernel_write_file(RTC "wakealarm", "+2");
    ret = ret ?: kernel_write_file("/sys/power/state", "freeze");
    ok(ret, "the machine sleeps and wakes");
    tap_diag("%s: %s", name, strerror(-region_ended(&ctx)));
    panthor_context_fini(&ctx);
    ok(job_on_new_vm(), "a region after a suspend of the machine in one");
}

/* Illegal accesses */

static sigjmp_buf touched;

static void bus_error(int signal)
{
    siglongjmp(touched, signal);
}

/* What a load or store of a CPU at @pa meets: 0, a signal, or -1: no mapping */
static int touch(uint64_t pa, bool store)
{
    int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
    /* Volatile, as the compiler has no reason for a load that nobody needs */
    volatile uint32_t *word;
    int signal = -1;

    if (fd < 0) {
        return -1;
    }
    word = mmap(NULL, PANTHOR_GPU_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                pa);
    close(fd);
    if (word == MAP_FAILED) {
        return -1;
    }
    signal = sigsetjmp(touched, 1);
    if (!signal) {
        if (store) {
            *word = MARK;
        } else {
            (void)*word;
        }
    }
    munmap((void *)word, PANTHOR_GPU_PAGE);
    return signal;
}

static void test_cpu(void)
{
    struct sigaction action = { .sa_handler = bus_error };

    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    for (int store = 0; store < 2; store++) {
        int signal = touch(protected_base, store);

        if (signal < 0) {
            tap_skip("no /dev/mem for it", "an access of a CPU");
        } else if (!tap_ok(signal == SIGBUS, "a %s of a CPU is refused",
                           store ? "store" : "load")) {
            tap_diag("signal %d", signal);
        }
    }
    signal(SIGBUS, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
}

/* Of the job that does it, its group alone may die. */
static void test_illegal(const char *name, PanthorContext *ctx, int ret)
{
    tap_ok(ret < 0, "%s: the job fails", name);
    tap_ok(ctx->data[DATA_LEAKED] == 0, "%s: nothing of it is seen", name);
    panthor_context_fini(ctx);
    tap_ok(!job_on_new_vm(), "%s: a region of a new VM is done afterwards",
           name);
}

static void test_normal_mode(void)
{
    PanthorContext ctx;
    uint32_t size;
    uint64_t va;
    Stream s;

    context_init(&ctx);
    submit_region(&ctx, SHORT_ROUNDS);
    ok(region_ended(&ctx), "a region has its secret");
    ctx.data[DATA_LEAKED] = 0;
    ctx.code.used = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_load_at(&s, 12, SECRET_VA, 2);
    stream_store_at(&s, 12, panthor_data_va(DATA_LEAKED), 2);
    stream_end(&s);
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_submit(&ctx, 0, va, size, ctx.syncobj));
    test_illegal("a load in normal mode", &ctx,
                 panthor_wait(&ctx, JOB_TIMEOUT_MS));
}

/* The stream itself is where normal mode has no access. */
static void test_stream_in_protected_memory(void)
{
    PanthorContext ctx;

    context_init(&ctx);
    ctx.data[DATA_LEAKED] = 0;
    TAP_MUST(panthor_submit(&ctx, 0, SECRET_VA, 64, ctx.syncobj));
    test_illegal("a stream in protected memory", &ctx,
                 panthor_wait(&ctx, JOB_TIMEOUT_MS));
}

static void test_leak(void)
{
    PanthorContext ctx;

    context_init(&ctx);
    ctx.data[DATA_LEAKED] = 0;
    submit_region_at(&ctx, panthor_data_va(DATA_LEAKED), SHORT_ROUNDS);
    test_illegal("a store of a region to normal memory", &ctx,
                 panthor_wait(&ctx, JOB_TIMEOUT_MS));
}

/* It was not created as protected: nobody enters the mode for it. */
static void test_no_flag(void)
{
    PanthorContext ctx;

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(map_secret(&ctx));
    submit_region(&ctx, SHORT_ROUNDS);
    test_illegal("a region in a group that is not protected", &ctx,
                 region_ended(&ctx));
}

static void test_unknown_flag(void)
{
    uint32_t vm, group;
    int ret;

    TAP_MUST(panthor_vm_create(&dev, &vm));
    dev.group_flags = 1u << 31;
    ret = panthor_group_create(&dev, vm, 1, &group);
    dev.group_flags = 0;
    refused(ret, -EINVAL, "a flag of groups that nobody knows");
    panthor_vm_destroy(&dev, vm);
}

#ifdef HAVE_DRM_PANTHOR_BO_PROTECTED
static int create_secret(uint64_t size, uint32_t flags, uint32_t vm,
                         uint32_t *handle)
{
    struct drm_panthor_bo_create arg = {
        .size = size,
        .exclusive_vm_id = vm,
        .flags = DRM_PANTHOR_BO_PROTECTED | flags,
    };
    int ret = panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_CREATE, &arg);

    *handle = arg.handle;
    return ret;
}

/* What nobody can load must not get a way to a CPU, or to another device. */
static void test_refusals(void)
{
    struct drm_panthor_bo_mmap_offset offset = { 0 };
    struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
    struct drm_panthor_bo_sync_op op = {
        .type = DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH,
        .size = SECRET_SIZE,
    };
    struct drm_panthor_bo_sync sync = {
        .ops = DRM_PANTHOR_OBJ_ARRAY(1, &op),
    };
    PanthorBo bo = { .size = SECRET_SIZE };

    refused(create_secret(SECRET_SIZE, 0, 0, &bo.handle), -EINVAL,
            "protected memory that a CPU could map");
    refused(create_secret(1ull << 32, DRM_PANTHOR_BO_NO_MMAP, 0, &bo.handle),
            -ENOMEM, "more of it than there is");
    TAP_MUST(create_secret(SECRET_SIZE, DRM_PANTHOR_BO_NO_MMAP, 0,
                           &bo.handle));
    offset.handle = op.handle = prime.handle = bo.handle;
    tap_ok(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &offset) < 0,
           "a mapping of it is refused");
    refused(panthor_ioctl(&dev, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), -EINVAL,
            "its export");
    refused(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_SYNC, &sync), -EINVAL,
            "maintenance of its caches");
    panthor_bo_destroy(&dev, &bo);
}

/* All of it, again and again: nothing gets lost. */
static void test_exhaustion(void)
{
    uint32_t handles[POOL_PARTS_MAX];
    unsigned count[2] = { 0 };

    for (unsigned round = 0; round < 2; round++) {
        while (count[round] < POOL_PARTS_MAX &&
               !create_secret(PANTHOR_GPU_BLOCK, DRM_PANTHOR_BO_NO_MMAP, 0,
                              &handles[count[round]])) {
            count[round]++;
        }
        for (unsigned i = 0; i < count[round]; i++) {
            PanthorBo bo = { .handle = handles[i] };

            panthor_bo_destroy(&dev, &bo);
        }
    }
    if (!tap_ok(count[0] && count[1] >= count[0],
                "protected memory that was used up is there again")) {
        tap_diag("%u and %u parts", count[0], count[1]);
    }
}
#else
static void test_refusals(void)
{
}

static void test_exhaustion(void)
{
}
#endif

static void test_illegal_accesses(void)
{
    if (groups_have_flag()) {
        test_no_flag();
        test_unknown_flag();
    }
    if (!protected_base) {
        tap_skip("protected-size= is 0", "illegal accesses");
        return;
    }
    test_cpu();
    test_normal_mode();
    test_stream_in_protected_memory();
    test_leak();
    test_refusals();
    test_exhaustion();
}

/* Returns how many resets there have been, @before or more */
static uint64_t wait_for_reset(uint64_t before)
{
    uint64_t end = kernel_now_ns() + RESET_TIMEOUT_MS * 1000000ull;
    uint64_t now = before;

    while (!host_get_u64("reset-count", &now) && now == before &&
           kernel_now_ns() < end) {
        kernel_sleep_ms(100);
    }
    return now;
}

/* What the driver gives up on, or waits for, in the deed of a case or before */
typedef struct Failure {
    const char *name;
    const char *injection;
    int (*deed)(PanthorContext *ctx, PanthorBo *bo);
    bool reset;
} Failure;

static const Failure failures[] = {
    /* The firmware may look again for another request. */
    { "PROTM_ENTER is not acknowledged", "glb-ack mask=0x10 count=3", map_far,
      true },
    { "the mode never begins", "protm-enter", map_far, true },
    { "the mode begins late", "protm-enter delay-ns=20000000", map_far, false },
    { "the mode ends late", "protm-exit delay-ns=20000000", map_far, false },
    { "the mode never ends", "protm-exit", map_far, true },
    { "the firmware dies in the mode", "mcu-death skip=1", map_far, true },
    { "a LOCK hangs", "as-command command=2", map_far, true },
    { "a LOCK that widens hangs", "as-command command=2 skip=1", cut, true },
    { "an UNLOCK hangs", "as-command command=3", map_far, true },
};

/* Whose job dies is not said; the next one has its region. */
static void test_failure(const Failure *f)
{
    uint64_t before = 0, after = 0;
    char met[32], id[32];
    PanthorContext ctx;
    PanthorBo block;

    TAP_MUST(host_get_u64("reset-count", &before));
    context_init(&ctx);
    TAP_MUST(panthor_bo_create(&dev, &block, PANTHOR_GPU_BLOCK, ctx.vm));
    TAP_MUST(panthor_vm_map(&dev, ctx.vm, &block, 0, BLOCK_VA,
                            PANTHOR_GPU_BLOCK,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    TAP_MUST(host_request(id, sizeof(id), "inject %s", f->injection));
    submit_region(&ctx, LONG_ROUNDS / 10);
    kernel_sleep_ms(BEGIN_MS);
    f->deed(&ctx, &block);
    /* Before the job's time is over, after which it is reset anyway */
    if (f->reset) {
        after = wait_for_reset(before);
    }
    tap_diag("%s: the job: %s", f->name, strerror(-region_ended(&ctx)));
    host_request(met, sizeof(met), "injected %s", id);
    host_request(NULL, 0, "inject-clear");
    tap_ok(atoi(met) >= 1, "%s: it was met", f->name);
    panthor_bo_destroy(&dev, &block);
    panthor_context_fini(&ctx);
    if (!f->reset) {
        host_get_u64("reset-count", &after);
    }
    tap_ok((after > before) == f->reset, "%s: the GPU is %sreset", f->name,
           f->reset ? "" : "not ");
    kernel_sleep_ms(100);
    tap_ok(!job_on_new_vm(), "%s: a region of a new VM is done afterwards",
           f->name);
}

static void test_failures(void)
{
    if (host_request(NULL, 0, "inject-clear")) {
        tap_skip(host_error(), "hardware that fails");
        return;
    }
    /* A GPU that falls asleep is as good as one that was reset. */
    TAP_MUST(panthor_forbid_suspend(&dev, true));
    for (unsigned i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        test_failure(&failures[i]);
    }
    TAP_MUST(panthor_forbid_suspend(&dev, false));
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Runs protected regions of streams.");
    if (!driver_knows_protected_mode()) {
        tap_skip("the driver does not enter protected mode", "all of it");
        return tap_end();
    }
    tap_directive("allow-dmesg .");
    tap_directive("allow-violation note-lost");
    /* No region takes seconds, whatever the host has to do. */
    tap_directive("untimed : (.*: a region of a new VM is done afterwards|"
                  ".* while a region runs.*|and the region comes to its end.*|"
                  "a .*region.*|more groups with a region.*|"
                  ".* is refused.*|.* is there again)$");
    tap_directive("stock-warns panthor-mmu-pt|at (kmem_cache_destroy|"
                  "__slab_err)");
    /* Of a group that a tick has put on its slot while the machine slept */
    tap_directive("stock-warns ^WARNING: lib/refcount.c:[0-9]+ at "
                  "refcount_dec_not_one");
    if (host_get_u64("protected-base", &protected_base)) {
        protected_base = 0;
    }
    if (protected_base && !memory_has_flag()) {
        tap_skip("the driver has no protected memory", "all of it");
        return tap_end();
    }
    TAP_MUST(panthor_open(&dev));
    dev.group_patience_ms = GROUP_PATIENCE_MS;
    test_lengths();
    /* Time for the mode to begin between lock and unlock, if it may */
    host_request(NULL, 0, "qom-set x-flush-latency-ns %u", FLUSH_NS);
    for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        if (!deeds[i].other_only) {
            test_meanwhile(i, false);
        }
        test_meanwhile(i, true);
    }
    host_request(NULL, 0, "qom-set x-flush-latency-ns 0");
    test_many_groups(false);
    test_many_groups(true);
    test_destroy();
    test_kill();
    test_illegal_accesses();
    test_suspend();
    test_suspend_in_mode();
    test_system_suspend();
    test_failures();
    test_unload();
    panthor_close(&dev);
    return tap_end();
}
