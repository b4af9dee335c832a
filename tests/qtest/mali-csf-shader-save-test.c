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
#include "qemu/bswap.h"
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

/* Hostile states */

#define CASES       10
/* Of a job: registers, how far it has come, and the parts that are left */
#define JOB_BYTES   (8 + 4 * 128 + 8 + 16 * 40 + 1)

/*
 * Where the saved job begins: behind its instruction, which is big-endian.  The
 * same bytes may be elsewhere; the mask of cores and the grid tell.
 */
static uint8_t *find_job(char *state, size_t size)
{
    uint8_t *end = (uint8_t *)state + size;
    uint8_t *at = (uint8_t *)state;
    uint8_t word[8];

    stq_be_p(word, cs_run_compute(1, 0));
    do {
        at = memmem(at, end - at, word, sizeof(word));
        g_assert_nonnull(at);
        at += sizeof(word);
        g_assert_cmpint(end - at, >, JOB_BYTES);
    } while (ldl_be_p(at + 8 + 4 * 37) != GROUPS);
    return at;
}

static void change(uint8_t *job)
{
    static const uint8_t extremes[] = { 0, 1, 0x7f, 0x80, 0xff };

    for (int i = g_test_rand_int_range(1, 9); i; i--) {
        unsigned at = g_test_rand_int_range(0, JOB_BYTES);

        /* Descriptors and the grid are in the first forty registers. */
        if (i % 2) {
            at = 8 + g_test_rand_int_range(0, 4 * 40);
        }
        job[at] = extremes[g_test_rand_int_range(0, ARRAY_SIZE(extremes))];
    }
}

/* Refused, or it goes on somehow: the machine is there, and can be reset. */
static void load_changed(Shader *s, const char *path, const char *args)
{
    g_autofree char *uri = g_strdup_printf("file:%s", path);
    g_autofree char *incoming = g_strdup_printf("-incoming defer %s", args);
    const char *status = "none";
    QMaliCsf to;

    mali_csf_init(&to, incoming);
    qtest_clock_set(to.qts, s->b.gpu.now);
    to.now = s->b.gpu.now;
    qtest_qmp_assert_success(to.qts, "{'execute': 'migrate-incoming',"
                             " 'arguments': {'uri': %s,"
                             " 'exit-on-error': false}}", uri);
    for (int i = 0; i < 3000 && strcmp(status, "completed") &&
                    strcmp(status, "failed"); i++) {
        QDict *rsp = qtest_qmp(to.qts, "{'execute': 'query-migrate'}");

        status = g_intern_string(
            qdict_get_try_str(qdict_get_qdict(rsp, "return"), "status") ?:
            "none");
        qobject_unref(rsp);
        g_usleep(5000);
    }
    g_test_message("%s", status);
    if (!strcmp(status, "completed")) {
        qtest_qmp_assert_success(to.qts, "{'execute': 'cont'}");
    }
    for (int i = 0; i < 20; i++) {
        mali_csf_run(&to, STEP_US * MALI_CSF_US);
    }
    qtest_system_reset(to.qts);
    mali_csf_quit(&to);
}

static void test_hostile(const void *threads)
{
    g_autofree char *args = NULL, *path = NULL, *uri = NULL, *good = NULL;
    int fd = g_file_open_tmp("mali-csf-XXXXXX", &path, NULL);
    size_t size;
    Shader s;

    close(fd);
    uri = g_strdup_printf("file:%s", path);
    init(&s, threads);
    args = g_strdup_printf("-global mali-csf.shader-threads=%u", s.threads);
    submit_twice(&s);
    qtest_qmp_assert_success(s.b.gpu.qts, "{'execute': 'stop'}");
    qtest_qmp_assert_success(s.b.gpu.qts, "{'execute': 'migrate',"
                             " 'arguments': {'uri': %s}}", uri);
    wait_migration(s.b.gpu.qts);
    g_assert_true(g_file_get_contents(path, &good, &size, NULL));
    for (int i = 0; i < CASES; i++) {
        g_autofree char *state = g_memdup2(good, size);

        if (i) {
            change(find_job(state, size));
        } else {
            /* The most threads that the register can ask for */
            memset(find_job(state, size) + 8 + 4 * 33, 0xff, 4);
        }
        g_assert_true(g_file_set_contents(path, state, size, NULL));
        load_changed(&s, path, args);
    }
    unlink(path);
    quit(&s);
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
    add("hostile", test_hostile);
    return g_test_run();
}
