/*
 * QTest for the Arm Mali CSF GPU: the checker, and how it tells of findings
 *
 * For each finding a test that it is made, and one beside it that the same
 * done right is silent.  Every test states all counters, so that a finding
 * too many fails as well.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf-checker.h"

/* The property */

static void make_mistakes(QMaliCsfBench *b)
{
    mali_csf_map(&b->vm, VA, new_page(b), MALI_CSF_PAGE, 0);
    mali_csf_bench_load(b, VA);
    lock_range(b, VA, MALI_CSF_PAGE);
    mali_csf_unlock(&b->gpu, 1);
    mali_csf_unlock(&b->gpu, 1);
    mali_csf_lock(&b->gpu, 1, 0);
}

static void test_strict_off(void)
{
    static const char *const args[] = {
        NULL, "-global mali-csf.strict=off"
    };

    for (unsigned i = 0; i < ARRAY_SIZE(args); i++) {
        QMaliCsfBench b;

        init_mapped(&b, args[i], 0, 0);
        make_mistakes(&b);
        mali_csf_soft_reset(&b.gpu);
        finish(&b, "");
    }
}

static void test_strict_report(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_mistakes(&b);
    finish(&b, "change-outside-lock unlock-without-lock lockaddr-invalid");
}

static void assert_status(QMaliCsf *gpu, const char *status)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'query-status'}");
    QDict *ret = qdict_get_qdict(rsp, "return");

    g_assert_cmpstr(qdict_get_str(ret, "status"), ==, status);
    qobject_unref(rsp);
}

static void test_strict_stop(void)
{
    QMaliCsfBench b;

    init_mapped(&b, "-global mali-csf.strict=stop", 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush_unlock(&b);
    /* A note does not stop it. */
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    flush_mem_all(&b.gpu, 2);
    assert_status(&b.gpu, "running");
    mali_csf_lock(&b.gpu, 1, 0);
    qtest_qmp_eventwait(b.gpu.qts, "STOP");
    assert_status(&b.gpu, "debug");
    finish(&b, "lockaddr-invalid note-edit-then-flush");
}

static void test_strict_unknown(void)
{
    check_refused("mali-csf,strict=foo", "foo", "off, report, stop");
}

/* What is told of findings that repeat */

/* A log of the checker, read when it is complete */
typedef struct Log {
    QMaliCsfBench b;
    char *path;
} Log;

static void log_init(Log *log)
{
    g_autofree char *args = NULL;
    int fd = g_file_open_tmp("mali-csf-log-XXXXXX", &log->path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    args = g_strdup_printf(REPORT " -D %s -trace mali_csf_violation"
                           " -trace mali_csf_note -trace mali_csf_repeated",
                           log->path);
    init_mapped(&log->b, args, 0, 0);
}

/* @expected: its lines, each without "mali_csf_" */
static void assert_log(Log *log, const char *const *expected)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned i;

    g_assert_true(g_file_get_contents(log->path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; expected[i]; i++) {
        g_assert_nonnull(lines[i]);
        g_assert_true(g_str_has_prefix(lines[i], "mali_csf_"));
        g_assert_cmpstr(lines[i] + strlen("mali_csf_"), ==, expected[i]);
    }
    g_assert_cmpstr(lines[i], ==, "");
}

static void log_finish(Log *log)
{
    mali_csf_quit(&log->b.gpu);
    unlink(log->path);
    g_free(log->path);
}

static void unlock_often(Log *log, unsigned times)
{
    while (times--) {
        mali_csf_unlock(&log->b.gpu, 1);
    }
}

static void count_unlocks(Log *log, unsigned expected)
{
    g_assert_cmpuint(get_count(&log->b.gpu, "count-unlock-without-lock"), ==,
                     expected);
}

/* LOCK and UNLOCK: what was not locked may be unlocked once */
static void log_init_unlocked(Log *log)
{
    log_init(log);
    lock_range(&log->b, VA, MALI_CSF_PAGE);
    flush_unlock(&log->b);
}

#define UNLOCKED    "unlock-without-lock as 1 va 0x0-0x0 expected 0x2 seen 0x3"

/* At 2, 4 and 8 times; and what is left when a counter is read */
static void test_told_repeated(void)
{
    static const char *const at_once[] = {
        "violation gpu " UNLOCKED,
        "repeated gpu " UNLOCKED " times 1",
        "repeated gpu " UNLOCKED " times 2",
        "repeated gpu " UNLOCKED " times 4",
        NULL
    };
    static const char *const all[] = {
        "violation gpu " UNLOCKED,
        "repeated gpu " UNLOCKED " times 1",
        "repeated gpu " UNLOCKED " times 2",
        "repeated gpu " UNLOCKED " times 4",
        "repeated gpu " UNLOCKED " times 3",
        "repeated gpu " UNLOCKED " times 5",
        NULL
    };
    Log log;

    log_init_unlocked(&log);
    unlock_often(&log, 11);
    assert_log(&log, at_once);
    count_unlocks(&log, 11);
    count_unlocks(&log, 11);
    unlock_often(&log, 5);
    assert_log(&log, all);
    log_finish(&log);
}

/* The same when the machine stops, and when it ends */
static void test_told_stop(void)
{
    static const char *const all[] = {
        "violation gpu " UNLOCKED,
        "repeated gpu " UNLOCKED " times 1",
        "repeated gpu " UNLOCKED " times 1",
        "repeated gpu " UNLOCKED " times 1",
        "repeated gpu " UNLOCKED " times 2",
        NULL
    };
    Log log;

    log_init_unlocked(&log);
    unlock_often(&log, 3);
    qobject_unref(qtest_qmp(log.b.gpu.qts, "{'execute': 'stop'}"));
    qobject_unref(qtest_qmp(log.b.gpu.qts, "{'execute': 'cont'}"));
    unlock_often(&log, 3);
    mali_csf_quit(&log.b.gpu);
    assert_log(&log, all);
    unlink(log.path);
    g_free(log.path);
}

/* Another address is another finding; a note is told in the same way. */
static void test_told_different(void)
{
    static const char *const all[] = {
        "violation gpu lockaddr-invalid as 1 va 0x40000000-0x40000000 "
        "expected 0xe seen 0xd",
        "violation gpu lockaddr-invalid as 1 va 0x40001000-0x40001000 "
        "expected 0xe seen 0xd",
        "violation gpu lockaddr-invalid as 1 va 0x40000000-0x40000000 "
        "expected 0xe seen 0xc",
        "repeated gpu lockaddr-invalid as 1 va 0x40000000-0x40000000 "
        "expected 0xe seen 0xd times 1",
        "violation gpu lockaddr-invalid as 2 va 0x40000000-0x40000000 "
        "expected 0xe seen 0xd",
        "note gpu note-edit-then-flush as 1 va 0x0-0x0 expected 0x0 seen 0x0",
        "repeated gpu note-edit-then-flush as 1 va 0x0-0x0 expected 0x0 "
        "seen 0x0 times 1",
        NULL
    };
    Log log;

    log_init(&log);
    for (unsigned i = 0; i < 4; i++) {
        static const uint64_t lockaddr[] = {
            VA | 13, (VA + 0x1000) | 13, VA | 12, VA | 13
        };

        mali_csf_lock(&log.b.gpu, 1, lockaddr[i]);
        flush_unlock(&log.b);
    }
    mali_csf_lock(&log.b.gpu, 2, VA | 13);
    mali_csf_unlock(&log.b.gpu, 2);
    flush_mem_all(&log.b.gpu, 1);
    mali_csf_soft_reset(&log.b.gpu);
    flush_mem_all(&log.b.gpu, 1);
    assert_log(&log, all);
    log_finish(&log);
}

/* Of more than 64 different ones, the others are counted together. */
static void test_told_many(void)
{
    const unsigned many = 100;
    unsigned told = 0, repeated = 0, lines = 0;
    g_autofree char *text = NULL;
    g_auto(GStrv) line = NULL;
    Log log;

    log_init(&log);
    for (unsigned i = 0; i < many; i++) {
        mali_csf_lock(&log.b.gpu, 1, (VA + i * MALI_CSF_PAGE) | 13);
        mali_csf_unlock(&log.b.gpu, 1);
    }
    /* One that was told of is still known; so is another identifier. */
    mali_csf_lock(&log.b.gpu, 1, VA | 13);
    mali_csf_unlock(&log.b.gpu, 1);
    mali_csf_unlock(&log.b.gpu, 1);
    g_assert_cmpuint(get_count(&log.b.gpu, "violations"), ==, many + 2);
    g_assert_true(g_file_get_contents(log.path, &text, NULL, NULL));
    line = g_strsplit(text, "\n", -1);
    for (; *line[lines]; lines++) {
        if (g_str_has_prefix(line[lines], "mali_csf_violation gpu lockaddr-")) {
            told++;
        } else if (g_str_has_prefix(line[lines],
                                    "mali_csf_repeated gpu lockaddr-")) {
            const char *times = strstr(line[lines], " times ");

            g_assert_nonnull(times);
            repeated += atoi(times + strlen(" times "));
        }
    }
    g_assert_cmpuint(told, ==, 64);
    g_assert_cmpuint(repeated, ==, many + 1 - 64);
    /* Of 36 others at 1, 2, 4 ... 32 and what is left; one; one */
    g_assert_cmpuint(lines, ==, 64 + 7 + 1 + 1);
    log_finish(&log);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("strict/off", test_strict_off);
    ADD("strict/report", test_strict_report);
    ADD("strict/stop", test_strict_stop);
    ADD("strict/unknown", test_strict_unknown);
    ADD("told/repeated", test_told_repeated);
    ADD("told/stop", test_told_stop);
    ADD("told/different", test_told_different);
    ADD("told/many", test_told_many);

    return g_test_run();
}
