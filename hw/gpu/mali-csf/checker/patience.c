/*
 * Mali CSF GPU: the checker on a driver that may have given up
 *
 * A driver that waits too long for a command or for a flush leaves out what
 * would have followed, and resets the GPU.  What it does wrong until then is
 * no mistake.  But that something took long does not mean that the driver gave
 * up: it looks once more when its time is over.  Source: wait_ready() of
 * panthor_mmu.c and panthor_gpu_flush_caches() of panthor_gpu.c, v7.3.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"
#include "../trace.h"

/* How long the driver waits, and from when on there is doubt */
#define TIMEOUT_NS                  100000000ll
#define PATIENCE_NS                 90000000ll
/* A driver that gives up asks for a reset at once. */
#define RESET_MAX_NS                10000000000ll

/*
 * What a driver that has given up may cause, since an UNLOCK, a flush or an
 * UPDATE is missing.  Nothing else is ever held back.
 */
static const bool explained[MALI_CSF_NUM_VIOLATIONS] = {
    [MALI_CSF_CHANGE_OUTSIDE_LOCK] = true,
    [MALI_CSF_EXPANSION_DROPS_PART] = true,
    [MALI_CSF_STALE_TRANSLATION_USED] = true,
    [MALI_CSF_RECYCLE_WITHOUT_FLUSH] = true,
    [MALI_CSF_UNLOCK_WITHOUT_FLUSH] = true,
    [MALI_CSF_CHANGE_AFTER_FLUSH] = true,
    [MALI_CSF_DIRTY_LINE_LOST] = true,
    [MALI_CSF_UNLOCK_WITHOUT_LOCK] = true,
    [MALI_CSF_UPDATE_MISSING] = true,
    [MALI_CSF_COMMAND_WHILE_ACTIVE] = true,
    [MALI_CSF_LOCKADDR_INVALID] = true,
    [MALI_CSF_FAULT_NOT_ACKNOWLEDGED] = true,
    [MALI_CSF_LOCK_AT_L2_OFF] = true,
    [MALI_CSF_GROUP_ON_UNMAPPED] = true,
    [MALI_CSF_LOCK_AT_UPDATE] = true,
    [MALI_CSF_ENABLED_AFTER_FAULT] = true,
    [MALI_CSF_ENABLED_AT_L2_OFF] = true,
};

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void begin_doubt(MaliCsfPatience *p)
{
    if (!p->doubt) {
        p->doubt = true;
        p->num_held = 0;
    }
    timer_mod(p->timer, now_ns() + RESET_MAX_NS);
}

static void end_doubt(MaliCsfPatience *p)
{
    p->doubt = false;
    p->num_held = 0;
    p->as = -1;
    p->flush_in_doubt = false;
    timer_del(p->timer);
}

static void add_lost(MaliCsfState *s, const MaliCsfFinding *f)
{
    MaliCsfFinding note = *f;

    note.id = MALI_CSF_NOTE_LOST;
    note.expected = f->id;
    mali_csf_findings_add(&s->checker.findings, &note);
}

void mali_csf_patience_lose(MaliCsfState *s, const MaliCsfFinding *f)
{
    add_lost(s, f);
    trace_mali_csf_lost(s->trace_id, mali_csf_finding_names[f->id], 1);
}

/* What was held back is lost: the driver has given up. */
static void drop_held(MaliCsfState *s)
{
    MaliCsfPatience *p = &s->checker.patience;
    unsigned count[MALI_CSF_NUM_VIOLATIONS] = { 0 };
    unsigned n = p->num_held;

    p->num_held = 0;
    for (unsigned i = 0; i < n; i++) {
        add_lost(s, &p->held[i]);
        count[p->held[i].id]++;
    }
    for (unsigned id = 0; id < MALI_CSF_NUM_VIOLATIONS; id++) {
        if (count[id]) {
            trace_mali_csf_lost(s->trace_id, mali_csf_finding_names[id],
                                count[id]);
        }
    }
}

/* The driver has not given up, so that all of it counts. */
static void report_held(MaliCsfState *s)
{
    MaliCsfPatience *p = &s->checker.patience;
    unsigned n = p->num_held;

    end_doubt(p);
    for (unsigned i = 0; i < n; i++) {
        mali_csf_findings_add(&s->checker.findings, &p->held[i]);
    }
}

bool mali_csf_patience_hold(MaliCsfState *s, const MaliCsfFinding *f)
{
    MaliCsfPatience *p = &s->checker.patience;

    if (!p->doubt || f->id >= MALI_CSF_NUM_VIOLATIONS || !explained[f->id]) {
        return false;
    }
    if (p->num_held == MALI_CSF_MAX_HELD) {
        drop_held(s);
    }
    p->held[p->num_held++] = *f;
    return true;
}

/* Commands of address spaces */

void mali_csf_check_as_duration(MaliCsfState *s, unsigned as, uint64_t ns)
{
    MaliCsfPatience *p = &s->checker.patience;

    if (ns >= PATIENCE_NS) {
        begin_doubt(p);
        p->as = as;
        p->first_poll = -1;
        p->last_poll = -1;
    }
}

/*
 * The driver's last look decides.  If an earlier one, later than its time is
 * over, has found the command active, it may have been that.
 */
void mali_csf_check_as_status(MaliCsfState *s, unsigned as, bool active)
{
    MaliCsfPatience *p = &s->checker.patience;

    if (!p->doubt || p->as != as) {
        return;
    }
    if (active) {
        p->last_poll = now_ns();
        if (p->first_poll < 0) {
            p->first_poll = p->last_poll;
        }
        return;
    }
    p->as = -1;
    if (p->last_poll - p->first_poll < TIMEOUT_NS && !p->flush_in_doubt) {
        report_held(s);
    }
}

/* Flushes */

void mali_csf_check_flush_asked(MaliCsfState *s)
{
    MaliCsfPatience *p = &s->checker.patience;

    p->flushing = true;
    /* What comes now may follow this one. */
    p->flush_in_doubt = false;
    if (p->flush_since < 0) {
        p->flush_since = now_ns();
    }
}

void mali_csf_check_flush_duration(MaliCsfState *s, uint64_t ns)
{
    MaliCsfPatience *p = &s->checker.patience;

    if (ns >= PATIENCE_NS) {
        begin_doubt(p);
        p->flush_in_doubt = true;
    }
}

void mali_csf_patience_flushed(MaliCsfState *s)
{
    s->checker.patience.flushing = false;
}

void mali_csf_check_flush_heard(MaliCsfState *s)
{
    MaliCsfPatience *p = &s->checker.patience;
    int64_t since = p->flush_since;

    p->flush_since = -1;
    if (since >= 0) {
        mali_csf_check_flush_duration(s, now_ns() - since);
    }
}

/*
 * A driver that has given up on a flush sends neither the UNLOCK nor the UPDATE
 * that would follow.
 */
void mali_csf_patience_went_on(MaliCsfState *s)
{
    MaliCsfPatience *p = &s->checker.patience;

    if (p->doubt && p->flush_in_doubt && !p->flushing && p->as < 0) {
        report_held(s);
    }
}

/* The end */

void mali_csf_patience_over(MaliCsfState *s)
{
    MaliCsfPatience *p = &s->checker.patience;

    drop_held(s);
    end_doubt(p);
    p->flush_since = -1;
    p->flushing = false;
}

/*
 * A driver that sleeps does not reset the GPU, and when it is awake again it
 * still takes a flush that it gave up on for one under way.
 */
void mali_csf_patience_l2_off(MaliCsfState *s)
{
    drop_held(s);
    s->checker.patience.as = -1;
    s->checker.patience.flush_in_doubt = false;
}

/* There was no reset. */
static void patience_timer(void *opaque)
{
    report_held(opaque);
}

/* Nobody is told later of what is held back when the machine stops. */
static void vm_change(void *opaque, bool running, RunState state)
{
    if (!running) {
        drop_held(opaque);
    }
}

void mali_csf_patience_init(MaliCsfState *s)
{
    MaliCsfPatience *p = &s->checker.patience;

    p->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, patience_timer, s);
    p->vm_change = qemu_add_vm_change_state_handler(vm_change, s);
}

void mali_csf_patience_finalize(MaliCsfState *s)
{
    MaliCsfPatience *p = &s->checker.patience;

    timer_free(p->timer);
    qemu_del_vm_change_state_handler(p->vm_change);
}

void mali_csf_patience_forget(MaliCsfState *s)
{
    MaliCsfPatience *p = &s->checker.patience;

    end_doubt(p);
    p->flush_since = -1;
    p->flushing = false;
}
