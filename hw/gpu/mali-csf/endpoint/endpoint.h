/*
 * Mali CSF GPU: what executes RUN_COMPUTE and the other RUN instructions
 *
 * A stream issues work, an endpoint executes it and hands it back with a
 * result.  Endpoints know neither streams nor firmware: what they need is in
 * the work, as it was when it was issued.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_ENDPOINT_ENDPOINT_H
#define HW_GPU_MALI_CSF_ENDPOINT_ENDPOINT_H

#include "../mmu/view.h"
#include "../models.h"

typedef struct MaliCsfClock MaliCsfClock;
typedef struct MaliCsfEndpoint MaliCsfEndpoint;

/* Threads of an endpoint at most, and parts of a work that can be left */
#define MALI_CSF_MAX_ENDPOINT_THREADS   16
#define MALI_CSF_MAX_WORK_RANGES        40

typedef enum MaliCsfWorkEnd {
    MALI_CSF_WORK_DONE,
    /* Given up, since that was asked for */
    MALI_CSF_WORK_CANCELLED,
    /* An access faulted, see MaliCsfWork.fault */
    MALI_CSF_WORK_FAULTED,
    /* It went wrong otherwise, see MaliCsfWork.exception */
    MALI_CSF_WORK_EXCEPTION,
    /* It was drained, and is not done: see MaliCsfWork.left */
    MALI_CSF_WORK_SUSPENDED,
    MALI_CSF_WORK_NUM_ENDS,
} MaliCsfWorkEnd;

/* Parts of a work, from @first up to but not including @end */
typedef struct MaliCsfWorkRange {
    uint64_t first;
    uint64_t end;
} MaliCsfWorkRange;

/* A unit of work.  It stays where it is until it is handed back. */
typedef struct MaliCsfWork {
    bool in_use;

    /* Who issued it: slot, stream, scoreboard entry */
    uint8_t csg;
    uint8_t cs;
    uint8_t scoreboard;

    /* What is asked for: instruction, address space, shader cores, registers */
    uint8_t as;
    uint64_t word;
    uint64_t cores;
    uint32_t regs[MALI_CSF_MAX_WORK_REGISTERS];

    /*
     * The endpoint's.  How far it has come, in units of the endpoint, and a
     * virtual time in ns: what is begun again after a machine was stopped or
     * saved goes on from there.
     */
    uint64_t progress;
    int64_t deadline;
    /* What begins for the first time takes so much longer; not saved */
    uint64_t late_ns;
    /* Once there is progress, by parts: those that are left to do */
    MaliCsfWorkRange left[MALI_CSF_MAX_WORK_RANGES];
    uint8_t num_left;
    bool cancelled;
    /*
     * Atomic: parts of it that have come to their end since it was begun here.
     * And how many there were when the issuer last looked.
     */
    uint64_t completed;
    uint64_t completed_seen;
    /* It is not suspended again: its stream had no room for what was left */
    bool undivided;
    QTAILQ_ENTRY(MaliCsfWork) next;

    /* The result */
    MaliCsfWorkEnd end;
    MaliCsfFault fault;
    /* A CS_EXCEPTION_* of CS_FAULT, and what CS_FAULT_INFO says */
    uint8_t exception;
    uint64_t info;
} MaliCsfWork;

/*
 * All functions are called in the main thread.  NULL: there is nothing to do.
 */
typedef struct MaliCsfEndpointOps {
    const char *name;
    void (*init)(MaliCsfEndpoint *endpoint);
    void (*finalize)(MaliCsfEndpoint *endpoint);

    /* Begin @work, or go on with it; done() may be called before it returns */
    void (*start)(MaliCsfEndpoint *endpoint, MaliCsfWork *work);
    /* Give @work up: done() follows soon, or before this returns */
    void (*cancel)(MaliCsfEndpoint *endpoint, MaliCsfWork *work);
    /*
     * The group of @work is to leave its slot, and waits for the work: end it
     * soon, done or SUSPENDED, if that can be
     */
    void (*drain)(MaliCsfEndpoint *endpoint, MaliCsfWork *work);
    /* What waits for an address space @as tries again */
    void (*retry)(MaliCsfEndpoint *endpoint, unsigned as);

    /*
     * The machine stops: when it returns no thread touches guest memory, and
     * what the work has come to is in it.  @saves: it is about to be saved, in
     * which case it may have been stopped before.  And it goes on.
     */
    void (*pause)(MaliCsfEndpoint *endpoint, bool saves);
    void (*resume)(MaliCsfEndpoint *endpoint);

    /* All work is forgotten: when it returns nothing refers to any */
    void (*reset)(MaliCsfEndpoint *endpoint);
} MaliCsfEndpointOps;

struct MaliCsfEndpoint {
    const MaliCsfEndpointOps *ops;
    /* For views of its own */
    MaliCsfViews *views;
    /* Takes @work back, in the main thread; @opaque is the issuer's */
    void (*done)(void *opaque, MaliCsfWork *work);
    void *opaque;
    /* The device's name in traces */
    const char *trace_id;
    /* What shaders read as time; of the product, the architecture's number */
    MaliCsfClock *clock;
    unsigned arch;

    /* Threads, or none: then work is done in the main loop */
    unsigned threads;
    /* Property: how long work takes at least, in ns of virtual time */
    uint64_t latency_ns;
    /* Property: folder that jobs are written to, or NULL */
    char *capture;

    /* The endpoint's own */
    void *state;
};

/* No x-*-latency-ns counts as more than this: an hour of virtual time */
#define MALI_CSF_ENDPOINT_LATENCY_MAX_NS    (3600ull * 1000000000)

/* Completes all work, now or after the latency, and touches no memory */
extern const MaliCsfEndpointOps mali_csf_null_endpoint;

/*
 * For tests: executes work of RUN_COMPUTE in a thread, or, sliced, in the main
 * loop.  The registers say what it does, see test.c.
 */
extern const MaliCsfEndpointOps mali_csf_test_endpoint;

#endif /* HW_GPU_MALI_CSF_ENDPOINT_ENDPOINT_H */
