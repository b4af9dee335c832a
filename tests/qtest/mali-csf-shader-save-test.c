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
/* Of threads, which compute in the host's time, also while a state is saved */
#define MAX_GROUPS  6000
#define SAVES       5

static unsigned num_groups(const Shader *s)
{
    return s->threads ? MAX_GROUPS : GROUPS;
}

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
    submit(s, &(Grid) { .local = { 1 }, .groups = { num_groups(s) } });
    g_assert(reaches(s, s->data.pa, 1));
}

static unsigned finished(Shader *s)
{
    uint32_t words[MAX_GROUPS];
    unsigned count = 0;

    read_data(s, words, num_groups(s));
    for (unsigned i = 0; i < num_groups(s); i++) {
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
    g_assert_cmpint(finished(s), ==, num_groups(s));
    g_assert_cmpint(data(s, num_groups(s)), ==, 0);
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
        midst += before && before < num_groups(&s);
    }
    g_test_message("saved %u times, %u in the midst, the last with %u of %u "
                   "done", SAVES, midst, before, num_groups(&s));
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

/* Pages of RAM that were sent at least once */
static uint64_t pages_sent(Shader *s)
{
    QDict *rsp = qtest_qmp(s->b.gpu.qts, "{'execute': 'query-migrate'}");
    QDict *ret = qdict_get_qdict(rsp, "return");
    QDict *ram = qdict_get_qdict(ret, "ram");
    uint64_t sent = 0;

    g_assert_cmpstr(qdict_get_str(ret, "status"), !=, "completed");
    if (ram) {
        sent = qdict_get_int(ram, "duplicate") + qdict_get_int(ram, "normal");
    }
    qobject_unref(rsp);
    return sent;
}

/* Of what is saved, in bytes per second */
static void set_bandwidth(Shader *s, int bandwidth)
{
    qtest_qmp_assert_success(s->b.gpu.qts,
                             "{'execute': 'migrate-set-parameters',"
                             " 'arguments': {'max-bandwidth': %d}}",
                             bandwidth);
}

/* What is stored to a page that was sent already is sent once more. */
static void test_sent_before(const void *threads)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_store(SH_I32, 60, SH_R(2), 0) | SH_END,
    };
    g_autofree char *args = NULL;
    g_autofree char *path = NULL;
    g_autofree char *uri = new_uri(&path);
    Shader s;

    init(&s, threads);
    args = g_strdup_printf("-global mali-csf.shader-threads=%u", s.threads);
    put_shader(&s, words, ARRAY_SIZE(words));
    poison(&s);
    /* 8 bytes for each page that is zero: all of them take 5 s */
    set_bandwidth(&s, 100000);
    begin_save(&s.b.gpu, uri);
    while (pages_sent(&s) * MALI_CSF_PAGE <=
           s.data.pa + s.data.size - MALI_CSF_RAM_BASE) {
        g_usleep(1000);
    }
    run(&s, &(Grid) { .local = { 64 }, .groups = { 2 } });
    set_bandwidth(&s, 1000000000);
    wait_migration(s.b.gpu.qts);
    load_saved(&s.b.gpu, uri, args, "RESUME");
    for (unsigned i = 0; i < 128; i++) {
        g_assert_cmphex(data(&s, i), ==, i);
    }
    g_assert_cmphex(data(&s, 128), ==, POISON);
    unlink(path);
    quit(&s);
}

/* Hostile states */

#define CASES       10
/* Of a job: registers, how far it has come, and the parts that are left */
#define JOB_BYTES   (8 + 4 * 128 + 8 + 16 * 40 + 1)

/*
 * Where the saved job begins: behind its instruction, which is big-endian.  The
 * same bytes may be elsewhere; the mask of cores and the grid tell.
 */
static uint8_t *find_job(const Shader *s, char *state, size_t size)
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
    } while (ldl_be_p(at + 8 + 4 * 37) != num_groups(s));
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
    g_autofree char *args = NULL, *path = NULL, *good = NULL;
    g_autofree char *uri = new_uri(&path);
    size_t size;
    Shader s;

    init(&s, threads);
    args = g_strdup_printf("-global mali-csf.shader-threads=%u", s.threads);
    submit_twice(&s);
    qtest_qmp_assert_success(s.b.gpu.qts, "{'execute': 'stop'}");
    save_to(&s.b.gpu, uri);
    g_assert_true(g_file_get_contents(path, &good, &size, NULL));
    for (int i = 0; i < CASES; i++) {
        g_autofree char *state = g_memdup2(good, size);

        if (i) {
            change(find_job(&s, state, size));
        } else {
            /* The most threads that the register can ask for */
            memset(find_job(&s, state, size) + 8 + 4 * 33, 0xff, 4);
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
    add("sent-before", test_sent_before);
    add("hostile", test_hostile);
    return g_test_run();
}
