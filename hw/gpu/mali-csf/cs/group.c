/*
 * Mali CSF GPU: a group on a slot
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "engine.h"

void mali_csf_group_enter(MaliCsfGroup *group, uint8_t as,
                          const uint32_t *shared_sb)
{
    group->active = true;
    group->as = as;
    group->idle = false;
    group->sync_update = false;
    for (unsigned i = 0; i < MALI_CSF_MAX_SCOREBOARDS; i++) {
        group->shared_sb[i] = shared_sb ? shared_sb[i] : 0;
    }
}

void mali_csf_group_left(MaliCsfGroup *group)
{
    group->active = false;
}

void mali_csf_group_set_endpoints(MaliCsfGroup *group, uint64_t ep_req,
                                  uint64_t allow_compute,
                                  uint64_t allow_fragment,
                                  uint32_t allow_other)
{
    group->ep_req = ep_req;
    group->allow_compute = allow_compute;
    group->allow_fragment = allow_fragment;
    group->allow_other = allow_other;
}

bool mali_csf_group_is_idle(const MaliCsfGroup *group)
{
    for (unsigned cs = 0; cs < group->num_streams; cs++) {
        const MaliCsfStream *stream = &group->streams[cs];
        uint32_t idle_bit = mali_csf_stream_state(stream)->idle_bit;

        if (stream->state != MALI_CSF_STREAM_STOPPED &&
            (!(stream->config.idle_mask & idle_bit) ||
             mali_csf_stream_scoreboards(stream))) {
            return false;
        }
    }
    return true;
}

bool mali_csf_group_tell_idle(MaliCsfGroup *group, bool idle)
{
    const bool becomes = idle && !group->idle;

    group->idle = idle;
    return becomes;
}

bool mali_csf_group_take_sync_update(MaliCsfGroup *group)
{
    const bool updated = group->sync_update;

    group->sync_update = false;
    return updated;
}
