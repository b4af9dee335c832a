/*
 * Mali CSF GPU: the firmware's side of the shared memory interface
 *
 * fw/global.c, fw/group.c and fw/stream.c each serve one level of it.  All
 * of them run within a firmware pass (mcu.c), which has proved before that
 * no page it needs is locked.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_FW_FIRMWARE_H
#define HW_GPU_MALI_CSF_FW_FIRMWARE_H

#include "hw/gpu/mali-csf/fw-interface.h"
#include "../mmu/mmu.h"
#include "../models.h"

typedef struct MaliCsfState MaliCsfState;

/* The firmware's address space */
#define FW_AS   0

/* An injection may keep the GPU in protected mode when it is over. */
typedef enum MaliCsfProtmLeave {
    MALI_CSF_PROTM_NOT_OVER,
    MALI_CSF_PROTM_HELD,
    /* Held no longer: the next pass ends it. */
    MALI_CSF_PROTM_DUE,
    MALI_CSF_PROTM_NUM_LEAVES,
} MaliCsfProtmLeave;

/* What it keeps of a group that is on a slot */
typedef struct MaliCsfFwGroup {
    /* Its streams are yet to be started: START or RESUME is not acknowledged */
    bool entering;
    /* Streams whose doorbell is acknowledged but not yet served */
    uint32_t cs_doorbells;
    uint64_t suspend_buf;
    uint64_t protm_suspend_buf;
} MaliCsfFwGroup;

typedef struct MaliCsfFirmware {
    /* Of the interface, since the last boot: GLB_CONTROL_VERSION, _FEATURES */
    uint32_t version;
    uint32_t features;
    /* The section for protected mode, in bytes of address space 0; 0: none */
    uint32_t protected_va;
    uint32_t protected_size;

    /* Groups whose doorbell is acknowledged but not yet served */
    uint32_t csg_doorbells;
    /* The one that is served first: 0, unless a pass had no time for it */
    uint8_t next_csg;

    /* Latched from the global input block */
    uint32_t progress_timer;
    uint32_t poweroff_timer;
    uint32_t eviction_timer;
    uint64_t core_mask;
    bool idle_enabled;
    /* With the GLB_IDLE event it goes to sleep */
    bool sleep_on_idle;

    MaliCsfFwGroup groups[MALI_CSF_MAX_CSG];

    /* Protected mode is to be left, or given up, as soon as that can be */
    bool protm_forced;
    /* It was asked for, and is not there yet */
    bool protm_entering;
    /* MaliCsfProtmLeave */
    uint8_t protm_leave;
    /* Virtual time at which it begins, or -1: when an injection lets it */
    int64_t protm_enter_at;

    /* Stopped by SLEEP: goes on, groups and all, when it is woken */
    bool asleep;
    /* Virtual time at which idle shader cores are off, or -1 */
    int64_t cores_off_at;

    /* A group was busy since the last GLB_IDLE event */
    bool was_busy;
    /* Virtual time at which GLB_IDLE is due, or -1 */
    int64_t idle_deadline;

    /* An access of this pass failed in spite of the proof; not migrated */
    bool access_failed;
    MaliCsfFault access_fault;
} MaliCsfFirmware;

/* Result of serving a request */
typedef enum MaliCsfFwResult {
    MALI_CSF_FW_DONE,
    /* A page that it needs is locked; nothing was changed. */
    MALI_CSF_FW_PARKED,
    /* Work of the group is in flight; the next pass tries again. */
    MALI_CSF_FW_BUSY,
} MaliCsfFwResult;

/*
 * Words of the shared memory, by address in address space 0.  Failure is
 * noted in access_failed and ends the pass in a fatal error; a load then
 * returns 0.
 */
uint32_t mali_csf_fw_load32(MaliCsfState *s, uint64_t va);
uint64_t mali_csf_fw_load64(MaliCsfState *s, uint64_t va);
void mali_csf_fw_store32(MaliCsfState *s, uint64_t va, uint32_t value);
void mali_csf_fw_store64(MaliCsfState *s, uint64_t va, uint64_t value);

/* Where the blocks are; the same at each boot */
uint32_t mali_csf_fw_glb_input(MaliCsfState *s);
uint32_t mali_csf_fw_glb_output(MaliCsfState *s);
uint32_t mali_csf_fw_csg_input(MaliCsfState *s, unsigned csg);
uint32_t mali_csf_fw_csg_output(MaliCsfState *s, unsigned csg);
uint32_t mali_csf_fw_cs_input(MaliCsfState *s, unsigned csg, unsigned cs);
uint32_t mali_csf_fw_cs_output(MaliCsfState *s, unsigned csg, unsigned cs);
/* End of the last block, exclusive */
uint32_t mali_csf_fw_end(MaliCsfState *s);
/*
 * Whether the shared section has room for the blocks of all groups and streams
 * of @model; if not, the error says for how many groups it has.
 */
bool mali_csf_fw_fits(const MaliCsfModel *model, Error **errp);

/* fw/global.c */
/* Does the interface have what came with @major.@minor? */
bool mali_csf_fw_since(MaliCsfState *s, uint8_t major, uint8_t minor);
/* Would booting read a locked page, besides those of the shared section? */
bool mali_csf_fw_boot_locked(MaliCsfState *s, uint64_t *va);
void mali_csf_fw_boot(MaliCsfState *s);
/* The firmware halts: say what has become of the groups */
void mali_csf_fw_halt(MaliCsfState *s);
/* The firmware dies: tell the host in HALT_STATUS, if it can be written */
void mali_csf_fw_panic(MaliCsfState *s);
/* Is there a request that the firmware would have to acknowledge? */
bool mali_csf_fw_glb_asked(MaliCsfState *s);
/* Doorbell 0 rang */
void mali_csf_fw_glb_doorbell(MaliCsfState *s);
/* Raise GLB_IDLE if it is due; re-arm the pass timer if it will be */
void mali_csf_fw_glb_idle(MaliCsfState *s);
/* Say that protected mode is over */
void mali_csf_fw_glb_protm_exit(MaliCsfState *s);
/* The shader cores that the firmware has switched on, while it runs */
uint64_t mali_csf_fw_shader_ready(MaliCsfState *s);

/* What GLB_PROGRESS_TIMER says, in nanoseconds; 0: no limit */
int64_t mali_csf_fw_progress_ns(MaliCsfState *s);

/* fw/group.c */
MaliCsfFwResult mali_csf_fw_csg_doorbell(MaliCsfState *s, unsigned csg);
/* Tell the host what happened in the group since the last pass */
void mali_csf_fw_csg_publish(MaliCsfState *s, unsigned csg);
/* Status words of the group and of its streams */
void mali_csf_fw_csg_status(MaliCsfState *s, unsigned csg);
/* Would serving the group's requests touch a locked page? */
bool mali_csf_fw_csg_locked(MaliCsfState *s, unsigned csg, uint64_t *va);

/* fw/suspend.c */
/* What the host is asked to set aside for SUSPEND of a group, in bytes */
uint32_t mali_csf_fw_suspend_size(MaliCsfState *s);
/* How much of that is used */
uint64_t mali_csf_fw_suspended_bytes(MaliCsfState *s);
/* DONE, PARKED if a buffer is locked */
MaliCsfFwResult mali_csf_fw_group_save(MaliCsfState *s, unsigned csg);
/*
 * The same: of all streams, and @shared_sb receives the entries that they
 * share, MALI_CSF_MAX_SCOREBOARDS of them.
 */
MaliCsfFwResult mali_csf_fw_group_restore(MaliCsfState *s, unsigned csg,
                                          const MaliCsfFwGroup *buffers,
                                          uint32_t *shared_sb);

/* fw/stream.c */
/* Serve CS_REQ; @started: the group was just started or resumed */
MaliCsfFwResult mali_csf_fw_cs_request(MaliCsfState *s, unsigned csg,
                                       unsigned cs, bool started);
void mali_csf_fw_cs_user_doorbell(MaliCsfState *s, unsigned csg, unsigned cs);
void mali_csf_fw_cs_publish(MaliCsfState *s, unsigned csg, unsigned cs);
void mali_csf_fw_cs_status(MaliCsfState *s, unsigned csg, unsigned cs);
/* Stop the stream; its user page says so */
void mali_csf_fw_cs_stop(MaliCsfState *s, unsigned csg, unsigned cs);
bool mali_csf_fw_cs_locked(MaliCsfState *s, unsigned csg, unsigned cs,
                           uint64_t *va);

#endif /* HW_GPU_MALI_CSF_FW_FIRMWARE_H */
