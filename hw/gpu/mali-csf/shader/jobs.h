/*
 * Mali CSF GPU: jobs of RUN_COMPUTE, and who executes what next
 *
 * A job's units of work are numbered.  Executors, of which a job has as many as
 * there are threads, take runs of numbers and execute them; they themselves
 * wait in a queue for a thread.  So several jobs share the threads, and one
 * that never ends does not keep the others from going on.
 *
 * Nothing here locks: the caller has the lock that covers it all.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_JOBS_H
#define HW_GPU_MALI_CSF_SHADER_JOBS_H

#include "qemu/queue.h"
#include "unit.h"

typedef struct MaliShaderJob MaliShaderJob;

/* Executors at once, of all jobs; more jobs than that take turns */
#define MALI_SHADER_MAX_EXECUTORS   64
/* Bytes of local memory that they may have in all */
#define MALI_SHADER_MAX_LOCAL       (256u << 20)

typedef enum MaliShaderPlace {
    /* In the queue, for a thread to take */
    MALI_SHADER_QUEUED,
    /* A thread has it in hand */
    MALI_SHADER_RUNNING,
    /* It waits for an address space */
    MALI_SHADER_PARKED,
} MaliShaderPlace;

typedef struct MaliShaderExecutor {
    MaliShaderJob *job;
    /* NULL before the first; it is the thread's that has it in hand */
    MaliShaderUnit *unit;
    /* It is in the midst of number @range.first */
    bool begun;
    /* What it has taken and not finished */
    MaliCsfWorkRange range;

    MaliShaderPlace place;
    QTAILQ_ENTRY(MaliShaderExecutor) next;
} MaliShaderExecutor;

struct MaliShaderJob {
    MaliCsfWork *work;
    MaliShaderTask task;
    /* What registers point to is read by the first executor, alone */
    bool prepared;

    /* What nobody has taken */
    MaliCsfWorkRange left[MALI_CSF_MAX_WORK_RANGES];
    unsigned num_left;
    unsigned num_executors;

    /*
     * Its executors are to come to an end: at once, or, when it drains, when
     * they are done with what they have begun.  Read without the lock.
     */
    bool stops;
    bool drains;
    /* What becomes of it then */
    MaliCsfWorkEnd end;
    uint8_t exception;
    uint64_t info;
    MaliCsfFault fault;
    /* Where a shader went wrong, if it did */
    uint64_t pc;
    uint64_t word;

    QTAILQ_ENTRY(MaliShaderJob) next;
};

typedef QTAILQ_HEAD(MaliShaderJobList, MaliShaderJob) MaliShaderJobList;
typedef QTAILQ_HEAD(MaliShaderExecutors, MaliShaderExecutor)
    MaliShaderExecutors;

typedef struct MaliShaderJobs {
    /* In the order of their beginning */
    MaliShaderJobList jobs;
    /* Those that have ended and are to be handed back */
    MaliShaderJobList ended;
    MaliShaderExecutors queue;
    MaliShaderExecutors parked;
    unsigned num_executors;
    uint64_t local_bytes;
    /* Executors of a job, and numbers that one takes at once at most */
    unsigned width;
} MaliShaderJobs;

void mali_shader_jobs_init(MaliShaderJobs *jobs, unsigned width);

/*
 * @work begins, or goes on: its ranges say with what.  Its job is in @jobs.
 * @task, which is copied, and @exception are from mali_shader_task_init().
 */
void mali_shader_jobs_add(MaliShaderJobs *jobs, const MaliShaderTask *task,
                          uint8_t exception, MaliCsfWork *work);
/* Is its job still here, and not at its end? */
MaliShaderJob *mali_shader_jobs_find(MaliShaderJobs *jobs,
                                     const MaliCsfWork *work);

/*
 * The next executor for a thread, which has it in hand from then on; with
 * @begun, only one that is in the midst of something.  NULL: there is none.
 */
MaliShaderExecutor *mali_shader_jobs_take(MaliShaderJobs *jobs, bool begun);

/*
 * An executor in hand needs something to do: false if there is nothing, and
 * then it is put back with mali_shader_jobs_put_end().
 */
bool mali_shader_executor_refill(MaliShaderJobs *jobs,
                                 MaliShaderExecutor *executor);

/* The thread lets go of it: to go on later, when @as is free, or never */
void mali_shader_jobs_put(MaliShaderJobs *jobs, MaliShaderExecutor *executor);
void mali_shader_jobs_put_parked(MaliShaderJobs *jobs,
                                 MaliShaderExecutor *executor);
void mali_shader_jobs_put_end(MaliShaderJobs *jobs,
                              MaliShaderExecutor *executor);

/*
 * Its first executor has read everything: now it gets all that it may have.
 * False if there is no memory for it now: it has to do so again.
 */
bool mali_shader_job_prepared(MaliShaderJobs *jobs, MaliShaderJob *job);
/* It comes to such an end, unless to another one already */
void mali_shader_job_stop(MaliShaderJobs *jobs, MaliShaderJob *job,
                          MaliCsfWorkEnd end);
void mali_shader_job_drain(MaliShaderJobs *jobs, MaliShaderJob *job);

/* What waits for @as is queued again. */
void mali_shader_jobs_retry(MaliShaderJobs *jobs, unsigned as);
/* Is one in the queue that is in the midst of something? */
bool mali_shader_jobs_any_begun(const MaliShaderJobs *jobs);

/* What no thread has finished is in the work, for a state that is saved */
void mali_shader_job_record(MaliShaderJobs *jobs, MaliShaderJob *job);

/* One of @ended is handed back; NULL if there is none.  The caller frees it. */
MaliShaderJob *mali_shader_jobs_next_ended(MaliShaderJobs *jobs);
/* No thread has any in hand: all are gone */
void mali_shader_jobs_clear(MaliShaderJobs *jobs);

#endif /* HW_GPU_MALI_CSF_SHADER_JOBS_H */
