/*
 * Shared by the qtests of the checker of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_MALI_CSF_CHECKER_H
#define LIBQOS_MALI_CSF_CHECKER_H

#include "qemu/bitops.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "mali-csf.h"

/* An address that no test maps by accident; 1 GiB aligned */
#define VA              0x40000000ull
/* In another 1 GiB: for a LOCK that covers nothing of interest */
#define ELSEWHERE       0x80000000ull
#define REPORT          "-global mali-csf.strict=report"
#define SECOND          (1000 * MALI_CSF_MS)

#define MMU_CLEAR       (MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR)
#define MMU_MASK        (MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK)

/* Attribute 0 of MALI_CSF_MEMATTR is not cached, attribute 1 is. */
#define ATTR_MASK       (7ull << MALI_CSF_PTE_ATTR_SHIFT)

static inline uint64_t get_count(QMaliCsf *gpu, const char *property)
{
    return mali_csf_number(gpu, property);
}

/* How often @text is among @words */
static inline unsigned times_in(char **words, const char *text)
{
    unsigned n = 0;

    for (char **w = words; *w; w++) {
        n += g_str_equal(*w, text);
    }
    return n;
}

/*
 * Every finding that the device has a counter of is looked at.
 * @expected: names of findings, separated by blanks, one for each time
 */
static inline void assert_found(QMaliCsf *gpu, const char *expected)
{
    g_auto(GStrv) words = g_strsplit(expected, " ", -1);
    unsigned known = 0, violations = 0, notes = 0;
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'qom-list', 'arguments':"
                           " {'path': %s}}", MALI_CSF_QOM_PATH);
    QListEntry *entry;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), entry) {
        const char *property = qdict_get_str(
            qobject_to(QDict, qlist_entry_obj(entry)), "name");
        const char *name = property + strlen("count-");
        uint64_t count;
        unsigned n;

        if (!g_str_has_prefix(property, "count-")) {
            continue;
        }
        count = get_count(gpu, property);
        n = times_in(words, name);
        if (count != n) {
            g_test_message("%s: %" PRIu64 " instead of %u", name, count, n);
            g_assert_not_reached();
        }
        known += n;
        if (g_str_has_prefix(name, "note-")) {
            notes += n;
        } else {
            violations += n;
        }
    }
    qobject_unref(rsp);
    /* All words are names of findings. */
    g_assert_cmpuint(known, ==, *expected ? g_strv_length(words) : 0);
    g_assert_cmpuint(get_count(gpu, "violations"), ==, violations);
    g_assert_cmpuint(get_count(gpu, "notes"), ==, notes);
}

/*
 * A bench whose driver makes no mistake: mali_csf_bench_init() maps pages
 * of spaces that are in force, with no lock.
 */
static inline void bench_init(QMaliCsfBench *b, const char *args)
{
    mali_csf_init(&b->gpu, args);
    mali_csf_mcu_prepare(&b->gpu);
    mali_csf_mcu_boot(&b->gpu);
    mali_csf_global_init(&b->gpu);
    mali_csf_vm_init(&b->gpu, &b->vm, 1);
    b->out = mali_csf_vm_alloc(&b->vm, MALI_CSF_PAGE);
    b->code = mali_csf_vm_alloc(&b->vm, 2 * MALI_CSF_PAGE);

    mali_csf_lock(&b->gpu, 0, 47);
    mali_csf_group_init(&b->vm, &b->group, 1);
    mali_csf_flush_caches(&b->gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_unlock(&b->gpu, 0);
    b->queue = &b->group.queue[0];
}

static inline void bench_start(QMaliCsfBench *b)
{
    mali_csf_vm_enable(&b->vm);
    mali_csf_group_start(&b->group, 0);
}

/* With @pages pages of RAM at VA already, and everything running */
static inline QMaliCsfBuffer init_mapped(QMaliCsfBench *b, const char *args,
                                         unsigned pages, uint64_t bits)
{
    QMaliCsfBuffer buf = { 0 };

    bench_init(b, args);
    if (pages) {
        buf = mali_csf_vm_alloc_at(&b->vm, VA, pages * MALI_CSF_PAGE, bits);
    }
    bench_start(b);
    return buf;
}

/* With a block of 2 MiB at VA */
static inline uint64_t init_block(QMaliCsfBench *b)
{
    uint64_t pa;

    bench_init(b, REPORT);
    pa = mali_csf_alloc(&b->gpu, MALI_CSF_BLOCK_2M, MALI_CSF_BLOCK_2M);
    mali_csf_map_leaf(&b->vm, VA, pa, 2, 0);
    bench_start(b);
    return pa;
}

static inline void finish(QMaliCsfBench *b, const char *expected)
{
    assert_found(&b->gpu, expected);
    mali_csf_quit(&b->gpu);
}

/* panthor 7.x: what is done around each edit */
static inline void lock_range(QMaliCsfBench *b, uint64_t va, uint64_t size)
{
    mali_csf_lock(&b->gpu, 1, mali_csf_pack_region(va, size));
}

static inline void flush(QMaliCsfBench *b)
{
    mali_csf_flush_caches(&b->gpu, MALI_CSF_FLUSH_ALL);
}

static inline void flush_unlock(QMaliCsfBench *b)
{
    flush(b);
    mali_csf_unlock(&b->gpu, 1);
}

/* The next VM_BIND, of something else: confirms what is pending */
static inline void bind_elsewhere(QMaliCsfBench *b)
{
    lock_range(b, ELSEWHERE, MALI_CSF_PAGE);
    flush_unlock(b);
}

/* panthor 6.12: after each edit */
static inline void flush_pt(QMaliCsfBench *b, uint64_t va, uint64_t size)
{
    lock_range(b, va, size);
    mali_csf_as_command(&b->gpu, 1, AS_COMMAND_FLUSH_PT);
}

/* panthor 6.12: before each UPDATE */
static inline void flush_mem_all(QMaliCsf *gpu, unsigned as)
{
    mali_csf_lock(gpu, as, MALI_CSF_LOCK_ALL);
    mali_csf_as_command(gpu, as, AS_COMMAND_FLUSH_MEM);
}

static inline uint64_t new_page(QMaliCsfBench *b)
{
    return mali_csf_alloc(&b->gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
}

static inline void store(QMaliCsfBench *b, uint64_t va)
{
    mali_csf_bench_submit_store(b, va, 1);
    g_assert(mali_csf_queue_wait(b->queue, MALI_CSF_TIMEOUT));
}

/* Registers of AS 1, not in force before UPDATE */
static inline void stage(QMaliCsfBench *b, uint64_t transtab, uint64_t transcfg)
{
    mali_csf_writeq(&b->gpu, mali_csf_as_reg(1, A_AS_TRANSTAB_LO), transtab);
    mali_csf_writeq(&b->gpu, mali_csf_as_reg(1, A_AS_MEMATTR_LO),
                    transtab ? MALI_CSF_MEMATTR : 0);
    mali_csf_writeq(&b->gpu, mali_csf_as_reg(1, A_AS_TRANSCFG_LO), transcfg);
}

/* The block at VA as pages with the same addresses, but for @holes of them */
static inline void split_block(QMaliCsfBench *b, uint64_t pa,
                               unsigned first_hole, unsigned holes)
{
    uint64_t table = new_page(b);

    for (unsigned i = 0; i < 512; i++) {
        if (i < first_hole || i >= first_hole + holes) {
            qtest_writeq(b->gpu.qts, table + 8 * i,
                         mali_csf_leaf(pa + i * MALI_CSF_PAGE, 3, 0));
        }
    }
    mali_csf_set_pte(&b->vm, VA, 2, mali_csf_table(table));
}

/* panthor 7.x: the fault handler's as_disable(), @locked: VM_BIND is midway */
static inline void as_disable(QMaliCsfBench *b, bool locked)
{
    flush(b);
    if (locked) {
        mali_csf_unlock(&b->gpu, 1);
    }
    mali_csf_as_disable(&b->gpu, 1);
}

static inline void make_fault(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, MMU_MASK, 0xffff);
    mali_csf_bench_submit_load(b, ELSEWHERE + GiB, 0);
    g_assert(mali_csf_wait_fault(&b->gpu, 1, MALI_CSF_TIMEOUT));
}

static inline void ack_fault(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, MMU_CLEAR, MALI_CSF_MMU_INT_FAULT(1));
}

/* As the fault handler of 7.3, and then the group is terminated */
static inline void handle_fault(QMaliCsfBench *b, bool locked)
{
    ack_fault(b);
    as_disable(b, locked);
}

/* When changes are judged */

typedef enum Moment {
    AT_NOTHING,
    AT_LOCK,
    AT_SECOND_LOCK,
    AT_FLUSH_CACHES,
    AT_UNLOCK,
    AT_FLUSH_PT,
    AT_FLUSH_MEM,
    AT_REFILL,
    NUM_MOMENTS,
} Moment;

static const struct {
    const char *name;
    const char *expected;
} moments[NUM_MOMENTS] = {
    /* Documented: nobody looked in between. */
    [AT_NOTHING] = { "nothing", "" },
    [AT_LOCK] = { "lock", "change-outside-lock change-outside-lock" },
    [AT_SECOND_LOCK] = { "second-lock",
                         "change-outside-lock change-outside-lock" },
    [AT_FLUSH_CACHES] = { "flush-caches",
                          "change-outside-lock change-outside-lock" },
    [AT_UNLOCK] = { "unlock", "change-outside-lock change-outside-lock" },
    [AT_FLUSH_PT] = { "flush-pt", "change-outside-lock change-outside-lock "
                                  "note-edit-then-flush" },
    [AT_FLUSH_MEM] = { "flush-mem", "change-outside-lock change-outside-lock "
                                    "note-edit-then-flush" },
    [AT_REFILL] = { "refill", "change-outside-lock change-outside-lock" },
};

/* recycle-without-flush */

/* Another VM whose tables have what the first has */
static inline uint64_t other_root(QMaliCsfBench *b)
{
    uint64_t root = new_page(b);

    for (unsigned i = 0; i < 512; i++) {
        qtest_writeq(b->gpu.qts, root + 8 * i,
                     qtest_readq(b->gpu.qts, b->vm.root + 8 * i));
    }
    return root;
}

/* lock-at-l2-off and enabled-at-l2-off */

static inline void l2_power(QMaliCsfBench *b, bool on)
{
    if (on) {
        mali_csf_writel(&b->gpu, A_COHERENCY_PROTOCOL,
                        COHERENCY_PROTOCOL_NONE);
    }
    mali_csf_writel(&b->gpu, on ? A_L2_PWRON_LO : A_L2_PWROFF_LO, 1);
}

/* panthor_fw_suspend(), and panthor_mmu_suspend() for the firmware's space */
static inline void suspend_firmware(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    flush(b);
    mali_csf_as_disable(&b->gpu, 0);
}

static inline void check_refused(const char *device, const char *said,
                                 const char *also)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *output = NULL;
    const char *argv[] = {
        getenv("QTEST_QEMU_BINARY"), "-M", "virt", "-accel", "qtest",
        "-display", "none", "-net", "none", "-device", device, NULL
    };
    int status;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
                               G_SPAWN_SEARCH_PATH |
                               G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                               &output, &status, &err));
    g_assert_no_error(err);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    g_assert_nonnull(strstr(output, said));
    g_assert_nonnull(strstr(output, also));
}

static inline void add_data(const char *group, const char *name,
                            const void *data, void (*test)(const void *))
{
    g_autofree char *path = g_strdup_printf("mali-csf/checker/%s/%s", group,
                                            name);

    qtest_add_data_func(path, data, test);
}

#define ADD(name, test) qtest_add_func("mali-csf/checker/" name, test)

#endif /* LIBQOS_MALI_CSF_CHECKER_H */
