/*
 * Mali CSF GPU: the microcontroller — registers, doorbells, firmware passes
 *
 * A doorbell only latches a bit.  The firmware looks at the shared memory in
 * passes, from a timer of the virtual clock.  A pass sees that memory through
 * address space 0, and the driver locks regions of that space too: a pass
 * that would touch a locked page is parked whole, before its first effect,
 * and done at the unlock.
 *
 * Not modelled: the microcontroller's own code and memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"
#include "../log.h"
#include "../saved.h"
#include "../cs/resource.h"
#include "protm.h"
#include "../trace.h"

/* From a doorbell to the firmware's looking at it */
#define PASS_DELAY_NS   1000
/*
 * A pass serves requests of so much weight, and what is left has to wait for
 * the next one: they hold QEMU's big lock.  A unit is some 20 ns on a machine
 * of 2025.
 */
#define PASS_WEIGHT     16384
/* Of a request of a group, for each of its streams: RESUME takes longest */
#define REQUEST_WEIGHT  256
/* Of a chunk that the tiler takes from a heap */
#define CHUNK_WEIGHT    16
/* So many streams are looked at, as to whether there is news, for one */
#define LOOKS_PER_WEIGHT 1
/* The next one comes after so long, at least, for each unit of weight */
#define WEIGHT_NS       10

void mali_csf_mcu_set_status(MaliCsfState *s, uint32_t status)
{
    if (s->mcu.status == status) {
        return;
    }
    s->mcu.status = status;
    trace_mali_csf_mcu_status(s->trace_id, status);
    mali_csf_irq_raise(&s->gpu.irq, R_GPU_INT_MCU_STATUS_CHANGED_MASK);
}

void mali_csf_mcu_schedule_pass_at(MaliCsfState *s, int64_t time)
{
    timer_mod_anticipate_ns(s->mcu.pass_timer, time);
}

/* @late: how it may be perturbed */
static void schedule_pass(MaliCsfState *s, MaliCsfPerturbKind late)
{
    if (s->mcu.pass_parked) {
        /* The unlock does it. */
        return;
    }
    mali_csf_mcu_schedule_pass_at(s, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                  PASS_DELAY_NS +
                                  MIN(s->mcu.latency_ns,
                                      MALI_CSF_LATENCY_MAX_NS) +
                                  mali_csf_perturb_ns(&s->perturb, late));
}

void mali_csf_mcu_schedule_pass(MaliCsfState *s)
{
    schedule_pass(s, MALI_CSF_PERTURB_FW_PASS);
}

/* Groups, doorbells and timers of a firmware that does not run any more */
static void mcu_forget(MaliCsfState *s)
{
    if (s->engine.protected_mode) {
        mali_csf_mmu_protm_over(s);
    }
    s->mcu.doorbells = 0;
    s->mcu.boot_pending = false;
    s->mcu.pass_parked = false;
    s->mcu.fw = (MaliCsfFirmware) {
        .idle_deadline = -1, .cores_off_at = -1, .protm_enter_at = -1,
    };
    timer_del(s->mcu.pass_timer);
    mali_csf_perfcnt_forget(s);
    mali_csf_engine_drop_all(s);
}

/* Without a fault of its own, it has died of itself. */
static void mcu_crash(MaliCsfState *s, const MaliCsfFault *fault)
{
    if (fault) {
        mali_csf_mmu_report_fault(s, FW_AS, fault);
    }
    mali_csf_fw_panic(s);
    mcu_forget(s);
    mali_csf_mcu_set_status(s, MCU_STATUS_FATAL);
}

/* Is a page locked that this pass needs?  Touches nothing. */
static bool pass_locked(MaliCsfState *s, uint64_t *va)
{
    unsigned csg, cs;
    uint32_t in = mali_csf_fw_glb_input(s);
    uint32_t out = mali_csf_fw_glb_output(s);
    uint32_t doorbells;

    if (!s->mmu.as[FW_AS].locked) {
        return false;
    }
    *va = FW_SHARED_START;
    if (mali_csf_view_locked(&s->view, FW_AS, *va, mali_csf_fw_end(s) - *va)) {
        return true;
    }
    if (s->mcu.boot_pending && mali_csf_fw_boot_locked(s, va)) {
        return true;
    }
    doorbells = s->mcu.fw.csg_doorbells;
    if (s->mcu.doorbells & 1) {
        doorbells |= mali_csf_fw_load32(s, in + GLB_DB_REQ) ^
                     mali_csf_fw_load32(s, out + GLB_DB_ACK);
    }
    for (csg = 0; csg < s->model->csg_slots; csg++) {
        if ((doorbells & (1u << csg)) && !s->mcu.boot_pending &&
            mali_csf_fw_csg_locked(s, csg, va)) {
            return true;
        }
        for (cs = 0; cs < s->model->cs_per_csg; cs++) {
            if (mali_csf_fw_cs_locked(s, csg, cs, va)) {
                return true;
            }
        }
    }
    return false;
}

static void pass_park(MaliCsfState *s, uint64_t va)
{
    s->mcu.pass_parked = true;
    s->mcu.passes_parked++;
    trace_mali_csf_as_stall(s->trace_id, FW_AS, va);
    trace_mali_csf_fw_pass_parked(s->trace_id, va);
}

static bool cs_doorbell_lost(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfOccasion occasion = { .slot = csg, .stream = cs };

    return mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_CS_DOORBELL,
                                 &occasion, MALI_CSF_LOOK_STREAM(csg, cs));
}

/*
 * Requests of groups, as many as the pass has time for: @more if it had no
 * time for some.  Returns the weight.
 */
static unsigned pass_groups(MaliCsfState *s, bool *more)
{
    const unsigned slots = s->model->csg_slots;
    MaliCsfFirmware *fw = &s->mcu.fw;
    uint32_t pending = fw->csg_doorbells;
    unsigned first = fw->next_csg;
    unsigned weight = 0;

    if (pending && mali_csf_perturbs(&s->perturb, MALI_CSF_PERTURB_TURNS)) {
        first = mali_csf_perturb_turn(&s->perturb, slots);
    }
    fw->csg_doorbells = 0;
    fw->next_csg = 0;
    *more = false;
    for (unsigned i = 0; pending && i < slots; i++) {
        unsigned csg = (first + i) % slots;
        MaliCsfFwResult result;

        if (!(pending & (1u << csg))) {
            continue;
        }
        if (weight >= PASS_WEIGHT) {
            fw->csg_doorbells |= pending;
            fw->next_csg = csg;
            *more = true;
            break;
        }
        pending &= ~(1u << csg);
        weight += s->model->cs_per_csg * REQUEST_WEIGHT;
        result = mali_csf_fw_csg_doorbell(s, csg);
        if (result != MALI_CSF_FW_DONE) {
            fw->csg_doorbells |= 1u << csg;
        }
        if (result == MALI_CSF_FW_PARKED) {
            pass_park(s, s->mmu.as[FW_AS].lock_start);
        }
    }
    return weight;
}

/* Returns the weight of it */
static unsigned pass_doorbells(MaliCsfState *s, bool *more)
{
    MaliCsfMcu *mcu = &s->mcu;
    /* Cleared before anything is read: a ring from now on counts anew. */
    uint64_t doorbells = mcu->doorbells;
    unsigned weight, csg, cs;

    mcu->doorbells = 0;
    *more = false;
    /* The latch before the shared memory, see above */
    smp_mb();

    if (doorbells & 1) {
        mali_csf_fw_glb_doorbell(s);
        if (mcu->status != MCU_STATUS_ENABLED) {
            return 0;
        }
    }
    weight = pass_groups(s, more);
    for (csg = 0; csg < s->model->csg_slots; csg++) {
        for (cs = 0; cs < s->model->cs_per_csg; cs++) {
            unsigned page = s->engine.groups[csg].streams[cs].config.doorbell;

            /* Page 0 is the kernel's; it announces no instructions. */
            if (page && page < 64 && (doorbells & (1ull << page)) &&
                !cs_doorbell_lost(s, csg, cs)) {
                mali_csf_fw_cs_user_doorbell(s, csg, cs);
            }
        }
    }
    if (doorbells) {
        /* Who wrote a sync object from the CPU rings any doorbell. */
        mali_csf_engine_check_waits(s);
    }
    return weight;
}

/* What a pass had no time for is done in another one, after a pause. */
static void pass_again(MaliCsfState *s, unsigned weight)
{
    mali_csf_mcu_schedule_pass_at(s, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                  MAX(PASS_DELAY_NS, weight * WEIGHT_NS));
}

static void mcu_pass(void *opaque)
{
    MaliCsfState *s = opaque;
    MaliCsfMcu *mcu = &s->mcu;
    uint64_t size = mali_csf_fw_end(s) - FW_SHARED_START;
    MaliCsfMemResult result;
    MaliCsfFault fault;
    uint64_t va;
    unsigned csg, weight;
    bool more, more_chunks;

    if (mcu->status != MCU_STATUS_ENABLED) {
        return;
    }
    mcu->fw.access_failed = false;
    if (pass_locked(s, &va)) {
        pass_park(s, va);
        return;
    }
    if (mali_csf_protm_goes_on(s)) {
        return;
    }
    /* It reads before it writes. */
    result = mali_csf_mem_probe(&s->view, FW_AS, FW_SHARED_START, size,
                                MALI_CSF_MEM_READ, &fault);
    if (result == MALI_CSF_MEM_DONE) {
        result = mali_csf_mem_probe(&s->view, FW_AS, FW_SHARED_START, size,
                                    MALI_CSF_MEM_WRITE, &fault);
    }
    if (result != MALI_CSF_MEM_DONE) {
        mcu_crash(s, &fault);
        return;
    }
    trace_mali_csf_fw_pass(s->trace_id, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    s->mcu.passes++;
    if ((mcu->doorbells & 1) &&
        mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_MCU_DEATH,
                             &(MaliCsfOccasion) { })) {
        mcu_crash(s, NULL);
        return;
    }
    if ((mcu->doorbells & 1) &&
        mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_MCU_ROGUE_HALT,
                             &(MaliCsfOccasion) { })) {
        mali_csf_fw_halt(s);
        mali_csf_mcu_set_status(s, MCU_STATUS_HALT);
        return;
    }

    if (mcu->boot_pending) {
        mcu->boot_pending = false;
        mali_csf_fw_boot(s);
        if (!mcu->fw.access_failed) {
            mali_csf_irq_raise(&mcu->job_irq, JOB_INT_GLOBAL_IF);
        }
    }
    mali_csf_heap_pass_begins(s);
    weight = s->model->csg_slots * s->model->cs_per_csg / LOOKS_PER_WEIGHT +
             pass_doorbells(s, &more);
    if (mcu->status == MCU_STATUS_ENABLED) {
        mali_csf_resource_poll(s);
        for (csg = 0; csg < s->model->csg_slots; csg++) {
            mali_csf_fw_csg_publish(s, csg);
        }
        mali_csf_fw_glb_idle(s);
    }
    weight += mali_csf_heap_pass_ends(s, &more_chunks) * CHUNK_WEIGHT;
    mcu->largest_pass = MAX(mcu->largest_pass, weight);
    if (mcu->status == MCU_STATUS_ENABLED && !mcu->fw.access_failed) {
        mali_csf_protm_poll(s);
    }
    if (mcu->fw.access_failed) {
        mcu_crash(s, &mcu->fw.access_fault);
        return;
    }
    if (mcu->status == MCU_STATUS_ENABLED && !mcu->pass_parked &&
        (more || more_chunks)) {
        pass_again(s, weight);
    }
    mali_csf_engine_kick(s);
}

static void unpark_pass(void *opaque, unsigned as)
{
    MaliCsfState *s = opaque;

    if (as == FW_AS && s->mcu.pass_parked) {
        s->mcu.pass_parked = false;
        mali_csf_mcu_schedule_pass(s);
    }
    if (s->perfcnt.pending && s->perfcnt.as == as) {
        /* The request is still there to be served. */
        s->mcu.doorbells |= 1;
        mali_csf_mcu_schedule_pass(s);
    }
}

static void as_unmapped(void *opaque, unsigned as)
{
    MaliCsfState *s = opaque;

    /* A pass finds its pages gone. */
    unpark_pass(s, as);
    if (s->mcu.status == MCU_STATUS_ENABLED) {
        mali_csf_mcu_schedule_pass(s);
    }
}

/* What an injection held up: it is done now. */

static void complete_boot(MaliCsfState *s, uint64_t unused)
{
    mcu_forget(s);
    s->mcu.boot_pending = true;
    mali_csf_mcu_set_status(s, MCU_STATUS_ENABLED);
    mali_csf_mcu_schedule_pass(s);
}

static void complete_stop(MaliCsfState *s, uint64_t unused)
{
    mcu_forget(s);
    mali_csf_mcu_set_status(s, MCU_STATUS_DISABLED);
}

/* The firmware looks at global requests, and at those of MALI_CSF_LOOK_*(). */
static void look_again(MaliCsfState *s, uint64_t slot_and_stream)
{
    unsigned csg = slot_and_stream >> 8;
    unsigned cs = slot_and_stream & 0xff;

    if (s->mcu.status != MCU_STATUS_ENABLED) {
        return;
    }
    if (csg < s->model->csg_slots) {
        s->mcu.fw.csg_doorbells |= 1u << csg;
        if (cs < s->model->cs_per_csg) {
            s->mcu.fw.groups[csg].cs_doorbells |= 1u << cs;
        }
    }
    s->mcu.doorbells |= 1;
    mali_csf_mcu_schedule_pass(s);
}

/* The doorbell of MALI_CSF_LOOK_STREAM() rings. */
static void ring_again(MaliCsfState *s, uint64_t slot_and_stream)
{
    unsigned csg = slot_and_stream >> 8;
    unsigned cs = slot_and_stream & 0xff;

    if (s->mcu.status == MCU_STATUS_ENABLED && csg < s->model->csg_slots &&
        cs < s->model->cs_per_csg) {
        unsigned page = s->engine.groups[csg].streams[cs].config.doorbell;

        s->mcu.doorbells |= page < 64 ? 1ull << page : 0;
        mali_csf_mcu_schedule_pass(s);
    }
}

/* Out of SLEEP: everything is looked at, and the streams go on. */
static void mcu_wake(MaliCsfState *s)
{
    s->mcu.fw.asleep = false;
    mali_csf_mcu_set_status(s, MCU_STATUS_ENABLED);
    s->mcu.doorbells |= 1;
    mali_csf_mcu_schedule_pass(s);
}

uint32_t mali_csf_mcu_read(MaliCsfState *s, hwaddr offset)
{
    return offset == A_MCU_CONTROL ? s->mcu.control : s->mcu.status;
}

void mali_csf_mcu_write(MaliCsfState *s, hwaddr offset, uint32_t value)
{
    MaliCsfMcu *mcu = &s->mcu;

    if (offset != A_MCU_CONTROL) {
        return;
    }
    switch (value & ~MCU_CONTROL_DOORBELL_DISABLE) {
    case MCU_CONTROL_DISABLE:
        mcu->control = value;
        if (!mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_MCU_STOP,
                                   &(MaliCsfOccasion) { }, 0)) {
            complete_stop(s, 0);
        }
        break;
    case MCU_CONTROL_ENABLE:
    case MCU_CONTROL_AUTO:
        mcu->control = value;
        if (mcu->status == MCU_STATUS_ENABLED) {
            break;
        }
        if (mcu->fw.asleep) {
            /* Bit 31 alone is how the host says that it may sleep on. */
            if (!(value & MCU_CONTROL_DOORBELL_DISABLE)) {
                mcu_wake(s);
            }
            break;
        }
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_mcu_start(s);
        }
        if (!mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_MCU_BOOT,
                                   &(MaliCsfOccasion) { }, 0)) {
            complete_boot(s, 0);
        }
        break;
    default:
        mali_csf_log_mask(LOG_UNIMP, "%s: MCU_CONTROL 0x%x\n", __func__, value);
        break;
    }
}

static uint64_t job_control_read(void *opaque, hwaddr offset, unsigned size)
{
    MaliCsfState *s = opaque;
    uint32_t value = 0;

    mali_csf_spin_read(&s->spin, MALI_CSF_JOB_CONTROL_BASE + offset);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_read(s, MALI_CSF_JOB_CONTROL_BASE + offset);
    }
    if (offset < MALI_CSF_INT_SIZE) {
        value = mali_csf_irq_read(&s->mcu.job_irq, offset);
    } else {
        mali_csf_unmodelled_read(&s->unmodelled,
                                 MALI_CSF_JOB_CONTROL_BASE + offset);
    }
    trace_mali_csf_reg_read(s->trace_id, "job", offset, value);
    return value;
}

static void job_control_write(void *opaque, hwaddr offset, uint64_t value,
                              unsigned size)
{
    MaliCsfState *s = opaque;

    mali_csf_spin_write(&s->spin);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_write(s, MALI_CSF_JOB_CONTROL_BASE + offset);
    }
    trace_mali_csf_reg_write(s->trace_id, "job", offset, value);
    if (offset < MALI_CSF_INT_SIZE) {
        mali_csf_irq_write(&s->mcu.job_irq, offset, value);
    } else {
        mali_csf_unmodelled_write(&s->unmodelled,
                                  MALI_CSF_JOB_CONTROL_BASE + offset, value);
    }
}

static uint64_t doorbell_read(void *opaque, hwaddr offset, unsigned size)
{
    return 0;
}

static void doorbell_write(void *opaque, hwaddr offset, uint64_t value,
                           unsigned size)
{
    MaliCsfState *s = opaque;
    unsigned page = offset / MALI_CSF_DOORBELL_SIZE;

    mali_csf_spin_write(&s->spin);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_write(s, MALI_CSF_DOORBELL_BASE + offset);
    }
    if (offset % MALI_CSF_DOORBELL_SIZE) {
        mali_csf_unmodelled_write(&s->unmodelled,
                                  MALI_CSF_DOORBELL_BASE + offset, value);
        return;
    }
    trace_mali_csf_doorbell(s->trace_id, page);
    if (s->mcu.control & MCU_CONTROL_DOORBELL_DISABLE) {
        mali_csf_irq_raise(&s->gpu.irq, R_GPU_INT_DOORBELL_MIRROR_MASK);
        return;
    }
    if (!page &&
        mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_GLB_DOORBELL,
                              &(MaliCsfOccasion) { }, MALI_CSF_LOOK_GLOBAL)) {
        return;
    }
    if (page < 64 && s->mcu.fw.asleep) {
        mcu_wake(s);
    }
    if (s->mcu.status != MCU_STATUS_ENABLED || page >= 64) {
        return;
    }
    s->mcu.doorbells |= 1ull << page;
    s->mcu.doorbells_rung++;
    schedule_pass(s, MALI_CSF_PERTURB_DOORBELL);
}

static const MemoryRegionOps job_control_ops = {
    .read = job_control_read,
    .write = job_control_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

static const MemoryRegionOps doorbell_ops = {
    .read = doorbell_read,
    .write = doorbell_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

static void own_injections(MaliCsfState *s)
{
    static const MaliCsfInjectionKind looked_at[] = {
        MALI_CSF_INJECTION_KIND_MCU_HALT,
        MALI_CSF_INJECTION_KIND_PING_ACK,
        MALI_CSF_INJECTION_KIND_GLB_ACK,
        MALI_CSF_INJECTION_KIND_CSG_START_ACK,
        MALI_CSF_INJECTION_KIND_CSG_RESUME_ACK,
        MALI_CSF_INJECTION_KIND_CSG_SUSPEND_ACK,
        MALI_CSF_INJECTION_KIND_CSG_TERMINATE_ACK,
        MALI_CSF_INJECTION_KIND_CSG_STATUS_UPDATE_ACK,
        MALI_CSF_INJECTION_KIND_CSG_EP_CFG_ACK,
        MALI_CSF_INJECTION_KIND_CS_ACK,
        MALI_CSF_INJECTION_KIND_GLB_DOORBELL,
        MALI_CSF_INJECTION_KIND_CSG_DOORBELL,
    };

    mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_MCU_BOOT,
                                 complete_boot);
    mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_MCU_STOP,
                                 complete_stop);
    mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_CS_DOORBELL,
                                 ring_again);
    for (unsigned i = 0; i < ARRAY_SIZE(looked_at); i++) {
        mali_csf_inject_set_complete(s, looked_at[i], look_again);
    }
}

void mali_csf_mcu_init(MaliCsfState *s, MemoryRegion *container)
{
    own_injections(s);
    mali_csf_irq_init(s, &s->mcu.job_irq, "job", MALI_CSF_IRQ_JOB);
    s->mcu.pass_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, mcu_pass, s);
    s->mcu.fw.idle_deadline = -1;
    s->mcu.fw.cores_off_at = -1;
    mali_csf_protm_init(s);
    s->mcu.mmu_listener = (MaliCsfMmuListener) {
        .released = unpark_pass,
        .updated = unpark_pass,
        .unmapped = as_unmapped,
        .opaque = s,
    };
    mali_csf_mmu_add_listener(s, &s->mcu.mmu_listener);

    memory_region_init_io(&s->mcu.job_control, OBJECT(s), &job_control_ops, s,
                          "mali-csf-job-control", MALI_CSF_BLOCK_SIZE);
    memory_region_add_subregion(container, MALI_CSF_JOB_CONTROL_BASE,
                                &s->mcu.job_control);
    memory_region_init_io(&s->mcu.doorbell_pages, OBJECT(s), &doorbell_ops, s,
                          "mali-csf-doorbells",
                          s->model->aperture_size - MALI_CSF_DOORBELL_BASE);
    memory_region_add_subregion(container, MALI_CSF_DOORBELL_BASE,
                                &s->mcu.doorbell_pages);
}

void mali_csf_mcu_finalize(MaliCsfState *s)
{
    timer_free(s->mcu.pass_timer);
}

void mali_csf_mcu_reset_enter(MaliCsfState *s)
{
    mcu_forget(s);
    s->mcu.control = MCU_CONTROL_DISABLE;
    s->mcu.status = MCU_STATUS_DISABLED;
    s->mcu.passes = 0;
    s->mcu.passes_parked = 0;
    s->mcu.largest_pass = 0;
    s->mcu.doorbells_rung = 0;
    mali_csf_irq_reset_enter(&s->mcu.job_irq);
}

void mali_csf_mcu_reset_hold(MaliCsfState *s)
{
    mali_csf_irq_update(&s->mcu.job_irq);
}

void mali_csf_mcu_gpu_reset(MaliCsfState *s)
{
    mcu_forget(s);
    s->mcu.control = MCU_CONTROL_DISABLE;
    s->mcu.status = MCU_STATUS_DISABLED;
    mali_csf_irq_set_rawstat(&s->mcu.job_irq, 0);
}

void mali_csf_mcu_pre_save(MaliCsfState *s)
{
    s->mcu.pass_due = mali_csf_saved_timer(s->mcu.pass_timer);
}

void mali_csf_mcu_post_load(MaliCsfState *s)
{
    mali_csf_saved_arm(s->mcu.pass_timer, s->mcu.pass_due);
    mali_csf_irq_update(&s->mcu.job_irq);
}

#define GROUP_ROWS(ROW) \
    ROW(VMSTATE_BOOL(entering, MaliCsfFwGroup), SAVED_ANY) \
    ROW(VMSTATE_UINT32(cs_doorbells, MaliCsfFwGroup), SAVED_ANY) \
    ROW(VMSTATE_UINT64(suspend_buf, MaliCsfFwGroup), SAVED_ANY) \
    ROW(VMSTATE_UINT64(protm_suspend_buf, MaliCsfFwGroup), SAVED_ANY)

static const MaliCsfSaved group_saved = {
    .vmsd = {
        .name = "mali-csf-firmware-group",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(GROUP_ROWS),
    },
    SAVED_CHECKS(GROUP_ROWS),
};

#define FIRMWARE_ROWS(ROW) \
    ROW(VMSTATE_UINT32(version, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_UINT32(features, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_UINT32(protected_va, MaliCsfFirmware), \
        SAVED_BELOW(FW_SHARED_START)) \
    ROW(VMSTATE_UINT32(protected_size, MaliCsfFirmware), \
        SAVED_BELOW(FW_PROTECTED_MAX + 1)) \
    ROW(VMSTATE_UINT32(csg_doorbells, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_UINT8(next_csg, MaliCsfFirmware), \
        SAVED_BELOW(MALI_CSF_MAX_CSG)) \
    ROW(VMSTATE_UINT32(progress_timer, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_UINT32(poweroff_timer, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_UINT32(eviction_timer, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_UINT64(core_mask, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_BOOL(idle_enabled, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_BOOL(sleep_on_idle, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_STRUCT_ARRAY(groups, MaliCsfFirmware, MALI_CSF_MAX_CSG, 1, \
                             group_saved.vmsd, MaliCsfFwGroup), \
        SAVED_STRUCT(group_saved)) \
    ROW(VMSTATE_BOOL(asleep, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_INT64(cores_off_at, MaliCsfFirmware), SAVED_TIME_OR(-1)) \
    ROW(VMSTATE_BOOL(protm_forced, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_BOOL(protm_entering, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_UINT8(protm_leave, MaliCsfFirmware), \
        SAVED_BELOW(MALI_CSF_PROTM_NUM_LEAVES)) \
    ROW(VMSTATE_INT64(protm_enter_at, MaliCsfFirmware), SAVED_TIME_OR(-1)) \
    ROW(VMSTATE_BOOL(was_busy, MaliCsfFirmware), SAVED_ANY) \
    ROW(VMSTATE_INT64(idle_deadline, MaliCsfFirmware), SAVED_TIME_OR(-1))

static const MaliCsfSaved firmware_saved = {
    .vmsd = {
        .name = "mali-csf-firmware",
        .version_id = 9,
        .minimum_version_id = 9,
        .fields = SAVED_FIELDS(FIRMWARE_ROWS),
    },
    SAVED_CHECKS(FIRMWARE_ROWS),
};

#define MCU_ROWS(ROW) \
    ROW(VMSTATE_STRUCT(job_irq, MaliCsfMcu, 1, mali_csf_irq_saved.vmsd, \
                       MaliCsfIrq), SAVED_STRUCT(mali_csf_irq_saved)) \
    ROW(VMSTATE_UINT32(control, MaliCsfMcu), SAVED_ANY) \
    ROW(VMSTATE_UINT32(status, MaliCsfMcu), \
        SAVED_BELOW(MCU_STATUS_FATAL + 1)) \
    ROW(VMSTATE_UINT64(doorbells, MaliCsfMcu), SAVED_ANY) \
    ROW(VMSTATE_BOOL(boot_pending, MaliCsfMcu), SAVED_ANY) \
    ROW(VMSTATE_BOOL(pass_parked, MaliCsfMcu), SAVED_ANY) \
    ROW(VMSTATE_INT64(pass_due, MaliCsfMcu), SAVED_TIME_OR(-1)) \
    ROW(VMSTATE_STRUCT(fw, MaliCsfMcu, 1, firmware_saved.vmsd, \
                       MaliCsfFirmware), SAVED_STRUCT(firmware_saved))

static bool mcu_valid(MaliCsfState *s, const void *opaque)
{
    const MaliCsfMcu *mcu = opaque;

    return (!mcu->fw.asleep || mcu->status == MCU_STATUS_HALT) &&
           (mcu->fw.protm_enter_at < 0 || mcu->fw.protm_entering) &&
           (!mcu->fw.protm_entering || !mcu->fw.protm_leave);
}

const MaliCsfSaved mali_csf_mcu_saved = {
    .vmsd = {
        .name = "mali-csf-mcu",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(MCU_ROWS),
    },
    SAVED_CHECKS(MCU_ROWS),
    .valid = mcu_valid,
};
