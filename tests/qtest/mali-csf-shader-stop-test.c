/*
 * QTest for shader cores of the Arm Mali CSF GPU: how soon they hear of it
 *
 * A shader without end is interrupted in each way there is, again and again, in
 * real time.  A busy host can hold up any of these, so what counts is the
 * fastest.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-compute.h"

#define TIMES       20
/*
 * A look is some 50 us away.  The rest is for the messages of qtest, and for a
 * host that does something else; the figures are printed.
 */
#define AT_MOST_US  40000

typedef struct Times {
    int64_t us[TIMES];
    unsigned count;
    int64_t begin;
} Times;

static void begin(Times *times)
{
    times->begin = g_get_monotonic_time();
}

static void end(Times *times)
{
    times->us[times->count++] = g_get_monotonic_time() - times->begin;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void judge(Times *times, const char *what)
{
    qsort(times->us, times->count, sizeof(times->us[0]), compare);
    g_test_message("%s: %u times, fastest %" PRIi64 " us, median %" PRIi64
                   " us", what, times->count, times->us[0],
                   times->us[times->count / 2]);
    g_assert_cmpint(times->us[0], <, AT_MOST_US);
}

static void wait_idle(Shader *s, unsigned as)
{
    while (mali_csf_readl(&s->b.gpu, mali_csf_as_reg(as, A_AS_STATUS)) &
           R_AS_STATUS_AS_ACTIVE_MASK) {
        ;
    }
}

/* LOCK is over, and the word stands. */
static void test_lock(const void *threads)
{
    Times times = { };
    Shader s;
    uint32_t held;

    run_for_ever(&s, threads);
    for (int i = 0; i < TIMES; i++) {
        begin(&times);
        mali_csf_writeq(&s.b.gpu, mali_csf_as_reg(1, A_AS_LOCKADDR_LO),
                        mali_csf_pack_region(s.data.va, s.data.size));
        mali_csf_writel(&s.b.gpu, mali_csf_as_reg(1, A_AS_COMMAND),
                        AS_COMMAND_LOCK);
        wait_idle(&s, 1);
        end(&times);
        held = data(&s, 0);
        mali_csf_flush_caches(&s.b.gpu, MALI_CSF_FLUSH_ALL);
        g_assert_cmpint(data(&s, 0), ==, held);
        mali_csf_unlock(&s.b.gpu, 1);
        assert_counts(&s);
    }
    judge(&times, "LOCK");
    quit(&s);
}

/* Nothing is stored any more once "stop" has been answered, nor lost by it. */
static void test_machine(const void *threads)
{
    Times times = { };
    uint32_t held;
    Shader s;

    run_for_ever(&s, threads);
    for (int i = 0; i < TIMES; i++) {
        begin(&times);
        qtest_qmp_assert_success(s.b.gpu.qts, "{'execute': 'stop'}");
        end(&times);
        held = data(&s, 0);
        g_usleep(STEP_US);
        g_assert_cmpint(data(&s, 0), ==, held);
        qtest_qmp_assert_success(s.b.gpu.qts, "{'execute': 'cont'}");
        assert_counts(&s);
    }
    judge(&times, "stop");
    quit(&s);
}

/* Of a shader without end each time anew: @interrupt does it, or asks for it */
static void check(const void *threads, const char *what,
                  void (*interrupt)(Shader *s))
{
    Times times = { };
    uint32_t held;

    for (int i = 0; i < 5; i++) {
        Shader s;

        run_for_ever(&s, threads);
        begin(&times);
        interrupt(&s);
        end(&times);
        held = data(&s, 0);
        g_assert(stands(&s, s.data.pa));
        g_assert_cmpint(data(&s, 0), ==, held);
        quit(&s);
    }
    judge(&times, what);
}

static void terminate(Shader *s)
{
    mali_csf_group_request(&s->b.group, CSG_STATE_TERMINATE);
    while (!mali_csf_csg_acked(&s->b.gpu, 0, CSG_STATE_MASK)) {
        mali_csf_run(&s->b.gpu, 10 * MALI_CSF_US);
        g_usleep(20);
    }
}

static void test_terminate(const void *threads)
{
    check(threads, "TERMINATE", terminate);
}

/* The suspension waits for what never ends, and is given up. */
static void suspend(Shader *s)
{
    mali_csf_group_request(&s->b.group, CSG_STATE_SUSPEND);
    mali_csf_run(&s->b.gpu, 100 * MALI_CSF_US);
    g_assert(!mali_csf_csg_acked(&s->b.gpu, 0, CSG_STATE_MASK));
    terminate(s);
}

static void test_suspend(const void *threads)
{
    check(threads, "SUSPEND, and then TERMINATE", suspend);
}

static void reset(Shader *s)
{
    mali_csf_soft_reset(&s->b.gpu);
}

static void test_reset(const void *threads)
{
    check(threads, "soft reset", reset);
}

static void system_reset(Shader *s)
{
    qtest_system_reset_nowait(s->b.gpu.qts);
    qtest_qmp_eventwait(s->b.gpu.qts, "RESET");
}

static void test_system_reset(const void *threads)
{
    check(threads, "system reset", system_reset);
}

static void add(const char *name, void (*test)(const void *))
{
    static const unsigned counts[] = { 0, 2 };

    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        g_autofree char *path = g_strdup_printf("mali-csf/shader-stop/%u/%s",
                                                counts[i], name);

        qtest_add_data_func(path, GUINT_TO_POINTER(counts[i]), test);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("lock", test_lock);
    add("machine", test_machine);
    add("terminate", test_terminate);
    add("suspend", test_suspend);
    add("reset", test_reset);
    add("system-reset", test_system_reset);
    return g_test_run();
}
