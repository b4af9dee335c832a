/*
 * Shared by the qtests of migration of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_MALI_CSF_MIGRATION_H
#define LIBQOS_MALI_CSF_MIGRATION_H

#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)

#define VA              0x40000000ull
#define NEW             0x0e30e30eu

static inline void wait_migration(QTestState *qts)
{
    for (int i = 0; i < 3000; i++) {
        QDict *rsp = qtest_qmp(qts, "{'execute': 'query-migrate'}");
        QDict *ret = qdict_get_qdict(rsp, "return");
        const char *status = qdict_get_try_str(ret, "status");
        bool done = g_strcmp0(status, "completed") == 0;

        g_assert_cmpstr(status, !=, "failed");
        qobject_unref(rsp);
        if (done) {
            return;
        }
        g_usleep(10000);
    }
    g_assert_not_reached();
}

/* Of a new file, the name of which is *@path; the caller unlinks and frees it */
static inline char *new_uri(char **path)
{
    int fd = g_file_open_tmp("mali-csf-XXXXXX", path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    return g_strdup_printf("file:%s", *path);
}

/* Ended by wait_migration() */
static inline void begin_save(QMaliCsf *gpu, const char *uri)
{
    qtest_qmp_assert_success(gpu->qts, "{'execute': 'migrate',"
                             " 'arguments': {'uri': %s}}", uri);
}

static inline void save_to(QMaliCsf *gpu, const char *uri)
{
    begin_save(gpu, uri);
    wait_migration(gpu->qts);
}

/*
 * Go on with what was saved, in another QEMU with these arguments, at the same
 * virtual time; @event comes from it when it is loaded, or NULL: it stays
 * stopped
 */
static inline void load_saved(QMaliCsf *gpu, const char *uri, const char *args,
                              const char *event)
{
    g_autofree char *incoming = g_strdup_printf("-incoming defer %s", args);
    QMaliCsf to;

    mali_csf_init(&to, incoming);
    /* The clock of qtest is not part of what is saved. */
    qtest_clock_set(to.qts, gpu->now);
    qtest_qmp_assert_success(to.qts, "{'execute': 'migrate-incoming',"
                             " 'arguments': {'uri': %s}}", uri);
    if (event) {
        qtest_qmp_eventwait(to.qts, event);
    } else {
        wait_migration(to.qts);
    }
    qtest_quit(gpu->qts);
    gpu->qts = to.qts;
}

/* The same at once; see load_saved() */
static inline void save_and_load_until(QMaliCsf *gpu, const char *args,
                                       const char *event)
{
    g_autofree char *path = NULL;
    g_autofree char *uri = new_uri(&path);

    save_to(gpu, uri);
    load_saved(gpu, uri, args, event);
    unlink(path);
}

/* The machine runs, and goes on in the other one */
static inline void save_and_load_in(QMaliCsf *gpu, const char *args)
{
    save_and_load_until(gpu, args, "RESUME");
}

/* It is stopped, and so is the other one */
static inline void save_and_load_stopped(QMaliCsf *gpu, const char *args)
{
    save_and_load_until(gpu, args, NULL);
}

static inline void save_and_load(QMaliCsf *gpu)
{
    save_and_load_in(gpu, "");
}

#define ADD(path, fn) qtest_add_func("/mali-csf/migration/" path, fn)

#endif /* LIBQOS_MALI_CSF_MIGRATION_H */
