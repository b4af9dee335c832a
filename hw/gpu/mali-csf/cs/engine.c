/*
 * Mali CSF GPU: slices, turns and waits of the command streams
 *
 * Streams run in slices, from one timer of the virtual clock.  A slice has a
 * bounded weight of instructions and is followed by a pause of at least its
 * own length, in which the guest gets at the registers: slices hold QEMU's
 * big lock.  Within a slice the streams that are ready take turns: those of
 * the group with the highest priority first, and of these the streams with
 * the highest priority.  Equals take turns round robin.  How hardware
 * arbitrates is not known.  What is known is that it starves nobody: 6.12
 * gives each group a priority of its own and does not change it as long as
 * all groups have a slot (tick_ctx_apply() in panthor_sched.c).  So the
 * first turn of a slice goes to who was passed over for too long.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/gpu/mali-csf/cs-table.h"
#include "instructions.h"
#include "protm.h"
#include "turns.h"
#include "work.h"
#include "../saved.h"
#include "../trace.h"

/*
 * Weight of all turns of a slice; make bench has what it amounts to: some 5 us
 * of instructions without an access, some 20 us of single ones, on a machine
 * of 2025
 */
#define SLICE_WEIGHT        4096
/* Weight of one turn */
#define TURN_WEIGHT         1024
/* After so many slices without a turn a stream that is ready gets one */
#define PATIENCE_SLICES     8
/* What it takes to look at a stream that cannot go on after all */
#define SWITCH_WEIGHT       16
/* What it takes to look at the object of a SYNC_WAIT, as a load does */
#define SYNC_LOOK_WEIGHT    4
/* So many streams are looked at, as to whether they can go on, for one */
#define LOOKS_PER_WEIGHT    4
/* An instruction that is traced: a line of text, some 1.5 us */
#define TRACE_WEIGHT        32
#define FETCH_PAGE_SIZE     4096
/* From the doorbell to the first instruction */
#define SLICE_DELAY_NS      1000
/*
 * The pause is at least this long for each unit of weight: with icount, a
 * slice itself takes no virtual time.
 */
#define WEIGHT_NS           10

/*
 * SYNC_WAITs are looked at after so long at least, and a bit for each; then
 * after twice as long each time
 */
#define SYNC_POLL_FIRST_NS  100000
#define SYNC_POLL_NS        1000
/* x-sync-poll-ns, if it is not set */
#define SYNC_POLL_LAST_NS   (10 * SCALE_MS)

static unsigned stream_count(MaliCsfState *s)
{
    return s->model->csg_slots * s->model->cs_per_csg;
}

static MaliCsfStream *stream_get(MaliCsfState *s, unsigned csg, unsigned cs)
{
    return &s->engine.groups[csg].streams[cs];
}

/* False if the word could not be had; the state of the stream says why */
static bool stream_fetch(MaliCsfExec *exec, uint64_t va)
{
    uint64_t page = va & ~(uint64_t)(FETCH_PAGE_SIZE - 1);
    MaliCsfMemResult result;
    MaliCsfFault mmu_fault;
    const void *host;

    if (va - exec->fetch_va >= exec->fetch_size) {
        /* Of the whole page, since most branches go back. */
        result = mali_csf_mem_map(&exec->s->view, exec->group->as, page, &host,
                                  &exec->fetch_size, &mmu_fault);
        if (result != MALI_CSF_MEM_DONE) {
            exec->fetch_size = 0;
            mmu_fault.va = va;
            mali_csf_access_blocked(exec, result, va, &mmu_fault);
            return false;
        }
        exec->fetch_va = page;
        exec->fetch_host = host;
    }
    exec->va = va;
    exec->word = le64_to_cpu(qatomic_read((const uint64_t *)
                             (exec->fetch_host + (va - exec->fetch_va))));
    return true;
}

bool mali_csf_stream_has_work(MaliCsfState *s, const MaliCsfStream *stream)
{
    return (stream->state == MALI_CSF_STREAM_READY ||
            (stream->num_deferred &&
             mali_csf_stream_deferred_ready(stream))) &&
           mali_csf_protm_may_run(s, stream);
}

static void look_at_stream(MaliCsfState *s, MaliCsfTurns *turns, unsigned csg,
                           unsigned cs)
{
    const MaliCsfStream *stream = stream_get(s, csg, cs);

    mali_csf_turns_set(turns, csg, cs, mali_csf_stream_has_work(s, stream),
                       stream->state == MALI_CSF_STREAM_SYNC_WAIT);
}

/*
 * The streams of a group whose wait for another of its streams is over.
 * Returns the weight of looking at them.
 */
static unsigned check_group_waits(MaliCsfState *s, MaliCsfTurns *turns,
                                  unsigned csg)
{
    MaliCsfGroup *group = &s->engine.groups[csg];
    unsigned cs;

    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        MaliCsfStream *stream = &group->streams[cs];

        if (mali_csf_group_wait_over(group, stream)) {
            mali_csf_stream_set_state(stream, MALI_CSF_STREAM_READY, NULL);
            look_at_stream(s, turns, csg, cs);
        }
    }
    return DIV_ROUND_UP(s->model->cs_per_csg, LOOKS_PER_WEIGHT);
}

/* The same for those that wait for a sync object, of all groups */
static unsigned check_sync_waits(MaliCsfState *s, MaliCsfTurns *turns)
{
    unsigned weight = 0;

    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        MaliCsfGroup *group = &s->engine.groups[csg];

        for (uint32_t left = turns->sync_waits[csg]; left; left &= left - 1) {
            MaliCsfStream *stream = &group->streams[ctz32(left)];

            weight += SYNC_LOOK_WEIGHT;
            if (mali_csf_sync_wait_over(s, group->as, stream)) {
                mali_csf_stream_set_state(stream, MALI_CSF_STREAM_READY, NULL);
                look_at_stream(s, turns, csg, ctz32(left));
            }
        }
    }
    return weight;
}

/* What CS_FAULT_INFO or CS_FATAL_INFO says of the instruction at @va */
static uint64_t injected_info(const MaliCsfArmed *a, uint64_t va)
{
    return mali_csf_armed_has(a, MALI_CSF_MEMBER_INFO) ? a->info : va;
}

/* True if a fault of the instruction at @va was asked for; it has one now */
static bool injected_fault(const MaliCsfExec *exec, uint64_t va)
{
    MaliCsfState *s = exec->s;
    MaliCsfOccasion occasion = {
        .slot = exec->csg,
        .stream = exec->cs,
        .opcode = exec->word >> CS_OPCODE_SHIFT,
        .va = va,
        .size = sizeof(exec->word),
    };
    const MaliCsfArmed *a;

    a = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_CS_FATAL, &occasion);
    if (a) {
        mali_csf_stream_fatal(exec->stream, a->exception, a->data,
                              injected_info(a, va));
        return true;
    }
    a = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_CS_FAULT, &occasion);
    if (a) {
        mali_csf_stream_fault(exec->stream, a->exception, a->data,
                              injected_info(a, va));
        return true;
    }
    return false;
}

static void trace_instruction(const MaliCsfExec *exec)
{
    char text[CS_DISAS_MAX];

    cs_disassemble(text, exec->word, exec->s->model->arch);
    trace_mali_csf_cs_instruction(exec->s->trace_id, exec->csg, exec->cs,
                                  exec->va, exec->word, text);
}

/*
 * Returns the weight that was used; that of the turn itself is bounded by
 * @weight, that of looking at streams which it may have woken is not.
 */
static unsigned stream_run(MaliCsfState *s, MaliCsfTurns *turns, unsigned csg,
                           unsigned cs, unsigned weight)
{
    MaliCsfExec exec = {
        .s = s,
        .group = &s->engine.groups[csg],
        .stream = stream_get(s, csg, cs),
        .csg = csg,
        .cs = cs,
    };
    MaliCsfStream *stream = exec.stream;
    /* A trace and an injection want to see each instruction. */
    const bool watched =
        trace_event_get_state_backends(TRACE_MALI_CSF_CS_INSTRUCTION) ||
        mali_csf_injected(&s->inject, MALI_CSF_INJECT_STREAMS);
    unsigned used = SWITCH_WEIGHT;
    uint64_t executed = 0;

    if (stream->num_deferred) {
        used += mali_csf_exec_deferred(&exec);
        mali_csf_stream_check_scoreboard(stream);
    }
    if (unlikely(stream->handler_length) &&
        stream->state == MALI_CSF_STREAM_READY &&
        mali_csf_heap_handler_due(exec.group, stream)) {
        mali_csf_heap_handler_enter(stream);
    }
    while (stream->state == MALI_CSF_STREAM_READY && used < weight) {
        MaliCsfFrame *frame = &stream->frames[stream->depth];
        const MaliCsfDispatch *instruction;
        MaliCsfStep step;
        uint64_t va = frame->ip;

        if (unlikely(stream->protm_end) &&
            mali_csf_protm_region_over(stream)) {
            mali_csf_protm_leave_region(stream);
            break;
        }
        if (frame->ip == frame->end) {
            if (stream->depth == 0) {
                mali_csf_stream_set_state(stream, MALI_CSF_STREAM_EMPTY, NULL);
                break;
            }
            stream->depth--;
            if (unlikely(stream->depth < stream->handler_depth)) {
                mali_csf_heap_handler_done(exec.group, stream);
            }
            used++;
            continue;
        }
        if (stream->depth == 0) {
            va = stream->config.ring_base +
                 (va & (stream->config.ring_size - 1));
        }
        if (!stream_fetch(&exec, va)) {
            break;
        }
        if (unlikely(watched)) {
            if (trace_event_get_state_backends(
                    TRACE_MALI_CSF_CS_INSTRUCTION)) {
                trace_instruction(&exec);
                used += TRACE_WEIGHT;
            }
            if (mali_csf_injected(&s->inject, MALI_CSF_INJECT_STREAMS) &&
                injected_fault(&exec, va)) {
                break;
            }
        } else if (!stream->protm_end && mali_csf_inner(exec.word) &&
                   !mali_csf_loads_pending(stream)) {
            unsigned n = mali_csf_run_inner(&exec, weight - used);

            if (n) {
                executed += n;
                used += n;
                continue;
            }
        }
        instruction = &s->engine.dispatch[exec.word >> CS_OPCODE_SHIFT];
        exec.word &= instruction->fields;
        used += instruction->weight;
        if (unlikely(stream->error && instruction->skipped_on_error)) {
            step = MALI_CSF_STEP_NEXT;
        } else if (unlikely(!mali_csf_operands_valid(instruction,
                                                     exec.word))) {
            step = mali_csf_exec_invalid(&exec);
        } else {
            mali_csf_loads_check(&exec);
            step = instruction->execute(&exec);
        }
        if (unlikely(exec.looks)) {
            used += exec.looks / LOOKS_PER_WEIGHT;
            exec.looks = 0;
        }
        if (step == MALI_CSF_STEP_BLOCKED) {
            break;
        }
        executed++;
        if (step == MALI_CSF_STEP_NEXT) {
            frame->ip += 8;
        }
    }

    if (stream->frames[0].ip > stream->extract) {
        stream->extract = stream->frames[0].ip;
        stream->news |= MALI_CSF_NEWS_EXTRACT;
    }
    if (executed) {
        exec.group->idle = false;
        s->engine.instructions += executed;
        s->engine.group_counts[csg][MALI_CSF_GROUP_INSTRUCTIONS] += executed;
    }
    look_at_stream(s, turns, csg, cs);
    if (exec.sync_written) {
        used += check_sync_waits(s, turns);
    }
    if (exec.group_written) {
        used += check_group_waits(s, turns, csg);
    }
    return used;
}

static bool engine_ready(MaliCsfState *s)
{
    unsigned csg, cs;

    for (csg = 0; csg < s->model->csg_slots; csg++) {
        const MaliCsfGroup *group = &s->engine.groups[csg];

        for (cs = 0; mali_csf_group_runs(group) && cs < s->model->cs_per_csg;
             cs++) {
            if (mali_csf_stream_has_work(s, &group->streams[cs])) {
                return true;
            }
        }
    }
    return false;
}

void mali_csf_engine_notify(MaliCsfState *s)
{
    s->engine.notify(s);
}

static void arm_slice(MaliCsfState *s)
{
    if (!timer_pending(s->engine.slice_timer)) {
        int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

        timer_mod(s->engine.slice_timer,
                  MAX(now + SLICE_DELAY_NS, s->engine.not_before) +
                  mali_csf_perturb_ns(&s->perturb, MALI_CSF_PERTURB_SLICE));
    }
}

void mali_csf_engine_kick(MaliCsfState *s)
{
    if (s->mcu.status == MCU_STATUS_ENABLED && engine_ready(s)) {
        arm_slice(s);
    } else {
        timer_del(s->engine.slice_timer);
    }
}

void mali_csf_engine_kick_stream(MaliCsfState *s, const MaliCsfStream *stream)
{
    if (s->mcu.status == MCU_STATUS_ENABLED &&
        mali_csf_stream_has_work(s, stream)) {
        arm_slice(s);
    }
}

/*
 * Look at all streams, and count the slice for those that are ready.  Returns
 * the one that has been passed over longest, if that is too long, else -1.
 */
static int slice_begins(MaliCsfState *s, MaliCsfTurns *turns)
{
    uint32_t longest = PATIENCE_SLICES;
    int index = -1;
    unsigned csg, cs;

    memset(turns, 0, sizeof(*turns));
    for (csg = 0; csg < s->model->csg_slots; csg++) {
        MaliCsfGroup *group = &s->engine.groups[csg];

        for (cs = 0; mali_csf_group_runs(group) && cs < s->model->cs_per_csg;
             cs++) {
            MaliCsfStream *stream = &group->streams[cs];

            mali_csf_turns_set_priority(turns, csg, cs,
                                        stream->config.priority);
            look_at_stream(s, turns, csg, cs);
            if (!(turns->ready[csg] & (1u << cs))) {
                stream->passed_over = 0;
            } else if (++stream->passed_over > longest) {
                longest = stream->passed_over;
                index = csg * s->model->cs_per_csg + cs;
            }
        }
    }
    return index;
}

static unsigned stream_turn(MaliCsfState *s, MaliCsfTurns *turns,
                            unsigned index)
{
    unsigned csg = index / s->model->cs_per_csg;
    unsigned cs = index % s->model->cs_per_csg;

    stream_get(s, csg, cs)->passed_over = 0;
    return stream_run(s, turns, csg, cs, TURN_WEIGHT);
}

unsigned mali_csf_engine_slice(MaliCsfState *s)
{
    MaliCsfEngine *engine = &s->engine;
    MaliCsfTurns turns;
    int index = slice_begins(s, &turns);
    unsigned weight = stream_count(s) / LOOKS_PER_WEIGHT;

    if (index >= 0) {
        weight += stream_turn(s, &turns, index);
    }
    while (weight < SLICE_WEIGHT) {
        index = mali_csf_turns_next(s, &turns, engine->next);
        if (index < 0) {
            break;
        }
        engine->next = (index + 1) % stream_count(s);
        weight += stream_turn(s, &turns, index);
    }
    engine->slices++;
    engine->largest_slice = MAX(engine->largest_slice, weight);
    return weight;
}

static void engine_slice(void *opaque)
{
    MaliCsfState *s = opaque;
    int64_t start = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    unsigned weight = mali_csf_engine_slice(s);
    int64_t end = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    trace_mali_csf_slice(s->trace_id, start, weight);
    s->engine.not_before = end + MAX(end - start, weight * WEIGHT_NS);
    mali_csf_engine_notify(s);
    mali_csf_engine_kick(s);
}

static void look_at_waits(MaliCsfState *s)
{
    unsigned i;

    s->engine.sync_waits = 0;
    for (i = 0; i < stream_count(s); i++) {
        unsigned csg = i / s->model->cs_per_csg;
        MaliCsfStream *stream = stream_get(s, csg, i % s->model->cs_per_csg);

        if (stream->state != MALI_CSF_STREAM_SYNC_WAIT) {
            continue;
        }
        if (mali_csf_sync_wait_over(s, s->engine.groups[csg].as, stream)) {
            mali_csf_stream_set_state(stream, MALI_CSF_STREAM_READY, NULL);
        } else {
            s->engine.sync_waits++;
        }
    }
}

/* Look at them again after @pause, or sooner if a look is due before */
static void arm_sync_poll(MaliCsfState *s, int64_t pause)
{
    MaliCsfEngine *engine = &s->engine;

    if (!engine->sync_poll_ns) {
        return;
    }
    pause = MIN(pause, MIN(engine->sync_poll_ns, MALI_CSF_LATENCY_MAX_NS));
    /* Who has many has them looked at less often. */
    pause = MAX(pause, SYNC_POLL_FIRST_NS +
                (int64_t)engine->sync_waits * SYNC_POLL_NS);
    engine->sync_poll_pause = pause;
    timer_mod_anticipate_ns(engine->sync_poll_timer,
                            qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + pause);
}

void mali_csf_engine_sync_wait_begins(MaliCsfState *s)
{
    arm_sync_poll(s, 0);
}

void mali_csf_engine_check_waits(MaliCsfState *s)
{
    look_at_waits(s);
    if (s->engine.sync_waits && !timer_pending(s->engine.sync_poll_timer)) {
        arm_sync_poll(s, 0);
    }
}

/*
 * A process may have written an object: it has no doorbell to ring.  Streams
 * are not looked at off their slot, nor while the firmware does not run.
 */
static void engine_sync_poll(void *opaque)
{
    MaliCsfState *s = opaque;

    if (s->mcu.status != MCU_STATUS_ENABLED || !s->engine.sync_poll_ns) {
        return;
    }
    look_at_waits(s);
    trace_mali_csf_sync_poll(s->trace_id, s->engine.sync_waits);
    if (s->engine.sync_waits) {
        arm_sync_poll(s, s->engine.sync_poll_pause * 2);
    }
    mali_csf_engine_kick(s);
}

/*
 * The streams of @as whose access is blocked so execute their instruction
 * again, and deferred instructions that are blocked so are performed again
 */
static void restart_streams(MaliCsfState *s, unsigned as,
                            MaliCsfMemResult blocked)
{
    unsigned i;

    for (i = 0; i < stream_count(s); i++) {
        unsigned csg = i / s->model->cs_per_csg;
        MaliCsfStream *stream = stream_get(s, csg, i % s->model->cs_per_csg);

        if (s->engine.groups[csg].as != as) {
            continue;
        }
        if (mali_csf_stream_state(stream)->blocked_by == blocked) {
            mali_csf_stream_set_state(stream, MALI_CSF_STREAM_READY, NULL);
        }
        mali_csf_stream_retry_deferred(stream, blocked);
    }
    mali_csf_engine_kick(s);
}

/* The next pass tries again what the tiler could not do in @as. */
static void restart_tiler(MaliCsfState *s, unsigned as, bool updated)
{
    unsigned i;

    for (i = 0; i < stream_count(s); i++) {
        unsigned csg = i / s->model->cs_per_csg;
        unsigned cs = i % s->model->cs_per_csg;
        const MaliCsfTiler *tiler = &stream_get(s, csg, cs)->tiler;

        if (s->engine.groups[csg].as != as ||
            (!tiler->chunks && !tiler->grant_first)) {
            continue;
        }
        if (updated) {
            mali_csf_heap_as_updated(s, csg, cs);
        }
        mali_csf_engine_notify(s);
    }
}

static void as_released(void *opaque, unsigned as)
{
    MaliCsfState *s = opaque;

    restart_streams(s, as, MALI_CSF_MEM_STALLED);
    restart_tiler(s, as, false);
}

static void as_updated(void *opaque, unsigned as)
{
    MaliCsfState *s = opaque;

    restart_streams(s, as, MALI_CSF_MEM_STALLED);
    restart_streams(s, as, MALI_CSF_MEM_FAULTED);
    restart_tiler(s, as, true);
}

static void as_unmapped(void *opaque, unsigned as)
{
    MaliCsfState *s = opaque;
    unsigned i, j;

    for (i = 0; i < stream_count(s); i++) {
        unsigned csg = i / s->model->cs_per_csg;
        unsigned cs = i % s->model->cs_per_csg;
        MaliCsfStream *stream = stream_get(s, csg, cs);

        if (s->engine.groups[csg].as != as) {
            continue;
        }
        if (mali_csf_stream_state(stream)->blocked_by != MALI_CSF_MEM_DONE) {
            mali_csf_stream_fatal(stream, CS_EXCEPTION_BUS_FAULT, 0,
                                  stream->wait.va);
            continue;
        }
        if (mali_csf_heap_as_unmapped(s, csg, cs)) {
            continue;
        }
        for (j = 0; j < stream->num_deferred; j++) {
            if (stream->deferred[j].blocked != MALI_CSF_MEM_DONE) {
                mali_csf_stream_fatal(stream, CS_EXCEPTION_BUS_FAULT, 0,
                                      stream->deferred[j].blocked_va);
                break;
            }
        }
    }
}

/* Own work of the stream holds the entry until @end of the virtual clock. */
static void hold_until(MaliCsfState *s, MaliCsfStream *stream,
                       unsigned scoreboard, int64_t end)
{
    /* Nothing but "is it zero" can be seen of an entry: the last one counts */
    stream->work_end[scoreboard] = MAX(stream->work_end[scoreboard], end);
    stream->work_progress = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    timer_mod_anticipate(s->engine.work_timer, end);
}

void mali_csf_engine_flush(MaliCsfState *s, unsigned csg, unsigned cs,
                           unsigned scoreboard, uint32_t modes)
{
    uint64_t latency = MIN(s->engine.flush_latency_ns,
                           MALI_CSF_LATENCY_MAX_NS);
    MaliCsfStream *stream = stream_get(s, csg, cs);

    if (!latency) {
        mali_csf_cache_flushed(s, modes);
        return;
    }
    stream->scoreboard[scoreboard]++;
    stream->flush_modes[scoreboard] |= modes;
    hold_until(s, stream, scoreboard,
               qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + latency);
}

static void end_flush(MaliCsfState *s, MaliCsfStream *stream,
                      unsigned scoreboard)
{
    if (stream->flush_modes[scoreboard]) {
        mali_csf_cache_flushed(s, stream->flush_modes[scoreboard]);
        stream->flush_modes[scoreboard] = 0;
    }
}

/* Work on the entry that the endpoint does not have yet, for want of memory */
static uint32_t work_held(const MaliCsfStream *stream, unsigned scoreboard)
{
    uint32_t held = stream->tiler.chunks &&
                    stream->tiler.scoreboard == scoreboard;

    for (unsigned i = 0; i < stream->num_suspended; i++) {
        held += stream->suspended[i].scoreboard == scoreboard;
    }
    return held;
}

/* What holds the entry besides the stream's own work */
static uint32_t endpoint_holds(MaliCsfState *s, unsigned csg, unsigned cs,
                               unsigned scoreboard)
{
    return mali_csf_work_count(s, csg, cs, scoreboard) +
           work_held(stream_get(s, csg, cs), scoreboard);
}

void mali_csf_stream_end_work(MaliCsfStream *stream)
{
    for (unsigned i = 0; i < MALI_CSF_MAX_SCOREBOARDS; i++) {
        stream->scoreboard[i] = work_held(stream, i);
        stream->work_end[i] = 0;
    }
}

void mali_csf_engine_end_own_work(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);

    for (unsigned i = 0; i < s->model->scoreboards; i++) {
        stream->scoreboard[i] = endpoint_holds(s, csg, cs, i);
        stream->work_end[i] = 0;
        end_flush(s, stream, i);
    }
}

static void engine_work_timer(void *opaque)
{
    MaliCsfState *s = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    int64_t next = INT64_MAX;
    unsigned i, sb;

    for (i = 0; i < stream_count(s); i++) {
        unsigned csg = i / s->model->cs_per_csg;
        unsigned cs = i % s->model->cs_per_csg;
        MaliCsfStream *stream = stream_get(s, csg, cs);

        for (sb = 0; sb < s->model->scoreboards; sb++) {
            if (!stream->work_end[sb]) {
                continue;
            }
            if (stream->work_end[sb] > now) {
                next = MIN(next, stream->work_end[sb]);
                continue;
            }
            stream->work_end[sb] = 0;
            stream->scoreboard[sb] = endpoint_holds(s, csg, cs, sb);
            end_flush(s, stream, sb);
            stream->work_progress = now;
            mali_csf_stream_check_scoreboard(stream);
        }
        next = MIN(next, mali_csf_stream_deferred_due(stream, now));
    }
    mali_csf_engine_kick(s);
    if (next != INT64_MAX) {
        timer_mod(s->engine.work_timer, next);
    }
    /* A group whose streams are at their end may be idle only now. */
    mali_csf_engine_notify(s);
}

void mali_csf_engine_drop_all(MaliCsfState *s)
{
    MaliCsfEngine *engine = &s->engine;

    /* What is in flight is of no stream any more. */
    mali_csf_work_reset(s);
    for (unsigned csg = 0; csg < engine->num_groups; csg++) {
        MaliCsfGroup *group = &engine->groups[csg];

        for (unsigned cs = 0; cs < group->num_streams; cs++) {
            mali_csf_stream_reset(&group->streams[cs], 0);
        }
        *group = (MaliCsfGroup) {
            .num_streams = group->num_streams,
            .streams = group->streams,
        };
    }
    engine->next = 0;
    engine->protected_mode = false;
    engine->protm_quiet = false;
    engine->resource_waits = 0;
    engine->sync_waits = 0;
    engine->sync_poll_pause = 0;
    timer_del(s->engine.slice_timer);
    timer_del(s->engine.work_timer);
    timer_del(s->engine.sync_poll_timer);
}

void mali_csf_engine_reset_enter(MaliCsfState *s)
{
    mali_csf_engine_drop_all(s);
    s->engine.not_before = 0;
    s->engine.instructions = 0;
    s->engine.slices = 0;
    s->engine.largest_slice = 0;
    s->engine.tiler_ooms = 0;
    s->engine.cs_faults = 0;
    s->engine.cs_fatals = 0;
    s->engine.compute_works = 0;
    s->engine.fragment_works = 0;
    s->engine.tiler_works = 0;
    memset(s->engine.group_counts, 0, sizeof(s->engine.group_counts));
}

void mali_csf_engine_instance_init(MaliCsfState *s)
{
    s->engine.sync_poll_ns = SYNC_POLL_LAST_NS;
}

void mali_csf_engine_new_groups(MaliCsfEngine *engine,
                                const MaliCsfModel *model)
{
    engine->num_groups = model->csg_slots;
    engine->groups = g_new0(MaliCsfGroup, engine->num_groups);
    for (unsigned csg = 0; csg < engine->num_groups; csg++) {
        MaliCsfGroup *group = &engine->groups[csg];

        group->num_streams = model->cs_per_csg;
        group->streams = g_new0(MaliCsfStream, group->num_streams);
    }
}

void mali_csf_engine_free_groups(MaliCsfEngine *engine)
{
    for (unsigned csg = 0; csg < engine->num_groups; csg++) {
        g_free(engine->groups[csg].streams);
    }
    g_free(engine->groups);
    engine->groups = NULL;
    engine->num_groups = 0;
}

static void name_streams(MaliCsfState *s)
{
    for (unsigned i = 0; i < stream_count(s); i++) {
        unsigned csg = i / s->model->cs_per_csg;
        unsigned cs = i % s->model->cs_per_csg;

        stream_get(s, csg, cs)->id = (MaliCsfStreamId) {
            .s = s,
            .csg = csg,
            .cs = cs,
        };
    }
}

void mali_csf_engine_init(MaliCsfState *s, void (*notify)(MaliCsfState *s))
{
    MaliCsfEngine *engine = &s->engine;

    engine->notify = notify;
    engine->dispatch = mali_csf_dispatch_new(s->model);
    engine->mmu_listener = (MaliCsfMmuListener) {
        .released = as_released,
        .updated = as_updated,
        .unmapped = as_unmapped,
        .opaque = s,
    };
    mali_csf_mmu_add_listener(s, &engine->mmu_listener);
    mali_csf_engine_new_groups(engine, s->model);
    name_streams(s);
    s->engine.slice_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, engine_slice, s);
    s->engine.work_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, engine_work_timer,
                                        s);
    s->engine.sync_poll_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL,
                                             engine_sync_poll, s);
}

void mali_csf_engine_finalize(MaliCsfState *s)
{
    timer_free(s->engine.sync_poll_timer);
    timer_free(s->engine.work_timer);
    timer_free(s->engine.slice_timer);
    mali_csf_engine_free_groups(&s->engine);
    g_free(s->engine.dispatch);
}

void mali_csf_engine_pre_save(MaliCsfState *s)
{
    s->engine.slice_due = mali_csf_saved_timer(s->engine.slice_timer);
    s->engine.work_due = mali_csf_saved_timer(s->engine.work_timer);
    s->engine.sync_poll_due = mali_csf_saved_timer(s->engine.sync_poll_timer);
}

void mali_csf_engine_post_load(MaliCsfState *s)
{
    if (s->engine.protected_mode) {
        mali_csf_mmu_protm_begins(s);
    }
    mali_csf_saved_arm(s->engine.slice_timer, s->engine.slice_due);
    mali_csf_saved_arm(s->engine.work_timer, s->engine.work_due);
    mali_csf_saved_arm(s->engine.sync_poll_timer, s->engine.sync_poll_due);
}
