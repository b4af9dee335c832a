/*
 * QTest for the Arm Mali CSF GPU: what the firmware has in protected memory
 * and how that memory is saved
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf-migration.h"
#undef ADD
#undef LONG_ENOUGH
#include "libqos/mali-csf-protected.h"

#define SECTION_VA      0x00020000ull
#define SECTION_SIZE    0x2000ull

static void test_suspend(void)
{
    for (int i = 0; i < 2; i++) {
        bool is_protected = i;
        QMaliCsfBench b;

        init(&b, ARGS REPORT);
        use_buffer(&b, is_protected);
        go_inside(&b);
        g_assert_cmpuint(get_count(&b.gpu, "count-protm-buffer-not-protected"),
                         ==, !is_protected);
        g_assert_cmpuint(get_count(&b.gpu, "count-protm-section-not-protected"),
                         ==, 0);
        if (!is_protected) {
            mali_csf_group_request(&b.group, CSG_STATE_SUSPEND);
            g_assert(mali_csf_wait_reg(&b.gpu, A_MCU_STATUS, ~0u,
                                       MCU_STATUS_FATAL, MALI_CSF_TIMEOUT));
            mali_csf_bench_quit(&b);
            continue;
        }
        mali_csf_group_suspend(&b.group);
        g_assert_false(protected(&b.gpu));
        mali_csf_group_resume(&b.group, 2);
        enter(&b);
        assert_region_done(&b);
        mali_csf_bench_quit(&b);
    }
}

/* The firmware's section */

static void describe_section(QMaliCsf *gpu, uint32_t va, uint32_t size)
{
    QMaliCsfBuffer page = mali_csf_vm_alloc_at(&gpu->mcu_vm, FW_DESCRIPTOR_VA,
                                               MALI_CSF_PAGE, 0);

    qtest_writel(gpu->qts, page.pa, FW_DESCRIPTOR_MAGIC);
    qtest_writel(gpu->qts, page.pa + FW_DESCRIPTOR_PROTECTED_VA, va);
    qtest_writel(gpu->qts, page.pa + FW_DESCRIPTOR_PROTECTED_SIZE, size);
}

/* What the driver has mapped behind the section */
typedef enum Section {
    SECTION_PROTECTED,
    SECTION_HALF,
    SECTION_NORMAL,
    SECTION_NOWHERE,
    SECTION_NONSENSE,
    SECTION_NONE,
    NUM_SECTIONS,
} Section;

static void init_with_section(QMaliCsfBench *b, const char *args,
                              Section section)
{
    mali_csf_init(&b->gpu, args);
    mali_csf_mcu_prepare(&b->gpu);
    if (section != SECTION_NONE) {
        describe_section(&b->gpu, SECTION_VA, section == SECTION_NONSENSE ?
                         FW_PROTECTED_MAX + 1 : SECTION_SIZE);
    }
    if (section == SECTION_PROTECTED || section == SECTION_HALF) {
        mali_csf_map(&b->gpu.mcu_vm, SECTION_VA, BASE + SIZE - SECTION_SIZE,
                     section == SECTION_HALF ? SECTION_SIZE / 2 : SECTION_SIZE,
                     0);
    }
    if (section == SECTION_NORMAL) {
        mali_csf_vm_alloc_at(&b->gpu.mcu_vm, SECTION_VA, SECTION_SIZE, 0);
    } else if (section == SECTION_HALF) {
        mali_csf_vm_alloc_at(&b->gpu.mcu_vm, SECTION_VA + SECTION_SIZE / 2,
                             SECTION_SIZE / 2, 0);
    }
    /* It boots whatever is there. */
    mali_csf_mcu_boot(&b->gpu);
    mali_csf_global_init(&b->gpu);
    mali_csf_vm_init(&b->gpu, &b->vm, 1);
    b->out = mali_csf_vm_alloc(&b->vm, MALI_CSF_PAGE);
    mali_csf_map(&b->vm, SECRET_VA, BASE, SIZE, 0);
    mali_csf_vm_enable(&b->vm);
    mali_csf_group_init(&b->vm, &b->group, 1);
    b->queue = &b->group.queue[0];
    mali_csf_group_start(&b->group, 0);
    mali_csf_run(&b->gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b->gpu);
    mali_csf_writel(&b->gpu, GPU_CLEAR, ~0u);
}

/* Behind it is memory that is not protected: PROTM_ENTER is a violation. */
static void test_section(void)
{
    static const bool is_right[NUM_SECTIONS] = {
        [SECTION_PROTECTED] = true,
        [SECTION_NONSENSE] = true,
        [SECTION_NONE] = true,
    };

    for (Section section = 0; section < NUM_SECTIONS; section++) {
        QMaliCsfBench b;

        init_with_section(&b, ARGS REPORT, section);
        use_buffer(&b, true);
        if (is_right[section]) {
            keep_secret(&b);
        } else {
            submit_store(&b, 1);
            enter(&b);
            g_assert(mali_csf_wait_reg(&b.gpu, A_MCU_STATUS, ~0u,
                                       MCU_STATUS_FATAL, MALI_CSF_TIMEOUT));
            g_assert_true(protected_fault(&b.gpu));
            g_assert_false(protected(&b.gpu));
        }
        g_assert_cmpuint(get_count(&b.gpu, "count-protm-section-not-protected"),
                         ==, !is_right[section]);
        g_assert_cmpuint(get_count(&b.gpu, "count-protm-buffer-not-protected"),
                         ==, 0);
        mali_csf_bench_quit(&b);
    }
    /* Where nothing is protected nobody can tell. */
    for (int i = 0; i < 2; i++) {
        QMaliCsfBench b;

        init_with_section(&b, REPORT, i ? SECTION_NORMAL : SECTION_NOWHERE);
        submit_region(&b, NULL, 0, 1);
        enter(&b);
        assert_region_done(&b);
        g_assert_cmpuint(get_count(&b.gpu, "count-protm-section-not-protected"),
                         ==, 0);
        mali_csf_bench_quit(&b);
    }
}

/* While it is locked the mode does not begin. */
static void test_section_locked(void)
{
    QMaliCsfBench b;

    init_with_section(&b, ARGS, SECTION_PROTECTED);
    use_buffer(&b, true);
    mali_csf_lock(&b.gpu, 0, mali_csf_pack_region(SECTION_VA, SECTION_SIZE));
    submit_store(&b, 1);
    enter(&b);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_false(protected(&b.gpu));
    g_assert_cmphex(mali_csf_bench_out(&b, 0x44), ==, 0);
    mali_csf_unlock(&b.gpu, 0);
    assert_region_done(&b);
    mali_csf_bench_quit(&b);
}

/* Save and load */

static void save(QMaliCsf *gpu, char **path)
{
    g_autofree char *uri = new_uri(path);

    save_to(gpu, uri);
}

/* The memory goes with the machine's, and the mode with the device. */
static void test_saved(void)
{
    QMaliCsfBench b;

    init(&b, ARGS);
    /* It comes to its store on the other side. */
    submit_region(&b, (const uint64_t[]) {
                      cs_add_imm32(9, 9, -1), cs_branch(CS_COND_GT, 9, -2),
                      cs_store_multiple(8, 1, 90, 0), cs_wait(1) }, 4, ROUNDS);
    enter(&b);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_true(protected(&b.gpu));
    save_and_load_in(&b.gpu, ARGS);
    g_assert_true(protected(&b.gpu));
    assert_region_done(&b);
    save_and_load_in(&b.gpu, ARGS);
    g_assert_cmphex(qtest_readl(b.gpu.qts, BASE), ==, 0);
    g_assert_cmphex(secret(&b), ==, SECRET);
    mali_csf_bench_quit(&b);
}

/* In the time in which the mode waits for other work */
static void test_saved_quiet(void)
{
    const uint64_t other[] = { cs_run_compute(1, 0) };
    const char *args = ARGS "-global mali-csf.x-endpoint=null";
    QMaliCsfBench b;
    QMaliCsfGroup group;

    init(&b, args);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", 4 * LONG_ENOUGH);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 3);
    submit_store(&b, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_queue_submit(&group.queue[0], other, ARRAY_SIZE(other));
    enter(&b);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    save_and_load_in(&b.gpu, args);
    g_assert_false(protected(&b.gpu));
    mali_csf_run(&b.gpu, 8 * LONG_ENOUGH);
    assert_region_done(&b);
    g_assert_cmphex(secret(&b), ==, SECRET);
    mali_csf_bench_quit(&b);
}

static void assert_not_loaded(const char *path, const char *args)
{
    g_autofree char *uri = g_strdup_printf("file:%s", path);
    g_autofree char *all = g_strdup_printf("%s -incoming defer", args);
    QMaliCsf to;
    QDict *rsp;
    const char *status = "";

    mali_csf_init(&to, all);
    qtest_qmp_assert_success(to.qts, "{'execute': 'migrate-incoming',"
                             " 'arguments': {'uri': %s, 'exit-on-error':"
                             " false}}", uri);
    for (int i = 0; i < 3000 && !g_str_equal(status, "failed"); i++) {
        rsp = qtest_qmp(to.qts, "{'execute': 'query-migrate'}");
        status = qdict_get_try_str(qdict_get_qdict(rsp, "return"), "status");
        status = g_intern_string(status ?: "");
        g_assert_cmpstr(status, !=, "completed");
        qobject_unref(rsp);
        g_usleep(10000);
    }
    g_assert_cmpstr(status, ==, "failed");
    mali_csf_quit(&to);
}

static void test_saved_elsewhere(void)
{
    g_autofree char *path = NULL;
    QMaliCsfBench b;

    init(&b, ARGS);
    save(&b.gpu, &path);
    mali_csf_bench_quit(&b);
    assert_not_loaded(path, "");
    assert_not_loaded(path, "-global mali-csf.protected-size=2M");
    unlink(path);
}

/* A reset of the GPU, and of its microcontroller, in the mode */
static void test_reset(void)
{
    for (int i = 0; i < 2; i++) {
        QMaliCsfBench b;

        init(&b, ARGS);
        go_inside(&b);
        if (i) {
            mali_csf_soft_reset(&b.gpu);
        } else {
            mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
        }
        g_assert_false(protected(&b.gpu));
        /* It boots, for which it has to write. */
        if (i) {
            mali_csf_l2_on(&b.gpu);
            mali_csf_vm_enable(&b.gpu.mcu_vm);
        }
        mali_csf_mcu_boot(&b.gpu);
        mali_csf_bench_quit(&b);
    }
}

#define ADD(path, fn) qtest_add_func("/mali-csf/protected-buffer/" path, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("suspend", test_suspend);
    ADD("section", test_section);
    ADD("section/locked", test_section_locked);
    ADD("saved", test_saved);
    ADD("saved/quiet", test_saved_quiet);
    ADD("saved/elsewhere", test_saved_elsewhere);
    ADD("reset", test_reset);

    return g_test_run();
}
