/*
 * Mali CSF GPU: an endpoint for tests
 *
 * Executes RUN_COMPUTE in a thread of its own, through a view of its own, so
 * that qtests can have an access meet a lock, a reset or the end of its group.
 * Other instructions are done at once.  What work does is in its registers:
 *
 *   r0      how many times a word is loaded, and stored plus 1; 0: without end
 *   r1      microseconds of the host that pass before each time
 *   r2:3    address of the 32-bit word that is loaded
 *   r4:5    address of the one that is stored
 *
 * Each time is a unit of progress: work that is begun again goes on behind the
 * last time that it has finished, so that each happens once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "hw/gpu/mali-csf/cs-isa.h"
#include "../mmu/views.h"
#include "endpoint.h"

/* Without an access, a thread looks that often whether something was put */
#define POLL_US 50

typedef struct TestEndpoint {
    MaliCsfEndpoint *endpoint;
    MaliCsfMemView view;
    QemuThread thread;
    QEMUBH *done_bh;

    /* Of what follows */
    QemuMutex lock;
    QemuCond changed;
    /* To be executed; the first one may be under way */
    QTAILQ_HEAD(, MaliCsfWork) works;
    /* To be handed back */
    QTAILQ_HEAD(, MaliCsfWork) ended;
    bool paused;
    bool stopping;
    /* The first of @works waits for an address space */
    bool waits;
    /* The thread has the first of @works in hand */
    bool busy;
} TestEndpoint;

static uint64_t pair(const MaliCsfWork *work, unsigned reg)
{
    return work->regs[reg] | (uint64_t)work->regs[reg + 1] << 32;
}

/* Is the thread to let go of its work? */
static bool is_interrupted(TestEndpoint *test, const MaliCsfWork *work)
{
    return qatomic_read(&work->cancelled) || qatomic_read(&test->paused) ||
           qatomic_read(&test->stopping);
}

static void sleep_a_while(TestEndpoint *test, const MaliCsfWork *work)
{
    int64_t end = g_get_monotonic_time() + work->regs[1];

    while (g_get_monotonic_time() < end && !is_interrupted(test, work)) {
        mali_csf_view_poll(&test->view);
        g_usleep(POLL_US);
    }
}

/* Returns what became of the access that stopped it, or DONE */
static MaliCsfMemResult execute(TestEndpoint *test, MaliCsfWork *work)
{
    MaliCsfMemResult result;
    uint32_t value;

    while (!work->regs[0] || work->progress < work->regs[0]) {
        sleep_a_while(test, work);
        if (is_interrupted(test, work)) {
            break;
        }
        result = mali_csf_mem_load32(&test->view, work->as, pair(work, 2),
                                     &value, &work->fault);
        if (result == MALI_CSF_MEM_DONE) {
            result = mali_csf_mem_store32(&test->view, work->as,
                                          pair(work, 4), value + 1,
                                          &work->fault);
        }
        if (result != MALI_CSF_MEM_DONE) {
            return result;
        }
        work->progress++;
    }
    return MALI_CSF_MEM_DONE;
}

/* The lock is held, and given up while the work executes. */
static void run_first(TestEndpoint *test)
{
    MaliCsfWork *work = QTAILQ_FIRST(&test->works);
    MaliCsfMemResult result;

    test->busy = true;
    qemu_mutex_unlock(&test->lock);
    mali_csf_view_enter(&test->view);
    result = execute(test, work);
    mali_csf_view_leave(&test->view);
    qemu_mutex_lock(&test->lock);
    test->busy = false;
    qemu_cond_broadcast(&test->changed);

    if (work->cancelled) {
        work->end = MALI_CSF_WORK_CANCELLED;
    } else if (result == MALI_CSF_MEM_STALLED) {
        test->waits = true;
        return;
    } else if (result != MALI_CSF_MEM_DONE) {
        work->end = MALI_CSF_WORK_FAULTED;
    } else if (test->paused || test->stopping) {
        return;
    } else {
        work->end = MALI_CSF_WORK_DONE;
    }
    QTAILQ_REMOVE(&test->works, work, next);
    QTAILQ_INSERT_TAIL(&test->ended, work, next);
    qemu_bh_schedule(test->done_bh);
}

static void *test_thread(void *opaque)
{
    TestEndpoint *test = opaque;

    rcu_register_thread();
    qemu_mutex_lock(&test->lock);
    while (!test->stopping) {
        MaliCsfWork *work = QTAILQ_FIRST(&test->works);

        if (!work || test->paused || (test->waits && !work->cancelled)) {
            qemu_cond_wait(&test->changed, &test->lock);
        } else {
            test->waits = false;
            run_first(test);
        }
    }
    qemu_mutex_unlock(&test->lock);
    rcu_unregister_thread();
    return NULL;
}

static void hand_back(void *opaque)
{
    TestEndpoint *test = opaque;
    MaliCsfWork *work;

    for (;;) {
        WITH_QEMU_LOCK_GUARD(&test->lock) {
            work = QTAILQ_FIRST(&test->ended);
            if (work) {
                QTAILQ_REMOVE(&test->ended, work, next);
            }
        }
        if (!work) {
            return;
        }
        test->endpoint->done(test->endpoint->opaque, work);
    }
}

static void test_start(MaliCsfEndpoint *endpoint, MaliCsfWork *work)
{
    TestEndpoint *test = endpoint->state;

    if (work->word >> CS_OPCODE_SHIFT != CS_OP_RUN_COMPUTE) {
        work->end = MALI_CSF_WORK_DONE;
        endpoint->done(endpoint->opaque, work);
        return;
    }
    QEMU_LOCK_GUARD(&test->lock);
    work->cancelled = false;
    QTAILQ_INSERT_TAIL(&test->works, work, next);
    qemu_cond_broadcast(&test->changed);
}

static void test_cancel(MaliCsfEndpoint *endpoint, MaliCsfWork *work)
{
    TestEndpoint *test = endpoint->state;

    QEMU_LOCK_GUARD(&test->lock);
    qatomic_set(&work->cancelled, true);
    qemu_cond_broadcast(&test->changed);
}

static void test_retry(MaliCsfEndpoint *endpoint, unsigned as)
{
    TestEndpoint *test = endpoint->state;

    QEMU_LOCK_GUARD(&test->lock);
    test->waits = false;
    qemu_cond_broadcast(&test->changed);
}

/* The lock is held. */
static void stop_thread(TestEndpoint *test)
{
    qatomic_set(&test->paused, true);
    qemu_cond_broadcast(&test->changed);
    while (test->busy) {
        qemu_cond_wait(&test->changed, &test->lock);
    }
}

static void test_pause(MaliCsfEndpoint *endpoint, bool saves)
{
    TestEndpoint *test = endpoint->state;

    WITH_QEMU_LOCK_GUARD(&test->lock) {
        stop_thread(test);
    }
    /* What has ended is not in flight any more. */
    hand_back(test);
    mali_csf_views_settle(endpoint->views);
}

static void test_resume(MaliCsfEndpoint *endpoint)
{
    TestEndpoint *test = endpoint->state;

    QEMU_LOCK_GUARD(&test->lock);
    qatomic_set(&test->paused, false);
    qemu_cond_broadcast(&test->changed);
}

static void test_reset(MaliCsfEndpoint *endpoint)
{
    TestEndpoint *test = endpoint->state;
    bool paused = test->paused;

    QEMU_LOCK_GUARD(&test->lock);
    stop_thread(test);
    QTAILQ_INIT(&test->works);
    QTAILQ_INIT(&test->ended);
    test->waits = false;
    qatomic_set(&test->paused, paused);
    qemu_cond_broadcast(&test->changed);
}

static void test_init(MaliCsfEndpoint *endpoint)
{
    TestEndpoint *test = g_new0(TestEndpoint, 1);

    test->endpoint = endpoint;
    QTAILQ_INIT(&test->works);
    QTAILQ_INIT(&test->ended);
    qemu_mutex_init(&test->lock);
    qemu_cond_init(&test->changed);
    test->done_bh = qemu_bh_new(hand_back, test);
    mali_csf_view_join(endpoint->views, &test->view);
    endpoint->state = test;
    qemu_thread_create(&test->thread, "mali-csf-test", test_thread, test,
                       QEMU_THREAD_JOINABLE);
}

static void test_finalize(MaliCsfEndpoint *endpoint)
{
    TestEndpoint *test = endpoint->state;

    WITH_QEMU_LOCK_GUARD(&test->lock) {
        qatomic_set(&test->stopping, true);
        qemu_cond_broadcast(&test->changed);
    }
    qemu_thread_join(&test->thread);
    mali_csf_view_part(&test->view);
    qemu_bh_delete(test->done_bh);
    qemu_cond_destroy(&test->changed);
    qemu_mutex_destroy(&test->lock);
    g_free(test);
    endpoint->state = NULL;
}

const MaliCsfEndpointOps mali_csf_test_endpoint = {
    .name = "test",
    .init = test_init,
    .finalize = test_finalize,
    .start = test_start,
    .cancel = test_cancel,
    .retry = test_retry,
    .pause = test_pause,
    .resume = test_resume,
    .reset = test_reset,
};
