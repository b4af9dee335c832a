/*
 * Mali CSF GPU: shader cores as an endpoint
 *
 * Threads take executors from the queue of jobs.c.  They hold no lock while
 * they execute, least of all QEMU's big lock, and look up every few hundred
 * instructions whether they are to stop or to stall.  With shader-threads=0
 * a timer of the main loop does the same in slices, so that a run can be
 * repeated exactly.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <fenv.h>
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "hw/gpu/mali-csf/cs-isa.h"
#include "../log.h"
#include "../mmu/uses.h"
#include "../mmu/views.h"
#include "../trace.h"
#include "disas.h"
#include "endpoint.h"
#include "jobs.h"

/*
 * Instructions of a super-warp between two looks: some 50 us.  Those of a slice
 * in the main loop, which keeps the big lock; what passes of virtual time for
 * each, in ns; and those after which others have their turn.
 */
#define LOOK_BUDGET         512
/* What beginning a super-warp is taken for, in instructions */
#define BEGIN_COST          16
#define SLICE_LOOKS         4
#define SLICE_NS_EACH       10
#define TURN_LOOKS          40
/* With a checker, translations at hand are looked at again after so many */
#define CHECK_LOOKS         8
/*
 * Before the machine is saved, workgroups that have begun come to their end, if
 * they do so soon: what is saved is begun again, and might do something twice.
 * So many looks for each thread, which are 50 ms, or more on a host that is
 * busy; but no more than so long.
 */
#define FINISH_LOOKS        1000
#define FINISH_MAX_MS       2000

typedef struct ShaderEndpoint ShaderEndpoint;

/* One that executes: a thread, or the main loop */
typedef struct ShaderWorker {
    ShaderEndpoint *shader;
    MaliCsfMemView view;
    MaliShaderPages pages;
    QemuThread thread;
    bool is_thread;
} ShaderWorker;

struct ShaderEndpoint {
    MaliCsfEndpoint *endpoint;
    /* For all that is no compute */
    MaliCsfEndpoint other;
    ShaderWorker *workers;
    unsigned num_threads;
    QEMUBH *done_bh;
    /* Jobs that were written down */
    unsigned captured;
    /* Without threads: when to execute, and when to hand back what has ended */
    QEMUTimer *slice_timer;
    QEMUTimer *ended_timer;

    /* Of what follows */
    QemuMutex lock;
    QemuCond changed;
    MaliShaderJobs jobs;
    /* Threads that have an executor in hand */
    unsigned busy;
    /*
     * Read without the lock.  All leave what they have in hand; while paused,
     * not before it is finished, for so many looks of all together.
     */
    bool paused;
    int finish_looks;
    bool stopping;
};

/* Execution */

/* Is the executor to be put back, with nothing in the midst or with it? */
static bool is_wanted_back(const ShaderEndpoint *shader,
                           const MaliShaderExecutor *executor)
{
    if (qatomic_read(&executor->job->stops) ||
        qatomic_read(&shader->stopping)) {
        return true;
    }
    return qatomic_read(&shader->paused) &&
           (!executor->begun || qatomic_read(&shader->finish_looks) <= 0);
}

static void note_fault(MaliShaderJob *job, const MaliShaderExecutor *executor,
                       const MaliShaderMemory *memory, uint8_t exception)
{
    if (job->stops) {
        return;
    }
    job->exception = exception;
    job->fault = memory->fault;
    job->info = memory->fault.va;
    if (executor->unit) {
        job->pc = executor->unit->fault.pc;
        job->word = executor->unit->fault.word;
        if (exception && exception != MALI_SHADER_ADDR_RANGE_FAULT) {
            job->info = job->pc;
        }
    }
}

static void fail(ShaderEndpoint *shader, MaliShaderExecutor *executor,
                 const MaliShaderMemory *memory, uint8_t exception)
{
    MaliShaderJob *job = executor->job;

    QEMU_LOCK_GUARD(&shader->lock);
    note_fault(job, executor, memory, exception);
    mali_shader_job_stop(&shader->jobs, job,
                         exception ? MALI_CSF_WORK_EXCEPTION :
                                     MALI_CSF_WORK_FAULTED);
}

/* Read what the registers of the job point to */
static MaliShaderResult prepare(ShaderWorker *worker,
                                MaliShaderExecutor *executor)
{
    ShaderEndpoint *shader = worker->shader;
    MaliShaderJob *job = executor->job;
    MaliShaderMemory memory = {
        .view = &worker->view,
        .pages = &worker->pages,
        .as = job->task.as,
        .capture = job->task.capture,
    };

    switch (mali_shader_task_prepare(&job->task, &memory)) {
    case MALI_SHADER_ACCESS_STALLED:
        return MALI_SHADER_STALLED;
    case MALI_SHADER_ACCESS_FAULTED:
        fail(shader, executor, &memory, memory.exception);
        return MALI_SHADER_FAULTED;
    default:
        break;
    }
    QEMU_LOCK_GUARD(&shader->lock);
    return mali_shader_job_prepared(&shader->jobs, job) ? MALI_SHADER_DONE :
                                                          MALI_SHADER_BUDGET;
}

/* Something to be in the midst of; false if there is nothing */
static bool begin_next(ShaderWorker *worker, MaliShaderExecutor *executor)
{
    ShaderEndpoint *shader = worker->shader;

    if (executor->range.first == executor->range.end ||
        qatomic_read(&executor->job->drains)) {
        QEMU_LOCK_GUARD(&shader->lock);
        if (!mali_shader_executor_refill(&shader->jobs, executor)) {
            return false;
        }
    }
    mali_shader_unit_begin(executor->unit, executor->range.first);
    executor->begun = true;
    return true;
}

/* Between LOOK_BUDGET instructions and the next */
static void look(ShaderWorker *worker, unsigned *looks)
{
    MaliCsfMemView *view = &worker->view;

    (*looks)--;
    if (unlikely(qatomic_read(&worker->shader->paused))) {
        qatomic_dec(&worker->shader->finish_looks);
    }
    if (unlikely(qatomic_read(&view->put) != view->seen)) {
        mali_shader_pages_tell_written(&worker->pages);
        mali_csf_view_poll(view);
    }
    if (view->uses && *looks % CHECK_LOOKS == 0) {
        mali_shader_pages_drop(&worker->pages);
    }
}

static MaliShaderResult execute_looks(ShaderWorker *worker,
                                      MaliShaderExecutor *executor,
                                      unsigned *looks)
{
    ShaderEndpoint *shader = worker->shader;
    MaliShaderResult result;
    unsigned budget = 0;

    if (executor->job->task.capture) {
        /* What others have at hand, the job has not touched. */
        mali_shader_pages_drop(&worker->pages);
    }
    if (!executor->job->prepared) {
        result = prepare(worker, executor);
        if (result != MALI_SHADER_DONE) {
            return result;
        }
    }
    if (!executor->unit) {
        executor->unit = mali_shader_unit_new(&executor->job->task);
        if (!executor->unit) {
            MaliShaderMemory memory = { };

            fail(shader, executor, &memory, MALI_SHADER_DATA_INVALID_FAULT);
            return MALI_SHADER_FAULTED;
        }
    }
    /* They may have changed since its last turn. */
    mali_shader_forget_buffers(&executor->unit->context);
    for (;;) {
        if (is_wanted_back(shader, executor)) {
            return MALI_SHADER_BUDGET;
        }
        if (!budget) {
            if (!*looks) {
                return MALI_SHADER_BUDGET;
            }
            look(worker, looks);
            budget = LOOK_BUDGET;
        }
        if (!executor->begun) {
            if (!begin_next(worker, executor)) {
                return MALI_SHADER_DONE;
            }
            /* Something is left: an instruction at least is executed. */
            budget -= MIN(budget - 1,
                          BEGIN_COST * executor->job->task.groups);
        }
        result = mali_shader_unit_run(executor->unit, &worker->view,
                                      &worker->pages, &budget);
        if (result == MALI_SHADER_DONE) {
            executor->begun = false;
            executor->range.first++;
            qatomic_inc(&executor->job->work->completed);
        } else if (result == MALI_SHADER_FAULTED) {
            fail(shader, executor, &executor->unit->context.memory,
                 executor->unit->exception);
            return result;
        } else if (result != MALI_SHADER_BUDGET) {
            return result;
        }
    }
}

/*
 * As far as it comes in so many looks.  DONE: there is nothing left for it, or
 * it was wanted back with nothing begun.
 */
static MaliShaderResult execute(ShaderWorker *worker,
                                MaliShaderExecutor *executor, unsigned *looks)
{
    MaliShaderResult result;
    fenv_t environment;

    fegetenv(&environment);
    fesetenv(FE_DFL_ENV);
    result = execute_looks(worker, executor, looks);
    mali_shader_pages_tell_written(&worker->pages);
    fesetenv(&environment);
    return result;
}

/* The lock is held. */
static void put_back(ShaderEndpoint *shader, MaliShaderExecutor *executor,
                     MaliShaderResult result)
{
    if (executor->job->stops || result == MALI_SHADER_DONE) {
        mali_shader_jobs_put_end(&shader->jobs, executor);
    } else if (result == MALI_SHADER_STALLED) {
        mali_shader_jobs_put_parked(&shader->jobs, executor);
    } else {
        mali_shader_jobs_put(&shader->jobs, executor);
    }
}

/* The lock is held.  Nobody begins anything while the machine stops. */
static MaliShaderExecutor *take(ShaderEndpoint *shader)
{
    if (shader->stopping ||
        (shader->paused && qatomic_read(&shader->finish_looks) <= 0)) {
        return NULL;
    }
    return mali_shader_jobs_take(&shader->jobs, shader->paused);
}

/*
 * The lock is held.  Jobs may have ended: have the main loop hand them back.
 * Without threads at a time of the virtual clock, so that a run is repeatable.
 */
static void tell_ended(ShaderEndpoint *shader)
{
    if (QTAILQ_EMPTY(&shader->jobs.ended)) {
        return;
    }
    if (shader->num_threads) {
        qemu_bh_schedule(shader->done_bh);
    } else {
        timer_mod(shader->ended_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    }
}

/* Threads */

/* The lock is held, and given up meanwhile. */
static void work(ShaderWorker *worker, MaliShaderExecutor *executor)
{
    ShaderEndpoint *shader = worker->shader;
    unsigned looks = TURN_LOOKS;
    MaliShaderResult result;

    shader->busy++;
    qemu_mutex_unlock(&shader->lock);
    mali_csf_view_enter(&worker->view);
    result = execute(worker, executor, &looks);
    mali_csf_view_leave(&worker->view);
    qemu_mutex_lock(&shader->lock);
    shader->busy--;
    put_back(shader, executor, result);
    tell_ended(shader);
    /* The queue may have grown, or who waits for all to leave may go on. */
    qemu_cond_broadcast(&shader->changed);
}

static void *thread(void *opaque)
{
    ShaderWorker *worker = opaque;
    ShaderEndpoint *shader = worker->shader;

    rcu_register_thread();
    qemu_mutex_lock(&shader->lock);
    while (!shader->stopping) {
        MaliShaderExecutor *executor = take(shader);

        if (executor) {
            work(worker, executor);
        } else {
            qemu_cond_wait(&shader->changed, &shader->lock);
        }
    }
    qemu_mutex_unlock(&shader->lock);
    rcu_unregister_thread();
    return NULL;
}

/* Main loop */

static void arm_slice(ShaderEndpoint *shader, int64_t pause)
{
    if (!shader->num_threads && !shader->paused &&
        !QTAILQ_EMPTY(&shader->jobs.queue) &&
        !timer_pending(shader->slice_timer)) {
        timer_mod(shader->slice_timer,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + pause);
    }
}

/* Something was queued. */
static void kick(ShaderEndpoint *shader)
{
    if (shader->num_threads) {
        qemu_cond_broadcast(&shader->changed);
    } else {
        arm_slice(shader, 0);
    }
}

static const char *exception_name(uint8_t exception)
{
    switch (exception) {
    case MALI_SHADER_INSTR_INVALID_PC:
        return "no instruction there";
    case MALI_SHADER_INSTR_INVALID_ENC:
        return "no instruction, or one that is not modelled";
    case MALI_SHADER_INSTR_BARRIER_FAULT:
        return "a barrier that not all come to";
    case MALI_SHADER_ADDR_RANGE_FAULT:
        return "misaligned, or beyond local memory";
    default:
        return "a descriptor that is none";
    }
}

static void tell_exception(const ShaderEndpoint *shader,
                           const MaliShaderJob *job)
{
    char text[MALI_SHADER_DISAS_MAX];

    mali_shader_disassemble(text, shader->endpoint->arch, job->word);
    mali_csf_log_mask(LOG_GUEST_ERROR, "mali-csf: shader fault 0x%02x at "
                      "0x%016" PRIx64 ": %s; pc 0x%016" PRIx64
                      ", word %016" PRIx64 ": %s\n", job->exception, job->info,
                      exception_name(job->exception), job->pc, job->word,
                      text);
}

/* Property capture: a file for each job, until one cannot be written */
static void write_capture(ShaderEndpoint *shader, MaliShaderJob *job)
{
    MaliCsfEndpoint *endpoint = shader->endpoint;
    Error *err = NULL;

    shader->captured++;
    if (!mali_shader_capture_write(job->task.capture, endpoint->capture,
                                   shader->captured, job->work,
                                   endpoint->views->main, &err)) {
        warn_reportf_err(err, "mali-csf: no more jobs are captured: ");
        shader->captured = MALI_SHADER_CAPTURE_MAX_JOBS;
    }
}

static void finish(ShaderEndpoint *shader, MaliShaderJob *job)
{
    MaliCsfWork *work = job->work;

    work->end = job->end;
    work->fault = job->fault;
    work->exception = job->exception;
    work->info = job->info;
    if (job->end == MALI_CSF_WORK_EXCEPTION) {
        tell_exception(shader, job);
    } else if (job->end == MALI_CSF_WORK_SUSPENDED) {
        mali_shader_job_record(&shader->jobs, job);
    }
    trace_mali_csf_shader_end(shader->endpoint->trace_id, work->csg, work->cs,
                              work->end, job->task.num_units);
    if (job->task.capture) {
        write_capture(shader, job);
    }
    g_free(job);
    shader->endpoint->done(shader->endpoint->opaque, work);
}

static void hand_back(void *opaque)
{
    ShaderEndpoint *shader = opaque;
    MaliShaderJob *job;

    do {
        WITH_QEMU_LOCK_GUARD(&shader->lock) {
            job = mali_shader_jobs_next_ended(&shader->jobs);
        }
        if (job) {
            finish(shader, job);
        }
    } while (job);
}

/* One executor, for so many looks; false if there was none */
static bool run_here(ShaderEndpoint *shader, unsigned *looks)
{
    ShaderWorker *worker = &shader->workers[0];
    MaliShaderExecutor *executor;
    MaliShaderResult result;

    executor = take(shader);
    if (!executor) {
        return false;
    }
    result = execute(worker, executor, looks);
    put_back(shader, executor, result);
    return true;
}

static void slice(void *opaque)
{
    ShaderEndpoint *shader = opaque;
    int64_t start = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    unsigned looks = SLICE_LOOKS;
    int64_t pause;

    while (looks && run_here(shader, &looks)) {
        /* An executor that ends at once takes no look. */
        if (looks) {
            looks--;
        }
    }
    if (shader->workers[0].view.uses) {
        mali_csf_uses_tell(shader->workers[0].view.uses);
    }
    hand_back(shader);
    pause = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - start;
    arm_slice(shader, MAX(pause, SLICE_LOOKS * LOOK_BUDGET * SLICE_NS_EACH));
}

/* What the main thread asks for */

static bool is_compute(const MaliCsfWork *work)
{
    uint8_t opcode = work->word >> CS_OPCODE_SHIFT;

    return opcode == CS_OP_RUN_COMPUTE || opcode == CS_OP_RUN_COMPUTE_INDIRECT;
}

/* One that goes on has touched memory before. */
static bool is_captured(const ShaderEndpoint *shader, const MaliCsfWork *work)
{
    return shader->endpoint->capture && !work->progress &&
           shader->captured < MALI_SHADER_CAPTURE_MAX_JOBS;
}

static void shader_start(MaliCsfEndpoint *endpoint, MaliCsfWork *work)
{
    ShaderEndpoint *shader = endpoint->state;
    MaliShaderTask task;

    if (is_compute(work)) {
        uint8_t exception = mali_shader_task_init(&task, endpoint->arch, work,
                                                  endpoint->clock);

        if (exception || task.num_workgroups) {
            QEMU_LOCK_GUARD(&shader->lock);
            if (is_captured(shader, work)) {
                task.capture = mali_shader_capture_new(work, endpoint->arch);
            }
            trace_mali_csf_shader_start(endpoint->trace_id, work->csg,
                                        work->cs, work->as,
                                        task.num_workgroups);
            mali_shader_jobs_add(&shader->jobs, &task, exception, work);
            kick(shader);
            tell_ended(shader);
            return;
        }
        /* There is nothing to do. */
    }
    shader->other.latency_ns = endpoint->latency_ns;
    shader->other.ops->start(&shader->other, work);
}

/* The lock is held.  Does its job only wait to be handed back? */
static bool has_ended(const ShaderEndpoint *shader, const MaliCsfWork *work)
{
    const MaliShaderJob *job;

    QTAILQ_FOREACH(job, &shader->jobs.ended, next) {
        if (job->work == work) {
            return true;
        }
    }
    return false;
}

/* True if it is executed here; then it comes to its end */
static bool end_early(ShaderEndpoint *shader, MaliCsfWork *work, bool cancel)
{
    bool is_ours;

    WITH_QEMU_LOCK_GUARD(&shader->lock) {
        MaliShaderJob *job = mali_shader_jobs_find(&shader->jobs, work);

        is_ours = job || has_ended(shader, work);
        if (job && cancel) {
            mali_shader_job_stop(&shader->jobs, job, MALI_CSF_WORK_CANCELLED);
        } else if (job) {
            mali_shader_job_drain(&shader->jobs, job);
        }
        tell_ended(shader);
        kick(shader);
    }
    return is_ours;
}

static void shader_cancel(MaliCsfEndpoint *endpoint, MaliCsfWork *work)
{
    ShaderEndpoint *shader = endpoint->state;

    if (!end_early(shader, work, true)) {
        shader->other.ops->cancel(&shader->other, work);
    }
}

static void shader_drain(MaliCsfEndpoint *endpoint, MaliCsfWork *work)
{
    ShaderEndpoint *shader = endpoint->state;

    if (!end_early(shader, work, false)) {
        shader->other.ops->drain(&shader->other, work);
    }
}

static void shader_retry(MaliCsfEndpoint *endpoint, unsigned as)
{
    ShaderEndpoint *shader = endpoint->state;

    QEMU_LOCK_GUARD(&shader->lock);
    mali_shader_jobs_retry(&shader->jobs, as);
    kick(shader);
}

/* All threads have let go of what they had.  The lock is held. */
static void wait_idle(ShaderEndpoint *shader)
{
    while (shader->busy) {
        qemu_cond_wait(&shader->changed, &shader->lock);
    }
}

/*
 * All are paused, and what has begun comes to its end, if it does so soon.  The
 * lock is held.
 */
static void finish_begun(ShaderEndpoint *shader)
{
    int64_t end = g_get_monotonic_time() + FINISH_MAX_MS * 1000;
    unsigned looks = FINISH_LOOKS;

    qatomic_set(&shader->finish_looks,
                FINISH_LOOKS * MAX(shader->num_threads, 1));
    qemu_cond_broadcast(&shader->changed);
    while (shader->num_threads && g_get_monotonic_time() < end &&
           qatomic_read(&shader->finish_looks) > 0 &&
           (shader->busy || mali_shader_jobs_any_begun(&shader->jobs))) {
        qemu_cond_timedwait(&shader->changed, &shader->lock, 1);
    }
    if (!shader->num_threads) {
        qemu_mutex_unlock(&shader->lock);
        while (looks && run_here(shader, &looks)) {
            ;
        }
        qemu_mutex_lock(&shader->lock);
    }
    qatomic_set(&shader->finish_looks, 0);
}

static void shader_pause(MaliCsfEndpoint *endpoint, bool saves)
{
    ShaderEndpoint *shader = endpoint->state;
    MaliShaderJob *job;

    WITH_QEMU_LOCK_GUARD(&shader->lock) {
        qatomic_set(&shader->paused, true);
        if (saves) {
            finish_begun(shader);
        }
        wait_idle(shader);
        QTAILQ_FOREACH(job, &shader->jobs.jobs, next) {
            mali_shader_job_record(&shader->jobs, job);
        }
    }
    timer_del(shader->slice_timer);
    timer_del(shader->ended_timer);
    /* What has ended is not in flight any more. */
    hand_back(shader);
    mali_csf_views_settle(endpoint->views);
}

static void shader_resume(MaliCsfEndpoint *endpoint)
{
    ShaderEndpoint *shader = endpoint->state;

    QEMU_LOCK_GUARD(&shader->lock);
    qatomic_set(&shader->paused, false);
    kick(shader);
}

static void shader_reset(MaliCsfEndpoint *endpoint)
{
    ShaderEndpoint *shader = endpoint->state;

    WITH_QEMU_LOCK_GUARD(&shader->lock) {
        bool paused = shader->paused;

        qatomic_set(&shader->paused, true);
        wait_idle(shader);
        mali_shader_jobs_clear(&shader->jobs);
        qatomic_set(&shader->paused, paused);
    }
    timer_del(shader->slice_timer);
    timer_del(shader->ended_timer);
    shader->other.ops->reset(&shader->other);
}

static void shader_init(MaliCsfEndpoint *endpoint)
{
    ShaderEndpoint *shader = g_new0(ShaderEndpoint, 1);
    unsigned num_workers = MAX(endpoint->threads, 1);

    shader->endpoint = endpoint;
    shader->num_threads = endpoint->threads;
    shader->other = *endpoint;
    shader->other.ops = &mali_csf_null_endpoint;
    shader->other.ops->init(&shader->other);
    qemu_mutex_init(&shader->lock);
    qemu_cond_init(&shader->changed);
    mali_shader_jobs_init(&shader->jobs, num_workers);
    shader->done_bh = qemu_bh_new(hand_back, shader);
    shader->slice_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, slice, shader);
    shader->ended_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, hand_back, shader);
    shader->workers = g_new0(ShaderWorker, num_workers);
    endpoint->state = shader;
    for (unsigned i = 0; i < num_workers; i++) {
        ShaderWorker *worker = &shader->workers[i];

        worker->shader = shader;
        mali_csf_view_join(endpoint->views, &worker->view);
        if (shader->num_threads) {
            g_autofree char *name = g_strdup_printf("mali-csf-%u", i);

            worker->is_thread = true;
            qemu_thread_create(&worker->thread, name, thread, worker,
                               QEMU_THREAD_JOINABLE);
        }
    }
}

static void shader_finalize(MaliCsfEndpoint *endpoint)
{
    ShaderEndpoint *shader = endpoint->state;
    unsigned num_workers = MAX(shader->num_threads, 1);

    WITH_QEMU_LOCK_GUARD(&shader->lock) {
        qatomic_set(&shader->stopping, true);
        qemu_cond_broadcast(&shader->changed);
    }
    for (unsigned i = 0; i < num_workers; i++) {
        if (shader->num_threads) {
            qemu_thread_join(&shader->workers[i].thread);
        }
        mali_csf_view_part(&shader->workers[i].view);
    }
    mali_shader_jobs_clear(&shader->jobs);
    g_free(shader->workers);
    timer_free(shader->slice_timer);
    timer_free(shader->ended_timer);
    qemu_bh_delete(shader->done_bh);
    qemu_cond_destroy(&shader->changed);
    qemu_mutex_destroy(&shader->lock);
    shader->other.ops->finalize(&shader->other);
    g_free(shader);
    endpoint->state = NULL;
}

const MaliCsfEndpointOps mali_csf_shader_endpoint = {
    .name = "shader",
    .init = shader_init,
    .finalize = shader_finalize,
    .start = shader_start,
    .cancel = shader_cancel,
    .drain = shader_drain,
    .retry = shader_retry,
    .pause = shader_pause,
    .resume = shader_resume,
    .reset = shader_reset,
};
