/*
 * QTest for the Arm Mali CSF GPU: instruction vectors
 *
 * Programs with what comes of them, run on a model of each architecture.
 * Those of libqos/mali-csf-vectors.c.inc are random and have their results from
 * tests/vectors/reference.py, an implementation that shares nothing with the
 * model.  Those below are of the opcodes that panthor's own job wrapper
 * emits, written by hand, words and all.
 *
 * Registers 92 to 95 are used to get in and out.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

#define DATA_VA         0x50000000ull
#define DATA_WORDS      256
#define CODE_VA         0x50010000ull
#define CODE_WORDS      128
#define REGISTERS       92

typedef enum Outcome {
    /* Ends the list of a vector's outcomes */
    NONE,
    OK,
    FAULT,
    FATAL,
} Outcome;

typedef struct VectorOutcome {
    unsigned first_arch;
    unsigned last_arch;
    Outcome outcome;
    uint8_t type;
    /* Of the registers, unless the stream died, and of the data */
    uint64_t digest;
} VectorOutcome;

typedef struct Vector {
    unsigned number;
    uint32_t seed;
    /* Words that are CALLed; subroutines follow */
    unsigned length;
    const uint64_t *words;
    unsigned num_words;
    const VectorOutcome *outcomes;
} Vector;

#define CODE(...) \
    .words = (const uint64_t[]) { __VA_ARGS__ }, \
    .num_words = sizeof((const uint64_t[]) { __VA_ARGS__ }) / 8
#define ON(first, last, outcome, type, digest) \
    { (first), (last), (outcome), (type), (digest) }
#define VECTOR(n, s, l, code, ...) \
    { .number = (n), .seed = (s), .length = (l), code, \
      .outcomes = (const VectorOutcome[]) { __VA_ARGS__, { 0 } } },

static const Vector vectors[] = {
#include "libqos/mali-csf-vectors.c.inc"
};

typedef struct VectorModel {
    const char *name;
    unsigned arch;
} VectorModel;

static const VectorModel models[] = {
    { "g610", 10 },
    { "g615", 11 },
    { "g720", 12 },
    { "g925", 13 },
    { "g1-ultra", 14 },
};

/* Word @index of what a vector starts with, as generate.py has it */
static uint32_t initial(uint32_t seed, uint32_t index)
{
    static const uint32_t edges[] = {
        0, 1, 0xffffffff, 0x80000000, 0x7fffffff, 31, 32, 64,
    };
    uint32_t x = seed * 0x9e3779b1u + index * 0x85ebca6bu;

    x ^= x >> 15;
    x *= 0x2c1b3c6du;
    x ^= x >> 12;
    x *= 0x297a2d39u;
    x ^= x >> 15;
    return x & 3 ? x : edges[x >> 8 & 7];
}

static uint64_t digest(uint64_t value, const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        value = (value ^ le32_to_cpu(words[i])) * 0x100000001b3ull;
    }
    return value;
}

typedef struct Runner {
    QMaliCsfBench b;
    unsigned arch;
    QMaliCsfBuffer data;
    QMaliCsfBuffer code;
    /* Registers as a vector starts and ends with them */
    QMaliCsfBuffer registers;
    QMaliCsfBuffer before;
    unsigned before_length;
    QMaliCsfBuffer after;
    unsigned after_length;
} Runner;

static void write_code(Runner *r, QMaliCsfBuffer *buffer,
                       const uint64_t *words, unsigned count)
{
    g_autofree uint64_t *little = g_new(uint64_t, count);

    for (unsigned i = 0; i < count; i++) {
        little[i] = cpu_to_le64(words[i]);
    }
    qtest_memwrite(r->b.gpu.qts, buffer->pa, little, count * 8);
}

static void runner_init(Runner *r, const VectorModel *model)
{
    /* Random words begin jobs that are none; the vectors do not execute any. */
    g_autofree char *args = g_strdup_printf("-global mali-csf.model=%s "
                                            "-global mali-csf.x-endpoint=null",
                                            model->name);
    uint64_t words[32];
    unsigned n = 0;

    r->arch = model->arch;
    mali_csf_bench_init(&r->b, args);
    r->data = mali_csf_vm_alloc_at(&r->b.vm, DATA_VA, MALI_CSF_PAGE, 0);
    r->code = mali_csf_vm_alloc_at(&r->b.vm, CODE_VA, MALI_CSF_PAGE, 0);
    r->registers = mali_csf_vm_alloc(&r->b.vm, MALI_CSF_PAGE);
    r->before = mali_csf_vm_alloc(&r->b.vm, MALI_CSF_PAGE);
    r->after = mali_csf_vm_alloc(&r->b.vm, MALI_CSF_PAGE);

    /* The state that is no register, as at START */
    words[n++] = cs_error_barrier();
    words[n++] = cs_set_sb_entry(0, 0);
    if (r->arch >= 11) {
        words[n++] = cs_set_state_imm32(CS_SET_STATE_SB_SEL_DEFERRED, 0);
        words[n++] = cs_set_state_imm32(CS_SET_STATE_SB_MASK_STREAM, 0xffff);
    }
    if (r->arch <= 13) {
        words[n++] = cs_move48(0, 0);
        words[n++] = cs_progress_store(0);
    }
    words[n++] = cs_move48(94, r->registers.va);
    for (int i = 0; i < REGISTERS; i += 16) {
        words[n++] = cs_load_multiple(i, i + 16 > REGISTERS ? 0xfff : 0xffff,
                                      94, i * 4);
    }
    write_code(r, &r->before, words, n);
    r->before_length = n * 8;

    n = 0;
    words[n++] = cs_error_barrier();
    words[n++] = cs_move48(94, r->registers.va);
    for (int i = 0; i < REGISTERS; i += 16) {
        words[n++] = cs_store_multiple(i, i + 16 > REGISTERS ? 0xfff : 0xffff,
                                       94, i * 4);
    }
    write_code(r, &r->after, words, n);
    r->after_length = n * 8;
}

/*
 * Run @vector; afterwards @words has the registers and the data.  Returns
 * what became of it, with the exception's type.
 */
static Outcome run_vector(Runner *r, const Vector *vector, uint8_t *type,
                          uint32_t words[REGISTERS + DATA_WORDS])
{
    const uint64_t job[] = {
        cs_move48(94, r->before.va), cs_move32(92, r->before_length),
        cs_call(94, 92),
        cs_move48(94, r->code.va), cs_move32(92, vector->length * 8),
        cs_call(94, 92),
        cs_move48(94, r->after.va), cs_move32(92, r->after_length),
        cs_call(94, 92),
    };
    QTestState *qts = r->b.gpu.qts;
    QMaliCsfQueue *queue = r->b.queue;
    uint64_t code[CODE_WORDS] = { 0 };
    Outcome outcome = OK;

    g_assert_cmpuint(vector->num_words, <=, CODE_WORDS);
    for (int i = 0; i < REGISTERS; i++) {
        words[i] = cpu_to_le32(initial(vector->seed, i));
    }
    qtest_memwrite(qts, r->registers.pa, words, REGISTERS * 4);
    for (int i = 0; i < DATA_WORDS; i++) {
        words[i] = cpu_to_le32(initial(vector->seed, 0x100 + i));
    }
    qtest_memwrite(qts, r->data.pa, words, DATA_WORDS * 4);
    memcpy(code, vector->words, vector->num_words * 8);
    write_code(r, &r->code, code, CODE_WORDS);

    *type = 0;
    mali_csf_queue_submit(queue, job, ARRAY_SIZE(job));
    if (!mali_csf_queue_wait(queue, 5 * MALI_CSF_MS)) {
        if (mali_csf_queue_event(queue, CS_EVENT_FAULT)) {
            outcome = FAULT;
            *type = mali_csf_queue_status(queue, CS_FAULT);
            mali_csf_queue_ack_event(queue, CS_EVENT_FAULT);
            g_assert_true(mali_csf_queue_wait(queue, 5 * MALI_CSF_MS));
        } else {
            g_assert_true(mali_csf_queue_event(queue, CS_EVENT_FATAL));
            outcome = FATAL;
            *type = mali_csf_queue_status(queue, CS_FATAL);
            mali_csf_group_terminate(&r->b.group);
            mali_csf_ack_events(&r->b.gpu);
            queue->insert = 0;
            qtest_writeq(qts, queue->output.pa, 0);
            qtest_writeq(qts, queue->input.pa, 0);
            mali_csf_group_start(&r->b.group, 0);
        }
    }
    qtest_memread(qts, r->registers.pa, words, REGISTERS * 4);
    qtest_memread(qts, r->data.pa, &words[REGISTERS], DATA_WORDS * 4);
    return outcome;
}

static const char *const outcome_names[] = { "none", "OK", "fault", "fatal" };

static void test_random(const void *data)
{
    const VectorModel *model = data;
    unsigned seen = 0;
    Runner r;

    runner_init(&r, model);
    for (int i = 0; i < ARRAY_SIZE(vectors); i++) {
        const VectorOutcome *o = vectors[i].outcomes;
        uint32_t words[REGISTERS + DATA_WORDS];
        uint64_t value = 0xcbf29ce484222325ull;
        Outcome outcome;
        uint8_t type;

        for (; o->outcome != NONE; o++) {
            if (r.arch >= o->first_arch && r.arch <= o->last_arch) {
                break;
            }
        }
        if (o->outcome == NONE) {
            continue;
        }
        seen++;
        outcome = run_vector(&r, &vectors[i], &type, words);
        if (outcome != FATAL) {
            value = digest(value, words, REGISTERS);
        }
        value = digest(value, &words[REGISTERS], DATA_WORDS);
        if (outcome != o->outcome || type != o->type || value != o->digest) {
            g_test_message("%s 0x%x, expected %s 0x%x, and see "
                           "generate.py --explain %u %u",
                           outcome_names[outcome], type,
                           outcome_names[o->outcome], o->type,
                           vectors[i].number, r.arch);
            for (int n = 0; n < REGISTERS; n++) {
                g_test_message("r%d: 0x%x", n, le32_to_cpu(words[n]));
            }
            g_test_fail();
            mali_csf_bench_quit(&r.b);
            return;
        }
    }
    /* The set has something for every architecture. */
    g_assert_cmpuint(seen, >, ARRAY_SIZE(vectors) / 2);
    mali_csf_bench_quit(&r.b);
}

/* A word of registers or data, and what it is in the end */
typedef struct Expected {
    /* Below REGISTERS a register, else REGISTERS and an index of the data */
    unsigned at;
    uint32_t value;
} Expected;

#define DATA(offset)    (REGISTERS + (offset) / 4)

typedef struct HandVector {
    const char *name;
    uint64_t words[12];
    Outcome outcome;
    uint8_t type;
    Expected expected[6];
} HandVector;

static const HandVector hand_vectors[] = {
    { "move32",
      { 0x020a0000deadbeef, 0x020b000000000000, 0x020a000012345678 },
      OK, 0, { { 10, 0x12345678 }, { 11, 0 } } },
    { "move48",
      { 0x010affffffffffff, 0x010c800000000001 },
      OK, 0, { { 10, 0xffffffff }, { 11, 0xffff },
               { 12, 1 }, { 13, 0x8000 } } },
    { "move48-odd", { 0x010b000000000000 }, FATAL, 0x49 },
    { "wait", { 0x0300000000010000, 0x0300000000ff0000, 0x020a000000000007 },
      OK, 0, { { 10, 7 } } },
    { "flush-cache2", { 0x020a000000000000, 0x24000a0000000233,
                        0x0300000000010000, 0x020b000000000007 },
      OK, 0, { { 10, 0 }, { 11, 7 } } },
    /* Of the error status, in good health */
    { "store-state", { 0x010a000050000010, 0x28000a0300000000 },
      OK, 0, { { DATA(0x10), 0 }, { DATA(0x14), 0 } } },
    { "store-state-offset", { 0x010a000050000010, 0x28000a030000fff8 },
      OK, 0, { { DATA(0x8), 0 }, { DATA(0xc), 0 } } },
    /* Words 4 and 5 are called; the branch behind the CALL goes to word 7. */
    { "call", { 0x010a000050010020, 0x020e000000000010, 0x20000a0e00000000,
                0x1600000060000003, 0x020c000000000011, 0x020c000000000022,
                0x020d000000000033, 0x020d000000000044 },
      OK, 0, { { 12, 0x22 }, { 13, 0x44 } } },
    { "call-nothing", { 0x010a000050010020, 0x020e000000000000,
                        0x20000a0e00000000, 0x020c000000000055 },
      OK, 0, { { 12, 0x55 } } },
    { "call-odd-length", { 0x010a000050010020, 0x020e000000000004,
                           0x20000a0e00000000 }, FATAL, 0x40 },
    { "call-odd-address", { 0x010a000050010024, 0x020e000000000008,
                            0x20000a0e00000000 }, FATAL, 0x40 },
    /* As the wrapper has it: system scope, with the error status */
    { "sync-add64", { 0x010a000050000020, 0x010c000000000005,
                      0x34000a0c00000000, 0x010c000000000001,
                      0x33000a0c00000001 },
      OK, 0, { { DATA(0x20), 6 }, { DATA(0x24), 0 }, { DATA(0x28), 0 } } },
    { "sync-add64-carry", { 0x010a000050000020, 0x020c0000ffffffff,
                            0x020d000000000001, 0x34000a0c00000000,
                            0x010c000000000001, 0x33000a0c00000001 },
      OK, 0, { { DATA(0x20), 0 }, { DATA(0x24), 2 }, { DATA(0x28), 0 } } },
    { "sync-add64-misaligned", { 0x010a000050000028, 0x33000a0c00000001 },
      FAULT, 0x5a },
    /* A store to an odd address; what follows up to the barrier */
    { "error", { 0x010a000050000041, 0x15000a0000010000, 0x010a000050000040,
                 0x020c000000000011, 0x150c0a0000010000, 0x010e000000000003,
                 0x34000a0e00000001, 0x28000a0300000010, 0x2f00000000000000,
                 0x34000a0e00000001, 0x150c0a000001000c },
      FAULT, 0x5a,
      { { 12, 0x11 }, { DATA(0x40), 3 }, { DATA(0x48), 0 },
        { DATA(0x50), 0x5a }, { DATA(0x54), 0 }, { DATA(0x4c), 0x11 } } },
    { "error-barrier", { 0x2f00000000000000, 0x020a000000000001 },
      OK, 0, { { 10, 1 } } },
};

static void test_hand(const void *data)
{
    const VectorModel *model = data;
    Runner r;

    runner_init(&r, model);
    for (int i = 0; i < ARRAY_SIZE(hand_vectors); i++) {
        const HandVector *hand = &hand_vectors[i];
        Vector vector = {
            .words = hand->words,
            .num_words = ARRAY_SIZE(hand->words),
        };
        uint32_t words[REGISTERS + DATA_WORDS];
        Outcome outcome;
        uint8_t type;

        while (vector.length < ARRAY_SIZE(hand->words) &&
               hand->words[vector.length]) {
            vector.length++;
        }
        outcome = run_vector(&r, &vector, &type, words);
        g_test_message("%s", hand->name);
        g_assert_cmpuint(outcome, ==, hand->outcome);
        g_assert_cmphex(type, ==, hand->type);
        for (int n = 0; n < ARRAY_SIZE(hand->expected); n++) {
            const Expected *e = &hand->expected[n];

            /* Register 0 is not used: it marks the end. */
            if (e->at) {
                g_assert_cmphex(le32_to_cpu(words[e->at]), ==, e->value);
            }
        }
    }
    mali_csf_bench_quit(&r.b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    for (int i = 0; i < ARRAY_SIZE(models); i++) {
        g_autofree char *hand = g_strdup_printf("/mali-csf/vector/%s/wrapper",
                                                models[i].name);
        g_autofree char *random = g_strdup_printf("/mali-csf/vector/%s/random",
                                                  models[i].name);

        qtest_add_data_func(hand, &models[i], test_hand);
        qtest_add_data_func(random, &models[i], test_random);
    }

    return g_test_run();
}
