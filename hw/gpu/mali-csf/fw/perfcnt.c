/*
 * Mali CSF GPU: performance counters
 *
 * Requests, ring and events as kbase's CSF counter back end uses them.  The
 * counters are things that the model really does: their numbers within a
 * block, and the order of the blocks, are ours (docs/specs/mali-csf.rst).
 *
 * Not modelled: counter sets, samples that the firmware takes by itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "../device.h"
#include "../log.h"
#include "../saved.h"
#include "protm.h"
#include "../trace.h"

/* A block is a header and counters, 64 words of 32 bits in all */
#define BLOCK_WORDS     64
#define BLOCK_SIZE      (BLOCK_WORDS * 4)
/* Its first four words: timestamp, low and high; enable mask; block number */
/* Bit i of an enable mask stands for four counters from here */
#define ENABLE_COUNTERS 4

typedef struct MaliCsfPerfcntRow {
    uint8_t block;
    /* Word of the block */
    uint8_t index;
    /* Of a uint64_t in the device that only grows; 0: the cycle counter */
    size_t offset;
} MaliCsfPerfcntRow;

#define ROW(block, index, member) \
    { MALI_CSF_PERFCNT_##block, index, offsetof(MaliCsfState, member) }

static const MaliCsfPerfcntRow rows[] = {
    ROW(FW, 4, mcu.passes),
    ROW(FW, 5, mcu.passes_parked),
    ROW(FW, 6, mcu.doorbells_rung),
    { MALI_CSF_PERFCNT_CSG, 4, 0 },
    { MALI_CSF_PERFCNT_CSF, 4, 0 },
    ROW(CSF, 5, engine.instructions),
    ROW(CSF, 6, engine.slices),
    ROW(CSF, 7, engine.cs_faults),
    ROW(CSF, 8, engine.cs_fatals),
    ROW(CSF, 9, engine.tiler_ooms),
    { MALI_CSF_PERFCNT_TILER, 4, 0 },
    ROW(TILER, 5, engine.tiler_works),
    { MALI_CSF_PERFCNT_MMU_L2, 4, 0 },
    ROW(MMU_L2, 5, view.tlb_hits),
    ROW(MMU_L2, 6, view.tlb_misses),
    ROW(MMU_L2, 7, mmu.stalls),
    ROW(MMU_L2, 8, mmu.faults),
    ROW(MMU_L2, 9, cache.flushes),
    { MALI_CSF_PERFCNT_SHADER, 4, 0 },
    ROW(SHADER, 5, engine.compute_works),
    ROW(SHADER, 6, engine.fragment_works),
};

QEMU_BUILD_BUG_ON(ARRAY_SIZE(rows) > MALI_CSF_PERFCNT_MAX);

/* Words of the global input block that enable the counters of a block */
static const uint32_t enable_offsets[] = {
    [MALI_CSF_PERFCNT_FW] = GLB_PRFCNT_FW_EN,
    [MALI_CSF_PERFCNT_CSG] = GLB_PRFCNT_CSG_EN,
    [MALI_CSF_PERFCNT_CSF] = GLB_PRFCNT_CSF_EN,
    [MALI_CSF_PERFCNT_TILER] = GLB_PRFCNT_TILER_EN,
    [MALI_CSF_PERFCNT_MMU_L2] = GLB_PRFCNT_MMU_L2_EN,
    [MALI_CSF_PERFCNT_SHADER] = GLB_PRFCNT_SHADER_EN,
};

/* First word of the counters of a group; the one before has the cycles */
#define GROUP_COUNTERS  5

static unsigned num_fw_blocks(const MaliCsfModel *model)
{
    return 1 + model->csg_slots;
}

static unsigned num_hw_blocks(const MaliCsfModel *model)
{
    return MALI_CSF_PERFCNT_SHADER - MALI_CSF_PERFCNT_CSF +
           ctpop64(model->shader_present);
}

static unsigned num_blocks(const MaliCsfModel *model)
{
    return num_fw_blocks(model) + num_hw_blocks(model);
}

static unsigned kind_of_block(const MaliCsfModel *model, unsigned block)
{
    if (block == 0) {
        return MALI_CSF_PERFCNT_FW;
    }
    if (block < num_fw_blocks(model)) {
        return MALI_CSF_PERFCNT_CSG;
    }
    return MIN(MALI_CSF_PERFCNT_CSF + block - num_fw_blocks(model),
               MALI_CSF_PERFCNT_SHADER);
}

uint32_t mali_csf_perfcnt_size(const MaliCsfModel *model)
{
    return GLB_PRFCNT_SIZE_FW(num_fw_blocks(model)) |
           GLB_PRFCNT_SIZE_HW(num_hw_blocks(model));
}

static uint64_t row_count(MaliCsfState *s, const MaliCsfPerfcntRow *row)
{
    if (!row->offset) {
        return mali_csf_clock_cycles(&s->clock);
    }
    return *(const uint64_t *)((const char *)s + row->offset);
}

/* From now on it counts from zero */
static void count_anew(MaliCsfState *s)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        s->perfcnt.last[i] = row_count(s, &rows[i]);
    }
    memcpy(s->perfcnt.group_last, s->engine.group_counts,
           sizeof(s->perfcnt.group_last));
}

void mali_csf_perfcnt_forget(MaliCsfState *s)
{
    s->perfcnt.enabled = false;
    s->perfcnt.pending = false;
    s->perfcnt.protected_session = false;
    s->perfcnt.insert = 0;
}

void mali_csf_perfcnt_reset_enter(MaliCsfState *s)
{
    s->perfcnt = (MaliCsfPerfcnt) { };
}

void mali_csf_perfcnt_enable(MaliCsfState *s, bool enable)
{
    MaliCsfPerfcnt *perfcnt = &s->perfcnt;
    uint32_t in = mali_csf_fw_glb_input(s);
    uint32_t config;
    unsigned i;

    mali_csf_perfcnt_forget(s);
    if (!enable) {
        return;
    }
    config = mali_csf_fw_load32(s, in + GLB_PRFCNT_CONFIG);
    perfcnt->enabled = true;
    perfcnt->slots = GLB_PRFCNT_CONFIG_SIZE(config);
    perfcnt->csg_select = mali_csf_fw_load32(s, in + GLB_PRFCNT_CSG_SELECT);
    perfcnt->protected_session = mali_csf_protm_active(s);
    perfcnt->base = mali_csf_fw_load64(s, in + GLB_PRFCNT_BASE);
    /* A number that is no address space faults at its first access. */
    perfcnt->as = MIN(mali_csf_fw_load32(s, in + GLB_PRFCNT_JASID) & 0xff,
                      MALI_CSF_MAX_AS - 1);
    for (i = 0; i < MALI_CSF_PERFCNT_NUM_BLOCKS; i++) {
        perfcnt->enable[i] = mali_csf_fw_load32(s, in + enable_offsets[i]);
    }
    if (!perfcnt->slots || GLB_PRFCNT_CONFIG_SET(config)) {
        mali_csf_log_mask(perfcnt->slots ? LOG_UNIMP : LOG_GUEST_ERROR,
                          "%s: PRFCNT_CONFIG 0x%x\n", __func__, config);
    }
    mali_csf_fw_store32(s, mali_csf_fw_glb_output(s) + GLB_PRFCNT_INSERT, 0);
    count_anew(s);
    trace_mali_csf_perfcnt_enable(s->trace_id, perfcnt->as, perfcnt->base,
                                  perfcnt->slots);
}

static void fill_group(MaliCsfState *s, unsigned csg, uint32_t enable,
                       uint8_t *words)
{
    const uint64_t *counts = s->engine.group_counts[csg];
    const uint64_t *last = s->perfcnt.group_last[csg];

    for (unsigned i = 0; i < MALI_CSF_GROUP_NUM_COUNTS; i++) {
        unsigned index = GROUP_COUNTERS + i;

        if (enable & 1u << index / ENABLE_COUNTERS) {
            stl_le_p(words + index * 4, MIN(counts[i] - last[i], UINT32_MAX));
        }
    }
}

static void fill_sample(MaliCsfState *s, uint8_t *sample)
{
    MaliCsfPerfcnt *perfcnt = &s->perfcnt;
    uint64_t timestamp = mali_csf_clock_timestamp(&s->clock);
    unsigned block, i;

    for (block = 0; block < num_blocks(s->model); block++) {
        unsigned kind = kind_of_block(s->model, block);
        uint8_t *words = sample + block * BLOCK_SIZE;
        uint32_t enable = perfcnt->enable[kind];

        if (kind == MALI_CSF_PERFCNT_CSG &&
            !(perfcnt->csg_select & 1u << (block - 1))) {
            enable = 0;
        }
        stq_le_p(words, timestamp);
        stl_le_p(words + 8, enable);
        stl_le_p(words + 12, block);
        if (kind == MALI_CSF_PERFCNT_CSG) {
            fill_group(s, block - 1, enable, words);
        }
        for (i = 0; i < ARRAY_SIZE(rows); i++) {
            uint64_t count = row_count(s, &rows[i]) - perfcnt->last[i];

            if (rows[i].block == kind &&
                (enable & 1u << rows[i].index / ENABLE_COUNTERS)) {
                stl_le_p(words + rows[i].index * 4, MIN(count, UINT32_MAX));
            }
        }
    }
}

bool mali_csf_perfcnt_sample(MaliCsfState *s, uint32_t *events)
{
    MaliCsfPerfcnt *perfcnt = &s->perfcnt;
    uint32_t out = mali_csf_fw_glb_output(s);
    uint32_t size = num_blocks(s->model) * BLOCK_SIZE;
    g_autofree uint8_t *sample = NULL;
    MaliCsfMemResult result;
    MaliCsfFault fault;
    uint32_t extract;
    uint64_t va;

    *events = 0;
    perfcnt->pending = false;
    if (!perfcnt->enabled || !perfcnt->slots) {
        mali_csf_log_mask(LOG_GUEST_ERROR, "%s: no counters, or no ring\n",
                          __func__);
        return true;
    }
    extract = mali_csf_fw_load32(s, mali_csf_fw_glb_input(s) +
                                 GLB_PRFCNT_EXTRACT);
    if (perfcnt->insert - extract >= perfcnt->slots) {
        *events = GLB_PERFCNT_OVERFLOW;
        return true;
    }

    sample = g_malloc0(size);
    fill_sample(s, sample);
    va = perfcnt->base + (uint64_t)(perfcnt->insert % perfcnt->slots) * size;
    result = mali_csf_mem_write(&s->view, perfcnt->as, va, sample, size,
                                &fault);
    if (result == MALI_CSF_MEM_STALLED) {
        perfcnt->pending = true;
        return false;
    }
    if (result != MALI_CSF_MEM_DONE) {
        mali_csf_mmu_report_fault(s, perfcnt->as, &fault);
        mali_csf_fw_store32(s, out + GLB_PRFCNT_STATUS,
                            GLB_PRFCNT_STATUS_FAILED);
        return true;
    }
    trace_mali_csf_perfcnt_sample(s->trace_id, perfcnt->insert, va);
    count_anew(s);
    perfcnt->insert++;
    mali_csf_fw_store32(s, out + GLB_PRFCNT_STATUS,
                        perfcnt->protected_session ?
                        GLB_PRFCNT_STATUS_PROTECTED_SESSION : 0);
    perfcnt->protected_session = mali_csf_protm_active(s);
    /* A reader who sees that the sample is there sees the sample. */
    smp_wmb();
    mali_csf_fw_store32(s, out + GLB_PRFCNT_INSERT, perfcnt->insert);
    if ((perfcnt->insert - extract) * 2 >= perfcnt->slots) {
        *events = GLB_PERFCNT_THRESHOLD;
    }
    return true;
}

void mali_csf_perfcnt_protected(MaliCsfState *s)
{
    s->perfcnt.protected_session = true;
}

void mali_csf_perfcnt_post_load(MaliCsfState *s)
{
    /* What was counted since the last sample stays behind. */
    count_anew(s);
}

#define PERFCNT_ROWS(ROW) \
    ROW(VMSTATE_BOOL(enabled, MaliCsfPerfcnt), SAVED_ANY) \
    ROW(VMSTATE_UINT8(as, MaliCsfPerfcnt), SAVED_BELOW(MALI_CSF_MAX_AS)) \
    ROW(VMSTATE_UINT8(slots, MaliCsfPerfcnt), SAVED_ANY) \
    ROW(VMSTATE_UINT64(base, MaliCsfPerfcnt), SAVED_ANY) \
    ROW(VMSTATE_UINT32_ARRAY(enable, MaliCsfPerfcnt, \
                             MALI_CSF_PERFCNT_NUM_BLOCKS), SAVED_ANY) \
    ROW(VMSTATE_UINT32(csg_select, MaliCsfPerfcnt), SAVED_ANY) \
    ROW(VMSTATE_UINT32(insert, MaliCsfPerfcnt), SAVED_ANY) \
    ROW(VMSTATE_BOOL(pending, MaliCsfPerfcnt), SAVED_ANY) \
    ROW(VMSTATE_BOOL(protected_session, MaliCsfPerfcnt), SAVED_ANY)

const MaliCsfSaved mali_csf_perfcnt_saved = {
    .vmsd = {
        .name = "mali-csf-perfcnt",
        .version_id = 2,
        .minimum_version_id = 2,
        .fields = SAVED_FIELDS(PERFCNT_ROWS),
    },
    SAVED_CHECKS(PERFCNT_ROWS),
};
