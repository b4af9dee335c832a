/*
 * Mali CSF GPU: cache flushes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/gpu/mali-csf/gpu-regs.h"
#include "../device.h"
#include "../saved.h"
#include "../trace.h"

void mali_csf_cache_flushed(MaliCsfState *s, uint32_t modes)
{
    MaliCsfCache *cache = &s->cache;
    uint32_t id = FIELD_EX32(cache->latest_flush_id + 1, LATEST_FLUSH_ID, ID);

    cache->flushes++;
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_flush_done(s, modes);
    }
    if (!extract32(modes, 0, 4) || !extract32(modes, 4, 4) ||
        !extract32(modes, 8, 4)) {
        return;
    }
    cache->latest_flush_id = id ?: 1;
    trace_mali_csf_flush_id(s->trace_id, cache->latest_flush_id);
}

void mali_csf_cache_reset(MaliCsfCache *cache)
{
    cache->latest_flush_id = 1;
}

void mali_csf_cache_reset_enter(MaliCsfState *s)
{
    mali_csf_cache_reset(&s->cache);
    s->cache.flushes = 0;
}

static bool is_flush_id(MaliCsfState *s, uint64_t value)
{
    return value && !(value & ~(uint64_t)R_LATEST_FLUSH_ID_ID_MASK);
}

#define CACHE_ROWS(ROW) \
    ROW(VMSTATE_UINT32(latest_flush_id, MaliCsfCache), SAVED_IF(is_flush_id))

const MaliCsfSaved mali_csf_cache_saved = {
    .vmsd = {
        .name = "mali-csf-cache",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(CACHE_ROWS),
    },
    SAVED_CHECKS(CACHE_ROWS),
};
