/*
 * Mali CSF GPU: a command stream, and what becomes of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_STREAM_H
#define HW_GPU_MALI_CSF_CS_STREAM_H

#include "hw/gpu/mali-csf/cs-isa.h"
#include "../endpoint/endpoint.h"
#include "heap.h"
#include "../mmu/view.h"
#include "../models.h"

typedef struct MaliCsfState MaliCsfState;

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

/* Of a stream that leaves its slot; work beyond these is waited for */
#define MALI_CSF_MAX_SUSPENDED_WORKS    4
/* Registers that RUN_COMPUTE reads, and parts that may be left of its grid */
#define MALI_CSF_SUSPENDED_REGISTERS    40
#define MALI_CSF_SUSPENDED_RANGES       24

/* Work that was not done when its group left the slot, and goes on later */
typedef struct MaliCsfSuspendedWork {
    uint64_t word;
    uint32_t regs[MALI_CSF_SUSPENDED_REGISTERS];
    MaliCsfWorkRange left[MALI_CSF_SUSPENDED_RANGES];
    uint8_t num_left;
    uint8_t scoreboard;
} MaliCsfSuspendedWork;

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

/* What CS START gives a stream */
typedef struct MaliCsfStreamConfig {
    uint64_t ring_base;
    uint32_t ring_size;
    uint64_t user_input;
    uint64_t user_output;
    uint8_t priority;
    uint8_t doorbell;
    MaliCsfTraceBuffer trace;
    /* CS_IDLE_* bits of CS_REQ: which waits count as idle */
    uint32_t idle_mask;
} MaliCsfStreamConfig;

/* What the firmware tells the host of a stream */
enum {
    /* EXTRACT has moved */
    MALI_CSF_NEWS_EXTRACT = 1 << 0,
    /* It waits for protected mode */
    MALI_CSF_NEWS_PROTM = 1 << 1,
    /* CS_FAULT or CS_FATAL */
    MALI_CSF_NEWS_FAULT = 1 << 2,
    MALI_CSF_NEWS_ALL = 7,
};

/* In bytes, of every model */
#define MALI_CSF_MAX_TRACE_EVENT        128
#define MALI_CSF_MAX_TRACE_EVENT_LOG2   7

/* What a stream that does not run waits for: its state says which of these */
typedef struct MaliCsfWait {
    /* SYNC_WAIT: the object, and what its value is compared with */
    struct {
        uint64_t va;
        uint64_t reference;
        uint8_t condition;
        bool is_64bit;
    } sync;
    /* SCOREBOARD_WAIT: bit mask of the entries */
    uint16_t entries;
    /* PROGRESS_WAIT: a stream of the group, and what it has to come to */
    struct {
        uint8_t cs;
        uint64_t reference;
    } progress;
    /* SHARED_WAIT: the entry of the group */
    uint8_t shared_entry;
    /* RESOURCE_WAIT: kinds; who has a lower number has waited longer */
    struct {
        uint8_t kinds;
        uint64_t number;
    } resource;
    /* STALLED, MMU_FAULTED: where the access would have been */
    uint64_t va;
} MaliCsfWait;

/* What a state means: mali_csf_stream_state() */
typedef struct MaliCsfStateInfo {
    /* For traces, and for people */
    const char *name;
    const char *text;
    /* Started, and not dead */
    bool is_alive;
    /* Its exception handler may run first; then it waits anew */
    bool is_interruptible;
    /* The end of protected mode has it wait for that anew, if it is in use */
    bool asks_for_protm;
    /* Endpoints stay with it, though none of them works for it */
    bool keeps_endpoints;
    /* What blocks the access that it is at; DONE: it is at none */
    MaliCsfMemResult blocked_by;
    /* CS_IDLE_* of CS_REQ: by this bit it counts as idle; 0: never */
    uint32_t idle_bit;
    /* CS_STATUS_BLOCKED_REASON, and what CS_STATUS_WAIT has of each wait */
    uint32_t blocked_reason;
    uint32_t status_wait;
    /* In which CS START goes on with one that was suspended */
    MaliCsfStreamState resumes_as;
} MaliCsfStateInfo;

/* Which one a stream is, from realize to unrealize; NULL of a saved state */
typedef struct MaliCsfStreamId {
    MaliCsfState *s;
    uint8_t csg;
    uint8_t cs;
} MaliCsfStreamId;

/* Each member but id has a row in cs/saved.c. */
typedef struct MaliCsfStream {
    MaliCsfStreamId id;
    /* A MaliCsfStreamState; mali_csf_stream_set_state() alone writes these. */
    uint32_t state;
    MaliCsfWait wait;

    MaliCsfStreamConfig config;
    /* MALI_CSF_NEWS_* that the host has yet to be told */
    uint8_t news;

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
    MaliCsfSuspendedWork suspended[MALI_CSF_MAX_SUSPENDED_WORKS];
    uint8_t num_suspended;
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

    /* Of CS_FAULT and CS_FATAL */
    uint32_t fault;
    uint64_t fault_info;

    /*
     * For user-notes, not saved: registers that a load names which no WAIT was
     * for, and the scoreboard entry of each that is one
     */
    uint64_t loading[MALI_CSF_MAX_WORK_REGISTERS / 64];
    uint8_t loading_entry[MALI_CSF_MAX_WORK_REGISTERS];
} MaliCsfStream;

/* The row of the state that it is in */
const MaliCsfStateInfo *mali_csf_stream_state(const MaliCsfStream *stream);
const MaliCsfStateInfo *mali_csf_state_info(MaliCsfStreamState state);

/**
 * mali_csf_stream_set_state: the only function that changes a stream's state
 * @wait: what it waits for, if @state is one in which it does; else NULL
 */
void mali_csf_stream_set_state(MaliCsfStream *stream,
                               MaliCsfStreamState state,
                               const MaliCsfWait *wait);

/* Forget what the stream did: it is stopped, at @extract of its ring */
void mali_csf_stream_reset(MaliCsfStream *stream, uint64_t extract);

/* Can there be a ring, user pages and a trace buffer like this? */
bool mali_csf_stream_config_valid(const MaliCsfStreamConfig *config);

/*
 * CS START: with a ring that is none the stream is dead, and the result false.
 * One that RESUME has loaded goes on where it was, others at @extract.
 */
bool mali_csf_stream_start(MaliCsfStream *stream,
                           const MaliCsfStreamConfig *config,
                           uint64_t extract);

/* Is there news of this kind?  If so, it is told now: true once. */
bool mali_csf_stream_take_news(MaliCsfStream *stream, uint8_t news);

/*
 * The progress timer: true if an endpoint has had work of the stream since
 * @timeout ns and ended none of it; then it begins anew.  @due receives the
 * virtual time at which that will be so, or -1.
 */
bool mali_csf_stream_is_late(MaliCsfStream *stream, int64_t timeout,
                             int64_t *due);

/* The ring has instructions up to @insert now */
void mali_csf_stream_set_insert(MaliCsfStream *stream, uint64_t insert);

/* Leave the instruction that the stream is at, as retired */
void mali_csf_stream_advance(MaliCsfStream *stream);

/* Go on after a recoverable fault that the host has acknowledged */
void mali_csf_stream_fault_acknowledged(MaliCsfStream *stream);

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

/* A dead stream: @type and @data make CS_FATAL, @info is CS_FATAL_INFO */
void mali_csf_stream_fatal(MaliCsfStream *stream, uint8_t type,
                           uint32_t data, uint64_t info);

/*
 * A recoverable fault: the stream stays at the instruction until the host
 * has acknowledged it.  @type and @data make CS_FAULT.
 */
void mali_csf_stream_fault(MaliCsfStream *stream, uint8_t type,
                           uint32_t data, uint64_t info);

/*
 * The same of work that it has issued: the stream does not stay, and what runs
 * behind it is skipped up to an ERROR_BARRIER.  The first of several is told.
 */
void mali_csf_stream_work_fault(MaliCsfStream *stream, uint8_t type,
                                uint64_t info);

/* The stream may go on if its scoreboard entries were all that it waited for */
void mali_csf_stream_check_scoreboard(MaliCsfStream *stream);

#endif /* HW_GPU_MALI_CSF_CS_STREAM_H */
