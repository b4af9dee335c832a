/*
 * Shared by the qtests of the microcontroller of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_MALI_CSF_MCU_H
#define LIBQOS_MALI_CSF_MCU_H

#include <sys/mman.h>
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)

#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define JOB_CLEAR       (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR)
#define GPU_RAWSTAT     (A_GPU_INT + MALI_CSF_INT_RAWSTAT)
#define GPU_CLEAR       (A_GPU_INT + MALI_CSF_INT_CLEAR)

static inline void boot(QMaliCsf *gpu, const char *args)
{
    mali_csf_init(gpu, args);
    mali_csf_mcu_prepare(gpu);
    mali_csf_mcu_boot(gpu);
    mali_csf_global_init(gpu);
    mali_csf_ack_events(gpu);
}

static inline uint8_t *snapshot(QMaliCsf *gpu)
{
    uint8_t *copy = g_malloc(FW_SHARED_SIZE);

    qtest_memread(gpu->qts, gpu->shared_pa, copy, FW_SHARED_SIZE);
    return copy;
}

/* Nothing in the shared section changed, and no interrupt was raised */
static inline void assert_unchanged(QMaliCsf *gpu, const uint8_t *old)
{
    g_autofree uint8_t *new = snapshot(gpu);

    for (unsigned i = 0; i < FW_SHARED_SIZE; i += 4) {
        if (memcmp(old + i, new + i, 4)) {
            g_test_message("0x%08x changed", FW_SHARED_START + i);
        }
    }
    g_assert_cmpmem(new, FW_SHARED_SIZE, old, FW_SHARED_SIZE);
    g_assert_cmphex(mali_csf_readl(gpu, JOB_RAWSTAT), ==, 0);
}

static inline uint32_t glb_ack(QMaliCsf *gpu)
{
    return qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK);
}

/* Toggle PING and nothing else */
static inline void ping(QMaliCsf *gpu)
{
    mali_csf_toggle(gpu, gpu->glb_in + GLB_REQ, gpu->glb_out + GLB_ACK,
                    GLB_PING);
}

static inline bool ping_acked(QMaliCsf *gpu)
{
    return !((qtest_readl(gpu->qts, gpu->glb_in + GLB_REQ) ^ glb_ack(gpu)) &
             GLB_PING);
}

/* What the file says where others have code, as far as there is something */
static inline QMaliCsfBuffer write_descriptor(QMaliCsf *gpu, uint32_t magic,
                                              uint32_t version)
{
    QMaliCsfBuffer page = mali_csf_vm_alloc_at(&gpu->mcu_vm,
                                               FW_DESCRIPTOR_VA,
                                               MALI_CSF_PAGE, 0);

    qtest_writel(gpu->qts, page.pa, magic);
    qtest_writel(gpu->qts, page.pa + FW_DESCRIPTOR_VERSION, version);
    qtest_writel(gpu->qts, page.pa + FW_DESCRIPTOR_FEATURES, 0x25);
    return page;
}

static inline void assert_interface(QMaliCsf *gpu, uint32_t version,
                                    uint32_t features)
{
    g_assert_cmphex(qtest_readl(gpu->qts, gpu->shared_pa +
                                GLB_CONTROL_VERSION), ==, version);
    g_assert_cmphex(qtest_readl(gpu->qts, gpu->shared_pa +
                                GLB_CONTROL_FEATURES), ==, features);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/mcu/" path, fn)

#endif /* LIBQOS_MALI_CSF_MCU_H */
