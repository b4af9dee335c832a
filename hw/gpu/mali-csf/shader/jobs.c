/*
 * Mali CSF GPU: jobs of RUN_COMPUTE, and who executes what next
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "jobs.h"

/* Numbers that an executor takes at once, at most */
#define MAX_RUN     64

void mali_shader_jobs_init(MaliShaderJobs *jobs, unsigned width)
{
    QTAILQ_INIT(&jobs->jobs);
    QTAILQ_INIT(&jobs->ended);
    QTAILQ_INIT(&jobs->queue);
    QTAILQ_INIT(&jobs->parked);
    jobs->width = width;
}

/* Bytes of local memory that an executor of the job needs */
static uint64_t local_bytes(const MaliShaderJob *job)
{
    const MaliShaderTask *task = &job->task;

    if (!job->prepared) {
        return 0;
    }
    return (uint64_t)task->groups * MALI_SHADER_LANES *
           task->storage.thread_size +
           (uint64_t)task->shared * task->storage.group_size;
}

static void add_executor(MaliShaderJobs *jobs, MaliShaderJob *job)
{
    MaliShaderExecutor *executor = g_new0(MaliShaderExecutor, 1);

    executor->job = job;
    job->num_executors++;
    jobs->num_executors++;
    jobs->local_bytes += local_bytes(job);
    QTAILQ_INSERT_TAIL(&jobs->queue, executor, next);
}

static void remove_executor(MaliShaderJobs *jobs, MaliShaderExecutor *executor)
{
    executor->job->num_executors--;
    jobs->num_executors--;
    jobs->local_bytes -= local_bytes(executor->job);
    if (executor->unit) {
        mali_shader_unit_free(executor->unit);
    }
    g_free(executor);
}

/* Jobs that have no executor since there were too many get one. */
static void admit(MaliShaderJobs *jobs)
{
    MaliShaderJob *job;

    QTAILQ_FOREACH(job, &jobs->jobs, next) {
        if (jobs->num_executors >= MALI_SHADER_MAX_EXECUTORS) {
            return;
        }
        if (!job->num_executors) {
            add_executor(jobs, job);
        }
    }
}

/* What was taken is given back, and merged with what is next to it. */
static void give_back(MaliShaderJob *job, const MaliCsfWorkRange *range)
{
    if (range->first >= range->end) {
        return;
    }
    for (unsigned i = 0; i < job->num_left; i++) {
        if (job->left[i].first == range->end) {
            job->left[i].first = range->first;
            return;
        }
    }
    if (job->num_left < ARRAY_SIZE(job->left)) {
        job->left[job->num_left++] = *range;
    }
}

void mali_shader_jobs_add(MaliShaderJobs *jobs, const MaliShaderTask *task,
                          uint8_t exception, MaliCsfWork *work)
{
    MaliShaderJob *job = g_new0(MaliShaderJob, 1);

    job->work = work;
    job->task = *task;
    job->exception = exception;
    if (!work->progress) {
        job->left[0].end = job->task.num_units;
        job->num_left = 1;
    }
    for (unsigned i = 0; work->progress && i < work->num_left; i++) {
        MaliCsfWorkRange range = work->left[i];

        range.end = MIN(range.end, job->task.num_units);
        give_back(job, &range);
    }
    QTAILQ_INSERT_TAIL(&jobs->jobs, job, next);
    if (job->exception) {
        mali_shader_job_stop(jobs, job, MALI_CSF_WORK_EXCEPTION);
    } else {
        admit(jobs);
    }
}

MaliShaderJob *mali_shader_jobs_find(MaliShaderJobs *jobs,
                                     const MaliCsfWork *work)
{
    MaliShaderJob *job;

    QTAILQ_FOREACH(job, &jobs->jobs, next) {
        if (job->work == work) {
            return job;
        }
    }
    return NULL;
}

MaliShaderExecutor *mali_shader_jobs_take(MaliShaderJobs *jobs, bool begun)
{
    MaliShaderExecutor *executor;

    QTAILQ_FOREACH(executor, &jobs->queue, next) {
        if (!begun || executor->begun) {
            QTAILQ_REMOVE(&jobs->queue, executor, next);
            executor->place = MALI_SHADER_RUNNING;
            return executor;
        }
    }
    return NULL;
}

/*
 * The smallest run first, as a whole: so the number of runs that are left grows
 * by no more than one for each executor, however often a job is begun again.
 */
static unsigned smallest(const MaliShaderJob *job)
{
    unsigned best = 0;

    for (unsigned i = 1; i < job->num_left; i++) {
        if (job->left[i].end - job->left[i].first <
            job->left[best].end - job->left[best].first) {
            best = i;
        }
    }
    return best;
}

bool mali_shader_executor_refill(MaliShaderJobs *jobs,
                                 MaliShaderExecutor *executor)
{
    MaliShaderJob *job = executor->job;
    MaliCsfWorkRange *left;
    uint64_t n, run;

    if (job->stops || job->drains || !job->num_left) {
        return false;
    }
    left = &job->left[smallest(job)];
    n = left->end - left->first;
    /* The last ones are for any worker that is free. */
    run = MIN(MAX(n / (4 * jobs->width), 1), MAX_RUN);
    executor->range.first = left->first;
    executor->range.end = left->first + MIN(n, run);
    left->first = executor->range.end;
    if (left->first == left->end) {
        *left = job->left[--job->num_left];
    }
    return true;
}

void mali_shader_jobs_put(MaliShaderJobs *jobs, MaliShaderExecutor *executor)
{
    executor->place = MALI_SHADER_QUEUED;
    QTAILQ_INSERT_TAIL(&jobs->queue, executor, next);
}

void mali_shader_jobs_put_parked(MaliShaderJobs *jobs,
                                 MaliShaderExecutor *executor)
{
    if (executor->job->stops) {
        mali_shader_jobs_put(jobs, executor);
        return;
    }
    executor->place = MALI_SHADER_PARKED;
    QTAILQ_INSERT_TAIL(&jobs->parked, executor, next);
}

static void end_job(MaliShaderJobs *jobs, MaliShaderJob *job)
{
    QTAILQ_REMOVE(&jobs->jobs, job, next);
    QTAILQ_INSERT_TAIL(&jobs->ended, job, next);
    admit(jobs);
}

void mali_shader_jobs_put_end(MaliShaderJobs *jobs,
                              MaliShaderExecutor *executor)
{
    MaliShaderJob *job = executor->job;

    give_back(job, &executor->range);
    remove_executor(jobs, executor);
    if (job->num_executors) {
        return;
    }
    if (!job->stops) {
        job->end = job->num_left ? MALI_CSF_WORK_SUSPENDED :
                                   MALI_CSF_WORK_DONE;
    }
    end_job(jobs, job);
}

bool mali_shader_job_prepared(MaliShaderJobs *jobs, MaliShaderJob *job)
{
    uint64_t bytes;

    job->prepared = true;
    bytes = local_bytes(job);
    if (jobs->local_bytes &&
        jobs->local_bytes + bytes > MALI_SHADER_MAX_LOCAL) {
        job->prepared = false;
        return false;
    }
    /* Of its only executor */
    jobs->local_bytes += bytes;
    while (job->num_executors < jobs->width &&
           job->num_executors < job->task.num_units &&
           jobs->num_executors < MALI_SHADER_MAX_EXECUTORS &&
           jobs->local_bytes + bytes <= MALI_SHADER_MAX_LOCAL) {
        add_executor(jobs, job);
    }
    return true;
}

/* Those that wait for an address space come to their end, too. */
static void unpark(MaliShaderJobs *jobs, const MaliShaderJob *job, unsigned as)
{
    MaliShaderExecutor *executor, *next;

    QTAILQ_FOREACH_SAFE(executor, &jobs->parked, next, next) {
        if (job ? executor->job == job : executor->job->task.as == as) {
            QTAILQ_REMOVE(&jobs->parked, executor, next);
            mali_shader_jobs_put(jobs, executor);
        }
    }
}

void mali_shader_job_stop(MaliShaderJobs *jobs, MaliShaderJob *job,
                          MaliCsfWorkEnd end)
{
    if (job->stops) {
        return;
    }
    job->end = end;
    qatomic_set(&job->stops, true);
    unpark(jobs, job, 0);
    if (!job->num_executors) {
        end_job(jobs, job);
    }
}

void mali_shader_job_drain(MaliShaderJobs *jobs, MaliShaderJob *job)
{
    qatomic_set(&job->drains, true);
    if (!job->num_executors && !job->stops) {
        job->end = MALI_CSF_WORK_SUSPENDED;
        end_job(jobs, job);
    }
}

void mali_shader_jobs_retry(MaliShaderJobs *jobs, unsigned as)
{
    unpark(jobs, NULL, as);
}

bool mali_shader_jobs_any_begun(const MaliShaderJobs *jobs)
{
    const MaliShaderExecutor *executor;

    QTAILQ_FOREACH(executor, &jobs->queue, next) {
        if (executor->begun) {
            return true;
        }
    }
    return false;
}

static void record_range(MaliCsfWork *work, const MaliCsfWorkRange *range)
{
    if (range->first < range->end &&
        work->num_left < ARRAY_SIZE(work->left)) {
        work->left[work->num_left++] = *range;
    }
}

static void record_executors(MaliCsfWork *work, const MaliShaderJob *job,
                             const MaliShaderExecutors *list)
{
    const MaliShaderExecutor *executor;

    QTAILQ_FOREACH(executor, list, next) {
        if (executor->job == job) {
            record_range(work, &executor->range);
        }
    }
}

void mali_shader_job_record(MaliShaderJobs *jobs, MaliShaderJob *job)
{
    MaliCsfWork *work = job->work;

    work->progress = 1;
    work->num_left = 0;
    for (unsigned i = 0; i < job->num_left; i++) {
        record_range(work, &job->left[i]);
    }
    record_executors(work, job, &jobs->queue);
    record_executors(work, job, &jobs->parked);
}

MaliShaderJob *mali_shader_jobs_next_ended(MaliShaderJobs *jobs)
{
    MaliShaderJob *job = QTAILQ_FIRST(&jobs->ended);

    if (job) {
        QTAILQ_REMOVE(&jobs->ended, job, next);
    }
    return job;
}

static void clear_executors(MaliShaderJobs *jobs, MaliShaderExecutors *list)
{
    MaliShaderExecutor *executor, *next;

    QTAILQ_FOREACH_SAFE(executor, list, next, next) {
        QTAILQ_REMOVE(list, executor, next);
        remove_executor(jobs, executor);
    }
}

static void clear_jobs(MaliShaderJobList *list)
{
    MaliShaderJob *job, *next;

    QTAILQ_FOREACH_SAFE(job, list, next, next) {
        QTAILQ_REMOVE(list, job, next);
        mali_shader_capture_free(job->task.capture);
        g_free(job);
    }
}

void mali_shader_jobs_clear(MaliShaderJobs *jobs)
{
    clear_executors(jobs, &jobs->queue);
    clear_executors(jobs, &jobs->parked);
    clear_jobs(&jobs->jobs);
    clear_jobs(&jobs->ended);
}
