/*
 * QTest for shader cores of the Arm Mali CSF GPU
 *
 * Small shaders are dispatched by RUN_COMPUTE, and what they have stored is
 * compared with what they should have.  Each test runs with shaders in the
 * main loop, and again with two threads beside it, where it takes real time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-compute.h"

/* Every thread of the grid stores where it is, and nobody else does. */
static void test_ids(const void *threads)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_store(SH_I32, 60, SH_R(2), 0) | SH_END,
    };
    static const Grid grids[] = {
        { { 64 }, { 3 } },
        { { 100 }, { 7 } },
        { { 1 }, { 33 } },
        { { 1 }, { 200 }, .may_merge = true },
        { { 5 }, { 21 }, },
        { { 5 }, { 21 }, .may_merge = true },
        { { 1024 }, { 2 } },
    };
    Shader s;

    init(&s, threads);
    put_shader(&s, words, ARRAY_SIZE(words));
    for (unsigned i = 0; i < ARRAY_SIZE(grids); i++) {
        unsigned n = grids[i].local[0] * grids[i].groups[0];

        poison(&s);
        run(&s, &grids[i]);
        for (unsigned j = 0; j < n; j++) {
            g_assert_cmphex(data(&s, j), ==, j);
        }
        for (unsigned j = n; j < n + 64; j++) {
            g_assert_cmphex(data(&s, j), ==, POISON);
        }
    }
    quit(&s);
}

/* r55 to r62 of one thread, which is chosen by a uniform */
static void test_preload(const void *threads)
{
    const uint64_t words[] = {
        sh_sub(0, SH_R(60), SH_U(2)),
        sh_jump_if_zero(SH_R(0), 1),
        sh_nop() | SH_END,
        sh_sub(0, SH_R(61), SH_U(3)),
        sh_jump_if_zero(SH_R(0), 1),
        sh_nop() | SH_END,
        sh_sub(0, SH_R(62), SH_U(4)),
        sh_jump_if_zero(SH_R(0), 1),
        sh_nop() | SH_END,
        sh_store(SH_I128, 55, SH_U(0), 0),
        sh_store(SH_I128, 59, SH_U(0), 16) | SH_END,
    };
    const Grid g = {
        .local = { 4, 3, 2 },
        .groups = { 2, 5, 3 },
        .offset = { 100, 200, 300 },
    };
    Shader s;

    init(&s, threads);
    put_shader(&s, words, ARRAY_SIZE(words));
    put_uniform(&s, 2, 100 + 1 * 4 + 3);
    put_uniform(&s, 3, 200 + 4 * 3 + 2);
    put_uniform(&s, 4, 300 + 2 * 2 + 1);
    run(&s, &g);
    g_assert_cmphex(data(&s, 0), ==, 3 | 2 << 16);
    g_assert_cmphex(data(&s, 1), ==, 1);
    g_assert_cmpint(data(&s, 2), ==, 1);
    g_assert_cmpint(data(&s, 3), ==, 4);
    g_assert_cmpint(data(&s, 4), ==, 2);
    g_assert_cmpint(data(&s, 5), ==, 107);
    g_assert_cmpint(data(&s, 6), ==, 214);
    g_assert_cmpint(data(&s, 7), ==, 305);
    quit(&s);
}

/* Loads and stores of every size, at neighbouring and at the same addresses */
static void test_sizes(const void *threads)
{
    static const unsigned bytes[] = { 1, 2, 3, 4, 6, 8, 12, 16 };
    Shader s;

    init(&s, threads);
    for (unsigned size = SH_I8; size <= SH_I128; size++) {
        /* From the first 4 KiB to the second, 16 bytes for each thread */
        const uint64_t words[] = {
            sh_times4(0, SH_R(60)),
            sh_times4(0, SH_R(0)),
            sh_add(2, SH_R(0), SH_U(0)),
            sh_mov(3, SH_U(1)),
            sh_load(size, 4, SH_R(2), 0),
            sh_add_imm(2, SH_R(2), 0x1000),
            sh_store(size, 4, SH_R(2), 0) | SH_END,
        };

        poison(&s);
        for (unsigned i = 0; i < 0x1000; i++) {
            qtest_writeb(s.b.gpu.qts, s.data.pa + i, i * 7 + i / 256);
        }
        put_shader(&s, words, ARRAY_SIZE(words));
        run(&s, &(Grid) { .local = { 40 } });
        for (unsigned i = 0; i < 40 * 16; i++) {
            uint8_t old = POISON >> i % 4 * 8;
            uint8_t new = i * 7 + i / 256;

            g_assert_cmphex(qtest_readb(s.b.gpu.qts, s.data.pa + 0x1000 + i),
                            ==, i % 16 < bytes[size] ? new : old);
        }
    }
    quit(&s);
}

/* All threads at one address: nothing is behind it. */
static void test_same(const void *threads)
{
    Shader s;

    init(&s, threads);
    for (unsigned size = SH_I32; size <= SH_I128; size++) {
        unsigned words = sh_registers(size);
        const uint64_t code[] = {
            sh_mov(2, SH_U(0)),
            sh_mov(3, SH_U(1)),
            sh_load(size, 4, SH_R(2), 64),
            sh_store(size, 4, SH_R(2), 0),
            sh_store(SH_I32, 60, SH_R(2), 0) | SH_END,
        };

        poison(&s);
        for (unsigned i = 0; i < 4; i++) {
            qtest_writel(s.b.gpu.qts, s.data.pa + 64 + 4 * i, 1000 + i);
        }
        put_shader(&s, code, ARRAY_SIZE(code));
        run(&s, &(Grid) { .local = { 64 } });
        g_assert_cmpint(data(&s, 0), ==, 63);
        for (unsigned i = 1; i < words && size != SH_I48; i++) {
            g_assert_cmpint(data(&s, i), ==, 1000 + i);
        }
        for (unsigned i = words; i < 16; i++) {
            g_assert_cmphex(data(&s, i), ==, POISON);
        }
        g_assert_cmphex(data(&s, 20), ==, POISON);
    }
    quit(&s);
}

#define MANY_PAGES  700

/* Each thread has a page, which are more than the translations at hand. */
static void test_many_pages(const void *threads)
{
    const uint64_t words[] = {
        sh_times4(0, SH_R(60)),
        sh_times4(0, SH_R(0)),
        sh_times4(0, SH_R(0)),
        sh_times4(0, SH_R(0)),
        sh_times4(0, SH_R(0)),
        sh_times4(0, SH_R(0)),
        sh_add(2, SH_R(0), SH_U(0)),
        sh_mov(3, SH_U(1)),
        sh_load(SH_I32, 4, SH_R(2), 0),
        sh_add(4, SH_R(4), SH_R(60)),
        sh_store(SH_I32, 4, SH_R(2), 0) | SH_END,
    };
    QMaliCsfBuffer pages;
    Shader s;

    init(&s, threads);
    pages = mali_csf_vm_alloc(&s.b.vm, MANY_PAGES * MALI_CSF_PAGE);
    for (unsigned i = 0; i < MANY_PAGES; i++) {
        qtest_writel(s.b.gpu.qts, pages.pa + i * MALI_CSF_PAGE, 7 * i);
    }
    put_shader(&s, words, ARRAY_SIZE(words));
    put_uniform(&s, 0, pages.va);
    put_uniform(&s, 1, pages.va >> 32);
    run(&s, &(Grid) { .local = { 100 }, .groups = { MANY_PAGES / 100 } });
    run(&s, &(Grid) { .local = { 100 }, .groups = { MANY_PAGES / 100 } });
    for (unsigned i = 0; i < MANY_PAGES; i++) {
        g_assert_cmpint(qtest_readl(s.b.gpu.qts,
                                    pages.pa + i * MALI_CSF_PAGE), ==, 9 * i);
    }
    quit(&s);
}

/* Neighbours that lie across pages, of which the second is elsewhere */
static void test_pages(const void *threads)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_load(SH_I32, 4, SH_R(2), 0x1000 - 16),
        sh_add_imm(4, SH_R(4), 1),
        sh_store(SH_I32, 4, SH_R(2), 0x1000 - 16) | SH_END,
    };
    Shader s;
    uint64_t other;

    init(&s, threads);
    other = mali_csf_alloc(&s.b.gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    mali_csf_set_pte(&s.b.vm, s.data.va + MALI_CSF_PAGE, 3,
                     mali_csf_leaf(other, 3, 0));
    poison(&s);
    for (unsigned i = 0; i < 16; i++) {
        qtest_writel(s.b.gpu.qts, i < 4 ? s.data.pa + 0x1000 - 16 + 4 * i :
                     other + 4 * (i - 4), 1000 + i);
    }
    put_shader(&s, words, ARRAY_SIZE(words));
    run(&s, &(Grid) { .local = { 16 } });
    for (unsigned i = 0; i < 16; i++) {
        uint32_t value = qtest_readl(s.b.gpu.qts,
                                     i < 4 ? s.data.pa + 0x1000 - 16 + 4 * i :
                                     other + 4 * (i - 4));

        g_assert_cmpint(value, ==, 1001 + i);
    }
    g_assert_cmphex(data(&s, 0x1000 / 4), ==, POISON);
    quit(&s);
}

/* A table of one buffer */
static void put_buffer(Shader *s, uint32_t size)
{
    QTestState *qts = s->b.gpu.qts;
    uint64_t code = s->b.code.pa;

    qtest_writeq(qts, code + TABLES, (s->b.code.va + BUFFERS) | 1ull << 56);
    qtest_writeq(qts, code + TABLES + 8, 2 * 32);
    qtest_writel(qts, code + BUFFERS, 0x19);
    qtest_writel(qts, code + BUFFERS + 4, size);
    qtest_writeq(qts, code + BUFFERS + 8, s->data.va);
}

/* LD_PKA reads no more than the buffer, LEA_PKA names nothing beyond it. */
static void test_buffer(const void *threads)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_load_buffer(SH_I32, 4, SH_R(0), SH_ZERO),
        sh_store(SH_I32, 4, SH_R(2), 0x400),
        sh_lea_buffer(6, SH_R(0), SH_ZERO),
        sh_store(SH_I32, 60, SH_R(6), 0x800) | SH_END,
    };
    Shader s;

    init(&s, threads);
    poison(&s);
    put_shader(&s, words, ARRAY_SIZE(words));
    put_buffer(&s, 4 * 20);
    for (unsigned i = 0; i < 32; i++) {
        qtest_writel(s.b.gpu.qts, s.data.pa + 4 * i, 500 + i);
    }
    run(&s, &(Grid) { .local = { 32 } });
    for (unsigned i = 0; i < 32; i++) {
        g_assert_cmpint(data(&s, 0x100 + i), ==, i < 20 ? 500 + i : 0);
        g_assert_cmpint(data(&s, 0x200 + i), ==, i < 20 ? i : POISON);
    }
    quit(&s);
}

/* A workgroup turns round what is in its own memory; two of them do */
static void test_barrier(const void *threads)
{
    const uint64_t words[] = {
        /* Local memory [r55] = r60; meet; r4 = local memory [u2 - r55] */
        sh_times4(0, SH_R(55)),
        sh_add(6, SH_R(0), SH_WLS) | SH_PAGE(1),
        sh_mov(7, SH_WLS + 1) | SH_PAGE(1),
        sh_store(SH_I32, 60, SH_R(6), 0),
        sh_barrier(),
        sh_sub(8, SH_U(2), SH_R(55)),
        sh_times4(8, SH_R(8)),
        sh_add(6, SH_R(8), SH_WLS) | SH_PAGE(1),
        sh_load(SH_I32, 4, SH_R(6), 0),
        ADDRESS,
        sh_store(SH_I32, 4, SH_R(2), 0) | SH_END,
    };
    Shader s;

    init(&s, threads);
    for (unsigned n = 4; n <= 1024; n *= 4) {
        poison(&s);
        put_shader(&s, words, ARRAY_SIZE(words));
        put_uniform(&s, 2, n - 1);
        /* 4 KiB, and room for any number of workgroups */
        qtest_writel(s.b.gpu.qts, s.b.code.pa + STORAGE + 4, 0xd00);
        run(&s, &(Grid) { .local = { n }, .groups = { 3 } });
        for (unsigned i = 0; i < 3 * n; i++) {
            g_assert_cmpint(data(&s, i), ==, i / n * n + n - 1 - i % n);
        }
    }
    quit(&s);
}

/* Every thread has memory of its own. */
static void test_thread_memory(const void *threads)
{
    const uint64_t words[] = {
        sh_store(SH_I32, 60, SH_TLS, 12) | SH_PAGE(1),
        sh_barrier(),
        sh_load(SH_I32, 4, SH_TLS, 12) | SH_PAGE(1),
        ADDRESS,
        sh_store(SH_I32, 4, SH_R(2), 0) | SH_END,
    };
    Shader s;

    init(&s, threads);
    poison(&s);
    put_shader(&s, words, ARRAY_SIZE(words));
    run(&s, &(Grid) { .local = { 150 }, .groups = { 2 } });
    for (unsigned i = 0; i < 300; i++) {
        g_assert_cmpint(data(&s, i), ==, i);
    }
    quit(&s);
}

/* Threads of all workgroups add to the same word. */
static void test_atomic(const void *threads)
{
    const uint64_t words[] = {
        sh_mov_imm(4, 3),
        sh_mov(2, SH_U(0)),
        sh_mov(3, SH_U(1)),
        sh_atom(SH_AADD, 4, SH_R(2)) | SH_END,
    };
    Shader s;

    init(&s, threads);
    put_shader(&s, words, ARRAY_SIZE(words));
    run(&s, &(Grid) { .local = { 100 }, .groups = { 30 } });
    g_assert_cmpint(data(&s, 0), ==, 9000);
    quit(&s);
}

/* A grid of which a side is zero is done at once. */
static void test_empty(const void *threads)
{
    const uint64_t words[] = {
        cs_move32(37, 5),
        cs_move32(38, 0),
        cs_move32(39, 5),
        cs_run_compute(1, 0),
        cs_wait(1),
    };
    Shader s;

    init(&s, threads);
    mali_csf_queue_exec(s.b.queue, words, ARRAY_SIZE(words));
    quit(&s);
}

/* Faults */

static void assert_faults_of(Shader *s, unsigned num_threads,
                             const uint64_t *words, unsigned count,
                             uint8_t exception)
{
    const uint64_t good[] = { sh_nop() | SH_END };
    const uint64_t go_on[] = { cs_error_barrier() };

    put_shader(s, words, count);
    submit(s, &(Grid) { .local = { num_threads } });
    g_assert(has_event(s, CS_EVENT_FAULT));
    g_assert_cmphex(mali_csf_queue_status(s->b.queue, CS_FAULT) & 0xff, ==,
                    exception);
    /* The scoreboard is counted down all the same, and others may follow. */
    g_assert(comes_to_end(s));
    mali_csf_queue_ack_event(s->b.queue, CS_EVENT_FAULT);
    put_shader(s, good, ARRAY_SIZE(good));
    mali_csf_queue_submit(s->b.queue, go_on, ARRAY_SIZE(go_on));
    run(s, &(Grid) { });
}

static void assert_faults(Shader *s, const uint64_t *words, unsigned count,
                          uint8_t exception)
{
    assert_faults_of(s, 20, words, count, exception);
}

static void test_invalid_instruction(const void *threads)
{
    const uint64_t words[] = { sh_nop(), 0x01ff000000000000 };
    Shader s;

    init(&s, threads);
    assert_faults(&s, words, ARRAY_SIZE(words), 0x51);
    quit(&s);
}

/* Loads and stores of every size at odd addresses, also from page to page */
static void test_odd_addresses(const void *threads)
{
    static const unsigned bytes[] = { 1, 2, 3, 4, 6, 8, 12, 16 };
    enum { FROM = 0x1000 - 60 * 5, TO = 0x3000 - 60 * 5 };
    Shader s;

    init(&s, threads);
    for (unsigned size = SH_I8; size <= SH_I128; size++) {
        /* 5 bytes further with each thread: where they overlap, it is alike. */
        const uint64_t words[] = {
            sh_times4(0, SH_R(60)),
            sh_add(0, SH_R(0), SH_R(60)),
            sh_add(2, SH_R(0), SH_U(0)),
            sh_mov(3, SH_U(1)),
            sh_load(size, 4, SH_R(2), FROM),
            sh_add_imm(2, SH_R(2), TO - FROM),
            sh_store(size, 4, SH_R(2), FROM) | SH_END,
        };

        poison(&s);
        for (unsigned i = 0; i < 0x2000; i++) {
            qtest_writeb(s.b.gpu.qts, s.data.pa + i, i * 7 + i / 256);
        }
        put_shader(&s, words, ARRAY_SIZE(words));
        run(&s, &(Grid) { .local = { 100 } });
        for (unsigned i = 0; i < 99 * 5; i++) {
            uint8_t old = POISON >> (TO + i) % 4 * 8;
            uint8_t new = (FROM + i) * 7 + (FROM + i) / 256;

            g_assert_cmphex(qtest_readb(s.b.gpu.qts, s.data.pa + TO + i), ==,
                            i % 5 < bytes[size] ? new : old);
        }
    }
    quit(&s);
}

static void test_misaligned(const void *threads)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_add_imm(2, SH_R(2), 2),
        sh_atom(SH_AADD, 60, SH_R(2)) | SH_END,
    };
    Shader s;

    init(&s, threads);
    poison(&s);
    assert_faults(&s, words, ARRAY_SIZE(words), 0x5a);
    g_assert_cmphex(mali_csf_queue_status64(s.b.queue, CS_FAULT_INFO), ==,
                    s.data.va + 2);
    g_assert_cmphex(data(&s, 0), ==, POISON);
    quit(&s);
}

/* The log tells where and in what instruction. */
static void test_fault_log(const void *threads)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_add_imm(2, SH_R(2), 2),
        sh_atom(SH_AADD, 60, SH_R(2)) | SH_END,
    };
    g_autofree char *path = NULL;
    g_autofree char *args = NULL;
    g_autofree char *text = NULL;
    g_autofree char *word = g_strdup_printf(
        "word %016" PRIx64 ": ATOM.i32.", words[ARRAY_SIZE(words) - 1]);
    int fd = g_file_open_tmp("mali-csf-log-XXXXXX", &path, NULL);
    Shader s;

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    args = g_strdup_printf("-d guest_errors -D %s", path);
    init_with(&s, threads, args);
    assert_faults(&s, words, ARRAY_SIZE(words), 0x5a);
    quit(&s);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    unlink(path);
    g_assert_nonnull(strstr(text, "shader fault 0x5a"));
    g_assert_nonnull(strstr(text, word));
}

/* A program descriptor of another type; local memory that is too large */
static void test_descriptor(const void *threads)
{
    static const struct {
        unsigned offset;
        uint32_t value;
    } bad[] = {
        { PROGRAM, 0x80000019 },
        { PROGRAM, 0x80000028 },
        { STORAGE, 31 },
        { STORAGE + 4, 0x1f00 },
    };
    const uint64_t words[] = { sh_nop() | SH_END };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        Shader s;

        init(&s, threads);
        put_shader(&s, words, ARRAY_SIZE(words));
        qtest_writel(s.b.gpu.qts, s.b.code.pa + bad[i].offset, bad[i].value);
        submit(&s, &(Grid) { });
        g_assert(has_event(&s, CS_EVENT_FAULT));
        g_assert_cmphex(mali_csf_queue_status(s.b.queue, CS_FAULT) & 0xff, ==,
                        0x58);
        quit(&s);
    }
}

/* Beyond what a thread or a workgroup has */
static void test_local_bounds(const void *threads)
{
    const uint64_t thread[] = {
        sh_store(SH_I32, 60, SH_TLS, 0x7ff0) | SH_PAGE(1) | SH_END,
    };
    const uint64_t load[] = {
        sh_load(SH_I32, 4, SH_TLS, 0x7ff0) | SH_PAGE(1) | SH_END,
    };
    /* 16 bytes each: of a whole super-warp, only the last thread is beyond. */
    const uint64_t last[][1] = {
        { sh_load(SH_I32, 4, SH_TLS, 16) | SH_PAGE(1) | SH_END },
        { sh_load(SH_I128, 4, SH_TLS, 4) | SH_PAGE(1) | SH_END },
        { sh_store(SH_I32, 60, SH_TLS, 16) | SH_PAGE(1) | SH_END },
    };
    const uint64_t group[] = {
        sh_store(SH_I32, 60, SH_WLS, -4) | SH_PAGE(1) | SH_END,
    };
    Shader s;

    init(&s, threads);
    assert_faults(&s, thread, ARRAY_SIZE(thread), 0x5a);
    assert_faults(&s, load, ARRAY_SIZE(load), 0x5a);
    for (unsigned i = 0; i < ARRAY_SIZE(last); i++) {
        assert_faults_of(&s, 64, last[i], ARRAY_SIZE(last[i]), 0x5a);
    }
    quit(&s);
    init(&s, threads);
    put_shader(&s, group, ARRAY_SIZE(group));
    qtest_writel(s.b.gpu.qts, s.b.code.pa + STORAGE + 4, 0xd00);
    submit(&s, &(Grid) { });
    g_assert(has_event(&s, CS_EVENT_FATAL) || has_event(&s, CS_EVENT_FAULT));
    quit(&s);
}

/* What the lowest lane that faults went for, and the others did before it */
static void test_unmapped(const void *threads)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_store(SH_I32, 60, SH_R(2), 0x1000 - 40) | SH_END,
    };
    Shader s;

    init(&s, threads);
    poison(&s);
    mali_csf_lock(&s.b.gpu, 1, mali_csf_pack_region(s.data.va, s.data.size));
    mali_csf_unmap(&s.b.vm, s.data.va + MALI_CSF_PAGE, MALI_CSF_PAGE);
    mali_csf_flush_caches(&s.b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_unlock(&s.b.gpu, 1);
    put_shader(&s, words, ARRAY_SIZE(words));
    submit(&s, &(Grid) { .local = { 16 } });
    g_assert(has_event(&s, CS_EVENT_FATAL));
    mali_csf_assert_fault(&s.b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_WRITE, s.data.va + 0x1000);
    g_assert_cmphex(mali_csf_queue_status(s.b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_BUS_FAULT);
    for (unsigned i = 0; i < 10; i++) {
        g_assert_cmpint(data(&s, 0x1000 / 4 - 10 + i), ==, i);
    }
    quit(&s);
}

/* Interruptions */

static void test_terminate(const void *threads)
{
    Shader s;

    run_for_ever(&s, threads);
    mali_csf_group_request(&s.b.group, CSG_STATE_TERMINATE);
    g_assert(is_acknowledged(&s));
    g_assert(stands(&s, s.data.pa));
    mali_csf_group_start(&s.b.group, 0);
    quit(&s);
}

/* A workgroup without end cannot be suspended; the driver gives it up. */
static void test_suspend_endless(const void *threads)
{
    Shader s;

    run_for_ever(&s, threads);
    mali_csf_group_request(&s.b.group, CSG_STATE_SUSPEND);
    for (int i = 0; i < 20; i++) {
        step(&s);
    }
    g_assert(!mali_csf_csg_acked(&s.b.gpu, 0, CSG_STATE_MASK));
    mali_csf_group_request(&s.b.group, CSG_STATE_TERMINATE);
    g_assert(is_acknowledged(&s));
    g_assert(stands(&s, s.data.pa));
    quit(&s);
}

static void test_reset(const void *threads)
{
    Shader s;

    run_for_ever(&s, threads);
    mali_csf_soft_reset(&s.b.gpu);
    g_assert(stands(&s, s.data.pa));
    quit(&s);
}

static void test_system_reset(const void *threads)
{
    Shader s;

    run_for_ever(&s, threads);
    qtest_system_reset(s.b.gpu.qts);
    g_assert(stands(&s, s.data.pa));
    quit(&s);
}

static void test_machine_stop(const void *threads)
{
    Shader s;
    uint32_t before;

    run_for_ever(&s, threads);
    qtest_qmp_assert_success(s.b.gpu.qts, "{'execute': 'stop'}");
    before = data(&s, 0);
    g_usleep(50 * STEP_US);
    g_assert_cmpint(data(&s, 0), ==, before);
    qtest_qmp_assert_success(s.b.gpu.qts, "{'execute': 'cont'}");
    assert_counts(&s);
    quit(&s);
}

/* LOCK is over when no thread stores any more, FLUSH_CACHES beside it. */
static void test_lock(const void *threads)
{
    Shader s;
    uint32_t held;

    run_for_ever(&s, threads);
    for (int i = 0; i < 10; i++) {
        mali_csf_lock(&s.b.gpu, 1,
                      mali_csf_pack_region(s.data.va, s.data.size));
        held = data(&s, 0);
        g_assert(stands(&s, s.data.pa));
        mali_csf_flush_caches(&s.b.gpu, MALI_CSF_FLUSH_ALL);
        g_assert_cmpint(data(&s, 0), ==, held);
        mali_csf_unlock(&s.b.gpu, 1);
        assert_counts(&s);
    }
    quit(&s);
}

/* The space is taken away while a shader waits in it. */
static void test_lock_unmap(const void *threads)
{
    Shader s;

    run_for_ever(&s, threads);
    mali_csf_lock(&s.b.gpu, 1, mali_csf_pack_region(s.data.va, s.data.size));
    g_assert(stands(&s, s.data.pa));
    mali_csf_as_disable(&s.b.gpu, 1);
    g_assert(has_event(&s, CS_EVENT_FATAL));
    quit(&s);
}

/* However often a region is locked, each thread adds once. */
static void test_lock_once(const void *threads)
{
    const uint64_t words[] = {
        sh_mov_imm(4, 1),
        ADDRESS,
        sh_atom(SH_AADD, 4, SH_R(2)),
        sh_mov(2, SH_U(0)),
        sh_atom(SH_AADD, 4, SH_R(2)) | SH_END,
    };
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    Shader s;

    init(&s, threads);
    put_shader(&s, words, ARRAY_SIZE(words));
    submit(&s, &(Grid) { .local = { 100 }, .groups = { 40 } });
    while (qtest_readl(s.b.gpu.qts, s.b.out.pa + DONE) != MARK) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        mali_csf_lock(&s.b.gpu, 1,
                      mali_csf_pack_region(s.data.va, s.data.size));
        mali_csf_run(&s.b.gpu, 5 * MALI_CSF_US);
        mali_csf_unlock(&s.b.gpu, 1);
        mali_csf_run(&s.b.gpu, 5 * MALI_CSF_US);
    }
    g_assert_cmpint(data(&s, 0), ==, 4001);
    for (unsigned i = 1; i < 4000; i++) {
        g_assert_cmpint(data(&s, i), ==, 1);
    }
    quit(&s);
}

/* Zero units: no limit.  One is 1.024 us at the clock of 1 GHz. */
static void set_progress_timer(Shader *s, uint32_t units)
{
    qtest_writel(s->b.gpu.qts, s->b.gpu.glb_in + GLB_PROGRESS_TIMER, units);
    mali_csf_glb_toggle(&s->b.gpu, GLB_CFG_PROGRESS_TIMER);
}

static bool is_late(Shader *s)
{
    return mali_csf_csg_event(&s->b.gpu, 0, CSG_PROGRESS_TIMER_EVENT);
}

/* A job that takes longer than the progress timer; its workgroups do not. */
static void test_progress(const void *threads)
{
    Shader s;

    init(&s, threads);
    set_progress_timer(&s, 50);
    submit_long(&s, 300);
    g_assert(reaches(&s, s.b.out.pa + DONE, MARK));
    g_assert_false(is_late(&s));
    quit(&s);

    run_for_ever(&s, threads);
    set_progress_timer(&s, 50);
    step(&s);
    step(&s);
    g_assert_true(is_late(&s));
    quit(&s);
}

/* What is not done goes with the group, and on after RESUME. */
static void test_suspend(const void *threads)
{
    Shader s;
    unsigned done;

    init(&s, threads);
    submit_long(&s, 3000);
    for (int i = 0; i < 5; i++) {
        mali_csf_group_request(&s.b.group, CSG_STATE_SUSPEND);
        g_assert(is_acknowledged(&s));
        done = count_done(&s);
        g_assert(stands(&s, s.data.pa + 4 * (LONG_GROUPS - 1)));
        g_assert_cmpint(count_done(&s), ==, done);
        if (!i) {
            g_assert_cmpint(done, <, LONG_GROUPS);
        }
        g_assert_cmphex(qtest_readl(s.b.gpu.qts, s.b.out.pa + DONE), ==,
                        done < LONG_GROUPS ? 0 :
                        qtest_readl(s.b.gpu.qts, s.b.out.pa + DONE));
        mali_csf_group_resume(&s.b.group, 0);
        step(&s);
    }
    assert_each_once(&s);
    quit(&s);
}

/* One that never ends does not keep another from being executed. */
static void test_fair(const void *threads)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_store(SH_I32, 60, SH_R(2), 0x1000) | SH_END,
    };
    QMaliCsfGroup other;
    Shader s;
    QMaliCsfQueue *queue;

    run_for_ever(&s, threads);
    mali_csf_group_init(&s.b.vm, &other, 1);
    mali_csf_group_start(&other, 1);
    queue = s.b.queue;
    s.b.queue = &other.queue[0];
    /* The endless one is in memory that is decoded already. */
    new_code(&s, CODE_VA + 0x10000);
    put_shader(&s, words, ARRAY_SIZE(words));
    run(&s, &(Grid) { .local = { 64 }, .groups = { 8 } });
    for (unsigned i = 1; i < 512; i++) {
        g_assert_cmpint(data(&s, 0x1000 / 4 + i), ==, i);
    }
    s.b.queue = queue;
    assert_counts(&s);
    quit(&s);
}

/* The device's end finds a thread at work. */
static void test_quit(const void *threads)
{
    Shader s;

    run_for_ever(&s, threads);
    quit(&s);
}

static void add(const char *name, void (*test)(const void *))
{
    static const unsigned counts[] = { 0, 2 };

    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        g_autofree char *path = g_strdup_printf("mali-csf/shader/%u/%s",
                                                counts[i], name);

        qtest_add_data_func(path, GUINT_TO_POINTER(counts[i]), test);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("ids", test_ids);
    add("preload", test_preload);
    add("sizes", test_sizes);
    add("same", test_same);
    add("pages", test_pages);
    add("many-pages", test_many_pages);
    add("buffer", test_buffer);
    add("barrier", test_barrier);
    add("thread-memory", test_thread_memory);
    add("atomic", test_atomic);
    add("empty", test_empty);
    add("invalid-instruction", test_invalid_instruction);
    add("odd-addresses", test_odd_addresses);
    add("misaligned", test_misaligned);
    add("fault-log", test_fault_log);
    add("descriptor", test_descriptor);
    add("local-bounds", test_local_bounds);
    add("unmapped", test_unmapped);
    add("terminate", test_terminate);
    add("suspend-endless", test_suspend_endless);
    add("reset", test_reset);
    add("system-reset", test_system_reset);
    add("machine-stop", test_machine_stop);
    add("lock", test_lock);
    add("lock-unmap", test_lock_unmap);
    add("lock-once", test_lock_once);
    add("suspend", test_suspend);
    add("fair", test_fair);
    /* Threads take the host's time, and the timer is one of virtual time. */
    qtest_add_data_func("mali-csf/shader/0/progress", GUINT_TO_POINTER(0),
                        test_progress);
    add("quit", test_quit);
    return g_test_run();
}
