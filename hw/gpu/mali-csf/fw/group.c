/*
 * Mali CSF GPU: firmware interface of a group (CSG)
 *
 * A slot's group is started, suspended, resumed and terminated here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "../device.h"
#include "../log.h"
#include "../cs/resource.h"
#include "../cs/work.h"
#include "../trace.h"

QEMU_BUILD_BUG_ON(MALI_CSF_MAX_CS > 32);

static MaliCsfGroup *group_get(MaliCsfState *s, unsigned csg)
{
    return &s->engine.groups[csg];
}

/* START or RESUME of the group that the input block describes */
static MaliCsfFwResult group_enter(MaliCsfState *s, unsigned csg, bool resume)
{
    MaliCsfGroup *group = group_get(s, csg);
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    MaliCsfFwGroup entering = {
        .entering = true,
        .suspend_buf = mali_csf_fw_load64(s, in + CSG_SUSPEND_BUF),
        .protm_suspend_buf = mali_csf_fw_load64(s, in + CSG_PROTM_SUSPEND_BUF),
    };
    uint32_t config = mali_csf_fw_load32(s, in + CSG_CONFIG);
    uint32_t shared_sb[MALI_CSF_MAX_SCOREBOARDS] = { 0 };

    if (!resume) {
        for (unsigned cs = 0; cs < s->model->cs_per_csg; cs++) {
            mali_csf_stream_reset(&group->streams[cs], 0);
        }
    } else if (mali_csf_fw_group_restore(s, csg, &entering, shared_sb) ==
               MALI_CSF_FW_PARKED) {
        return MALI_CSF_FW_PARKED;
    }
    /* A number that is no address space faults at its first access. */
    mali_csf_group_enter(group, MIN(config & 0xff, MALI_CSF_MAX_AS - 1),
                         shared_sb);
    entering.cs_doorbells = s->mcu.fw.groups[csg].cs_doorbells;
    s->mcu.fw.groups[csg] = entering;
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_group(s, group->as);
    }
    trace_mali_csf_csg_state(s->trace_id, csg, resume ? "resume" : "start",
                             group->as);
    return MALI_CSF_FW_DONE;
}

/* SUSPEND or TERMINATE */
static MaliCsfFwResult group_leave(MaliCsfState *s, unsigned csg, bool suspend)
{
    MaliCsfGroup *group = group_get(s, csg);
    unsigned cs;

    if (suspend && mali_csf_fw_group_save(s, csg) == MALI_CSF_FW_PARKED) {
        return MALI_CSF_FW_PARKED;
    }
    if (!mali_csf_work_leave(s, csg, !suspend)) {
        return MALI_CSF_FW_BUSY;
    }
    if (suspend) {
        /*
         * Before the status is published: the driver takes a scoreboard
         * entry of a suspended stream as work that never ends
         * (cs_slot_sync_queue_state_locked() in panthor_sched.c, v7.3).
         */
        for (cs = 0; cs < s->model->cs_per_csg; cs++) {
            mali_csf_engine_end_own_work(s, csg, cs);
        }
    }
    mali_csf_fw_csg_status(s, csg);
    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        mali_csf_fw_cs_stop(s, csg, cs);
    }
    mali_csf_group_left(group);
    trace_mali_csf_csg_state(s->trace_id, csg,
                             suspend ? "suspend" : "terminate", group->as);
    return MALI_CSF_FW_DONE;
}

bool mali_csf_fw_csg_locked(MaliCsfState *s, unsigned csg, uint64_t *va)
{
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    uint32_t out = mali_csf_fw_csg_output(s, csg);
    uint32_t changed = mali_csf_fw_load32(s, in + CSG_REQ) ^
                       mali_csf_fw_load32(s, out + CSG_ACK);
    unsigned cs;

    if (!(changed & CSG_STATE_MASK)) {
        return false;
    }
    *va = mali_csf_fw_load64(s, in + CSG_SUSPEND_BUF);
    if (mali_csf_view_locked(&s->view, FW_AS, *va,
                             mali_csf_fw_suspended_bytes(s))) {
        return true;
    }
    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        uint32_t cs_in = mali_csf_fw_cs_input(s, csg, cs);

        if ((mali_csf_fw_load32(s, cs_in + CS_REQ) & CS_STATE_MASK) !=
            CS_STATE_START) {
            continue;
        }
        *va = mali_csf_fw_load64(s, cs_in + CS_USER_INPUT);
        if (mali_csf_view_locked(&s->view, FW_AS, *va, CS_USER_INPUT_SIZE)) {
            return true;
        }
        *va = mali_csf_fw_load64(s, cs_in + CS_USER_OUTPUT);
        if (mali_csf_view_locked(&s->view, FW_AS, *va, CS_USER_OUTPUT_SIZE)) {
            return true;
        }
    }
    return false;
}

static MaliCsfFwResult group_change_state(MaliCsfState *s, unsigned csg,
                                          uint32_t state)
{
    MaliCsfGroup *group = group_get(s, csg);

    switch (state) {
    case CSG_STATE_START:
    case CSG_STATE_RESUME:
        if (group->active) {
            return MALI_CSF_FW_DONE;
        }
        return group_enter(s, csg, state == CSG_STATE_RESUME);
    case CSG_STATE_SUSPEND:
    case CSG_STATE_TERMINATE:
        if (!group->active) {
            return MALI_CSF_FW_DONE;
        }
        return group_leave(s, csg, state == CSG_STATE_SUSPEND);
    default:
        mali_csf_log_mask(LOG_GUEST_ERROR, "%s: CSG %u: no such state: %u\n",
                          __func__, csg, state);
        return MALI_CSF_FW_DONE;
    }
}

/* @next as it was before, where an injection forbids to acknowledge */
static uint32_t unacknowledged(MaliCsfState *s, unsigned csg, uint32_t ack,
                               uint32_t next)
{
    static const struct {
        uint32_t mask;
        uint32_t value;
        MaliCsfInjectionKind kind;
    } requests[] = {
        { CSG_STATE_MASK, CSG_STATE_START,
          MALI_CSF_INJECTION_KIND_CSG_START_ACK },
        { CSG_STATE_MASK, CSG_STATE_RESUME,
          MALI_CSF_INJECTION_KIND_CSG_RESUME_ACK },
        { CSG_STATE_MASK, CSG_STATE_SUSPEND,
          MALI_CSF_INJECTION_KIND_CSG_SUSPEND_ACK },
        { CSG_STATE_MASK, CSG_STATE_TERMINATE,
          MALI_CSF_INJECTION_KIND_CSG_TERMINATE_ACK },
        { CSG_STATUS_UPDATE, CSG_STATUS_UPDATE,
          MALI_CSF_INJECTION_KIND_CSG_STATUS_UPDATE_ACK },
        { CSG_EP_CFG, CSG_EP_CFG, MALI_CSF_INJECTION_KIND_CSG_EP_CFG_ACK },
    };
    MaliCsfOccasion occasion = { .slot = csg };
    uint32_t changed = ack ^ next;
    uint32_t lost = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(requests); i++) {
        uint32_t mask = requests[i].mask;

        /* A state is a value, the others change to ask. */
        if ((changed & mask) &&
            (mask != CSG_STATE_MASK || (next & mask) == requests[i].value) &&
            mali_csf_inject_holds(s, requests[i].kind, &occasion,
                                  MALI_CSF_LOOK_GROUP(csg))) {
            lost |= mask;
        }
    }
    return (next & ~lost) | (ack & lost);
}

/* What EP_CFG is about */
static uint64_t requested_endpoints(MaliCsfState *s, unsigned csg)
{
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    uint32_t ep_req = mali_csf_fw_load32(s, in + CSG_EP_REQ);
    uint64_t ep_req2;

    if (!mali_csf_fw_since(s, 4, 0)) {
        return ep_req;
    }
    ep_req2 = mali_csf_fw_load64(s, in + CSG_EP_REQ2);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_endpoints(s, csg, group_get(s, csg)->as, ep_req,
                                 ep_req2);
    }
    return ep_req2;
}

MaliCsfFwResult mali_csf_fw_csg_doorbell(MaliCsfState *s, unsigned csg)
{
    MaliCsfGroup *group = group_get(s, csg);
    MaliCsfFwGroup *fw_group = &s->mcu.fw.groups[csg];
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    uint32_t out = mali_csf_fw_csg_output(s, csg);
    uint32_t req, ack, changed, next, doorbells;
    unsigned cs;

    /* An acknowledgement never overtakes what happened before it. */
    mali_csf_fw_csg_publish(s, csg);

    req = mali_csf_fw_load32(s, in + CSG_REQ);
    ack = mali_csf_fw_load32(s, out + CSG_ACK);
    changed = req ^ ack;
    next = (req & ~CSG_EVT_MASK) | (ack & CSG_EVT_MASK);

    if (changed & CSG_STATE_MASK) {
        MaliCsfFwResult result = group_change_state(s, csg,
                                                    req & CSG_STATE_MASK);

        if (result != MALI_CSF_FW_DONE) {
            return result;
        }
        /* Events of the group may have changed it. */
        ack = mali_csf_fw_load32(s, out + CSG_ACK);
        next = (req & ~CSG_EVT_MASK) | (ack & CSG_EVT_MASK);
    }
    if (changed & CSG_EP_CFG) {
        mali_csf_group_set_endpoints(
            group, requested_endpoints(s, csg),
            mali_csf_fw_load64(s, in + CSG_ALLOW_COMPUTE),
            mali_csf_fw_load64(s, in + CSG_ALLOW_FRAGMENT),
            mali_csf_fw_load32(s, in + CSG_ALLOW_OTHER));
    }

    /* Acknowledge first, then look: see mali_csf_fw_glb_doorbell(). */
    doorbells = mali_csf_fw_load32(s, in + CSG_DB_REQ);
    fw_group->cs_doorbells |= doorbells ^
                              mali_csf_fw_load32(s, out + CSG_DB_ACK);
    mali_csf_fw_store32(s, out + CSG_DB_ACK, doorbells);
    /* The requests are read after this. */
    smp_mb();

    if (fw_group->entering) {
        /* Nothing of the slot's previous group is pending any more. */
        next = req;
        mali_csf_fw_store32(s, out + CSG_IRQ_REQ,
                            mali_csf_fw_load32(s, in + CSG_IRQ_ACK));
        /*
         * All streams, whatever the doorbell bits say: they may have been
         * consumed by a doorbell that rang before the group had its slot.
         */
        fw_group->cs_doorbells = UINT32_MAX;
    }
    for (cs = 0; group->active && cs < s->model->cs_per_csg; cs++) {
        if (!(fw_group->cs_doorbells & (1u << cs))) {
            continue;
        }
        if (mali_csf_fw_cs_request(s, csg, cs, fw_group->entering) ==
            MALI_CSF_FW_PARKED) {
            /* Goes on with this stream once the page is unlocked. */
            return MALI_CSF_FW_PARKED;
        }
        fw_group->cs_doorbells &= ~(1u << cs);
    }
    fw_group->cs_doorbells = 0;
    fw_group->entering = false;

    if (changed & CSG_STATUS_UPDATE) {
        mali_csf_fw_csg_status(s, csg);
    }
    if (mali_csf_injected(&s->inject, MALI_CSF_INJECT_GROUPS)) {
        next = unacknowledged(s, csg, ack, next);
    }
    if (next != ack) {
        /* A reader of the acknowledgement sees what was asked for. */
        smp_mb();
        mali_csf_fw_store32(s, out + CSG_ACK, next);
        /* ACK is visible before the host is told. */
        smp_mb();
        if ((next ^ ack) & mali_csf_fw_load32(s, in + CSG_ACK_IRQ_MASK)) {
            mali_csf_irq_raise(&s->mcu.job_irq, JOB_INT_CSG(csg));
        }
    }
    return MALI_CSF_FW_DONE;
}

void mali_csf_fw_csg_status(MaliCsfState *s, unsigned csg)
{
    MaliCsfGroup *group = group_get(s, csg);
    uint32_t out = mali_csf_fw_csg_output(s, csg);
    unsigned cs;

    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        mali_csf_fw_cs_status(s, csg, cs);
    }
    mali_csf_fw_store32(s, out + CSG_STATUS_EP_CURRENT,
                        mali_csf_resource_current(s, csg));
    mali_csf_fw_store32(s, out + CSG_STATUS_EP_REQ,
                        group->ep_req & CSG_STATUS_EP_REQ_MASK);
    mali_csf_fw_store32(s, out + CSG_RESOURCE_DEP,
                        mali_csf_resource_dependencies(s, csg));
    mali_csf_fw_store32(s, out + CSG_STATUS_STATE,
                        mali_csf_group_is_idle(group) ?
                        CSG_STATUS_STATE_IDLE : 0);
}

/* Toggle event bits in CSG_ACK that are not pending; interrupt the host */
static void csg_event(MaliCsfState *s, unsigned csg, uint32_t event,
                      const char *name)
{
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    uint32_t out = mali_csf_fw_csg_output(s, csg);
    uint32_t req, ack;

    /*
     * What the event tells of is visible before it is decided that the host
     * has yet to look: else an event that is suppressed here could be lost.
     */
    smp_mb();
    req = mali_csf_fw_load32(s, in + CSG_REQ);
    ack = mali_csf_fw_load32(s, out + CSG_ACK);
    if ((req ^ ack) & event) {
        return;
    }
    trace_mali_csf_csg_event(s->trace_id, csg, name);
    mali_csf_fw_store32(s, out + CSG_ACK, ack ^ event);
    /* ACK is visible before the host is told. */
    smp_mb();
    if (mali_csf_fw_load32(s, in + CSG_ACK_IRQ_MASK) & event) {
        mali_csf_irq_raise(&s->mcu.job_irq, JOB_INT_CSG(csg));
    }
}

/*
 * The progress timer: an endpoint has had work of the group for that long
 * and ended nothing of it.  (kbase's progress_timeout: cycles that may pass
 * before a group is terminated "if a task makes no forward progress on an
 * endpoint".)  A stream that loops does make progress.
 */
static void csg_progress(MaliCsfState *s, unsigned csg)
{
    MaliCsfGroup *group = group_get(s, csg);
    int64_t timeout = mali_csf_fw_progress_ns(s);
    bool late = false;
    int64_t due;

    for (unsigned cs = 0; timeout && cs < s->model->cs_per_csg; cs++) {
        /* A job may take longer than that, and each of its workgroups less. */
        late |= mali_csf_stream_is_late(&group->streams[cs], timeout, &due) &&
                !mali_csf_work_progressed(s, csg, cs);
        if (due >= 0) {
            mali_csf_mcu_schedule_pass_at(s, due);
        }
    }
    if (late) {
        csg_event(s, csg, CSG_PROGRESS_TIMER_EVENT, "progress-timer");
    }
}

void mali_csf_fw_csg_publish(MaliCsfState *s, unsigned csg)
{
    MaliCsfGroup *group = group_get(s, csg);
    unsigned cs;

    if (!group->active) {
        return;
    }
    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        mali_csf_fw_cs_publish(s, csg, cs);
    }
    if (mali_csf_group_take_sync_update(group)) {
        csg_event(s, csg, CSG_SYNC_UPDATE, "sync-update");
    }
    csg_progress(s, csg);
    /*
     * The status words stay as they are: the driver reads them without a lock
     * that this could take, and expects them to change when it asks for that
     * (cs_slot_sync_queue_state_locked() in panthor_sched.c, v7.3).
     */
    if (mali_csf_group_tell_idle(group, mali_csf_group_is_idle(group))) {
        csg_event(s, csg, CSG_IDLE, "idle");
    }
}
