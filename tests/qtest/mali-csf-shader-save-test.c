/*
 * QTest for shader cores of the Arm Mali CSF GPU: saved and loaded while they
 * compute
 *
 * A job of very many workgroups is saved at random instants, each time goes on
 * in another QEMU, and has to come to the right result: no workgroup is lost,
 * and none does anything twice.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-compute.h"
#include "libqos/mali-csf-migration.h"

#define GROUPS      600
#define SAVES       5

/*
 * A workgroup adds 1 to its word, computes for a while, its threads meet, and
 * it adds 1 again: what is begun a second time is seen.
 */
static void submit_twice(Shader *s)
{
    const uint64_t words[] = {
        sh_mov_imm(4, 1),
        ADDRESS,
        sh_atom(SH_AADD, 4, SH_R(2)),
        sh_mov_imm(5, 20000),
        sh_add_imm(5, SH_R(5), -1),
        sh_jump_if_zero(SH_R(5), 1),
        sh_jump(-3),
        sh_barrier(),
        sh_atom(SH_AADD, 4, SH_R(2)) | SH_END,
    };

    put_shader(s, words, ARRAY_SIZE(words));
    submit(s, &(Grid) { .local = { 1 }, .groups = { GROUPS } });
    g_assert(reaches(s, s->data.pa, 1));
}

static unsigned finished(Shader *s)
{
    uint32_t words[GROUPS];
    unsigned count = 0;

    read_data(s, words, GROUPS);
    for (unsigned i = 0; i < GROUPS; i++) {
        g_assert_cmpint(words[i], <=, 2);
        count += words[i] == 2;
    }
    return count;
}

static void some_time(Shader *s)
{
    for (int i = g_test_rand_int_range(0, 8); i; i--) {
        step(s);
    }
}

static void assert_result(Shader *s)
{
    g_assert(reaches(s, s->b.out.pa + DONE, MARK));
    g_assert_cmpint(finished(s), ==, GROUPS);
    g_assert_cmpint(data(s, GROUPS), ==, 0);
}

static void check(const void *threads, bool stopped)
{
    g_autofree char *args = NULL;
    unsigned before = 0, midst = 0;
    Shader s;

    init(&s, threads);
    args = g_strdup_printf("-global mali-csf.shader-threads=%u", s.threads);
    submit_twice(&s);
    for (int i = 0; i < SAVES; i++) {
        some_time(&s);
        if (stopped) {
            qtest_qmp_assert_success(s.b.gpu.qts, "{'execute': 'stop'}");
            save_and_load_stopped(&s.b.gpu, args);
            qtest_qmp_assert_success(s.b.gpu.qts, "{'execute': 'cont'}");
        } else {
            save_and_load_in(&s.b.gpu, args);
        }
        before = finished(&s);
        midst += before && before < GROUPS;
    }
    g_test_message("saved %u times, %u in the midst, the last with %u of %u "
                   "done", SAVES, midst, before, GROUPS);
    g_assert_cmpint(midst, >, 0);
    assert_result(&s);
    quit(&s);
}

static void test_running(const void *threads)
{
    check(threads, false);
}

/* What has begun is finished when the state is saved, not when it stops. */
static void test_stopped(const void *threads)
{
    check(threads, true);
}

static void add(const char *name, void (*test)(const void *))
{
    static const unsigned counts[] = { 0, 2 };

    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        g_autofree char *path = g_strdup_printf("mali-csf/shader-save/%u/%s",
                                                counts[i], name);

        qtest_add_data_func(path, GUINT_TO_POINTER(counts[i]), test);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("running", test_running);
    add("stopped", test_stopped);
    return g_test_run();
}
