/*
 * Shaders that are dispatched, for the qtests of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_MALI_CSF_COMPUTE_H
#define LIBQOS_MALI_CSF_COMPUTE_H

#include "qemu/bswap.h"
#include "mali-csf-job.h"
#include "mali-csf-shader.h"

/* Real time that anything may take on a busy host */
#define PATIENCE_US     (30 * G_USEC_PER_SEC)
#define STEP_US         200

#define POISON          0xdeadbeef

/* In the page of results: the mark at its end, the rest is for shaders */
#define DONE            0xff0

#define CODE_VA         0x7fffffe00000ull
/* In the pages of code: descriptors behind the shader */
#define PROGRAM         0x1000
#define STORAGE         0x1040
#define UNIFORMS        0x1080
#define TABLES          0x1200
#define BUFFERS         0x1300

typedef struct Shader {
    QMaliCsfBench b;
    unsigned threads;
    QMaliCsfBuffer data;
} Shader;

/* What RUN_COMPUTE is given; zeros are one thread in one workgroup */
typedef struct Grid {
    unsigned local[3];
    unsigned groups[3];
    uint32_t offset[3];
    bool may_merge;
} Grid;

/* With the words of the four registers that a workgroup's place is in */
#define PRELOAD_ALL     0x7f80

/* A shader and its descriptors, mapped as Mesa does: not to be written */
static inline void new_code(Shader *s, uint64_t va)
{
    s->b.code = mali_csf_vm_alloc_at(&s->b.vm, va, 2 * MALI_CSF_PAGE,
                                     MALI_CSF_PTE_AP_RDONLY);
}

static inline void init_with(Shader *s, const void *threads, const char *more)
{
    g_autofree char *args = NULL;

    s->threads = GPOINTER_TO_UINT(threads);
    args = g_strdup_printf("-global mali-csf.shader-threads=%u %s", s->threads,
                           more);
    mali_csf_bench_init(&s->b, args);
    s->data = mali_csf_vm_alloc(&s->b.vm, 16 * MALI_CSF_PAGE);
    new_code(s, CODE_VA);
}

static inline void init(Shader *s, const void *threads)
{
    init_with(s, threads, "");
}

static inline void quit(Shader *s)
{
    mali_csf_bench_quit(&s->b);
}

static inline void step(Shader *s)
{
    mali_csf_run(&s->b.gpu, STEP_US * MALI_CSF_US);
    if (s->threads) {
        g_usleep(STEP_US);
    }
}

/* MALI_CSF_SLACK multiplies it, for a QEMU that is slower than usual. */
static inline gint64 patience_us(void)
{
    const char *slack = getenv("MALI_CSF_SLACK");

    return (slack ? MAX(atoi(slack), 1) : 1) * (gint64)PATIENCE_US;
}

/* Let time pass until @condition is true; whether it is */
#define comes_true(s, condition) ({ \
    gint64 end_ = g_get_monotonic_time() + patience_us(); \
    bool true_ = false; \
    \
    while (!true_ && g_get_monotonic_time() < end_) { \
        true_ = (condition); \
        if (!true_) { \
            step(s); \
        } \
    } \
    true_; \
})

/* Until the word has at least that value */
static inline bool reaches(Shader *s, uint64_t pa, uint32_t value)
{
    return comes_true(s, qtest_readl(s->b.gpu.qts, pa) >= value);
}

static inline bool is_acknowledged(Shader *s)
{
    return comes_true(s, mali_csf_csg_acked(&s->b.gpu, s->b.group.slot,
                                            CSG_STATE_MASK));
}

static inline bool has_event(Shader *s, uint32_t event)
{
    return comes_true(s, mali_csf_queue_event(s->b.queue, event));
}

/* Until every instruction is retired */
static inline bool comes_to_end(Shader *s)
{
    return comes_true(s, mali_csf_queue_extract(s->b.queue) ==
                         s->b.queue->insert);
}

/* Is the word the same after a while? */
static inline bool stands(Shader *s, uint64_t pa)
{
    uint32_t before = qtest_readl(s->b.gpu.qts, pa);

    for (int i = 0; i < 20; i++) {
        step(s);
    }
    return qtest_readl(s->b.gpu.qts, pa) == before;
}

static inline uint32_t data(Shader *s, unsigned index)
{
    return qtest_readl(s->b.gpu.qts, s->data.pa + 4 * index);
}

/* The first words of it; as fast as one */
static inline void read_data(Shader *s, uint32_t *words, unsigned count)
{
    qtest_memread(s->b.gpu.qts, s->data.pa, words, 4 * count);
    for (unsigned i = 0; i < count; i++) {
        le32_to_cpus(&words[i]);
    }
}

static inline void poison(Shader *s)
{
    for (unsigned i = 0; i < s->data.size; i += 4) {
        qtest_writel(s->b.gpu.qts, s->data.pa + i, POISON);
    }
}

static inline void put_uniform(Shader *s, unsigned index, uint32_t value)
{
    qtest_writel(s->b.gpu.qts, s->b.code.pa + UNIFORMS + 4 * index, value);
}

/* Descriptors as Mesa writes them; u0:u1 is the address of the data */
static inline void put_shader(Shader *s, const uint64_t *words, unsigned count)
{
    QTestState *qts = s->b.gpu.qts;
    uint64_t code = s->b.code.pa;

    for (unsigned i = 0; i < count; i++) {
        qtest_writeq(qts, code + 8 * i, words[i]);
    }
    qtest_writel(qts, code + PROGRAM, 0x80000018);
    qtest_writel(qts, code + PROGRAM + 4, PRELOAD_ALL);
    qtest_writeq(qts, code + PROGRAM + 8, s->b.code.va);
    qtest_writel(qts, code + STORAGE, 0);
    qtest_writel(qts, code + STORAGE + 4, 0x1f);
    put_uniform(s, 0, s->data.va);
    put_uniform(s, 1, s->data.va >> 32);
}

static inline uint32_t packed(const Grid *g)
{
    uint32_t value = g->may_merge ? 1u << 31 : 0;

    for (unsigned i = 0; i < 3; i++) {
        value |= (MAX(g->local[i], 1) - 1) << 10 * i;
    }
    return value;
}

/* RUN_COMPUTE of it, and the mark once it is over */
static inline void submit(Shader *s, const Grid *g)
{
    uint64_t code = s->b.code.va;
    uint64_t fau = code + UNIFORMS;
    uint64_t srt = code + TABLES;
    const uint64_t words[] = {
        cs_move48(0, srt | 1),
        cs_move32(8, fau),
        cs_move32(9, fau >> 32 | 16u << 24),
        cs_move48(16, code + PROGRAM),
        cs_move48(24, code + STORAGE),
        cs_move32(32, 0),
        cs_move32(33, packed(g)),
        cs_move32(34, g->offset[0]),
        cs_move32(35, g->offset[1]),
        cs_move32(36, g->offset[2]),
        cs_move32(37, MAX(g->groups[0], 1)),
        cs_move32(38, MAX(g->groups[1], 1)),
        cs_move32(39, MAX(g->groups[2], 1)),
        cs_run_compute(1, 0),
        /* The job has a copy of them. */
        cs_move48(16, 0),
        cs_move32(37, 0),
        cs_wait(1),
        cs_move48(90, s->b.out.va + DONE),
        cs_move32(80, MARK),
        cs_store_multiple(80, 1, 90, 0),
    };

    qtest_writel(s->b.gpu.qts, s->b.out.pa + DONE, 0);
    mali_csf_queue_submit(s->b.queue, words, ARRAY_SIZE(words));
}

static inline void run(Shader *s, const Grid *g)
{
    submit(s, g);
    g_assert(reaches(s, s->b.out.pa + DONE, MARK));
}

/*
 * r2:r3 = data + 4 * r60, the thread's place in x; r60 and the rest are as
 * before
 */
#define ADDRESS \
    sh_times4(0, SH_R(60)), \
    sh_add(2, SH_R(0), SH_U(0)), \
    sh_mov(3, SH_U(1))

/* Without end: it counts in the word at the address in the first uniforms. */
static inline void put_counter(Shader *s)
{
    const uint64_t words[] = {
        sh_mov(2, SH_U(0)),
        sh_mov(3, SH_U(1)),
        sh_mov_imm(4, 1),
        sh_atom(SH_AADD, 4, SH_R(2)),
        sh_jump(-2),
    };

    put_shader(s, words, ARRAY_SIZE(words));
}

/* The same in the first word of data; it has begun */
static inline void run_for_ever(Shader *s, const void *threads)
{
    init(s, threads);
    put_counter(s);
    submit(s, &(Grid) { });
    g_assert(reaches(s, s->data.pa, 3));
}

static inline void assert_counts(Shader *s)
{
    g_assert(reaches(s, s->data.pa, data(s, 0) + 3));
}

#define LONG_GROUPS     3000

/*
 * So many rounds of work for each of very many workgroups, which then adds 1 to
 * its word
 */
static inline void submit_long(Shader *s, unsigned rounds)
{
    const uint64_t words[] = {
        sh_mov_imm(5, rounds),
        sh_add_imm(5, SH_R(5), -1),
        sh_jump_if_zero(SH_R(5), 1),
        sh_jump(-3),
        sh_mov_imm(4, 1),
        ADDRESS,
        sh_atom(SH_AADD, 4, SH_R(2)) | SH_END,
    };

    put_shader(s, words, ARRAY_SIZE(words));
    submit(s, &(Grid) { .local = { 1 }, .groups = { LONG_GROUPS } });
    g_assert(reaches(s, s->data.pa + 4 * 20, 1));
}

static inline unsigned count_done(Shader *s)
{
    uint32_t words[LONG_GROUPS];
    unsigned done = 0;

    read_data(s, words, LONG_GROUPS);
    for (unsigned i = 0; i < LONG_GROUPS; i++) {
        done += words[i];
    }
    return done;
}

static inline void assert_each_once(Shader *s)
{
    uint32_t words[LONG_GROUPS + 1];

    g_assert(reaches(s, s->b.out.pa + DONE, MARK));
    read_data(s, words, LONG_GROUPS + 1);
    for (unsigned i = 0; i < LONG_GROUPS; i++) {
        g_assert_cmpint(words[i], ==, 1);
    }
    g_assert_cmpint(words[LONG_GROUPS], ==, 0);
}

#endif /* LIBQOS_MALI_CSF_COMPUTE_H */
