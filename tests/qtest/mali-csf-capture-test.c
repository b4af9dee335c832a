/*
 * QTest for shader cores of the Arm Mali CSF GPU: jobs that were captured
 *
 * Property capture= writes a job down.  What it has written is put to where it
 * was in another machine and dispatched again: it has to end as it did, and to
 * change what it changed.  So are the files of tests/shader/captured, and that
 * or those of the folder that MALI_CSF_JOBS names.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-compute.h"
#include "libqos/mali-csf-job.h"

#define JOB_REGS    128
#define MAX_END     64

typedef struct Captured {
    unsigned arch;
    uint64_t word;
    uint32_t regs[JOB_REGS];
    char end[MAX_END];
    /* What it changed, by address */
    GHashTable *after;
} Captured;

/* Reading a file, to a machine that it chooses */

static const char *model_of(unsigned arch)
{
    static const char *const models[] = {
        [10] = "g610", [11] = "g615", [12] = "g720", [13] = "g725",
        [14] = "g1-premium",
    };

    g_assert_cmpuint(arch, <, ARRAY_SIZE(models));
    g_assert_nonnull(models[arch]);
    return models[arch];
}

static void read_bytes(const char *hex, uint8_t *bytes)
{
    for (unsigned i = 0; i < 32; i++) {
        unsigned value;

        g_assert_cmpint(sscanf(hex + 2 * i, "%2x", &value), ==, 1);
        bytes[i] = value;
    }
}

static uint64_t map_page(QMaliCsfBench *b, uint64_t va, const char *flags)
{
    uint64_t pa = mali_csf_alloc(&b->gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    uint64_t bits = strchr(flags, 'x') ? 0 : MALI_CSF_PTE_XN;

    if (!strchr(flags, 'w')) {
        bits |= MALI_CSF_PTE_AP_RDONLY;
    }
    mali_csf_set_pte(&b->vm, va, 3, mali_csf_leaf(pa, 3, bits));
    return pa;
}

static void read_regs(Captured *job, const char *line)
{
    char *at;
    unsigned first = g_ascii_strtoull(line + 1, &at, 10);

    for (unsigned i = first; *at; i++) {
        g_assert_cmpuint(i, <, JOB_REGS);
        job->regs[i] = g_ascii_strtoull(at, &at, 16);
    }
}

/* @pages: physical address by number; the first lines say which machine */
static void read_line(QMaliCsfBench *b, GHashTable *pages, Captured *job,
                      const char *line)
{
    static uint64_t va;
    static bool after;
    char flags[4] = "";
    unsigned offset;

    if (line[0] == 'r') {
        read_regs(job, line);
    } else if (sscanf(line, "page %" SCNx64 " %3s", &va, flags) >= 1) {
        after = false;
        g_hash_table_insert(pages, GSIZE_TO_POINTER(va / MALI_CSF_PAGE),
                            GSIZE_TO_POINTER(map_page(b, va, flags)));
    } else if (g_str_has_prefix(line, "end ")) {
        g_strlcpy(job->end, line + 4, sizeof(job->end));
    } else if (sscanf(line, "after %" SCNx64, &va) == 1) {
        after = true;
    } else if (line[0] == ' ') {
        uint8_t bytes[32];

        g_assert_cmpint(sscanf(line, " %x", &offset), ==, 1);
        read_bytes(line + 5, bytes);
        if (after) {
            g_hash_table_insert(job->after, GSIZE_TO_POINTER(va + offset),
                                g_memdup2(bytes, sizeof(bytes)));
        } else {
            uint64_t pa = GPOINTER_TO_SIZE(g_hash_table_lookup(
                pages, GSIZE_TO_POINTER(va / MALI_CSF_PAGE)));

            qtest_memwrite(b->gpu.qts, pa + offset, bytes, sizeof(bytes));
        }
    }
}

/* The level of a fault depends on what else is mapped: it is left out. */
static void drop_level(char *end)
{
    unsigned exception;

    if (sscanf(end, "fault %2x", &exception) == 1) {
        char digit = "0123456789abcdef"[exception & 8];

        end[strlen("fault ") + 1] = digit;
    }
}

/* As the file says it; the caller frees it */
static char *end_of(QMaliCsfBench *b)
{
    uint32_t status;
    uint64_t va;

    if (qtest_readl(b->gpu.qts, b->out.pa) == MARK) {
        return g_strdup("done");
    }
    if (mali_csf_queue_event(b->queue, CS_EVENT_FATAL)) {
        status = mali_csf_readl(&b->gpu, mali_csf_as_reg(1, A_AS_FAULTSTATUS));
        va = mali_csf_readq(&b->gpu, mali_csf_as_reg(1, A_AS_FAULTADDRESS_LO));
        return g_strdup_printf("fault %02x %x %" PRIx64,
                               FIELD_EX32(status, AS_FAULTSTATUS,
                                          EXCEPTION_TYPE),
                               FIELD_EX32(status, AS_FAULTSTATUS, ACCESS_TYPE),
                               va);
    }
    return g_strdup_printf("exception %02x %" PRIx64,
                           mali_csf_queue_status(b->queue, CS_FAULT) & 0xff,
                           mali_csf_queue_status(b->queue, CS_FAULT_INFO) |
                           (uint64_t)mali_csf_queue_status(
                               b->queue, CS_FAULT_INFO + 4) << 32);
}

static void dispatch(QMaliCsfBench *b, const Captured *job)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    submit_captured(b, job->regs, 48, job->word);
    while (qtest_readl(b->gpu.qts, b->out.pa) != MARK &&
           !mali_csf_queue_event(b->queue, CS_EVENT_FAULT) &&
           !mali_csf_queue_event(b->queue, CS_EVENT_FATAL)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        mali_csf_run(&b->gpu, STEP_US * MALI_CSF_US);
    }
}

/* Lines that are not as they were, of which the first one is told */
static unsigned count_differences(QMaliCsfBench *b, GHashTable *pages,
                                  const Captured *job)
{
    unsigned differences = 0;
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, job->after);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        uint64_t va = GPOINTER_TO_SIZE(key);
        uint64_t pa = GPOINTER_TO_SIZE(g_hash_table_lookup(
            pages, GSIZE_TO_POINTER(va / MALI_CSF_PAGE)));
        uint8_t bytes[32];

        qtest_memread(b->gpu.qts, pa + va % MALI_CSF_PAGE, bytes,
                      sizeof(bytes));
        if (memcmp(bytes, value, sizeof(bytes)) && !differences++) {
            g_test_message("0x%" PRIx64 " is not as it was after the job", va);
        }
    }
    return differences;
}

/* Returns how many lines of 32 bytes the job has changed */
static unsigned replay(const char *path)
{
    g_autofree char *text = NULL, *end = NULL, *args = NULL;
    g_autoptr(GHashTable) pages = g_hash_table_new(NULL, NULL);
    g_auto(GStrv) lines = NULL;
    Captured job = { };
    unsigned changed;
    QMaliCsfBench b;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    if (!g_str_has_prefix(text, "mali-csf-job 1\n") ||
        sscanf(text, "mali-csf-job 1 arch %u word %" SCNx64, &job.arch,
               &job.word) != 2) {
        g_error("%s is no job that capture= has written", path);
    }
    if (strstr(text, "\ncut-short\n")) {
        g_error("%s has not all pages of its job", path);
    }
    job.after = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    args = g_strdup_printf("-global mali-csf.model=%s", model_of(job.arch));
    mali_csf_bench_init(&b, args);
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 3; lines[i]; i++) {
        read_line(&b, pages, &job, lines[i]);
    }
    dispatch(&b, &job);
    end = end_of(&b);
    drop_level(end);
    drop_level(job.end);
    g_assert_cmpstr(end, ==, job.end);
    g_assert_cmpuint(count_differences(&b, pages, &job), ==, 0);
    changed = g_hash_table_size(job.after);
    g_test_message("%s: %u pages, %s, %u lines changed", path,
                   g_hash_table_size(pages), end, changed);
    g_hash_table_unref(job.after);
    mali_csf_bench_quit(&b);
    return changed;
}

/* Jobs that are captured here */

typedef struct Folder {
    char *path;
    unsigned files;
} Folder;

static void begin(Shader *s, Folder *folder, const void *threads)
{
    g_autofree char *args = NULL;

    folder->path = g_dir_make_tmp("mali-csf-XXXXXX", NULL);
    g_assert_nonnull(folder->path);
    args = g_strdup_printf("-global mali-csf.capture=%s", folder->path);
    init_with(s, threads, args);
    poison(s);
}

static char *file_of(const Folder *folder, unsigned number)
{
    return g_strdup_printf("%s/job-%04u.txt", folder->path, number);
}

/* The machine is gone; its jobs are dispatched again */
static void end(Shader *s, Folder *folder, const unsigned *changed,
                unsigned count)
{
    quit(s);
    for (unsigned i = 1; i <= count + 1; i++) {
        g_autofree char *path = file_of(folder, i);

        g_assert_cmpint(g_file_test(path, G_FILE_TEST_EXISTS), ==,
                        i <= count);
        if (i <= count) {
            g_assert_cmpuint(replay(path), ==, changed[i - 1]);
            unlink(path);
        }
    }
    rmdir(folder->path);
    g_free(folder->path);
}

/*
 * The second one stores more than the first one has stored, to where a thread
 * has just stored to.
 */
static void test_done(const void *threads)
{
    const uint64_t store[] = {
        ADDRESS,
        sh_store(SH_I32, 60, SH_R(2), 0),
        sh_store(SH_I32, 60, SH_R(2), 0x1000) | SH_END,
    };
    const uint64_t add[] = {
        ADDRESS,
        sh_load(SH_I32, 4, SH_R(2), 0),
        sh_add_imm(4, SH_R(4), 1000),
        sh_store(SH_I32, 4, SH_R(2), 0x1000) | SH_END,
    };
    Folder folder;
    Shader s;

    begin(&s, &folder, threads);
    put_shader(&s, store, ARRAY_SIZE(store));
    run(&s, &(Grid) { .local = { 64 }, .groups = { 8 } });
    new_code(&s, CODE_VA + 0x10000);
    put_shader(&s, add, ARRAY_SIZE(add));
    run(&s, &(Grid) { .local = { 64 }, .groups = { 4 } });
    g_assert_cmpint(data(&s, 0x400 + 255), ==, 1255);
    end(&s, &folder, (unsigned[]) { 128, 32 }, 2);
}

/* What faults does so again, at the same address, with what it did before. */
static void test_fault(const void *threads)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_store(SH_I32, 60, SH_R(2), 0),
        sh_mov_imm(3, 0x10),
        sh_store(SH_I32, 60, SH_R(2), 0) | SH_END,
    };
    const uint64_t invalid[] = {
        ADDRESS,
        sh_store(SH_I32, 60, SH_R(2), 0),
        sh_op(0x1fe, 0xc0) | SH_END,
    };
    Folder folder;
    Shader s;

    begin(&s, &folder, threads);
    put_shader(&s, words, ARRAY_SIZE(words));
    submit(&s, &(Grid) { .local = { 16 } });
    g_assert(has_event(&s, CS_EVENT_FATAL));
    end(&s, &folder, (unsigned[]) { 2 }, 1);

    begin(&s, &folder, threads);
    put_shader(&s, invalid, ARRAY_SIZE(invalid));
    submit(&s, &(Grid) { .local = { 16 } });
    g_assert(has_event(&s, CS_EVENT_FAULT));
    end(&s, &folder, (unsigned[]) { 2 }, 1);
}

static void test_refused(void)
{
    g_autofree char *said = NULL;
    g_autoptr(GError) error = NULL;
    const char *argv[] = {
        getenv("QTEST_QEMU_BINARY"), "-M", "virt", "-accel", "qtest",
        "-display", "none", "-net", "none", "-device",
        "mali-csf,capture=/nowhere/at/all", NULL
    };
    int status;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
                               G_SPAWN_SEARCH_PATH |
                               G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                               &said, &status, &error));
    g_assert_cmpint(status, !=, 0);
    g_assert_nonnull(strstr(said, "capture=/nowhere/at/all is no folder"));
}

/* Files */

static void test_file(const void *opaque)
{
    replay(opaque);
}

/* A file, or each of a folder, whose names are kept */
static void add_files(const char *path, const char *name)
{
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *file;

    if (!folder) {
        g_autofree char *base = g_path_get_basename(path);
        g_autofree char *test = g_strdup_printf("mali-csf/capture/%s/%s", name,
                                                base);

        qtest_add_data_func_full(test, g_strdup(path), test_file, g_free);
        return;
    }
    while ((file = g_dir_read_name(folder))) {
        g_autofree char *below = g_build_filename(path, file, NULL);

        if (g_str_has_suffix(file, ".txt")) {
            add_files(below, name);
        }
    }
}

static void add(const char *name, void (*test)(const void *))
{
    static const unsigned counts[] = { 0, 2 };

    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        g_autofree char *path = g_strdup_printf("mali-csf/capture/%u/%s",
                                                counts[i], name);

        qtest_add_data_func(path, GUINT_TO_POINTER(counts[i]), test);
    }
}

int main(int argc, char **argv)
{
    g_autofree char *source = realpath(__FILE__, NULL);
    g_autofree char *folder = source ? g_path_get_dirname(source) : NULL;
    g_autofree char *kept = g_build_filename(folder ?: ".", "..", "shader",
                                             "captured", NULL);

    g_test_init(&argc, &argv, NULL);
    add("done", test_done);
    add("fault", test_fault);
    qtest_add_func("/mali-csf/capture/refused", test_refused);
    if (g_file_test(kept, G_FILE_TEST_IS_DIR)) {
        add_files(kept, "kept");
    }
    if (getenv("MALI_CSF_JOBS")) {
        add_files(getenv("MALI_CSF_JOBS"), "jobs");
    }
    return g_test_run();
}
