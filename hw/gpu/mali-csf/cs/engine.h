/*
 * Mali CSF GPU: the command-stream engine — groups that are on a slot, and
 * their streams
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_ENGINE_H
#define HW_GPU_MALI_CSF_CS_ENGINE_H

#include "stream.h"
#include "../mmu/mmu.h"
#include "../models.h"
#include "qemu/timer.h"

typedef struct MaliCsfSaved MaliCsfSaved;
typedef struct MaliCsfState MaliCsfState;

/* What the host is asked to set aside for SUSPEND is a multiple, in bytes */
#define MALI_CSF_SUSPEND_UNIT       0x4000

/* Kinds of endpoints */
enum {
    MALI_CSF_EP_COMPUTE,
    MALI_CSF_EP_FRAGMENT,
    MALI_CSF_EP_TILER,
    MALI_CSF_EP_NUM,
};

typedef struct MaliCsfGroup {
    bool active;
    uint8_t as;
    /*
     * CSG_EP_REQ2 and CSG_ALLOW_*, latched by EP_CFG; what CSG_EP_REQ has is
     * the low half of the former
     */
    uint64_t ep_req;
    uint64_t allow_compute;
    uint64_t allow_fragment;
    uint32_t allow_other;
    /* Those that its streams hold, by kind, if one of them holds any */
    uint64_t endpoints[MALI_CSF_EP_NUM];
    /* As last told to the host */
    bool idle;
    /* A stream wrote a sync object of system scope */
    bool sync_update;
    /* Its streams run no more: it leaves the slot when its work is over */
    bool leaving;
    /* Scoreboard entries of all streams; saved by SUSPEND */
    uint32_t shared_sb[MALI_CSF_MAX_SCOREBOARDS];
    /* cs_per_csg of the model, from realize to unrealize */
    uint32_t num_streams;
    MaliCsfStream *streams;
} MaliCsfGroup;

/*
 * A group has come to the slot, with its streams as they are and the entries
 * @shared_sb, MALI_CSF_MAX_SCOREBOARDS of them; NULL: all are zero.
 */
void mali_csf_group_enter(MaliCsfGroup *group, uint8_t as,
                          const uint32_t *shared_sb);
/* It has left the slot. */
void mali_csf_group_left(MaliCsfGroup *group);

/* The request EP_CFG, see MaliCsfGroup */
void mali_csf_group_set_endpoints(MaliCsfGroup *group, uint64_t ep_req,
                                  uint64_t allow_compute,
                                  uint64_t allow_fragment,
                                  uint32_t allow_other);

/* Does what its streams do count as idle, as they were told at CS START? */
bool mali_csf_group_is_idle(const MaliCsfGroup *group);
/* The host is told now whether it is: true if it has become so. */
bool mali_csf_group_tell_idle(MaliCsfGroup *group, bool idle);
/* Has a sync object of system scope been written?  True once. */
bool mali_csf_group_take_sync_update(MaliCsfGroup *group);

/* Do its streams have turns? */
static inline bool mali_csf_group_runs(const MaliCsfGroup *group)
{
    return group->active && !group->leaving;
}

/* What is counted of a slot's groups */
typedef enum MaliCsfGroupCount {
    MALI_CSF_GROUP_INSTRUCTIONS,
    MALI_CSF_GROUP_COMPUTE,
    MALI_CSF_GROUP_FRAGMENT,
    MALI_CSF_GROUP_TILER,
    MALI_CSF_GROUP_FAULTS,
    MALI_CSF_GROUP_NUM_COUNTS,
} MaliCsfGroupCount;

typedef struct MaliCsfEngine {
    /* The instructions of the model's architecture, by opcode */
    struct MaliCsfDispatch *dispatch;

    MaliCsfMmuListener mmu_listener;
    /* Told, soon after the fact, that the firmware has something to look at */
    void (*notify)(MaliCsfState *s);

    /* csg_slots of the model, from realize to unrealize */
    uint32_t num_groups;
    MaliCsfGroup *groups;
    /* The stream whose turn it is, counted over all slots */
    uint32_t next;
    /* The GPU is in protected mode, for streams: these alone run */
    bool protected_mode;
    /* It is about to be, once what is in flight has ended: nobody runs */
    bool protm_quiet;
    /* Virtual time before which no slice may start */
    int64_t not_before;
    QEMUTimer *slice_timer;
    /* When a saved state is read or written: when the timers are due, or -1 */
    int64_t slice_due;
    int64_t work_due;

    /* How long a FLUSH_CACHE2 takes, a property */
    uint64_t flush_latency_ns;
    /* How long LOAD_MULTIPLE and STORE_MULTIPLE take, likewise */
    uint64_t load_latency_ns;
    /* Chunks of its heap that a piece of the tiler's work takes, likewise */
    uint64_t endpoint_heap_chunks;
    QEMUTimer *work_timer;

    /*
     * The longest pause between two looks at the objects of SYNC_WAITs, a
     * property; 0: only a doorbell and a stream that writes an object have
     * them looked at.  The pause that the timer runs for now, and how many
     * waited on at the last look.
     */
    uint64_t sync_poll_ns;
    int64_t sync_poll_pause;
    uint32_t sync_waits;
    QEMUTimer *sync_poll_timer;
    int64_t sync_poll_due;

    /* Number of the next stream that waits for endpoints */
    uint64_t resource_waits;

    /*
     * Of the firmware pass that runs: chunks that a stream may take from its
     * heap, those that all have taken, and whether one has to wait
     */
    uint32_t chunks_each;
    uint32_t chunks_moved;
    bool chunks_left;

    /* Counters, zero after QEMU reset */
    uint64_t instructions;
    uint64_t slices;
    uint64_t tiler_ooms;

    /* The same, not migrated */
    uint64_t largest_slice;
    uint64_t cs_faults;
    uint64_t cs_fatals;
    uint64_t compute_works;
    uint64_t fragment_works;
    uint64_t tiler_works;
    uint64_t group_counts[MALI_CSF_MAX_CSG][MALI_CSF_GROUP_NUM_COUNTS];
} MaliCsfEngine;

extern const MaliCsfSaved mali_csf_engine_saved;

/* The properties, before they are set */
void mali_csf_engine_instance_init(MaliCsfState *s);

/* @notify: see MaliCsfEngine */
void mali_csf_engine_init(MaliCsfState *s, void (*notify)(MaliCsfState *s));
void mali_csf_engine_finalize(MaliCsfState *s);
void mali_csf_engine_reset_enter(MaliCsfState *s);
/* Before a state is saved, and when the engine has what was loaded */
void mali_csf_engine_pre_save(MaliCsfState *s);
void mali_csf_engine_post_load(MaliCsfState *s);

/* Give @engine groups and streams, all zero, as @model has them; free them */
void mali_csf_engine_new_groups(MaliCsfEngine *engine,
                                const MaliCsfModel *model);
void mali_csf_engine_free_groups(MaliCsfEngine *engine);

/* Forget every group: GPU reset, MCU off, MCU boot */
void mali_csf_engine_drop_all(MaliCsfState *s);

/* Something came of a stream or group that the firmware has to look at */
void mali_csf_engine_notify(MaliCsfState *s);

/* Arm the slice timer if a stream is ready and the MCU runs */
void mali_csf_engine_kick(MaliCsfState *s);

/* The same, if it is known that only this stream may have become ready */
void mali_csf_engine_kick_stream(MaliCsfState *s, const MaliCsfStream *stream);

/* One slice, now, without the pause behind it; returns the weight it used */
unsigned mali_csf_engine_slice(MaliCsfState *s);

/* Is there anything that a turn of the stream would do? */
bool mali_csf_stream_has_work(MaliCsfState *s, const MaliCsfStream *stream);

/* How many bytes of a suspend buffer a stream takes, a multiple of 8 */
size_t mali_csf_stream_suspended_size(void);

/* Write the stream to so many bytes at @buf */
void mali_csf_stream_suspend(const MaliCsfStream *stream, uint8_t *buf);

/*
 * Take it from there.  It is stopped then, and goes on at CS START.  False if
 * no stream can have such a state: it is as after mali_csf_stream_reset().
 */
bool mali_csf_stream_resume(MaliCsfState *s, MaliCsfStream *stream,
                            const uint8_t *buf);

/* Look again at every SYNC_WAIT: a doorbell rang or a sync object changed */
void mali_csf_engine_check_waits(MaliCsfState *s);
/* A SYNC_WAIT blocks a stream from now on */
void mali_csf_engine_sync_wait_begins(MaliCsfState *s);

/*
 * A FLUSH_CACHE2 of @modes begins.  It is done when this returns, or holds
 * the scoreboard entry for x-cs-flush-latency-ns.
 */
void mali_csf_engine_flush(MaliCsfState *s, unsigned csg, unsigned cs,
                           unsigned scoreboard, uint32_t modes);

/*
 * All that the stream has in flight, but at an endpoint, is done now: SUSPEND
 * does not wait.  Except for what has not begun, for want of memory.
 */
void mali_csf_engine_end_own_work(MaliCsfState *s, unsigned csg, unsigned cs);

/* The same of a stream that has no slot yet: nothing is at an endpoint */
void mali_csf_stream_end_work(MaliCsfStream *stream);

#endif /* HW_GPU_MALI_CSF_CS_ENGINE_H */
