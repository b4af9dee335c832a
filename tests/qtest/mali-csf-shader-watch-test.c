/*
 * QTest for shader cores of the Arm Mali CSF GPU: what the checker and
 * injections see of their accesses
 *
 * In each test it is a shader, and no instruction of a stream, that uses what
 * the driver did wrong, or that meets a fault; beside it the same done right is
 * silent.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-compute.h"
#include "libqos/mali-csf-checker.h"

#define ATTR_CACHED     (1ull << MALI_CSF_PTE_ATTR_SHIFT)
/* Of the pages of data, one that a stream never touches */
#define PAGE            3

/* As init(), by a driver that makes no mistake, with data at VA */
static void init_watched(Shader *s, const void *threads, uint64_t attribute)
{
    g_autofree char *args = NULL;

    s->threads = GPOINTER_TO_UINT(threads);
    args = g_strdup_printf("-global mali-csf.shader-threads=%u " REPORT,
                           s->threads);
    bench_init(&s->b, args);
    s->data = mali_csf_vm_alloc_at(&s->b.vm, VA, 16 * MALI_CSF_PAGE, 0);
    for (unsigned i = 0; i < 16; i++) {
        uint64_t leaf = mali_csf_leaf(s->data.pa + i * MALI_CSF_PAGE, 3, 0);

        mali_csf_set_pte(&s->b.vm, VA + i * MALI_CSF_PAGE, 3,
                         (leaf & ~ATTR_MASK) | attribute);
    }
    new_code(s, CODE_VA);
    bench_start(&s->b);
}

/* Let time pass until that was found once */
static bool is_found(Shader *s, const char *name)
{
    g_autofree char *property = g_strdup_printf("count-%s", name);

    return comes_true(s, get_count(&s->b.gpu, property));
}

/* It counts in the first word of page PAGE, without end. */
static void count_for_ever(Shader *s)
{
    put_counter(s);
    put_uniform(s, 0, VA + PAGE * MALI_CSF_PAGE);
    submit(s, &(Grid) { });
    g_assert(reaches(s, s->data.pa + PAGE * MALI_CSF_PAGE, 3));
}

static void end(Shader *s, const char *expected)
{
    mali_csf_group_request(&s->b.group, CSG_STATE_TERMINATE);
    g_assert(is_acknowledged(s));
    finish(&s->b, expected);
}

/* The page is another one, and nobody says so. */
static void test_stale(const void *threads)
{
    Shader s;

    init_watched(&s, threads, 0);
    count_for_ever(&s);
    mali_csf_map(&s.b.vm, VA + PAGE * MALI_CSF_PAGE, new_page(&s.b),
                 MALI_CSF_PAGE, 0);
    g_assert(is_found(&s, "stale-translation-used"));
    end(&s, "change-outside-lock stale-translation-used");
}

/* The region is held meanwhile: the shader waits, and goes on in the new one */
static void test_stale_not(const void *threads)
{
    uint64_t page, held;
    Shader s;

    init_watched(&s, threads, 0);
    count_for_ever(&s);
    for (int i = 0; i < 5; i++) {
        page = new_page(&s.b);
        lock_range(&s.b, VA + PAGE * MALI_CSF_PAGE, MALI_CSF_PAGE);
        g_assert(stands(&s, s.data.pa + PAGE * MALI_CSF_PAGE));
        held = qtest_readl(s.b.gpu.qts, s.data.pa + PAGE * MALI_CSF_PAGE);
        mali_csf_map(&s.b.vm, VA + PAGE * MALI_CSF_PAGE, page, MALI_CSF_PAGE,
                     0);
        flush_unlock(&s.b);
        g_assert(reaches(&s, page, 3));
        g_assert_cmphex(qtest_readl(s.b.gpu.qts, s.data.pa +
                                    PAGE * MALI_CSF_PAGE), ==, held);
        s.data.pa = page - PAGE * MALI_CSF_PAGE;
    }
    end(&s, "");
}

/* The space has another owner, without a flush, and its tables nothing there */
static void test_recycle(const void *threads)
{
    uint64_t root;
    Shader s;

    init_watched(&s, threads, 0);
    count_for_ever(&s);
    root = other_root(&s.b);
    qtest_writeq(s.b.gpu.qts, root, 0);
    mali_csf_as_enable(&s.b.gpu, 1, root);
    g_assert(is_found(&s, "stale-translation-used"));
    end(&s, "recycle-without-flush stale-translation-used");
}

/* A shader stores to PAGE, which is unmapped then with @command as the flush */
static void check_dirty(const void *threads, uint64_t attribute,
                        uint32_t command, const char *expected)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_store(SH_I32, 60, SH_R(2), PAGE * MALI_CSF_PAGE) | SH_END,
    };
    Shader s;

    init_watched(&s, threads, attribute);
    put_shader(&s, words, ARRAY_SIZE(words));
    run(&s, &(Grid) { .local = { 64 }, .groups = { 2 } });
    lock_range(&s.b, VA + PAGE * MALI_CSF_PAGE, MALI_CSF_PAGE);
    mali_csf_unmap(&s.b.vm, VA + PAGE * MALI_CSF_PAGE, MALI_CSF_PAGE);
    if (command) {
        mali_csf_flush_caches(&s.b.gpu, command);
    }
    mali_csf_unlock(&s.b.gpu, 1);
    bind_elsewhere(&s.b);
    finish(&s.b, expected);
}

static void test_dirty(const void *threads)
{
    check_dirty(threads, ATTR_CACHED, 0,
                "unlock-without-flush dirty-line-lost");
    check_dirty(threads, ATTR_CACHED, MALI_CSF_FLUSH_CLEAN,
                "unlock-without-flush");
    check_dirty(threads, ATTR_CACHED, MALI_CSF_FLUSH_ALL, "");
    check_dirty(threads, 0, 0, "unlock-without-flush");
}

/* Injections */

static int64_t arm(Shader *s, const char *kind, uint64_t va, unsigned size)
{
    QDict *rsp = qtest_qmp(s->b.gpu.qts, "{'execute': 'mali-csf-inject',"
                           " 'arguments': {'path': %s, 'kind': %s,"
                           " 'address-space': 1, 'va': %" PRIu64 ","
                           " 'size': %u, 'source-id': 4660}}",
                           MALI_CSF_QOM_PATH, kind, va, size);
    int64_t id;

    g_assert(qdict_haskey(rsp, "return"));
    id = qdict_get_int(qdict_get_qdict(rsp, "return"), "id");
    qobject_unref(rsp);
    return id;
}

static void assert_injected(Shader *s, uint32_t exception)
{
    uint32_t status;

    g_assert(has_event(s, CS_EVENT_FATAL));
    status = mali_csf_readl(&s->b.gpu, mali_csf_as_reg(1, A_AS_FAULTSTATUS));
    g_assert_cmphex(FIELD_EX32(status, AS_FAULTSTATUS, EXCEPTION_TYPE), ==,
                    exception);
    g_assert_cmphex(FIELD_EX32(status, AS_FAULTSTATUS, SOURCE_ID), ==, 4660);
}

/* One that runs meets what is armed meanwhile, at what it uses only. */
static void test_inject_running(const void *threads)
{
    Shader s;

    init_watched(&s, threads, 0);
    count_for_ever(&s);
    arm(&s, "translation-fault", VA + (PAGE + 1) * MALI_CSF_PAGE, 4096);
    g_assert(reaches(&s, s.data.pa + PAGE * MALI_CSF_PAGE,
                     qtest_readl(s.b.gpu.qts, s.data.pa +
                                 PAGE * MALI_CSF_PAGE) + 3));
    arm(&s, "permission-fault", VA + PAGE * MALI_CSF_PAGE, 4);
    assert_injected(&s, AS_FAULT_PERMISSION + 3);
    g_assert(stands(&s, s.data.pa + PAGE * MALI_CSF_PAGE));
    finish(&s.b, "");
}

/* One lane of many meets it, at its own bytes; the lanes before are done. */
static void test_inject_lane(const void *threads)
{
    const uint64_t words[] = {
        ADDRESS,
        sh_store(SH_I8, 60, SH_R(2), PAGE * MALI_CSF_PAGE) | SH_END,
    };
    const uint64_t at = VA + PAGE * MALI_CSF_PAGE;
    Shader s;

    init_watched(&s, threads, 0);
    put_shader(&s, words, ARRAY_SIZE(words));
    arm(&s, "bus-error", at + 4 * 21, 1);
    submit(&s, &(Grid) { .local = { 64 } });
    assert_injected(&s, AS_FAULT_GPU_BUS);
    g_assert_cmphex(mali_csf_readq(&s.b.gpu,
                                   mali_csf_as_reg(1, A_AS_FAULTADDRESS_LO)),
                    ==, at + 4 * 21);
    g_assert_cmphex(data(&s, PAGE * 1024 + 20), ==, 20);
    g_assert_cmphex(data(&s, PAGE * 1024 + 21), ==, 0);
    finish(&s.b, "");
}

static void add(const char *name, void (*test)(const void *))
{
    static const unsigned counts[] = { 0, 2 };

    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        g_autofree char *path = g_strdup_printf("mali-csf/shader-watch/%u/%s",
                                                counts[i], name);

        qtest_add_data_func(path, GUINT_TO_POINTER(counts[i]), test);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("stale", test_stale);
    add("stale-not", test_stale_not);
    add("recycle", test_recycle);
    add("dirty", test_dirty);
    add("inject-running", test_inject_running);
    add("inject-lane", test_inject_lane);
    return g_test_run();
}
