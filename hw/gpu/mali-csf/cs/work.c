/*
 * Mali CSF GPU: work that streams give to the endpoint
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../compat.h"
#include "../device.h"
#include "migration/misc.h"
#include "system/runstate.h"
#include "work.h"

/* Of a stream that is stopped: what becomes of its work is of no interest */
#define NO_STREAM UINT8_MAX

QEMU_BUILD_BUG_ON(MALI_CSF_MAX_CS > NO_STREAM);

static void count(MaliCsfEngine *engine, unsigned csg, uint8_t opcode)
{
    uint64_t *group = engine->group_counts[csg];

    switch (opcode) {
    case CS_OP_RUN_COMPUTE:
    case CS_OP_RUN_COMPUTE_INDIRECT:
        engine->compute_works++;
        group[MALI_CSF_GROUP_COMPUTE]++;
        break;
    case CS_OP_RUN_FRAGMENT:
    case CS_OP_RUN_FRAGMENT2:
        engine->fragment_works++;
        group[MALI_CSF_GROUP_FRAGMENT]++;
        break;
    default:
        engine->tiler_works++;
        group[MALI_CSF_GROUP_TILER]++;
        break;
    }
}

/* The next one in flight from @i on, or MALI_CSF_MAX_WORKS */
static unsigned next_work(MaliCsfState *s, unsigned i)
{
    while (i < MALI_CSF_MAX_WORKS && !s->works.work[i].in_use) {
        i = s->works.num ? i + 1 : MALI_CSF_MAX_WORKS;
    }
    return i;
}

#define FOREACH_WORK(s, i) \
    for ((i) = next_work(s, 0); (i) < MALI_CSF_MAX_WORKS; \
         (i) = next_work(s, (i) + 1))

static MaliCsfWork *find_room(MaliCsfState *s)
{
    for (unsigned i = 0; i < MALI_CSF_MAX_WORKS; i++) {
        if (!s->works.work[i].in_use) {
            return &s->works.work[i];
        }
    }
    return NULL;
}

bool mali_csf_work_room(MaliCsfState *s)
{
    return find_room(s);
}

void mali_csf_work_issue(MaliCsfState *s, unsigned csg, unsigned cs,
                         uint64_t word, unsigned scoreboard)
{
    MaliCsfEngine *engine = &s->engine;
    const MaliCsfGroup *group = &engine->groups[csg];
    MaliCsfWork *work = find_room(s);

    count(engine, csg, word >> CS_OPCODE_SHIFT);
    *work = (MaliCsfWork) {
        .in_use = true,
        .csg = csg,
        .cs = cs,
        .scoreboard = scoreboard,
        .as = group->as,
        .late_ns = mali_csf_perturb_ns(&s->perturb, MALI_CSF_PERTURB_ENDPOINT),
        .word = word,
        .cores = group->allow_compute,
    };
    s->works.num++;
    memcpy(work->regs, group->streams[cs].regs, sizeof(work->regs));
    group->streams[cs].work_progress = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    s->works.endpoint.ops->start(&s->works.endpoint, work);
}

/* What is left of the work goes with the stream; false if there is no room */
static bool suspend(MaliCsfStream *stream, const MaliCsfWork *work)
{
    MaliCsfSuspendedWork *kept;

    if (stream->num_suspended == MALI_CSF_MAX_SUSPENDED_WORKS ||
        work->num_left > MALI_CSF_SUSPENDED_RANGES) {
        return false;
    }
    kept = &stream->suspended[stream->num_suspended++];
    *kept = (MaliCsfSuspendedWork) {
        .word = work->word,
        .num_left = work->num_left,
        .scoreboard = work->scoreboard,
    };
    memcpy(kept->regs, work->regs, sizeof(kept->regs));
    memcpy(kept->left, work->left, work->num_left * sizeof(kept->left[0]));
    return true;
}

void mali_csf_work_resume(MaliCsfState *s, unsigned csg, unsigned cs)
{
    const MaliCsfGroup *group = &s->engine.groups[csg];
    MaliCsfStream *stream = &group->streams[cs];
    MaliCsfWork *work;

    while (stream->num_suspended && (work = find_room(s))) {
        const MaliCsfSuspendedWork *kept =
            &stream->suspended[--stream->num_suspended];

        *work = (MaliCsfWork) {
            .in_use = true,
            .csg = csg,
            .cs = cs,
            .scoreboard = kept->scoreboard,
            .as = group->as,
            .word = kept->word,
            .cores = group->allow_compute,
            .progress = 1,
            .num_left = kept->num_left,
        };
        memcpy(work->regs, kept->regs, sizeof(kept->regs));
        memcpy(work->left, kept->left, kept->num_left * sizeof(kept->left[0]));
        s->works.num++;
        s->works.endpoint.ops->start(&s->works.endpoint, work);
    }
}

/* There is room again: those that found none at their RESUME are first. */
static void resume_waiting(MaliCsfState *s)
{
    for (unsigned csg = 0; csg < s->engine.num_groups; csg++) {
        const MaliCsfGroup *group = &s->engine.groups[csg];

        for (unsigned cs = 0; mali_csf_group_runs(group) &&
                              cs < group->num_streams; cs++) {
            if (group->streams[cs].state != MALI_CSF_STREAM_STOPPED) {
                mali_csf_work_resume(s, csg, cs);
            }
        }
    }
}

/* The endpoint hands it back. */
static void work_done(void *opaque, MaliCsfWork *work)
{
    MaliCsfState *s = opaque;
    MaliCsfGroup *group = &s->engine.groups[work->csg];
    MaliCsfStream *stream;
    bool was_full = s->works.num == MALI_CSF_MAX_WORKS;

    if (work->end == MALI_CSF_WORK_SUSPENDED && work->cs != NO_STREAM) {
        work->undivided = !suspend(&group->streams[work->cs], work);
        if (work->undivided) {
            s->works.endpoint.ops->start(&s->works.endpoint, work);
            return;
        }
    }
    work->in_use = false;
    s->works.num--;
    if (was_full) {
        resume_waiting(s);
    }
    if (work->cs == NO_STREAM || work->end == MALI_CSF_WORK_SUSPENDED) {
        mali_csf_engine_notify(s);
        return;
    }
    stream = &group->streams[work->cs];
    if (stream->scoreboard[work->scoreboard]) {
        stream->scoreboard[work->scoreboard]--;
    }
    stream->work_progress = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    if (work->end == MALI_CSF_WORK_FAULTED) {
        /* As for an access of the stream whose space is UNMAPPED by now */
        mali_csf_mmu_report_fault(s, work->as, &work->fault);
        mali_csf_stream_fatal(stream, CS_EXCEPTION_BUS_FAULT, 0,
                              work->fault.va);
        mali_csf_engine_notify(s);
        return;
    }
    if (work->end == MALI_CSF_WORK_EXCEPTION) {
        mali_csf_stream_work_fault(stream, work->exception, work->info);
        mali_csf_engine_notify(s);
    }
    /* One that is ready has its slice, which may be this very one. */
    if (stream->state != MALI_CSF_STREAM_READY) {
        mali_csf_stream_check_scoreboard(stream);
        mali_csf_engine_kick_stream(s, stream);
    }
    if (s->works.endpoint.latency_ns || s->works.endpoint.ops->pause ||
        mali_csf_perturbs(&s->perturb, MALI_CSF_PERTURB_ENDPOINT) ||
        group->leaving || s->engine.protected_mode || s->engine.protm_quiet) {
        /*
         * A group whose streams are at their end may be idle only now, and
         * protected mode may begin or end.
         */
        mali_csf_engine_notify(s);
    }
}

bool mali_csf_work_progressed(MaliCsfState *s, unsigned csg, unsigned cs)
{
    bool progressed = false;
    unsigned i;

    FOREACH_WORK(s, i) {
        MaliCsfWork *work = &s->works.work[i];
        uint64_t completed = qatomic_read(&work->completed);

        if (work->csg == csg && work->cs == cs) {
            progressed |= completed != work->completed_seen;
            work->completed_seen = completed;
        }
    }
    return progressed;
}

unsigned mali_csf_work_count(MaliCsfState *s, unsigned csg, unsigned cs,
                             unsigned scoreboard)
{
    unsigned n = 0;
    unsigned i;

    FOREACH_WORK(s, i) {
        const MaliCsfWork *work = &s->works.work[i];

        n += work->csg == csg && work->cs == cs &&
             work->scoreboard == scoreboard;
    }
    return n;
}

bool mali_csf_work_leave(MaliCsfState *s, unsigned csg, bool cancel)
{
    MaliCsfEndpoint *endpoint = &s->works.endpoint;
    bool is_busy = false;
    unsigned i;

    FOREACH_WORK(s, i) {
        MaliCsfWork *work = &s->works.work[i];

        if (work->csg != csg) {
            continue;
        }
        if (cancel) {
            endpoint->ops->cancel(endpoint, work);
        } else if (endpoint->ops->drain && !work->undivided) {
            endpoint->ops->drain(endpoint, work);
        }
        is_busy |= work->in_use;
    }
    s->engine.groups[csg].leaving = is_busy;
    return !is_busy;
}

void mali_csf_work_drop(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfEndpoint *endpoint = &s->works.endpoint;
    unsigned i;

    FOREACH_WORK(s, i) {
        MaliCsfWork *work = &s->works.work[i];

        if (work->csg == csg && work->cs == cs) {
            work->cs = NO_STREAM;
            endpoint->ops->cancel(endpoint, work);
        }
    }
}

void mali_csf_work_reset(MaliCsfState *s)
{
    MaliCsfEndpoint *endpoint = &s->works.endpoint;

    if (endpoint->ops->reset) {
        endpoint->ops->reset(endpoint);
    }
    for (unsigned i = 0; i < MALI_CSF_MAX_WORKS; i++) {
        s->works.work[i].in_use = false;
    }
    s->works.num = 0;
}

void mali_csf_works_post_load(MaliCsfState *s)
{
    MaliCsfEndpoint *endpoint = &s->works.endpoint;
    unsigned i;

    s->works.num = 0;
    for (i = 0; i < MALI_CSF_MAX_WORKS; i++) {
        s->works.num += s->works.work[i].in_use;
    }
    FOREACH_WORK(s, i) {
        endpoint->ops->start(endpoint, &s->works.work[i]);
    }
}

static void as_changed(void *opaque, unsigned as)
{
    MaliCsfState *s = opaque;
    MaliCsfEndpoint *endpoint = &s->works.endpoint;

    if (endpoint->ops->retry) {
        endpoint->ops->retry(endpoint, as);
    }
}

static void vm_state_changed(void *opaque, bool running, RunState state)
{
    MaliCsfState *s = opaque;
    MaliCsfEndpoint *endpoint = &s->works.endpoint;

    if (running && endpoint->ops->resume) {
        endpoint->ops->resume(endpoint);
    } else if (!running && endpoint->ops->pause) {
        endpoint->ops->pause(endpoint, state == RUN_STATE_FINISH_MIGRATE ||
                                       state == RUN_STATE_SAVE_VM);
    }
}

/* Of a machine that was stopped before, nobody says so once more. */
static int migration_begins(NotifierWithReturn *notifier, MigrationEvent *event,
                            Error **errp)
{
    MaliCsfWorks *works = container_of(notifier, MaliCsfWorks, migration);

    if (event->type == MIG_EVENT_SETUP && !runstate_is_running()) {
        works->endpoint.ops->pause(&works->endpoint, true);
    }
    return 0;
}

void mali_csf_work_init(MaliCsfState *s, const MaliCsfEndpointOps *ops,
                        unsigned threads)
{
    MaliCsfWorks *works = &s->works;

    works->endpoint.ops = ops;
    works->endpoint.views = &s->mmu.views;
    works->endpoint.done = work_done;
    works->endpoint.opaque = s;
    works->endpoint.trace_id = s->trace_id;
    works->endpoint.clock = &s->clock;
    works->endpoint.arch = s->model->arch;
    works->endpoint.threads = threads;
    ops->init(&works->endpoint);
    works->mmu_listener = (MaliCsfMmuListener) {
        .released = as_changed,
        .updated = as_changed,
        .unmapped = as_changed,
        .opaque = s,
    };
    mali_csf_mmu_add_listener(s, &works->mmu_listener);
    if (ops->pause && !runstate_is_running()) {
        ops->pause(&works->endpoint, false);
    }
    if (ops->pause) {
        migration_add_notifier(&works->migration, migration_begins);
    }
    works->vm_state = mali_csf_add_vm_state_handler(DEVICE(s),
                                                    vm_state_changed, s);
}

void mali_csf_work_finalize(MaliCsfState *s)
{
    MaliCsfEndpoint *endpoint = &s->works.endpoint;

    qemu_del_vm_change_state_handler(s->works.vm_state);
    migration_remove_notifier(&s->works.migration);
    endpoint->ops->finalize(endpoint);
}

static bool is_slot(MaliCsfState *s, uint64_t value)
{
    return value < s->model->csg_slots;
}

static bool is_issuer(MaliCsfState *s, uint64_t value)
{
    return value < s->model->cs_per_csg || value == NO_STREAM;
}

#define RANGE_ROWS(ROW) \
    ROW(VMSTATE_UINT64(first, MaliCsfWorkRange), SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(end, MaliCsfWorkRange), SAVED_ANY, SAVED_SUSPENDED)

const MaliCsfSaved mali_csf_work_range_saved = {
    .vmsd = {
        .name = "mali-csf-work-range",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(RANGE_ROWS),
    },
    SAVED_CHECKS(RANGE_ROWS),
};

#define WORK_ROWS(ROW) \
    ROW(VMSTATE_BOOL(in_use, MaliCsfWork), SAVED_ANY) \
    ROW(VMSTATE_UINT8(csg, MaliCsfWork), SAVED_IF(is_slot)) \
    ROW(VMSTATE_UINT8(cs, MaliCsfWork), SAVED_IF(is_issuer)) \
    ROW(VMSTATE_UINT8(scoreboard, MaliCsfWork), \
        SAVED_IF(mali_csf_saved_is_scoreboard)) \
    ROW(VMSTATE_UINT8(as, MaliCsfWork), SAVED_BELOW(MALI_CSF_MAX_AS)) \
    ROW(VMSTATE_UINT64(word, MaliCsfWork), SAVED_ANY) \
    ROW(VMSTATE_UINT64(cores, MaliCsfWork), SAVED_ANY) \
    ROW(VMSTATE_UINT32_ARRAY(regs, MaliCsfWork, \
                             MALI_CSF_MAX_WORK_REGISTERS), SAVED_ANY) \
    ROW(VMSTATE_UINT64(progress, MaliCsfWork), SAVED_ANY) \
    ROW(VMSTATE_STRUCT_ARRAY(left, MaliCsfWork, MALI_CSF_MAX_WORK_RANGES, 1, \
                             mali_csf_work_range_saved.vmsd, \
                             MaliCsfWorkRange), \
        SAVED_STRUCT(mali_csf_work_range_saved)) \
    ROW(VMSTATE_UINT8(num_left, MaliCsfWork), \
        SAVED_BELOW(MALI_CSF_MAX_WORK_RANGES + 1)) \
    ROW(VMSTATE_INT64(deadline, MaliCsfWork), SAVED_TIME) \
    ROW(VMSTATE_BOOL(undivided, MaliCsfWork), SAVED_ANY)

static const MaliCsfSaved work_saved = {
    .vmsd = {
        .name = "mali-csf-work",
        .version_id = 2,
        .minimum_version_id = 2,
        .fields = SAVED_FIELDS(WORK_ROWS),
    },
    SAVED_CHECKS(WORK_ROWS),
};

#define WORKS_ROWS(ROW) \
    ROW(VMSTATE_STRUCT_ARRAY(work, MaliCsfWorks, MALI_CSF_MAX_WORKS, 1, \
                             work_saved.vmsd, MaliCsfWork), \
        SAVED_STRUCT(work_saved))

const MaliCsfSaved mali_csf_works_saved = {
    .vmsd = {
        .name = "mali-csf-works",
        .version_id = 2,
        .minimum_version_id = 2,
        .fields = SAVED_FIELDS(WORKS_ROWS),
    },
    SAVED_CHECKS(WORKS_ROWS),
};
