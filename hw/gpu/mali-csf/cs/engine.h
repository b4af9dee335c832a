/*
 * Mali CSF GPU: the command-stream engine — groups that are on a slot, and
 * their streams
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_ENGINE_H
#define HW_GPU_MALI_CSF_CS_ENGINE_H

#include "hw/gpu/mali-csf/cs-isa.h"
#include "heap.h"
#include "../mmu/mmu.h"
#include "../models.h"
#include "qemu/timer.h"

typedef struct MaliCsfModel MaliCsfModel;
typedef struct MaliCsfSaved MaliCsfSaved;
typedef struct MaliCsfState MaliCsfState;
typedef struct MaliCsfFault MaliCsfFault;

/* What the host is asked to set aside for SUSPEND is a multiple, in bytes */
#define MALI_CSF_SUSPEND_UNIT       0x4000

/* Deferred instructions of a stream; one more blocks it */
#define MALI_CSF_MAX_DEFERRED       16
/* An exception handler has a call stack of its own above the stream's */
#define MALI_CSF_MAX_FRAMES         (2 * CS_CALL_STACK_DEPTH)

typedef enum MaliCsfStreamState {
    /* Not started by the firmware interface */
    MALI_CSF_STREAM_STOPPED,
    /* Has instructions to run */
    MALI_CSF_STREAM_READY,
    /* Came to INSERT */
    MALI_CSF_STREAM_EMPTY,
    /* At a SYNC_WAIT whose condition does not hold */
    MALI_CSF_STREAM_SYNC_WAIT,
    /* At an instruction that waits for scoreboard entries */
    MALI_CSF_STREAM_SCOREBOARD_WAIT,
    /* At an instruction to be deferred, and there is no room */
    MALI_CSF_STREAM_DEFERRED_WAIT,
    /* At a PROGRESS_WAIT; at a SHARED_SB_DEC of an entry that is zero */
    MALI_CSF_STREAM_PROGRESS_WAIT,
    MALI_CSF_STREAM_SHARED_WAIT,
    /* At an instruction that needs endpoints which others have */
    MALI_CSF_STREAM_RESOURCE_WAIT,
    /* At a PROT_REGION, or in one: until the GPU is in protected mode */
    MALI_CSF_STREAM_PROTM_WAIT,
    /* At an instruction that needs a locked address */
    MALI_CSF_STREAM_STALLED,
    /* At an instruction whose access faulted, until UNMAPPED or TERMINATE */
    MALI_CSF_STREAM_MMU_FAULTED,
    /* At an instruction with a recoverable fault, until the host knows */
    MALI_CSF_STREAM_FAULT,
    /* Dead until TERMINATE */
    MALI_CSF_STREAM_FATAL,
    MALI_CSF_STREAM_NUM_STATES,
} MaliCsfStreamState;

/*
 * A buffer being executed.  Frame 0 is the ring: its addresses are byte
 * offsets that only grow, and its end is INSERT.
 */
typedef struct MaliCsfFrame {
    uint64_t start;
    uint64_t end;
    uint64_t ip;
} MaliCsfFrame;

/* The buffer of @length bytes at @start, which is entered */
static inline MaliCsfFrame mali_csf_frame(uint64_t start, uint32_t length)
{
    return (MaliCsfFrame) {
        .start = start,
        .end = start + length,
        .ip = start,
    };
}

/* Registers that LOAD_MULTIPLE and STORE_MULTIPLE can name */
#define MALI_CSF_MAX_LIST           16

/*
 * An instruction that was issued and is not done: it waits for scoreboard
 * entries, or takes time
 */
typedef struct MaliCsfDeferred {
    /* Without bits that are no field, and its address */
    uint64_t word;
    uint64_t va;
    /* Operands, as the registers had them when it was issued */
    uint64_t address;
    uint64_t data;
    /* Of STORE_MULTIPLE: what it stores, in the order of memory */
    uint32_t words[MALI_CSF_MAX_LIST];
    /* Virtual time in ns before which it is not done, or 0 */
    int64_t due;
    uint16_t wait_mask;
    uint8_t signal;
    /*
     * MALI_CSF_MEM_DONE, or what became of its last try: _STALLED until the
     * region is unlocked, _FAULTED until UPDATE; then the address
     */
    uint8_t blocked;
    uint64_t blocked_va;
} MaliCsfDeferred;

/* Where TRACE_POINT writes */
typedef struct MaliCsfTraceBuffer {
    uint64_t base;
    /* Of the 64-bit offset at which the next event is written */
    uint64_t offset_va;
    /* In bytes, a power of two; 0: nowhere */
    uint32_t size;
    /* Log2 of the bytes of an event; bits of CS_STATE_* that it begins with */
    uint8_t event_size;
    uint8_t event_state;
} MaliCsfTraceBuffer;

/* In bytes, of every model */
#define MALI_CSF_MAX_TRACE_EVENT        128
#define MALI_CSF_MAX_TRACE_EVENT_LOG2   7

/* Each member has a row in cs/saved.c. */
typedef struct MaliCsfStream {
    uint32_t state;

    /* Set by the firmware interface */
    uint64_t ring_base;
    uint32_t ring_size;
    uint64_t user_input;
    uint64_t user_output;
    uint8_t priority;
    uint8_t doorbell;
    MaliCsfTraceBuffer trace;
    /* CS_IDLE_* bits of CS_REQ: which waits count as idle */
    uint32_t idle_mask;

    /* Saved and restored by SUSPEND and RESUME */
    uint32_t regs[MALI_CSF_MAX_WORK_REGISTERS];
    MaliCsfFrame frames[MALI_CSF_MAX_FRAMES];
    uint8_t depth;
    /* The frame of the exception handler that runs, or 0 */
    uint8_t handler_depth;
    /* What SET_EXCEPTION_HANDLER named; length 0 if nothing */
    uint64_t handler_va;
    uint32_t handler_length;
    /*
     * The end of the protected region that it is in, or 0, and the frame of
     * that.  Granted: PROTM_ENTER has come, and the region begins next.
     */
    uint64_t protm_end;
    uint8_t protm_depth;
    bool protm_granted;
    /* The host has yet to be told that it waits for protected mode */
    bool protm_unpublished;
    /* What HEAP_SET named, and work that waits for memory of a heap */
    uint64_t heap_va;
    MaliCsfTiler tiler;
    /* Ring offset before which every instruction is retired */
    uint64_t extract;
    uint8_t sb_endpoint;
    uint8_t sb_other;
    uint8_t sb_deferred;
    uint16_t sb_mask_stream;
    uint16_t sb_mask_wait;
    /* What REQ_RESOURCE named, and kinds of endpoints that it holds */
    uint8_t resources;
    uint8_t granted;
    uint64_t progress;
    /* The oldest first */
    MaliCsfDeferred deferred[MALI_CSF_MAX_DEFERRED];
    uint8_t num_deferred;
    /* Type of the CS_FAULT that ERROR_BARRIER has not yet cleared, or 0 */
    uint8_t error;
    /* Loaded from a suspend buffer: CS START goes on in that state */
    bool resumable;
    uint32_t resume_state;

    /*
     * Work in flight, by scoreboard entry, and the virtual time by which an
     * endpoint is done with all of it
     */
    uint32_t scoreboard[MALI_CSF_MAX_SCOREBOARDS];
    int64_t work_end[MALI_CSF_MAX_SCOREBOARDS];
    /* Modes of the cache flushes among it, or 0 */
    uint16_t flush_modes[MALI_CSF_MAX_SCOREBOARDS];
    /* Virtual time at which an endpoint last took or ended work of it */
    int64_t work_progress;

    /* Slices in which it was ready and had no turn */
    uint32_t passed_over;

    /*
     * Of the instruction that blocks the stream.  PROGRESS_WAIT has the number
     * of the other stream in wait_condition, SHARED_SB_DEC the entry in
     * wait_value.  Who waits for endpoints has their kinds in wait_mask, and
     * in wait_value a number: the lower one has waited longer.
     */
    uint64_t wait_va;
    uint64_t wait_value;
    uint8_t wait_condition;
    bool wait_64bit;
    uint32_t wait_mask;

    /* Of CS_FAULT and CS_FATAL */
    uint32_t fault;
    uint64_t fault_info;
    /* The host has yet to be told of it */
    bool fault_unpublished;
    /* EXTRACT moved since it was last written */
    bool extract_unpublished;

    /*
     * For user-notes, not saved: registers that a load names which no WAIT was
     * for, and the scoreboard entry of each that is one
     */
    uint64_t loading[MALI_CSF_MAX_WORK_REGISTERS / 64];
    uint8_t loading_entry[MALI_CSF_MAX_WORK_REGISTERS];
} MaliCsfStream;

/* Kinds of endpoints */
enum {
    MALI_CSF_EP_COMPUTE,
    MALI_CSF_EP_FRAGMENT,
    MALI_CSF_EP_TILER,
    MALI_CSF_EP_NUM,
};

typedef struct MaliCsfGroup {
    bool active;
    /* Its streams are yet to be started: START or RESUME is not acknowledged */
    bool entering;
    /* Streams whose doorbell is acknowledged but not yet served */
    uint32_t cs_doorbells;
    uint8_t as;
    uint64_t suspend_buf;
    uint64_t protm_suspend_buf;
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

/* Forget what the stream did and start at @extract of its ring */
void mali_csf_stream_reset(MaliCsfStream *stream, uint64_t extract);

/* The ring has instructions up to @insert now */
void mali_csf_stream_set_insert(MaliCsfState *s, unsigned csg, unsigned cs,
                                uint64_t insert);

/* Go on after a recoverable fault that the host has acknowledged */
void mali_csf_stream_fault_acknowledged(MaliCsfStream *stream);

/* Is there anything that a turn of the stream would do? */
bool mali_csf_stream_has_work(MaliCsfState *s, const MaliCsfStream *stream);

/* VA of the instruction that the stream is at */
uint64_t mali_csf_stream_ip(const MaliCsfStream *stream);

/*
 * Bit mask of the scoreboard entries that are not zero: of endpoints' work,
 * and of deferred instructions too
 */
uint32_t mali_csf_stream_work(const MaliCsfStream *stream);
uint32_t mali_csf_stream_scoreboards(const MaliCsfStream *stream);

/* How deep the stream may call now: frames, the current ones included */
static inline unsigned mali_csf_stream_frames(const MaliCsfStream *stream)
{
    return stream->handler_depth + CS_CALL_STACK_DEPTH;
}

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

/* A dead stream: @type and @data make CS_FATAL, @info is CS_FATAL_INFO */
void mali_csf_stream_fatal(MaliCsfState *s, unsigned csg, unsigned cs,
                           uint8_t type, uint32_t data, uint64_t info);

/*
 * A recoverable fault: the stream stays at the instruction until the host
 * has acknowledged it.  @type and @data make CS_FAULT.
 */
void mali_csf_stream_fault(MaliCsfState *s, unsigned csg, unsigned cs,
                           uint8_t type, uint32_t data, uint64_t info);

/* Look again at every SYNC_WAIT: a doorbell rang or a sync object changed */
void mali_csf_engine_check_waits(MaliCsfState *s);
/* A SYNC_WAIT blocks a stream from now on */
void mali_csf_engine_sync_wait_begins(MaliCsfState *s);

/* The stream may go on if its scoreboard entries were all that it waited for */
void mali_csf_stream_check_scoreboard(MaliCsfState *s, MaliCsfStream *stream);

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
