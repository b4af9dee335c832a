/*
 * pairs: what belongs together in panthor's updates of page tables
 *
 *  - Lock, expansion and unlock.  One of them is left out (probe_skip()): a
 *    lock in a lock, and an expansion of nothing, must fail and warn, of a
 *    driver that has a function of its own for expansions.
 *  - Operations that change more than one mapping, of which the first and the
 *    last are taken apart: what is locked must hold all of them, until the last
 *    one is done.  Of a VM without an address space the driver knows it to the
 *    byte, of another as the hardware rounds it.
 *  - Two VMs that are changed at the same time.
 *  - Commands, and the mutex of the address spaces: each is sent with it held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/block.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/probe.h"
#include "lib/second.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 5000

#define LOCK_FUNCTION "panthor_vm_lock_region"
#define UNLOCK_FUNCTION "panthor_vm_unlock_region"
#define COMMAND_FUNCTION "as_send_cmd_and_wait"

/* Another thread is in the middle of its operation for so long */
#define SLOW_US 40000
#define MEET_US 10000

/* A small object at most, and where pages are tried */
#define SMALL_SIZE 0x10000ull
#define AUX_VA 0x60000000ull
#define CUT_VA 0x420000ull

#define MAX_OBJECTS 2

/* Words of the data buffer */
enum {
    DATA_PAGES = 1024,
};

typedef struct Extent {
    uint64_t va;
    uint64_t size;
} Extent;

/* One unmap of several mappings */
typedef struct Shape {
    const char *name;
    Extent objects[MAX_OBJECTS];
    Extent cut;
    bool sparse;
} Shape;

static const Shape shapes[] = {
    { "a small object, and half of the block behind it",
      { { 0x3f0000, SMALL_SIZE }, { 0x400000, PANTHOR_GPU_BLOCK } },
      { 0x3f0000, 0x110000 }, false },
    { "half of a block, and the small object behind it",
      { { 0x400000, PANTHOR_GPU_BLOCK }, { 0x600000, SMALL_SIZE } },
      { 0x500000, 0x110000 }, false },
    { "the ends of two blocks that meet",
      { { 0x400000, PANTHOR_GPU_BLOCK }, { 0x600000, PANTHOR_GPU_BLOCK } },
      { 0x500000, 0x200000 }, false },
    { "a block but for its first page",
      { { 0x400000, PANTHOR_GPU_BLOCK } }, { 0x401000, 0x1ff000 }, false },
    { "a block but for its last page",
      { { 0x400000, PANTHOR_GPU_BLOCK } }, { 0x400000, 0x1ff000 }, false },
    { "the middle of the first block of all",
      { { 0, PANTHOR_GPU_BLOCK } }, { 0x20000, 0x10000 }, false },
    { "the middle of a sparse mapping",
      { { 0x400000, 2 * PANTHOR_GPU_BLOCK } }, { 0x420000, 0x10000 }, true },
};

#define NUM_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static PanthorDev dev;

static PanthorContext ctx;
static PanthorBo objects[MAX_OBJECTS], aux;

static uint64_t end_of(Extent e)
{
    return e.va + e.size;
}

/* Where it begins and ends, what is cut out of it being left out */
static void emit_reads(Stream *s, const Extent *e, const Extent *cut)
{
    uint64_t from = cut ? cut->va : end_of(*e);
    uint64_t to = cut ? end_of(*cut) : end_of(*e);

    block_emit_reads(s, e->va, from < end_of(*e) ? from : end_of(*e));
    block_emit_reads(s, to > e->va ? to : e->va, end_of(*e));
}

/* A job reads what is left: 0, an error, or -EIO if it has other content */
static int read_back(PanthorContext *c, const Shape *shape, const Extent *cut)
{
    const uint32_t *have = c->data + DATA_PAGES;
    unsigned wrong = 0;
    Stream s;
    int ret;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(BLOCK_REG_TO, panthor_data_va(DATA_PAGES)));
    for (unsigned i = 0; i < MAX_OBJECTS && shape->objects[i].size; i++) {
        emit_reads(&s, &shape->objects[i], cut);
    }
    stream_end(&s);
    c->code.used = 0;
    ret = panthor_run_stream(c, 0, &s, JOB_TIMEOUT_MS);
    if (ret || shape->sparse) {
        return ret;
    }
    for (unsigned i = 0; i < MAX_OBJECTS && shape->objects[i].size; i++) {
        const Extent *e = &shape->objects[i];

        for (uint64_t va = e->va; va < end_of(*e); va += PANTHOR_GPU_PAGE) {
            if (!cut || va < cut->va || va >= end_of(*cut)) {
                wrong += *have++ != block_value(i, (va + BLOCK_PROBE - e->va) /
                                                   sizeof(uint32_t));
            }
        }
    }
    return wrong ? -EIO : 0;
}

static int map_object(PanthorContext *c, const Shape *shape, unsigned i,
                      PanthorBo *bo)
{
    const Extent *e = &shape->objects[i];
    struct drm_panthor_vm_bind_op op = panthor_map_op(
        bo, 0, e->va, e->size, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);

    if (shape->sparse) {
        op.flags |= DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE;
        op.bo_handle = 0;
    }
    return panthor_vm_bind(&dev, c->vm, &op, 1);
}

/* A VM with what a shape has: NULL, or why it cannot be had */
static const char *prepare(PanthorContext *c, const Shape *shape,
                           PanthorBo *bos)
{
    panthor_context_init(c, &dev, 1);
    memset(bos, 0, MAX_OBJECTS * sizeof(*bos));
    for (unsigned i = 0; i < MAX_OBJECTS && shape->objects[i].size; i++) {
        uint64_t size = shape->objects[i].size, bo_size = size;
        bool block = size >= PANTHOR_GPU_BLOCK && !shape->sparse;
        const char *problem;

        if (block && kernel_huge_page_size() > bo_size) {
            bo_size = kernel_huge_page_size();
        }
        if (!shape->sparse) {
            TAP_MUST(panthor_bo_create(&dev, &bos[i], bo_size, c->vm));
            block_fill(&bos[i], size, i);
        }
        problem = block ? block_problem(&bos[i], size / PANTHOR_GPU_BLOCK) :
                  NULL;
        if (problem) {
            return problem;
        }
        if (map_object(c, shape, i, &bos[i])) {
            return "the driver maps nothing there";
        }
    }
    return NULL;
}

static void clean_up(PanthorContext *c, PanthorBo *bos)
{
    for (unsigned i = 0; i < MAX_OBJECTS; i++) {
        if (bos[i].handle) {
            panthor_bo_destroy(&dev, &bos[i]);
        }
    }
    panthor_context_fini(c);
}

/* -- more than one mapping */

static void test_shape(const Shape *shape, bool resident)
{
    const char *where = resident ? "" : ", not resident";
    const char *problem = prepare(&ctx, shape, objects);
    int log, ret;

    if (!problem && resident && read_back(&ctx, shape, NULL)) {
        problem = "it cannot be read";
    }
    if (problem) {
        tap_skip(problem, "%s%s", shape->name, where);
        clean_up(&ctx, objects);
        return;
    }
    log = TAP_MUST(kernel_log_open());
    ret = panthor_vm_unmap(&dev, ctx.vm, shape->cut.va, shape->cut.size);
    if (!tap_ok(!ret, "%s%s: it is unmapped", shape->name, where)) {
        tap_diag("%s", strerror(-ret));
    }
    tap_ok(!kernel_warned(log), "%s%s: the driver does not warn", shape->name,
           where);
    ret = read_back(&ctx, shape, &shape->cut);
    if (!tap_ok(!ret, "%s%s: what is left is there", shape->name, where)) {
        tap_diag("%s", strerror(-ret));
    }
    close(log);
    clean_up(&ctx, objects);
}

/* -- what is left out */

/* The second of the shapes: a block, and something behind it */
static const Shape *const usual = &shapes[1];

static int map_aux(uint64_t va)
{
    return panthor_vm_map(&dev, ctx.vm, &aux, 0, va, PANTHOR_GPU_PAGE,
                          DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
}

static int cut_block(PanthorContext *c)
{
    return panthor_vm_unmap(&dev, c->vm, CUT_VA, SMALL_SIZE);
}

/* Where a lock is widened by the same function, it is called twice. */
static bool widens_apart(void)
{
    bool apart = false;
    Probe locks;

    if (!prepare(&ctx, usual, objects) &&
        !probe_count(&locks, LOCK_FUNCTION)) {
        TAP_MUST(cut_block(&ctx));
        apart = probe_read(&locks) == 1;
        probe_close(&locks);
    }
    clean_up(&ctx, objects);
    return apart;
}

/* Unlock what an operation has left, by one that does not lock */
static void unlock_at_last(void)
{
    TAP_MUST(probe_skip(LOCK_FUNCTION " 0"));
    panthor_vm_unmap(&dev, ctx.vm, AUX_VA, PANTHOR_GPU_PAGE);
    probe_skip_end();
}

static void test_next_one(const char *name)
{
    int log = TAP_MUST(kernel_log_open());
    int ret = map_aux(AUX_VA);

    tap_ok(!ret && !kernel_warned(log), "%s: the next operation works", name);
    close(log);
}

/* The unlock of one operation is left out: the next one finds the region. */
static void test_lock_in_lock(void)
{
    int log, ret;

    TAP_MUST(map_aux(AUX_VA));
    TAP_MUST(probe_skip(UNLOCK_FUNCTION " 0"));
    TAP_MUST(map_aux(AUX_VA));
    if (probe_skip_end() != 1) {
        tap_skip("the driver does not unlock there", "a lock in a lock");
        return;
    }
    log = TAP_MUST(kernel_log_open());
    ret = map_aux(AUX_VA);
    tap_ok(ret < 0, "a lock in a lock: it fails");
    tap_ok(kernel_warned(log), "a lock in a lock: the driver warns");
    close(log);
    if (ret) {
        unlock_at_last();
    }
    test_next_one("a lock in a lock");
}

/* Lock and unlock of an operation are left out, but not the expansion. */
static void test_expansion_of_nothing(void)
{
    int log = TAP_MUST(kernel_log_open());
    int ret, skipped;

    TAP_MUST(probe_skip(LOCK_FUNCTION " 0 " UNLOCK_FUNCTION " 0"));
    ret = cut_block(&ctx);
    skipped = probe_skip_end();
    if (skipped != 2) {
        tap_skip("the driver does not lock there", "an expansion of nothing");
        close(log);
        return;
    }
    tap_ok(ret < 0, "an expansion of nothing: it fails");
    tap_ok(kernel_warned(log), "an expansion of nothing: the driver warns");
    close(log);
    if (ret) {
        tap_ok(!read_back(&ctx, usual, NULL),
               "an expansion of nothing: the block is intact");
    } else {
        unlock_at_last();
    }
    test_next_one("an expansion of nothing");
}

static void test_left_out(void)
{
    const char *missing = probe_skip_missing();

    if (missing || !widens_apart()) {
        missing = missing ? missing : "the driver has no function of its own "
                                      "that widens a lock";
        tap_skip(missing, "a lock in a lock");
        tap_skip(missing, "an expansion of nothing");
        return;
    }
    TAP_MUST(panthor_bo_create(&dev, &aux, PANTHOR_GPU_PAGE, 0));
    if (!prepare(&ctx, usual, objects)) {
        test_lock_in_lock();
    }
    clean_up(&ctx, objects);
    if (!prepare(&ctx, usual, objects)) {
        test_expansion_of_nothing();
    }
    clean_up(&ctx, objects);
    panthor_bo_destroy(&dev, &aux);
}

/* -- two VMs */

static int cut_slowly(uint32_t arg __attribute__((unused)))
{
    return cut_block(&ctx);
}

static void test_two_vms(void)
{
    PanthorBo others[MAX_OBJECTS];
    PanthorContext other;
    Second second;
    Probe slow;
    int log, ret, ret_second, no_delay;

    second_open(&second);
    if (prepare(&ctx, usual, objects) || prepare(&other, usual, others) ||
        read_back(&ctx, usual, NULL) || read_back(&other, usual, NULL)) {
        tap_skip("no block", "another VM is changed meanwhile");
    } else {
        log = TAP_MUST(kernel_log_open());
        no_delay = probe_delay(&slow, "unmap_hugepage_align", PROBE_ENTRY,
                               SLOW_US, second.tid);
        second_start(&second, cut_slowly, 0);
        usleep(MEET_US);
        ret = cut_block(&other);
        ret_second = second_end(&second);
        probe_close(&slow);
        if (no_delay) {
            tap_skip("the driver cannot be held up there",
                     "another VM is changed meanwhile");
        } else {
            tap_ok(!ret && !ret_second, "another VM is changed meanwhile: "
                   "both are done");
            tap_ok(!kernel_warned(log), "another VM is changed meanwhile: "
                   "the driver does not warn");
        }
        close(log);
    }
    clean_up(&ctx, objects);
    clean_up(&other, others);
    second_close(&second);
}

/* -- mutexes */

#define TRACING "/sys/kernel/tracing/"
#define INSTANCE TRACING "instances/pairs/"
#define MAX_HELD 32

static const char *const probes[] = {
    "p:pairs/taken mutex_lock mutex=%x0",
    "p:pairs/given mutex_unlock mutex=%x0",
    "p:pairs/command " COMMAND_FUNCTION " mutex=%x1",
};

#define NUM_PROBES (sizeof(probes) / sizeof(probes[0]))

typedef struct Held {
    uint64_t mutex[MAX_HELD];
    unsigned count;
} Held;

/* What the commands have in common; how many there were */
typedef struct Mutexes {
    Held common;
    unsigned commands;
} Mutexes;

static int append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    int ret;

    if (fd < 0) {
        return -errno;
    }
    ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return ret;
}

static bool held_find(const Held *h, uint64_t mutex, unsigned *index)
{
    for (*index = 0; *index < h->count; (*index)++) {
        if (h->mutex[*index] == mutex) {
            return true;
        }
    }
    return false;
}

static void command_sent(Mutexes *m, const Held *held)
{
    Held common = { .count = 0 };
    unsigned index;

    for (unsigned i = 0; i < held->count; i++) {
        if (!m->commands || held_find(&m->common, held->mutex[i], &index)) {
            common.mutex[common.count++] = held->mutex[i];
        }
    }
    m->common = common;
    m->commands++;
}

/* Read what one operation has left in the trace. */
static void read_trace(Mutexes *m)
{
    FILE *f = fopen(INSTANCE "trace", "r");
    Held held = { .count = 0 };
    char line[512];
    unsigned index;

    while (f && fgets(line, sizeof(line), f)) {
        const char *at = strstr(line, "mutex=0x");
        uint64_t mutex = at ? strtoull(at + strlen("mutex="), NULL, 16) : 0;

        if (!at) {
            continue;
        }
        if (strstr(line, " command: ")) {
            command_sent(m, &held);
        } else if (!strstr(line, " given: ")) {
            if (held.count < MAX_HELD) {
                held.mutex[held.count++] = mutex;
            }
        } else if (held_find(&held, mutex, &index)) {
            held.mutex[index] = held.mutex[--held.count];
        }
    }
    if (f) {
        fclose(f);
    }
}

static int traced_cut(PanthorContext *c, Mutexes *m)
{
    int ret;

    kernel_write_file(INSTANCE "trace", "");
    kernel_write_file(INSTANCE "tracing_on", "1");
    ret = cut_block(c);
    kernel_write_file(INSTANCE "tracing_on", "0");
    read_trace(m);
    return ret;
}

static void end_trace(void)
{
    kernel_write_file(INSTANCE "events/pairs/enable", "0");
    rmdir(INSTANCE);
    append(TRACING "kprobe_events", "-:pairs/");
}

/* NULL, or why this thread's mutexes cannot be traced */
static const char *begin_trace(void)
{
    char tid[16];

    for (unsigned i = 0; i < NUM_PROBES; i++) {
        if (append(TRACING "kprobe_events", probes[i])) {
            end_trace();
            return "the kernel has no probes for it";
        }
    }
    snprintf(tid, sizeof(tid), "%d", (int)syscall(SYS_gettid));
    if (mkdir(INSTANCE, 0755) ||
        kernel_write_file(INSTANCE "tracing_on", "0") ||
        kernel_write_file(INSTANCE "set_event_pid", tid) ||
        kernel_write_file(INSTANCE "events/pairs/enable", "1")) {
        end_trace();
        return "no trace of our own";
    }
    return NULL;
}

static void test_mutexes(void)
{
    const char *what = "each command is sent with the mutex of the address "
                       "spaces";
    const char *problem = begin_trace();
    PanthorBo others[MAX_OBJECTS];
    PanthorContext other;
    Mutexes m = { .commands = 0 };

    if (problem) {
        tap_skip(problem, "%s", what);
        return;
    }
    if (prepare(&ctx, usual, objects) || prepare(&other, usual, others) ||
        read_back(&ctx, usual, NULL) || read_back(&other, usual, NULL)) {
        tap_skip("no block", "%s", what);
    } else {
        TAP_MUST(traced_cut(&ctx, &m));
        TAP_MUST(traced_cut(&other, &m));
        tap_diag("%u commands, %u mutexes with all of them", m.commands,
                 m.common.count);
        if (!m.commands) {
            tap_skip("no VM has an address space", "%s", what);
        } else {
            tap_ok(m.common.count > 0, "%s", what);
        }
    }
    clean_up(&ctx, objects);
    clean_up(&other, others);
    end_trace();
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Leaves locks and unlocks of VMs out.");
    tap_directive("untimed : (.*: it fails|.*the driver warns|.*the driver "
                  "does not warn|.*works|.*it is unmapped|.*mutex.*|.*both "
                  "are done)$");
    if (!kernel_locks_first()) {
        tap_skip("this kernel does not widen its locks", "all of it");
        return tap_end();
    }
    /* Those that are asked for; others fail a test of their own. */
    tap_directive("allow-dmesg .");
    tap_directive("stock-warns WARNING: .*(lock|expand|extend|widen|grow)");
    TAP_MUST(panthor_open(&dev));
    TAP_MUST(panthor_forbid_suspend(&dev, true));
    for (unsigned i = 0; i < NUM_SHAPES; i++) {
        test_shape(&shapes[i], false);
        test_shape(&shapes[i], true);
    }
    test_two_vms();
    test_mutexes();
    test_left_out();
    TAP_MUST(panthor_forbid_suspend(&dev, false));
    panthor_close(&dev);
    return tap_end();
}
