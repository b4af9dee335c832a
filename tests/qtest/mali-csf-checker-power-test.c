/*
 * QTest for the Arm Mali CSF GPU: the checker, a driver that may have given up,
 * and what the L2 and a GPU that sleeps need
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

/* What a driver does that has lost a command, before it resets the GPU */
static void test_gave_up(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_set_property(&b.gpu, "x-flush-latency-ns", 150 * MALI_CSF_MS);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    mali_csf_run(&b.gpu, 101 * MALI_CSF_MS);
    /* No UNLOCK; the next VM_BIND, and another VM takes the slot. */
    lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
    mali_csf_vm_enable(&b.vm);
    assert_found(&b.gpu, "");
    mali_csf_set_property(&b.gpu, "x-flush-latency-ns", 0);
    mali_csf_soft_reset(&b.gpu);
    assert_found(&b.gpu, "note-lost note-lost");
    /* From here on it counts again. */
    mali_csf_vm_enable(&b.vm);
    bind_elsewhere(&b);
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "note-lost note-lost unlock-without-lock");
}

/* With a region locked: a flush is quick, and the guest slow to hear of it */
static void heard_after(QMaliCsfBench *b, unsigned ms)
{
    lock_range(b, VA, MALI_CSF_PAGE);
    mali_csf_writel(&b->gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    mali_csf_run(&b->gpu, ms * MALI_CSF_MS);
    mali_csf_writel(&b->gpu, A_GPU_INT + MALI_CSF_INT_CLEAR,
                    R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
}

/* On a busy host: the driver has given up if that was too late. */
static void test_heard_late(void)
{
    static const struct {
        unsigned ms;
        const char *found;
    } cases[] = {
        { 50, "expansion-drops-part" },
        { 101, "note-lost" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        QMaliCsfBench b;

        init_mapped(&b, REPORT, 0, 0);
        heard_after(&b, cases[i].ms);
        lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
        mali_csf_soft_reset(&b.gpu);
        finish(&b, i ? "note-lost note-lock-at-reset"
                     : "expansion-drops-part note-lock-at-reset");
    }
}

/* The driver goes on, or does not reset the GPU: it has not given up. */
static void test_heard_in_time(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    heard_after(&b, 101);
    mali_csf_lock(&b.gpu, 2, 0);
    assert_found(&b.gpu, "");
    mali_csf_unlock(&b.gpu, 1);
    assert_found(&b.gpu, "lockaddr-invalid");
    /* No doubt is left. */
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "lockaddr-invalid unlock-without-lock");
}

static void test_no_reset(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    heard_after(&b, 101);
    lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
    mali_csf_run(&b.gpu, 9 * SECOND);
    assert_found(&b.gpu, "");
    mali_csf_run(&b.gpu, 2 * SECOND);
    finish(&b, "expansion-drops-part");
}

/* More than are held back at a time */
static void test_held_many(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    heard_after(&b, 101);
    for (unsigned i = 0; i < 65; i++) {
        mali_csf_lock(&b.gpu, 2, 0);
    }
    g_assert_cmpuint(get_count(&b.gpu, "count-note-lost"), ==, 64);
    mali_csf_unlock(&b.gpu, 1);
    g_assert_cmpuint(get_count(&b.gpu, "count-lockaddr-invalid"), ==, 1);
    g_assert_cmpuint(get_count(&b.gpu, "notes"), ==, 64);
    mali_csf_quit(&b.gpu);
}

/* What no lost command explains counts in any case. */
static void test_doubt_protected_mode(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    heard_after(&b, 101);
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, GPU_COMMAND_SET_PROTECTED_MODE);
    mali_csf_writel(&b.gpu, mali_csf_as_reg(1, A_AS_COMMAND),
                    AS_COMMAND_NOP);
    assert_found(&b.gpu, "command-in-protected-mode");
    mali_csf_quit(&b.gpu);
}

/* The driver's last look at AS_STATUS decides. */
static void test_as_polls(void)
{
    static const struct {
        /* When AS_STATUS is read, of a command that takes 150 ms */
        unsigned ms[3];
        const char *found;
    } cases[] = {
        /* In the end, for the first time since it was busy after 50 ms */
        { { 0, 50, 151 }, "expansion-drops-part note-lock-at-reset" },
        /* Busy when its time is over */
        { { 0, 101, 151 }, "note-lost note-lock-at-reset" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned now = 0;
        QMaliCsfBench b;

        init_mapped(&b, REPORT, 0, 0);
        lock_range(&b, VA, MALI_CSF_PAGE);
        mali_csf_set_property(&b.gpu, "x-as-latency-ns", 150 * MALI_CSF_MS);
        mali_csf_writel(&b.gpu, mali_csf_as_reg(1, A_AS_COMMAND),
                        AS_COMMAND_NOP);
        mali_csf_set_property(&b.gpu, "x-as-latency-ns", 0);
        for (unsigned j = 0; j < ARRAY_SIZE(cases[i].ms); j++) {
            mali_csf_run(&b.gpu, (cases[i].ms[j] - now) * MALI_CSF_MS);
            now = cases[i].ms[j];
            mali_csf_readl(&b.gpu, mali_csf_as_reg(1, A_AS_STATUS));
        }
        lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
        mali_csf_soft_reset(&b.gpu);
        finish(&b, cases[i].found);
    }
}

/* Suspend comes before the reset: the region is still held. */
static void test_gave_up_suspend(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    suspend_firmware(&b);
    mali_csf_set_property(&b.gpu, "x-flush-latency-ns", 150 * MALI_CSF_MS);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    mali_csf_set_property(&b.gpu, "x-flush-latency-ns", 0);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_MS);
    l2_power(&b, false);
    l2_power(&b, true);
    mali_csf_vm_enable(&b.vm);
    assert_found(&b.gpu, "");
    /* The flush is as lost as before. */
    bind_elsewhere(&b);
    mali_csf_unlock(&b.gpu, 1);
    assert_found(&b.gpu, "");
    /* The next driver starts with a clean slate. */
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_ID), !=, 0);
    assert_found(&b.gpu, "note-lost");
    bind_elsewhere(&b);
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "note-lost unlock-without-lock");
}

/* mcu-enabled-at-l2-off */

static void test_l2_off_mcu(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    flush(&b);
    mali_csf_as_disable(&b.gpu, 0);
    as_disable(&b, false);
    l2_power(&b, false);
    assert_found(&b.gpu, "");
    mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    l2_power(&b, true);
    finish(&b, "mcu-enabled-at-l2-off");
}

/* l2-not-awaited */

static void reset_and_power_l2(QMaliCsf *gpu, bool pwr_control)
{
    if (pwr_control) {
        mali_csf_writel(gpu, MALI_CSF_PWR_BASE + A_PWR_COMMAND,
                        PWR_COMMAND_RESET_SOFT);
        mali_csf_writeq(gpu, MALI_CSF_PWR_BASE + A_PWR_CMDARG_LO, 1);
        mali_csf_writel(gpu, MALI_CSF_PWR_BASE + A_PWR_COMMAND,
                        PWR_COMMAND_POWER_UP |
                        PWR_DOMAIN_L2 << R_PWR_COMMAND_DOMAIN_SHIFT);
    } else {
        mali_csf_soft_reset(gpu);
        mali_csf_writel(gpu, A_L2_PWRON_LO, 1);
    }
}

/* L2 comes on, @reg is read unless it is 0, and the microcontroller starts. */
static void check_awaited(const char *args, bool pwr_control, uint32_t reg,
                          const char *expected)
{
    QMaliCsfBench b;

    init_mapped(&b, args, 0, 0);
    mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    reset_and_power_l2(&b.gpu, pwr_control);
    if (reg) {
        mali_csf_readl(&b.gpu, reg);
    }
    mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    finish(&b, expected);
}

static void test_l2_awaited(void)
{
    static const char g1_pro[] = REPORT " -global mali-csf.model=g1-pro";
    static const char wrong[] = "l2-not-awaited";

    check_awaited(REPORT, false, 0, wrong);
    check_awaited(REPORT, false, A_L2_PWRTRANS_LO, wrong);
    check_awaited(REPORT, false, A_TILER_READY_LO, wrong);
    check_awaited(REPORT, false, A_L2_READY_LO, "");
    check_awaited(REPORT, false, A_GPU_INT + MALI_CSF_INT_RAWSTAT, "");
    check_awaited(g1_pro, true, 0, wrong);
    check_awaited(g1_pro, true, MALI_CSF_PWR_BASE + PWR_DOMAIN_L2_BASE +
                  PWR_DOMAIN_PWRTRANS, wrong);
    check_awaited(g1_pro, true, MALI_CSF_PWR_BASE + PWR_DOMAIN_L2_BASE +
                  PWR_DOMAIN_READY, "");
    check_awaited(g1_pro, true, MALI_CSF_PWR_BASE + A_PWR_INT +
                  MALI_CSF_INT_RAWSTAT, "");
}

/* coherency-at-l2-on */

static void check_coherency(const char *args, int protocol,
                            const char *expected)
{
    QMaliCsfBench b;

    init_mapped(&b, args, 0, 0);
    mali_csf_soft_reset(&b.gpu);
    if (protocol >= 0) {
        mali_csf_writel(&b.gpu, A_COHERENCY_PROTOCOL, protocol);
    }
    mali_csf_writel(&b.gpu, A_L2_PWRON_LO, 1);
    finish(&b, expected);
}

static void test_coherency(void)
{
    static const char wrong[] = "coherency-at-l2-on";

    check_coherency(REPORT, COHERENCY_PROTOCOL_NONE, "");
    check_coherency(REPORT, -1, "");
    check_coherency(REPORT, COHERENCY_PROTOCOL_ACE_LITE, wrong);
    check_coherency(REPORT " -global mali-csf.coherent=on",
                    COHERENCY_PROTOCOL_ACE_LITE, "");
    check_coherency(REPORT " -global mali-csf.coherent=on",
                    COHERENCY_PROTOCOL_NONE, wrong);
    check_coherency(REPORT " -global mali-csf.coherent=on", -1, "");
}

/* register-while-asleep */

static void stop_all_but_l2(QMaliCsfBench *b)
{
    init_mapped(b, REPORT, 0, 0);
    mali_csf_group_terminate(&b->group);
    suspend_firmware(b);
    as_disable(b, false);
    mali_csf_writel(&b->gpu, MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_MASK,
                    0);
    mali_csf_writel(&b->gpu, MMU_MASK, 0);
}

/* What panthor_device_suspend() does, so long ago; @mask is left unmasked */
static void init_asleep(QMaliCsfBench *b, uint32_t mask, unsigned ms)
{
    stop_all_but_l2(b);
    l2_power(b, false);
    mali_csf_writel(&b->gpu, A_GPU_INT + MALI_CSF_INT_MASK, mask);
    mali_csf_run(&b->gpu, ms * MALI_CSF_MS);
}

static void test_asleep(void)
{
    const uint32_t registers[] = {
        A_TIMESTAMP_LO, A_MCU_STATUS, A_GPU_INT + MALI_CSF_INT_RAWSTAT,
        mali_csf_as_reg(1, A_AS_STATUS),
        MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID,
        MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_STAT,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
        QMaliCsfBench b;

        init_asleep(&b, 0, 250);
        mali_csf_readl(&b.gpu, registers[i]);
        /* Once in a sleep */
        mali_csf_run(&b.gpu, SECOND);
        mali_csf_readl(&b.gpu, registers[i]);
        finish(&b, "register-while-asleep");
    }
}

static void test_asleep_write(void)
{
    static const uint32_t registers[] = {
        A_GPU_INT + MALI_CSF_INT_MASK, A_MCU_CONTROL, MMU_CLEAR,
        MALI_CSF_DOORBELL_BASE,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
        QMaliCsfBench b;

        init_asleep(&b, 0, 250);
        mali_csf_writel(&b.gpu, registers[i], 0);
        finish(&b, "register-while-asleep");
    }
}

/*
 * With a reset, of which a handler hears that masks interrupts meanwhile, in
 * place of L2 power; @stuck: the handler is late
 */
static void check_reset_asleep(bool stuck, const char *expected)
{
    QMaliCsfBench b;

    stop_all_but_l2(&b);
    mali_csf_writel(&b.gpu, A_GPU_INT + MALI_CSF_INT_CLEAR, UINT32_MAX);
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, GPU_COMMAND_RESET |
                    GPU_RESET_SOFT << R_GPU_COMMAND_PAYLOAD_SHIFT);
    g_assert(mali_csf_wait_reg(&b.gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT,
                               R_GPU_INT_RESET_COMPLETED_MASK,
                               R_GPU_INT_RESET_COMPLETED_MASK, SECOND));
    mali_csf_writel(&b.gpu, A_GPU_INT + MALI_CSF_INT_MASK, 0);
    if (stuck) {
        mali_csf_run(&b.gpu, SECOND);
    }
    mali_csf_readl(&b.gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT);
    mali_csf_writel(&b.gpu, A_GPU_INT + MALI_CSF_INT_CLEAR,
                    R_GPU_INT_RESET_COMPLETED_MASK);
    mali_csf_writel(&b.gpu, A_GPU_INT + MALI_CSF_INT_MASK,
                    R_GPU_INT_RESET_COMPLETED_MASK);
    mali_csf_writel(&b.gpu, A_GPU_INT + MALI_CSF_INT_MASK, 0);
    if (!stuck) {
        mali_csf_run(&b.gpu, SECOND);
    }
    mali_csf_readl(&b.gpu, A_MCU_STATUS);
    finish(&b, expected);
}

static void test_asleep_reset(void)
{
    check_reset_asleep(false, "register-while-asleep");
    check_reset_asleep(true, "");
}

/* It wakes up, a driver starts, or it does not sleep at all. */
static void test_asleep_not(void)
{
    QMaliCsfBench b;

    init_asleep(&b, 0, 250);
    mali_csf_writel(&b.gpu, A_GPU_INT + MALI_CSF_INT_CLEAR, UINT32_MAX);
    mali_csf_run(&b.gpu, SECOND);
    mali_csf_readl(&b.gpu, A_L2_READY_LO);
    finish(&b, "");

    init_asleep(&b, 0, 250);
    mali_csf_readl(&b.gpu, A_GPU_ID);
    mali_csf_run(&b.gpu, SECOND);
    mali_csf_readl(&b.gpu, A_L2_READY_LO);
    finish(&b, "");

    init_asleep(&b, R_GPU_INT_FAULT_MASK, 250);
    mali_csf_readl(&b.gpu, A_MCU_STATUS);
    finish(&b, "");

    /* Not all of it is masked last */
    init_asleep(&b, 0, 1);
    mali_csf_readl(&b.gpu, A_L2_READY_LO);
    mali_csf_run(&b.gpu, SECOND);
    mali_csf_readl(&b.gpu, A_MCU_STATUS);
    finish(&b, "");

    /* A handler on its way out */
    init_asleep(&b, 0, 150);
    mali_csf_readl(&b.gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT);
    finish(&b, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("gave-up", test_gave_up);
    ADD("gave-up/suspend", test_gave_up_suspend);
    ADD("gave-up/heard-late", test_heard_late);
    ADD("gave-up/not/went-on", test_heard_in_time);
    ADD("gave-up/not/no-reset", test_no_reset);
    ADD("gave-up/not/explained", test_doubt_protected_mode);
    ADD("gave-up/many", test_held_many);
    ADD("gave-up/as-status", test_as_polls);
    ADD("l2-off/mcu", test_l2_off_mcu);
    ADD("l2-on/awaited", test_l2_awaited);
    ADD("l2-on/coherency", test_coherency);
    ADD("asleep/read", test_asleep);
    ADD("asleep/write", test_asleep_write);
    ADD("asleep/reset", test_asleep_reset);
    ADD("asleep/not", test_asleep_not);
    return g_test_run();
}
