/*
 * Mali CSF GPU: the buffer that a group is suspended to
 *
 * What SUSPEND writes to the host's buffer is our own format; the host and the
 * guest's programs may have changed it by the time of RESUME.  A stream that
 * is in a protected region goes to the buffer for protected content instead:
 * nothing of it but that is in the other one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "../device.h"
#include "../log.h"

#define SUSPEND_MAGIC       0x4653434d  /* "MCSF" */
#define PROTM_SUSPEND_MAGIC 0x5053434d  /* "MCSP" */
/* Changes with what is suspended of a stream, cs/saved.c, and with this */
#define SUSPEND_VERSION     10

/* Start of a suspend buffer, little-endian; the streams follow */
typedef struct QEMU_PACKED SuspendedGroup {
    uint32_t magic;
    uint32_t version;
    /* Of all of it, in bytes */
    uint32_t size;
    uint32_t streams;
    uint32_t registers;
    /* A bit for each stream that is in the buffer for protected content */
    uint32_t is_protected;
    uint32_t shared_sb[MALI_CSF_MAX_SCOREBOARDS];
} SuspendedGroup;

static MaliCsfGroup *group_get(MaliCsfState *s, unsigned csg)
{
    return &s->engine.groups[csg];
}

uint64_t mali_csf_fw_suspended_bytes(MaliCsfState *s)
{
    return sizeof(SuspendedGroup) +
           s->model->cs_per_csg * mali_csf_stream_suspended_size();
}

uint32_t mali_csf_fw_suspend_size(MaliCsfState *s)
{
    return ROUND_UP(mali_csf_fw_suspended_bytes(s), MALI_CSF_SUSPEND_UNIT);
}

static uint8_t *suspended_stream(SuspendedGroup *saved, unsigned cs)
{
    return (uint8_t *)(saved + 1) + cs * mali_csf_stream_suspended_size();
}

static SuspendedGroup *new_buffer(MaliCsfState *s)
{
    return g_malloc0(mali_csf_fw_suspended_bytes(s));
}

static void header_save(MaliCsfState *s, uint32_t magic,
                        SuspendedGroup *saved)
{
    saved->magic = cpu_to_le32(magic);
    saved->version = cpu_to_le32(SUSPEND_VERSION);
    saved->size = cpu_to_le32(mali_csf_fw_suspended_bytes(s));
    saved->streams = cpu_to_le32(s->model->cs_per_csg);
    saved->registers = cpu_to_le32(s->model->work_registers);
}

static bool header_valid(MaliCsfState *s, uint32_t magic,
                         const SuspendedGroup *saved)
{
    return le32_to_cpu(saved->magic) == magic &&
           le32_to_cpu(saved->version) == SUSPEND_VERSION &&
           le32_to_cpu(saved->size) == mali_csf_fw_suspended_bytes(s) &&
           le32_to_cpu(saved->streams) == s->model->cs_per_csg &&
           le32_to_cpu(saved->registers) == s->model->work_registers;
}

/* What becomes of an access to a suspend buffer: PARKED if it is locked */
static MaliCsfFwResult buffer_result(MaliCsfState *s, MaliCsfMemResult result)
{
    if (result == MALI_CSF_MEM_STALLED) {
        return MALI_CSF_FW_PARKED;
    }
    if (result != MALI_CSF_MEM_DONE) {
        s->mcu.fw.access_failed = true;
    }
    return MALI_CSF_FW_DONE;
}

static MaliCsfFwResult group_write(MaliCsfState *s, uint64_t va,
                                   const SuspendedGroup *saved)
{
    return buffer_result(s, mali_csf_mem_write(&s->view, FW_AS, va, saved,
                                               mali_csf_fw_suspended_bytes(s),
                                               &s->mcu.fw.access_fault));
}

/*
 * The buffer for protected content: the firmware goes there in protected mode,
 * which nobody else is in by then.
 */
static MaliCsfFwResult hidden_write(MaliCsfState *s, uint64_t va,
                                    const SuspendedGroup *saved)
{
    bool before = mali_csf_view_set_protected(&s->view, true);
    MaliCsfFwResult result = group_write(s, va, saved);

    mali_csf_view_set_protected(&s->view, before);
    return result;
}

static MaliCsfFwResult group_read(MaliCsfState *s, uint64_t va,
                                  SuspendedGroup *saved)
{
    return buffer_result(s, mali_csf_mem_read(&s->view, FW_AS, va, saved,
                                              mali_csf_fw_suspended_bytes(s),
                                              &s->mcu.fw.access_fault));
}

static MaliCsfFwResult hidden_read(MaliCsfState *s, uint64_t va,
                                   SuspendedGroup *saved)
{
    bool before = mali_csf_view_set_protected(&s->view, true);
    MaliCsfFwResult result = group_read(s, va, saved);

    mali_csf_view_set_protected(&s->view, before);
    return result;
}

MaliCsfFwResult mali_csf_fw_group_save(MaliCsfState *s, unsigned csg)
{
    const MaliCsfGroup *group = group_get(s, csg);
    const MaliCsfFwGroup *buffers = &s->mcu.fw.groups[csg];
    g_autofree SuspendedGroup *saved = new_buffer(s);
    g_autofree SuspendedGroup *hidden = NULL;
    uint32_t is_protected = 0;
    unsigned cs, i;

    header_save(s, SUSPEND_MAGIC, saved);
    for (i = 0; i < MALI_CSF_MAX_SCOREBOARDS; i++) {
        saved->shared_sb[i] = cpu_to_le32(group->shared_sb[i]);
    }
    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        const MaliCsfStream *stream = &group->streams[cs];

        if (!stream->protm_end) {
            mali_csf_stream_suspend(stream, suspended_stream(saved, cs));
            continue;
        }
        if (!hidden) {
            hidden = new_buffer(s);
            header_save(s, PROTM_SUSPEND_MAGIC, hidden);
        }
        is_protected |= 1u << cs;
        mali_csf_stream_suspend(stream, suspended_stream(hidden, cs));
    }
    saved->is_protected = cpu_to_le32(is_protected);
    if (hidden && hidden_write(s, buffers->protm_suspend_buf, hidden) ==
        MALI_CSF_FW_PARKED) {
        return MALI_CSF_FW_PARKED;
    }
    return group_write(s, buffers->suspend_buf, saved);
}

MaliCsfFwResult mali_csf_fw_group_restore(MaliCsfState *s, unsigned csg,
                                          const MaliCsfFwGroup *buffers,
                                          uint32_t *shared_sb)
{
    MaliCsfGroup *group = group_get(s, csg);
    g_autofree SuspendedGroup *saved = new_buffer(s);
    g_autofree SuspendedGroup *hidden = NULL;
    bool valid, hidden_valid = false;
    uint32_t protected_mask;
    unsigned cs, i;

    if (group_read(s, buffers->suspend_buf, saved) == MALI_CSF_FW_PARKED) {
        return MALI_CSF_FW_PARKED;
    }
    valid = header_valid(s, SUSPEND_MAGIC, saved);
    protected_mask = valid ? le32_to_cpu(saved->is_protected) &
                             MAKE_64BIT_MASK(0, s->model->cs_per_csg) : 0;
    if (protected_mask) {
        hidden = new_buffer(s);
        if (hidden_read(s, buffers->protm_suspend_buf, hidden) ==
            MALI_CSF_FW_PARKED) {
            return MALI_CSF_FW_PARKED;
        }
        hidden_valid = header_valid(s, PROTM_SUSPEND_MAGIC, hidden);
    }
    if (s->mcu.fw.access_failed) {
        return MALI_CSF_FW_DONE;
    }

    for (i = 0; i < MALI_CSF_MAX_SCOREBOARDS; i++) {
        shared_sb[i] = valid ? le32_to_cpu(saved->shared_sb[i]) : 0;
    }
    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        MaliCsfStream *stream = &group->streams[cs];
        bool is_protected = protected_mask & 1u << cs;

        /* A region that goes on is in the buffer for it, and there alone. */
        if (!valid || (is_protected && !hidden_valid) ||
            !mali_csf_stream_resume(s, stream,
                                    suspended_stream(is_protected ? hidden :
                                                     saved, cs)) ||
            (stream->protm_end == 0) == is_protected) {
            mali_csf_stream_reset(stream, 0);
            mali_csf_log_mask(LOG_GUEST_ERROR, "%s: CSG %u: not a suspend "
                              "buffer of ours at 0x%" PRIx64 ", CS %u starts "
                              "anew\n", __func__, csg, is_protected ?
                              buffers->protm_suspend_buf : buffers->suspend_buf,
                              cs);
        }
    }
    return MALI_CSF_FW_DONE;
}
