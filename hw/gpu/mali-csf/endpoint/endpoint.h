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

typedef struct MaliCsfEndpoint MaliCsfEndpoint;

typedef enum MaliCsfWorkEnd {
    MALI_CSF_WORK_DONE,
    /* Given up, since that was asked for */
    MALI_CSF_WORK_CANCELLED,
    /* An access faulted, see MaliCsfWork.fault */
    MALI_CSF_WORK_FAULTED,
    MALI_CSF_WORK_NUM_ENDS,
} MaliCsfWorkEnd;

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
    bool cancelled;
    QTAILQ_ENTRY(MaliCsfWork) next;

    /* The result */
    MaliCsfWorkEnd end;
    MaliCsfFault fault;
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
     * now if that can be
     */
    void (*drain)(MaliCsfEndpoint *endpoint, MaliCsfWork *work);
    /* What waits for an address space @as tries again */
    void (*retry)(MaliCsfEndpoint *endpoint, unsigned as);

    /*
     * The machine stops: when it returns no thread touches guest memory, and
     * what the work has come to is in it.  And it goes on.
     */
    void (*pause)(MaliCsfEndpoint *endpoint);
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

    /* Property: how long work takes at least, in ns of virtual time */
    uint64_t latency_ns;

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
