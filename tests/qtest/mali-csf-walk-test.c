/*
 * QTest for the Arm Mali CSF GPU: page-table walks, faults, and tables that
 * point at devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "libqos/mali-csf-mmu.h"

/* Walker: leaves */

static void test_walk_leaf(const void *data)
{
    const unsigned level = *(const unsigned *)data;
    const uint64_t size = 1ull << (39 - 9 * level);
    const uint64_t va = 0x200000000000ull + VA;
    uint64_t base, first, last;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    if (level == 1) {
        /* RAM is not as large as the block; what there is of it */
        base = MALI_CSF_RAM_BASE;
        first = b.out.pa + 0x80;
        last = MALI_CSF_RAM_BASE + MALI_CSF_RAM_SIZE - 4;
    } else {
        base = mali_csf_alloc(&b.gpu, size, size);
        first = base;
        last = base + size - 4;
    }
    qtest_writel(b.gpu.qts, first, OLD);
    qtest_writel(b.gpu.qts, last, NEW);
    mali_csf_map_leaf(&b.vm, va, base, level, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, va + (first - base)), ==, OLD);
    g_assert_cmphex(mali_csf_bench_load(&b, va + (last - base)), ==, NEW);
    mali_csf_bench_submit_store(&b, va + (last - base), 0x57031);
    assert_done(&b);
    g_assert_cmphex(qtest_readl(b.gpu.qts, last), ==, 0x57031);
    mali_csf_bench_quit(&b);
}

/* A block's address bits below its size are ignored or do not matter. */
static void test_walk_identity(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_init(&b.gpu, NULL);
    mali_csf_mcu_prepare(&b.gpu);
    mali_csf_mcu_boot(&b.gpu);
    mali_csf_global_init(&b.gpu);
    mali_csf_vm_init(&b.gpu, &b.vm, 1);
    b.vm.identity = true;
    b.out = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_vm_enable(&b.vm);
    mali_csf_group_init(&b.vm, &b.group, 1);
    b.queue = &b.group.queue[0];
    mali_csf_group_start(&b.group, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, pa + 4), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* Bits that the hardware ignores, and hierarchical ones that are 0 */
static void test_walk_ignored_bits(void)
{
    QMaliCsfBench b;
    uint64_t pa, pte;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 1ull << 55 | 3ull << 8);
    for (unsigned level = 0; level < 3; level++) {
        pte = mali_csf_get_pte(&b.vm, VA, level);
        mali_csf_set_pte(&b.vm, VA, level, pte | 1ull << 55 | 0xffcull);
    }
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* NOEXEC does not keep a stream from being fetched: that is a read. */
static void test_walk_execute_never(void)
{
    const uint64_t code[] = { cs_move32(8, OLD) };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    g_assert_cmphex(mali_csf_get_pte(&b.vm, b.code.va, 3) & MALI_CSF_PTE_XN,
                    !=, 0);
    mali_csf_bench_call(&b, code, ARRAY_SIZE(code));
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

/* Walker: faults */

typedef enum Access {
    LOAD,
    STORE,
    SYNC_ADD,
} Access;

static void submit_access(QMaliCsfBench *b, Access access, uint64_t va)
{
    const uint64_t sync[] = {
        cs_move32(0, va),
        cs_move32(1, va >> 32),
        cs_move48(2, 1),
        cs_sync(CS_OP_SYNC_ADD64, 0, 2, CS_SYNC_SCOPE_CSG, 0, 0, 0),
    };

    switch (access) {
    case LOAD:
        mali_csf_bench_submit_load(b, va, 0);
        break;
    case STORE:
        mali_csf_bench_submit_store(b, va, NEW);
        break;
    case SYNC_ADD:
        mali_csf_queue_submit(b->queue, sync, ARRAY_SIZE(sync));
        break;
    }
}

typedef struct FaultTest {
    const char *name;
    /* A descriptor of the walk is replaced... */
    unsigned level;
    uint64_t (*make)(QMaliCsfBench *b, uint64_t pte, unsigned level);
    /* ... this access made, and this is what is reported. */
    Access access;
    uint8_t exception;
    uint8_t type;
    /* Another exception that will do, or 0 */
    uint8_t alternative;
} FaultTest;

static uint64_t make_invalid(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return pte & ~MALI_CSF_PTE_VALID;
}

/* 0b01: a block, which there is only at levels 1 and 2 */
static uint64_t make_not_block(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return pte & ~MALI_CSF_PTE_TABLE_OR_PAGE;
}

static uint64_t make_leaf(QMaliCsfBench *b, unsigned level, uint64_t bits)
{
    return mali_csf_leaf(MALI_CSF_RAM_BASE, level, bits);
}

static uint64_t make_read_only(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return make_leaf(b, level, MALI_CSF_PTE_AP_RDONLY);
}

static uint64_t make_old(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return make_leaf(b, level, 0) & ~MALI_CSF_PTE_AF;
}

/* Attribute 7, of type FAULT while this test runs */
static uint64_t make_attr_fault(QMaliCsfBench *b, uint64_t pte,
                                unsigned level)
{
    return make_leaf(b, level, 7ull << MALI_CSF_PTE_ATTR_SHIFT);
}

/* 40 bits of physical address */
static uint64_t make_wide_leaf(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return make_leaf(b, level, 1ull << 40);
}

static uint64_t make_wide_table(QMaliCsfBench *b, uint64_t pte,
                                unsigned level)
{
    return pte | 1ull << 47;
}

/* Nothing is there */
static uint64_t make_hole_table(QMaliCsfBench *b, uint64_t pte,
                                unsigned level)
{
    return mali_csf_table(0x8000000000ull);
}

/* The UART */
static uint64_t make_mmio_table(QMaliCsfBench *b, uint64_t pte,
                                unsigned level)
{
    return mali_csf_table(0x09000000);
}

static uint64_t make_hole_leaf(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return mali_csf_leaf(0x8000000000ull, level, 0);
}

/* Flash is ROM */
static uint64_t make_rom_leaf(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return mali_csf_leaf(0, level, 0);
}

#define READ    AS_ACCESS_READ
#define WRITE   AS_ACCESS_WRITE
#define ATOMIC  AS_ACCESS_ATOMIC

static const FaultTest fault_tests[] = {
    { "translation/level0", 0, make_invalid, LOAD,
      AS_FAULT_TRANSLATION, READ },
    { "translation/level1", 1, make_invalid, LOAD,
      AS_FAULT_TRANSLATION + 1, READ },
    { "translation/level2", 2, make_invalid, LOAD,
      AS_FAULT_TRANSLATION + 2, READ },
    { "translation/level3", 3, make_invalid, LOAD,
      AS_FAULT_TRANSLATION + 3, READ },
    { "translation/level3-write", 3, make_invalid, STORE,
      AS_FAULT_TRANSLATION + 3, WRITE },
    { "translation/level3-atomic", 3, make_invalid, SYNC_ADD,
      AS_FAULT_TRANSLATION + 3, ATOMIC },
    { "translation/block-level0", 0, make_not_block, LOAD,
      AS_FAULT_TRANSLATION, READ },
    { "translation/block-level3", 3, make_not_block, LOAD,
      AS_FAULT_TRANSLATION + 3, READ },
    { "permission/level1", 1, make_read_only, STORE,
      AS_FAULT_PERMISSION + 1, WRITE },
    { "permission/level2", 2, make_read_only, STORE,
      AS_FAULT_PERMISSION + 2, WRITE },
    { "permission/level3", 3, make_read_only, STORE,
      AS_FAULT_PERMISSION + 3, WRITE },
    { "permission/atomic", 3, make_read_only, SYNC_ADD,
      AS_FAULT_PERMISSION + 3, ATOMIC },
    { "access-flag/level1", 1, make_old, LOAD,
      AS_FAULT_ACCESS_FLAG + 1, READ },
    { "access-flag/level2", 2, make_old, LOAD,
      AS_FAULT_ACCESS_FLAG + 2, READ },
    { "access-flag/level3", 3, make_old, LOAD,
      AS_FAULT_ACCESS_FLAG + 3, READ },
    { "access-flag/write", 3, make_old, STORE,
      AS_FAULT_ACCESS_FLAG + 3, WRITE },
    { "memory-attribute/level1", 1, make_attr_fault, LOAD,
      AS_FAULT_MEMORY_ATTRIBUTE + 1, READ },
    { "memory-attribute/level2", 2, make_attr_fault, LOAD,
      AS_FAULT_MEMORY_ATTRIBUTE + 2, READ },
    { "memory-attribute/level3", 3, make_attr_fault, STORE,
      AS_FAULT_MEMORY_ATTRIBUTE + 3, WRITE },
    { "address-size-out/table-level0", 0, make_wide_table, LOAD,
      AS_FAULT_ADDRESS_SIZE_OUT, READ },
    { "address-size-out/table-level1", 1, make_wide_table, LOAD,
      AS_FAULT_ADDRESS_SIZE_OUT + 1, READ },
    { "address-size-out/table-level2", 2, make_wide_table, LOAD,
      AS_FAULT_ADDRESS_SIZE_OUT + 2, READ },
    { "address-size-out/block-level1", 1, make_wide_leaf, LOAD,
      AS_FAULT_ADDRESS_SIZE_OUT + 1, READ },
    { "address-size-out/block-level2", 2, make_wide_leaf, LOAD,
      AS_FAULT_ADDRESS_SIZE_OUT + 2, READ },
    { "address-size-out/page-level3", 3, make_wide_leaf, STORE,
      AS_FAULT_ADDRESS_SIZE_OUT + 3, WRITE },
    /* A table that cannot be read: either of two will do */
    { "bus/table-in-hole-level0", 0, make_hole_table, LOAD,
      AS_FAULT_GPU_BUS, READ, AS_FAULT_TRANSLATION + 1 },
    { "bus/table-in-hole-level2", 2, make_hole_table, LOAD,
      AS_FAULT_GPU_BUS, READ, AS_FAULT_TRANSLATION + 3 },
    { "bus/table-in-mmio", 2, make_mmio_table, LOAD,
      AS_FAULT_GPU_BUS, READ, AS_FAULT_TRANSLATION + 3 },
    { "bus/leaf-in-hole", 3, make_hole_leaf, LOAD,
      AS_FAULT_GPU_BUS, READ },
    { "bus/leaf-in-hole-write", 3, make_hole_leaf, STORE,
      AS_FAULT_GPU_BUS, WRITE },
    { "bus/leaf-in-rom", 3, make_rom_leaf, STORE,
      AS_FAULT_GPU_BUS, WRITE },
};

static void test_fault(const void *data)
{
    const FaultTest *t = data;
    const uint64_t va = VA + 0xc20;
    uint32_t status;
    QMaliCsfBench b;
    uint64_t pa, pte;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    /* A branch of the tree of its own, so that the ring is not hit */
    mali_csf_map(&b.vm, 0x200000000000ull + VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_MEMATTR_LO),
                    MALI_CSF_MEMATTR |
                    (uint64_t)(AS_MEMATTR_TYPE_FAULT << 6) << 56);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);

    pte = mali_csf_get_pte(&b.vm, 0x200000000000ull + VA, t->level);
    mali_csf_set_pte(&b.vm, 0x200000000000ull + VA, t->level,
                     t->make(&b, pte, t->level));
    submit_access(&b, t->access, 0x200000000000ull + va);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    status = mali_csf_readl(&b.gpu, mali_csf_as_reg(1, A_AS_FAULTSTATUS));
    if (!t->alternative ||
        FIELD_EX32(status, AS_FAULTSTATUS, EXCEPTION_TYPE) !=
        t->alternative) {
        mali_csf_assert_fault(&b.gpu, 1, t->exception, t->type,
                              0x200000000000ull + va);
    }
    /* No other space is blamed, and the access had no effect. */
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT) & 0xffff, ==,
                    MALI_CSF_MMU_INT_FAULT(1));
    g_assert_false(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 0xc20), ==, OLD);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);

    /* With the descriptor put right, UPDATE lets it go on. */
    mali_csf_set_pte(&b.vm, 0x200000000000ull + VA, t->level, pte);
    clear_fault(&b);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    assert_done(&b);
    switch (t->access) {
    case LOAD:
        g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, OLD);
        break;
    case STORE:
        g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 0xc20), ==, NEW);
        break;
    case SYNC_ADD:
        g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 0xc20), ==, OLD + 1);
        break;
    }
    mali_csf_bench_quit(&b);
}

/* What the same descriptors still permit */
static void test_fault_read_only_load(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, MALI_CSF_PTE_AP_RDONLY);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_bench_quit(&b);
}

static void test_fault_access_flag_disabled(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_set_pte(&b.vm, VA, 3, mali_csf_leaf(pa, 3, 0) &
                     ~MALI_CSF_PTE_AF);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_TRANSCFG_LO),
                    MALI_CSF_TRANSCFG |
                    (uint64_t)R_AS_TRANSCFG_HI_DISABLE_AF_FAULT_MASK << 32);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_bench_quit(&b);
}

static void test_fault_address_size_in(void)
{
    static const uint64_t vas[] = {
        0x1000000000000ull, 0xffff000000000010ull, 0xfffffffffffffff8ull,
    };

    for (int i = 0; i < ARRAY_SIZE(vas); i++) {
        QMaliCsfBench b;

        mali_csf_bench_init(&b, NULL);
        mali_csf_bench_submit_load(&b, vas[i], 0);
        mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_ADDRESS_SIZE_IN,
                              AS_ACCESS_READ, vas[i]);
        mali_csf_bench_quit(&b);
    }
}

/* The end of the space is no fault, and what runs over it is one. */
static void test_fault_address_size_in_across(void)
{
    const uint64_t last = 0xfffffffff000ull;
    const uint64_t job[] = {
        cs_move48(0, last + 0xffc),
        cs_load_multiple(4, 3, 0, 0),
    };
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, last, pa, MALI_CSF_PAGE, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, last + 0xffc), ==, OLD);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_ADDRESS_SIZE_IN,
                          AS_ACCESS_READ, 0x1000000000000ull);
    mali_csf_bench_quit(&b);
}

static void test_fault_unmapped(void)
{
    QMaliCsfBench b;
    uint64_t fetch;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_bench_load(&b, VA);
    fetch = b.queue->ring.va + b.queue->insert;
    mali_csf_as_disable(&b.gpu, 1);
    mali_csf_bench_submit_load(&b, VA, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION_UNMAPPED,
                          AS_ACCESS_READ, fetch);
    mali_csf_bench_quit(&b);
}

/* Of an access over two pages the address is that of the page that fails. */
static void test_fault_second_page(const void *data)
{
    const Access access = *(const Access *)data;
    const uint64_t va = VA + 0xffc;
    const uint64_t job[] = {
        cs_move48(0, va),
        cs_move32(4, NEW),
        cs_move32(5, NEW),
        access == LOAD ? cs_load_multiple(4, 3, 0, 0) :
        cs_store_multiple(4, 3, 0, 0),
    };
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          access == LOAD ? AS_ACCESS_READ : AS_ACCESS_WRITE,
                          VA + MALI_CSF_PAGE);
    g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 0xffc), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* The same with the first page missing */
static void test_fault_first_page(void)
{
    const uint64_t job[] = {
        cs_move48(0, VA + 0xffc),
        cs_load_multiple(4, 3, 0, 0),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA + MALI_CSF_PAGE, MALI_CSF_PAGE, 0);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, VA + 0xffc);
    mali_csf_bench_quit(&b);
}

/* The instruction itself is in a hole. */
static void test_fault_fetch(void)
{
    const uint64_t job[] = {
        cs_move48(0, VA + 0x40),
        cs_move32(2, 64),
        cs_call(0, 2),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION, AS_ACCESS_READ,
                          VA + 0x40);
    mali_csf_bench_quit(&b);
}

/*
 * Two streams fault.  The registers keep the first fault while its
 * interrupt is set, whatever else happens.
 */
static void test_fault_first_wins(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;
    QMaliCsfQueue *other;
    const uint64_t job[] = {
        cs_move48(0, VA + 0x2008),
        cs_store_multiple(4, 1, 0, 0),
    };

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 1);
    other = &group.queue[0];
    /* Only the last level is missing. */
    mali_csf_vm_alloc_at(&b.vm, VA + 0x100000, MALI_CSF_PAGE, 0);

    mali_csf_bench_submit_load(&b, VA + 0x1004, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, VA + 0x1004);
    mali_csf_queue_submit(other, job, ARRAY_SIZE(job));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, VA + 0x1004);

    /* UPDATE alone does not make room: the driver has not seen it yet. */
    mali_csf_vm_alloc_at(&b.vm, VA + 0x1000, MALI_CSF_PAGE, 0);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, VA + 0x1004);

    /* Once it is cleared and the space set up anew, the second is seen. */
    clear_fault(&b);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_WRITE, VA + 0x2008);
    mali_csf_bench_quit(&b);
}

/* One interrupt for one fault: cleared, it does not come back by itself. */
static void test_fault_reported_once(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_submit_load(&b, VA, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    clear_fault(&b);
    mali_csf_run(&b.gpu, 10 * LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
    mali_csf_bench_quit(&b);
}

static void test_fault_interrupt(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_intercept_irqs(&b.gpu);
    mali_csf_writel(&b.gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK,
                    MALI_CSF_MMU_INT_FAULT(1));
    mali_csf_bench_submit_load(&b, VA, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    g_assert_true(qtest_get_irq(b.gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_writel(&b.gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK, 0);
    g_assert_false(qtest_get_irq(b.gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_bench_quit(&b);
}

/* The driver gives the space up: what hangs in it ends with an error. */
static void test_fault_released_by_unmapped(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_submit_load(&b, VA, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    g_assert_false(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    mali_csf_as_disable(&b.gpu, 1);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_BUS_FAULT);
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

/* So does what a lock held up. */
static void test_stall_released_by_unmapped(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    mali_csf_as_disable(&b.gpu, 1);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_BUS_FAULT);
    mali_csf_bench_quit(&b);
}

/* A page-table entry that points at a device */

static void test_mmio_store(void)
{
    /* PL011 interrupt mask */
    const uint64_t imsc = 0x09000038;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    g_assert_cmphex(qtest_readl(b.gpu.qts, imsc), ==, 0);
    mali_csf_map(&b.vm, VA, imsc & ~0xfffull, MALI_CSF_PAGE, 0);
    mali_csf_bench_submit_store(&b, VA + (imsc & 0xfff), 0x7f);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_WRITE,
                          VA + (imsc & 0xfff));
    g_assert_cmphex(qtest_readl(b.gpu.qts, imsc), ==, 0);
    mali_csf_bench_quit(&b);
}

static void test_mmio_load(void)
{
    /* fw_cfg: each byte that is read brings up the next */
    const uint64_t data = 0x09020000;
    const uint64_t selector = 0x09020008;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    qtest_writew(b.gpu.qts, selector, 0);
    g_assert_cmphex(qtest_readb(b.gpu.qts, data), ==, 'Q');
    mali_csf_map(&b.vm, VA, data, MALI_CSF_PAGE, 0);
    mali_csf_bench_submit_load(&b, VA, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_READ, VA);
    g_assert_cmphex(qtest_readb(b.gpu.qts, data), ==, 'E');
    mali_csf_bench_quit(&b);
}

/* Its own registers: the device must not be entered again. */
static void test_mmio_self(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_map(&b.vm, VA, MALI_CSF_BASE, MALI_CSF_PAGE, 0);
    mali_csf_bench_submit_store(&b, VA + A_GPU_COMMAND, 0x101);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_WRITE,
                          VA + A_GPU_COMMAND);
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_L2_READY_LO), ==, 1);
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                    MCU_STATUS_ENABLED);
    mali_csf_bench_quit(&b);
}

/* Half in RAM, half in a device: nothing of it happens. */
static void test_mmio_second_page(void)
{
    const uint64_t job[] = {
        cs_move48(0, VA + 0xffc),
        cs_move32(4, NEW),
        cs_move32(5, NEW),
        cs_store_multiple(4, 3, 0, 0),
    };
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, VA + MALI_CSF_PAGE, 0x09000000, MALI_CSF_PAGE, 0);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_WRITE,
                          VA + MALI_CSF_PAGE);
    g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 0xffc), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* Tables that are their own tables, and ones that are garbage */
static void test_walk_self_reference(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    qtest_writeq(b.gpu.qts, b.vm.root + 511 * 8, mali_csf_table(b.vm.root));
    /* Every level is the root, and so is the page that it ends at. */
    mali_csf_bench_submit_load(&b, 0xffffffffffffull & ~7ull, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_ID), ==, 0xa8670005);
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

int main(int argc, char **argv)
{
    static const unsigned level[] = { 1, 2, 3 };
    static const char *const level_name[] = { "1g", "2m", "4k" };
    static const Access access[] = { LOAD, STORE };

    g_test_init(&argc, &argv, NULL);

    for (int i = 0; i < ARRAY_SIZE(level); i++) {
        add_data("walk/leaf", level_name[i], &level[i], test_walk_leaf);
    }
    ADD("walk/identity", test_walk_identity);
    ADD("walk/ignored-bits", test_walk_ignored_bits);
    ADD("walk/execute-never", test_walk_execute_never);
    ADD("walk/self-reference", test_walk_self_reference);

    for (int i = 0; i < ARRAY_SIZE(fault_tests); i++) {
        add_data("fault", fault_tests[i].name, &fault_tests[i], test_fault);
    }
    ADD("fault/permission/read-only-load", test_fault_read_only_load);
    ADD("fault/access-flag/disabled", test_fault_access_flag_disabled);
    ADD("fault/address-size-in/one", test_fault_address_size_in);
    ADD("fault/address-size-in/across", test_fault_address_size_in_across);
    ADD("fault/unmapped", test_fault_unmapped);
    add_data("fault/second-page", "load", &access[0],
             test_fault_second_page);
    add_data("fault/second-page", "store", &access[1],
             test_fault_second_page);
    ADD("fault/first-page", test_fault_first_page);
    ADD("fault/fetch", test_fault_fetch);
    ADD("fault/first-wins", test_fault_first_wins);
    ADD("fault/reported-once", test_fault_reported_once);
    ADD("fault/interrupt", test_fault_interrupt);
    ADD("fault/released-by-unmapped", test_fault_released_by_unmapped);
    ADD("stall/released-by-unmapped", test_stall_released_by_unmapped);

    ADD("mmio/store", test_mmio_store);
    ADD("mmio/load", test_mmio_load);
    ADD("mmio/self", test_mmio_self);
    ADD("mmio/second-page", test_mmio_second_page);

    return g_test_run();
}
