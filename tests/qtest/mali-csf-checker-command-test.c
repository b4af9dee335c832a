/*
 * QTest for the Arm Mali CSF GPU: the checker, commands, faults and power
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

/* update-missing */

static void use_for(QMaliCsfBench *b, int64_t ns)
{
    mali_csf_bench_load(b, b->out.va);
    mali_csf_run(&b->gpu, ns);
    mali_csf_bench_load(b, b->out.va);
}

static void test_update_missing(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    stage(&b, other_root(&b), MALI_CSF_TRANSCFG);
    use_for(&b, 2 * MALI_CSF_MS);
    /* Once */
    use_for(&b, 2 * MALI_CSF_MS);
    finish(&b, "update-missing");
}

/* Nothing is in force yet when the group starts. */
static void test_update_missing_first(void)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    stage(&b, b.vm.root, MALI_CSF_TRANSCFG);
    mali_csf_group_start(&b.group, 0);
    finish(&b, "update-missing");
}

/* The fault handler writes these while streams of the space still run. */
static void test_update_missing_unmap(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_TRANSTAB_LO), 0);
    use_for(&b, 10 * MALI_CSF_MS);
    stage(&b, 0, AS_ADRMODE_UNMAPPED);
    use_for(&b, 4 * SECOND);
    assert_found(&b.gpu, "");
    use_for(&b, 2 * SECOND);
    finish(&b, "update-missing");
}

static void test_update_not_missing(void)
{
    QMaliCsfBench b;
    uint64_t root;

    init_mapped(&b, REPORT, 0, 0);
    root = other_root(&b);
    stage(&b, root, MALI_CSF_TRANSCFG);
    mali_csf_bench_load(&b, b.out.va);
    /* As it was: nothing is missing, however long */
    stage(&b, b.vm.root, MALI_CSF_TRANSCFG);
    use_for(&b, 10 * MALI_CSF_MS);
    stage(&b, root, MALI_CSF_TRANSCFG);
    mali_csf_bench_load(&b, b.out.va);
    flush(&b);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    use_for(&b, 10 * MALI_CSF_MS);
    finish(&b, "");
}

/* command-while-active */

static void test_command_while_active(void)
{
    QMaliCsfBench b;
    const uint32_t command = mali_csf_as_reg(1, A_AS_COMMAND);

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_set_property(&b.gpu, "x-as-latency-ns", MALI_CSF_MS);
    /* As the driver does: it waits before and after. */
    bind_elsewhere(&b);
    assert_found(&b.gpu, "");

    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_LOCKADDR_LO), VA | 14);
    mali_csf_writel(&b.gpu, command, AS_COMMAND_LOCK);
    /* Of another space */
    mali_csf_writel(&b.gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_NOP);
    assert_found(&b.gpu, "");
    mali_csf_writel(&b.gpu, command, AS_COMMAND_NOP);
    mali_csf_run(&b.gpu, 2 * MALI_CSF_MS);
    flush_unlock(&b);
    finish(&b, "command-while-active");
}

/* command-in-protected-mode */

static void nop_command(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_NOP);
}

static void test_command_in_protected_mode(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    bind_elsewhere(&b);
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, GPU_COMMAND_SET_PROTECTED_MODE);
    assert_found(&b.gpu, "");
    nop_command(&b);
    assert_found(&b.gpu, "command-in-protected-mode");
    mali_csf_bench_quit(&b);
}

/* The same by the firmware, for a region of a stream */
static void test_command_in_protected_region(void)
{
    const uint64_t region[] = {
        cs_move32(9, 200000),
        cs_prot_region(2),
        cs_add_imm32(9, 9, -1),
        cs_branch(CS_COND_GT, 9, -2),
    };
    QMaliCsfBench b;
    uint32_t ack;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_queue_submit(b.queue, region, ARRAY_SIZE(region));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    mali_csf_queue_ack_event(b.queue, CS_PROTM_PENDING);
    nop_command(&b);
    ack = qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK);
    mali_csf_glb_request(&b.gpu, ~ack, GLB_PROTM_ENTER);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_true(mali_csf_readl(&b.gpu, A_GPU_STATUS) &
                  R_GPU_STATUS_PROTM_ACTIVE_MASK);
    assert_found(&b.gpu, "");
    nop_command(&b);
    assert_found(&b.gpu, "command-in-protected-mode");

    g_assert(mali_csf_queue_wait(b.queue, 100 * MALI_CSF_MS));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_false(mali_csf_readl(&b.gpu, A_GPU_STATUS) &
                   R_GPU_STATUS_PROTM_ACTIVE_MASK);
    nop_command(&b);
    finish(&b, "command-in-protected-mode");
}

/* lockaddr-invalid */

#define SKIP_LEVELS(mask) \
    ((uint64_t)(mask) << R_AS_LOCKADDR_LO_FLUSH_SKIP_LEVELS_SHIFT)

static void check_lockaddr(uint64_t lockaddr, const char *expected)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_lock(&b.gpu, 1, lockaddr);
    flush_unlock(&b);
    finish(&b, expected);
}

static void test_lockaddr(void)
{
    check_lockaddr(0, "lockaddr-invalid");
    check_lockaddr(VA | 13, "lockaddr-invalid");
    check_lockaddr(VA | 14, "");
    check_lockaddr((VA + 0x4000) | 14, "");
    check_lockaddr(VA | SKIP_LEVELS(0x7) | 14, "");
    check_lockaddr(VA | SKIP_LEVELS(0xf) | 13, "lockaddr-invalid");
    check_lockaddr(47, "");
    check_lockaddr(MALI_CSF_LOCK_ALL, "");
    check_lockaddr(0xffffffff8000ull | 14, "");
    check_lockaddr(0x1000000000000ull | 14, "lockaddr-invalid");
    check_lockaddr(0x1000000000000ull | 63, "lockaddr-invalid");
}

/* transcfg-invalid */

static void check_input_size(unsigned bits, const char *expected)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    stage(&b, b.vm.root, (MALI_CSF_TRANSCFG & ~R_AS_TRANSCFG_LO_INA_BITS_MASK) |
          (AS_TRANSCFG_INA_BITS_BASE - bits) <<
          R_AS_TRANSCFG_LO_INA_BITS_SHIFT);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    finish(&b, expected);
}

static void test_transcfg(void)
{
    check_input_size(48, "");
    check_input_size(47, "transcfg-invalid note-coverage-lost");
    check_input_size(49, "transcfg-invalid note-coverage-lost");
    check_input_size(39, "transcfg-invalid note-coverage-lost");
}

/* fault-not-acknowledged */

static void test_fault_unacknowledged(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    mali_csf_run(&b.gpu, 4 * SECOND);
    assert_found(&b.gpu, "");
    mali_csf_run(&b.gpu, 2 * SECOND);
    /* Once */
    mali_csf_run(&b.gpu, 10 * SECOND);
    finish(&b, "fault-not-acknowledged");
}

static void test_fault_acknowledged(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    mali_csf_run(&b.gpu, 4 * SECOND);
    handle_fault(&b, false);
    mali_csf_group_terminate(&b.group);
    mali_csf_run(&b.gpu, 10 * SECOND);
    finish(&b, "");
}

static void test_fault_at_enable(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    as_disable(&b, false);
    mali_csf_vm_enable(&b.vm);
    finish(&b, "fault-not-acknowledged");
}

/* enabled-after-fault */

/* The handler ends before as_disable(). */
static void test_fault_enabled(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    ack_fault(&b);
    mali_csf_run(&b.gpu, 4 * SECOND);
    assert_found(&b.gpu, "");
    mali_csf_run(&b.gpu, 2 * SECOND);
    /* Once */
    mali_csf_run(&b.gpu, 10 * SECOND);
    finish(&b, "enabled-after-fault");
}

/* The same, and the space is enabled at once for the VM or another one. */
static void test_fault_enabled_update(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    ack_fault(&b);
    mali_csf_group_terminate(&b.group);
    flush(&b);
    mali_csf_vm_enable(&b.vm);
    finish(&b, "enabled-after-fault");
}

/* The VM is enabled again: no trace is left. */
static void test_fault_enabled_again(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    handle_fault(&b, false);
    mali_csf_group_terminate(&b.group);
    mali_csf_vm_enable(&b.vm);
    mali_csf_run(&b.gpu, 10 * SECOND);
    finish(&b, "");
}

/* Nobody will look at the bit. */
static void test_fault_at_enable_masked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    as_disable(&b, false);
    mali_csf_writel(&b.gpu, MMU_MASK, 0xfffd);
    mali_csf_vm_enable(&b.vm);
    finish(&b, "");
}

/* group-on-unmapped */

static void test_group_never_enabled(void)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    mali_csf_group_start(&b.group, 0);
    finish(&b, "group-on-unmapped");
}

static void test_group_resumed(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_group_suspend(&b.group);
    as_disable(&b, false);
    mali_csf_group_resume(&b.group, 0);
    finish(&b, "group-on-unmapped");
}

/* The fault is history once the space was enabled again. */
static void test_group_after_fault(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    handle_fault(&b, false);
    mali_csf_group_terminate(&b.group);
    mali_csf_vm_enable(&b.vm);
    as_disable(&b, false);
    mali_csf_group_start(&b.group, 0);
    finish(&b, "group-on-unmapped");
}

static void test_group_left(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    as_disable(&b, false);
    mali_csf_run(&b.gpu, 9 * SECOND);
    assert_found(&b.gpu, "");
    mali_csf_run(&b.gpu, 2 * SECOND);
    finish(&b, "group-on-unmapped");
}

static void test_group_terminated(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    as_disable(&b, false);
    mali_csf_run(&b.gpu, 9 * SECOND);
    mali_csf_group_terminate(&b.group);
    mali_csf_run(&b.gpu, 12 * SECOND);
    finish(&b, "");
}

static void test_group_identity(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    flush(&b);
    stage(&b, 0, AS_ADRMODE_IDENTITY);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    mali_csf_run(&b.gpu, 12 * SECOND);
    finish(&b, "");
}

static void check_l2_off(QMaliCsfBench *b, const char *expected)
{
    l2_power(b, false);
    assert_found(&b->gpu, "");
    l2_power(b, true);
    /* Once */
    l2_power(b, false);
    l2_power(b, true);
    finish(b, expected);
}

static void test_l2_off_locked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    suspend_firmware(&b);
    as_disable(&b, false);
    lock_range(&b, VA, MALI_CSF_PAGE);
    check_l2_off(&b, "lock-at-l2-off");
}

/* as_disable() without its UPDATE */
static void test_l2_off_staged(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    suspend_firmware(&b);
    stage(&b, 0, AS_ADRMODE_UNMAPPED);
    check_l2_off(&b, "update-missing");
}

/* panthor_mmu_suspend() leaves one out. */
static void test_l2_off_enabled(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    suspend_firmware(&b);
    check_l2_off(&b, "enabled-at-l2-off");
}

static void test_l2_off_unlocked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    suspend_firmware(&b);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush_unlock(&b);
    as_disable(&b, false);
    check_l2_off(&b, "");
}

/* A reset puts it right before anything is powered. */
static void test_l2_off_reset(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    l2_power(&b, false);
    mali_csf_soft_reset(&b.gpu);
    l2_power(&b, true);
    finish(&b, "note-lock-at-reset");
}

/* lock-at-update */

static void test_update_locked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush(&b);
    mali_csf_vm_enable(&b.vm);
    /* Told once: UPDATE has dropped the lock */
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "lock-at-update");
}

static void test_update_locked_unmap(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_group_terminate(&b.group);
    lock_range(&b, VA, MALI_CSF_PAGE);
    as_disable(&b, false);
    finish(&b, "lock-at-update");
}

/* stock/overtaken after a reset for no such reason */
static void test_not_overtaken(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_soft_reset(&b.gpu);
    lock_range(&b, VA, MALI_CSF_PAGE);
    lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
    mali_csf_lock(&b.gpu, 2, 0);
    finish(&b, "expansion-drops-part lockaddr-invalid");
}

/* A command that takes its time, but not more than the driver has */
static void test_slow(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_set_property(&b.gpu, "x-as-latency-ns", 50 * MALI_CSF_MS);
    bind_elsewhere(&b);
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "unlock-without-lock");
}

/* transtab-invalid and memattr-invalid */

/* as_disable() that writes no TRANSCFG */
static void test_transtab(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_group_terminate(&b.group);
    flush(&b);
    stage(&b, 0, MALI_CSF_TRANSCFG);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    finish(&b, "transtab-invalid memattr-invalid");
}

static void check_memattr(uint64_t transcfg, uint64_t memattr,
                          const char *expected)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    stage(&b, b.vm.root, transcfg);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_MEMATTR_LO), memattr);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    finish(&b, expected);
}

static void test_memattr(void)
{
    check_memattr(MALI_CSF_TRANSCFG, 0, "memattr-invalid");
    check_memattr(MALI_CSF_TRANSCFG, MALI_CSF_MEMATTR, "");
    /* Not used */
    check_memattr(AS_ADRMODE_UNMAPPED, 0, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("update/missing", test_update_missing);
    ADD("update/missing-first", test_update_missing_first);
    ADD("update/missing-unmap", test_update_missing_unmap);
    ADD("update/not-missing", test_update_not_missing);
    ADD("command-while-active", test_command_while_active);
    ADD("protected-mode/command", test_command_in_protected_mode);
    ADD("protected-mode/region", test_command_in_protected_region);
    ADD("lockaddr", test_lockaddr);
    ADD("transcfg", test_transcfg);
    ADD("fault/unacknowledged", test_fault_unacknowledged);
    ADD("fault/acknowledged", test_fault_acknowledged);
    ADD("fault/at-enable", test_fault_at_enable);
    ADD("fault/at-enable-masked", test_fault_at_enable_masked);
    ADD("fault/enabled", test_fault_enabled);
    ADD("fault/enabled/update", test_fault_enabled_update);
    ADD("fault/enabled/again", test_fault_enabled_again);
    ADD("group/never-enabled", test_group_never_enabled);
    ADD("group/resumed", test_group_resumed);
    ADD("group/after-fault", test_group_after_fault);
    ADD("group/left", test_group_left);
    ADD("group/terminated", test_group_terminated);
    ADD("group/identity", test_group_identity);
    ADD("l2-off/locked", test_l2_off_locked);
    ADD("l2-off/staged", test_l2_off_staged);
    ADD("l2-off/enabled", test_l2_off_enabled);
    ADD("l2-off/unlocked", test_l2_off_unlocked);
    ADD("l2-off/reset", test_l2_off_reset);
    ADD("update/locked", test_update_locked);
    ADD("update/locked/unmap", test_update_locked_unmap);
    ADD("overtaken/other-reset", test_not_overtaken);
    ADD("slow", test_slow);
    ADD("transtab", test_transtab);
    ADD("memattr", test_memattr);

    return g_test_run();
}
