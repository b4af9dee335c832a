/*
 * QTest for the Arm Mali CSF GPU: the inner loop of the command streams does
 * what the functions do that each instruction has
 *
 * An injection that waits for an instruction takes the inner loop out.  So two
 * machines, one with an injection and one without, run the same random streams,
 * right and wrong ones, for the same virtual time.  Then the suspend buffers
 * must be equal, which hold all that a stream is, and the counts of
 * instructions.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf.h"

#define SEED            20251101
#define PROGRAMS        45
#define RUN_NS          (100 * MALI_CSF_US)
/* Two pages, so that streams walk and branch from one to the other */
#define CODE_WORDS      1024
/* A ring that begins and ends in the middle of a page */
#define RING_WORDS      128
#define RING_OFFSET     1024
#define REGISTERS       96

typedef struct Machine {
    QMaliCsfBench bench;
    QMaliCsfGroup group;
} Machine;

static void machine_init(Machine *m)
{
    mali_csf_bench_init(&m->bench, NULL);
    mali_csf_group_terminate(&m->bench.group);
    mali_csf_group_init(&m->bench.vm, &m->group, 1);
    m->group.queue[0].ring.pa += RING_OFFSET;
    m->group.queue[0].ring.va += RING_OFFSET;
    m->group.queue[0].ring.size = RING_WORDS * 8;
}

/*
 * An injection that waits for an instruction of a slot which nobody uses has
 * the device look at each one.  So would a trace, which takes time of a slice.
 */
static void watch_streams(Machine *m)
{
    qtest_qmp_assert_success(m->bench.gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'kind': 'cs-fatal',"
                             " 'slot': 7}}", MALI_CSF_QOM_PATH);
}

static uint64_t instruction_count(Machine *m)
{
    return mali_csf_number(&m->bench.gpu, "instruction-count");
}

/* Mostly one that exists */
static unsigned random_register(GRand *rand)
{
    return g_rand_int_range(rand, 0, 500) ?
           g_rand_int_range(rand, 0, REGISTERS) :
           g_rand_int_range(rand, 0, 256);
}

static uint64_t random_word(GRand *rand, unsigned reach)
{
    unsigned dst = random_register(rand), src = random_register(rand);
    uint64_t junk = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

    switch (g_rand_int_range(rand, 0, 20)) {
    case 0:
        /* Bits that are no field of it do not count. */
        return cs_nop() | (junk & 0x00ffffffffffffffull);
    case 1 ... 4:
        return cs_move48(g_rand_int_range(rand, 0, 150) ? dst & ~1u : dst,
                         junk);
    case 5 ... 8:
        return cs_move32(dst, junk) | (junk & 0xffff00000000ull);
    case 9 ... 13:
        return cs_add_imm32(dst, src, g_rand_int_range(rand, -3, 4)) |
               (junk & 0xff00000000ull);
    case 14:
        /* One of those that the inner loop does not know */
        return cs_umin32(dst, src, random_register(rand));
    case 15:
        return cs_add_imm64(dst & ~1u, src & ~1u, junk);
    default:
        return cs_branch(g_rand_int_range(rand, 0, 100) ?
                         g_rand_int_range(rand, 0, 7) : 7, src,
                         g_rand_int_range(rand, -(int)reach, reach)) |
               (junk & 0x00ff00ff80000000ull);
    }
}

/* Suspend @m's group; the buffer, which the caller frees */
static uint8_t *suspended(Machine *m)
{
    uint64_t size = m->group.suspend.size;
    uint8_t *buf = g_malloc(size);

    mali_csf_group_suspend(&m->group);
    qtest_memread(m->bench.gpu.qts, m->group.suspend.pa, buf, size);
    return buf;
}

static void start(Machine *m, uint64_t insert)
{
    QMaliCsfQueue *queue = &m->group.queue[0];
    QTestState *qts = m->bench.gpu.qts;

    queue->insert = insert;
    qtest_writeq(qts, queue->output.pa + CS_USER_OUTPUT_EXTRACT, insert);
    qtest_writeq(qts, queue->input.pa + CS_USER_INPUT_INSERT, insert);
    mali_csf_group_start(&m->group, 0);
}

/* @words in a buffer that is CALLed from the ring */
static void run_buffer(Machine *m, const uint64_t *words)
{
    const uint64_t call[] = {
        cs_move48(92, m->bench.code.va),
        cs_move32(94, CODE_WORDS * 8),
        cs_call(92, 94),
    };

    qtest_memwrite(m->bench.gpu.qts, m->bench.code.pa, words, CODE_WORDS * 8);
    start(m, 0);
    mali_csf_queue_submit(&m->group.queue[0], call, ARRAY_SIZE(call));
    mali_csf_run(&m->bench.gpu, RUN_NS);
}

/* @words in the ring, from the byte @insert on */
static void run_ring(Machine *m, const uint64_t *words, uint64_t insert)
{
    start(m, insert);
    mali_csf_queue_submit(&m->group.queue[0], words, RING_WORDS - 8);
    mali_csf_run(&m->bench.gpu, RUN_NS);
}

static void compare_programs(bool ring)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);
    Machine with, without;
    uint64_t ended = 0;

    machine_init(&with);
    machine_init(&without);
    watch_streams(&without);
    for (unsigned n = 0; n < PROGRAMS; n++) {
        /* Some that end soon, some that do not, some that go far */
        unsigned reach = 2 << (n % 9);
        uint64_t insert = g_rand_int_range(rand, 0, 1024) * 64ull;
        g_autofree uint8_t *a = NULL;
        g_autofree uint8_t *b = NULL;
        uint64_t words[CODE_WORDS];

        for (unsigned i = 0; i < CODE_WORDS; i++) {
            words[i] = cpu_to_le64(random_word(rand, reach));
        }
        if (ring) {
            run_ring(&with, words, insert);
            run_ring(&without, words, insert);
        } else {
            run_buffer(&with, words);
            run_buffer(&without, words);
        }
        ended += mali_csf_queue_event(&with.group.queue[0], CS_EVENT_FATAL);
        a = suspended(&with);
        b = suspended(&without);
        if (memcmp(a, b, with.group.suspend.size) ||
            instruction_count(&with) != instruction_count(&without)) {
            g_test_message("program %u of seed %u", n, SEED);
            g_assert_not_reached();
        }
        mali_csf_ack_events(&with.bench.gpu);
        mali_csf_ack_events(&without.bench.gpu);
        mali_csf_queue_ack_event(&with.group.queue[0], CS_EVENT_FATAL);
        mali_csf_queue_ack_event(&without.group.queue[0], CS_EVENT_FATAL);
    }
    g_test_message("%" PRIu64 " of %u streams died, %" PRIu64
                   " instructions", ended, PROGRAMS, instruction_count(&with));
    /* Neither did all streams die, nor none. */
    g_assert_cmpuint(ended, >, PROGRAMS / 10);
    g_assert_cmpuint(ended, <, PROGRAMS * 9 / 10);
    g_assert_cmpuint(instruction_count(&with), >, PROGRAMS * 1000);
    mali_csf_bench_quit(&with.bench);
    mali_csf_bench_quit(&without.bench);
}

static void test_buffer(void)
{
    compare_programs(false);
}

static void test_ring(void)
{
    compare_programs(true);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/mali-csf/inner/buffer", test_buffer);
    qtest_add_func("/mali-csf/inner/ring", test_ring);
    return g_test_run();
}
