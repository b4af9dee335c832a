/*
 * Mali CSF GPU: global firmware interface, and the accessors of all levels
 *
 * Not modelled: iterator traces, firmware configuration, the debug
 * interface, eviction of endpoint resources.  Requests of these are
 * acknowledged and have no effect.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/host-utils.h"
#include "../device.h"
#include "../log.h"
#include "protm.h"
#include "../trace.h"

/*
 * Where the blocks are: control, global input and output, then for each group
 * its input and output, those of its streams behind them.  The driver takes
 * any layout that it is told of.
 */
#define CS_CONTROL_STRIDE   0x10
#define CSG_STRIDE_ALIGN    0x100
#define GLB_ALIGN           0x1000
/* From the start of a group's blocks */
#define CSG_OUTPUT_OFFSET   0x080
#define CS_INPUTS_OFFSET    0x0c0

/* Requests are copied to ACK when served; events go the other way. */
#define GLB_EVT_MASK        (GLB_IDLE | GLB_PROTM_EXIT | \
                             GLB_PERFCNT_THRESHOLD | GLB_PERFCNT_OVERFLOW | \
                             GLB_INACTIVE_COMPUTE | GLB_INACTIVE_FRAGMENT | \
                             GLB_INACTIVE_TILER | GLB_FATAL)

/* Units of the timers: 1024 ticks */
#define TIMER_UNIT          1024

static uint32_t csg_control_stride(const MaliCsfModel *model)
{
    return ROUND_UP(CSG_CONTROL_STREAMS +
                    model->cs_per_csg * CS_CONTROL_STRIDE, CSG_STRIDE_ALIGN);
}

static uint32_t glb_input_offset(const MaliCsfModel *model)
{
    return ROUND_UP(FW_CSG_CONTROL_OFFSET +
                    model->csg_slots * csg_control_stride(model), GLB_ALIGN);
}

static uint32_t csg_blocks_offset(const MaliCsfModel *model, unsigned csg)
{
    uint32_t stride = ROUND_UP(CS_INPUTS_OFFSET + model->cs_per_csg *
                               (CS_INPUT_SIZE + CS_OUTPUT_SIZE),
                               CSG_STRIDE_ALIGN);

    return glb_input_offset(model) + GLB_INPUT_SIZE + GLB_OUTPUT_SIZE +
           csg * stride;
}

static uint32_t fw_size(const MaliCsfModel *model)
{
    return csg_blocks_offset(model, model->csg_slots);
}

bool mali_csf_fw_fits(const MaliCsfModel *model, Error **errp)
{
    MaliCsfModel fewer = *model;

    if (fw_size(model) <= FW_SHARED_SIZE) {
        return true;
    }
    while (fw_size(&fewer) > FW_SHARED_SIZE) {
        fewer.csg_slots--;
    }
    error_setg(errp, "csg-slots=%u is too many for the firmware's %u KiB with "
               "cs-per-csg=%u: it has room for %u", model->csg_slots,
               FW_SHARED_SIZE / 1024, model->cs_per_csg, fewer.csg_slots);
    return false;
}

uint32_t mali_csf_fw_glb_input(MaliCsfState *s)
{
    return FW_SHARED_START + glb_input_offset(s->model);
}

uint32_t mali_csf_fw_glb_output(MaliCsfState *s)
{
    return mali_csf_fw_glb_input(s) + GLB_INPUT_SIZE;
}

uint32_t mali_csf_fw_csg_input(MaliCsfState *s, unsigned csg)
{
    return FW_SHARED_START + csg_blocks_offset(s->model, csg);
}

uint32_t mali_csf_fw_csg_output(MaliCsfState *s, unsigned csg)
{
    return mali_csf_fw_csg_input(s, csg) + CSG_OUTPUT_OFFSET;
}

uint32_t mali_csf_fw_cs_input(MaliCsfState *s, unsigned csg, unsigned cs)
{
    return mali_csf_fw_csg_input(s, csg) + CS_INPUTS_OFFSET +
           cs * CS_INPUT_SIZE;
}

uint32_t mali_csf_fw_cs_output(MaliCsfState *s, unsigned csg, unsigned cs)
{
    return mali_csf_fw_cs_input(s, csg, s->model->cs_per_csg) +
           cs * CS_OUTPUT_SIZE;
}

uint32_t mali_csf_fw_end(MaliCsfState *s)
{
    return FW_SHARED_START + fw_size(s->model);
}

static void fw_access_done(MaliCsfState *s, MaliCsfMemResult result,
                           const MaliCsfFault *fault)
{
    MaliCsfFirmware *fw = &s->mcu.fw;

    /* The guest took the page away during the pass; the first one counts. */
    if (result != MALI_CSF_MEM_DONE && !fw->access_failed) {
        fw->access_failed = true;
        fw->access_fault = *fault;
    }
}

uint32_t mali_csf_fw_load32(MaliCsfState *s, uint64_t va)
{
    MaliCsfFault fault = { .va = va };
    uint32_t value = 0;

    fw_access_done(s, mali_csf_mem_load32(&s->view, FW_AS, va, &value, &fault),
                   &fault);
    return value;
}

uint64_t mali_csf_fw_load64(MaliCsfState *s, uint64_t va)
{
    MaliCsfFault fault = { .va = va };
    uint64_t value = 0;

    fw_access_done(s, mali_csf_mem_load64(&s->view, FW_AS, va, &value, &fault),
                   &fault);
    return value;
}

void mali_csf_fw_store32(MaliCsfState *s, uint64_t va, uint32_t value)
{
    MaliCsfFault fault = { .va = va };

    fw_access_done(s, mali_csf_mem_store32(&s->view, FW_AS, va, value, &fault),
                   &fault);
}

void mali_csf_fw_store64(MaliCsfState *s, uint64_t va, uint64_t value)
{
    MaliCsfFault fault = { .va = va };

    fw_access_done(s, mali_csf_mem_store64(&s->view, FW_AS, va, value, &fault),
                   &fault);
}

/* A field of the control blocks that an injection may have be wrong */
static void boot_field(MaliCsfState *s, uint32_t va, uint32_t value,
                       MaliCsfControlField field, unsigned csg, unsigned cs)
{
    MaliCsfOccasion occasion = { .field = field, .slot = csg, .stream = cs };
    const MaliCsfArmed *a;

    a = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_ODD_FIELD, &occasion);
    mali_csf_fw_store32(s, va, a ? a->value : value);
}

#define FIELD_OF(name)  MALI_CSF_CONTROL_FIELD_##name

static void boot_cs(MaliCsfState *s, uint32_t csg_control, unsigned csg,
                    unsigned cs)
{
    uint32_t control = csg_control + CSG_CONTROL_STREAMS +
                       cs * CS_CONTROL_STRIDE;
    uint32_t in = mali_csf_fw_cs_input(s, csg, cs);
    uint32_t out = mali_csf_fw_cs_output(s, csg, cs);
    uint32_t req = mali_csf_fw_load32(s, in + CS_REQ);

    boot_field(s, control + CS_CONTROL_FEATURES,
               CS_FEATURES_WORK_REGS(s->model->work_registers) |
               CS_FEATURES_SCOREBOARDS(s->model->scoreboards) |
               CS_FEATURES_COMPUTE | CS_FEATURES_FRAGMENT |
               CS_FEATURES_TILER, FIELD_OF(STREAM_FEATURES), csg, cs);
    boot_field(s, control + CS_CONTROL_INPUT_VA, in, FIELD_OF(STREAM_INPUT),
               csg, cs);
    boot_field(s, control + CS_CONTROL_OUTPUT_VA, out,
               FIELD_OF(STREAM_OUTPUT), csg, cs);

    /* Nothing runs after boot, whatever an abnormal stop has left. */
    mali_csf_fw_store32(s, out + CS_ACK, req & ~CS_STATE_MASK);
    mali_csf_fw_cs_status(s, csg, cs);
}

static void boot_csg(MaliCsfState *s, unsigned csg, uint32_t streams)
{
    uint32_t control = FW_SHARED_START + FW_CSG_CONTROL_OFFSET +
                       csg * csg_control_stride(s->model);
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    uint32_t out = mali_csf_fw_csg_output(s, csg);
    uint32_t req = mali_csf_fw_load32(s, in + CSG_REQ);
    uint32_t state = req & CSG_STATE_MASK;
    unsigned cs;

    boot_field(s, control + CSG_CONTROL_FEATURES, 0,
               FIELD_OF(GROUP_FEATURES), csg, 0);
    boot_field(s, control + CSG_CONTROL_INPUT_VA, in, FIELD_OF(GROUP_INPUT),
               csg, 0);
    boot_field(s, control + CSG_CONTROL_OUTPUT_VA, out,
               FIELD_OF(GROUP_OUTPUT), csg, 0);
    boot_field(s, control + CSG_CONTROL_SUSPEND_SIZE,
               mali_csf_fw_suspend_size(s), FIELD_OF(SUSPEND_SIZE), csg, 0);
    boot_field(s, control + CSG_CONTROL_PROTM_SUSPEND_SIZE,
               mali_csf_fw_suspend_size(s), FIELD_OF(PROTM_SUSPEND_SIZE), csg,
               0);
    boot_field(s, control + CSG_CONTROL_STREAM_NUM, streams,
               FIELD_OF(STREAM_COUNT), csg, 0);
    boot_field(s, control + CSG_CONTROL_STREAM_STRIDE, CS_CONTROL_STRIDE,
               FIELD_OF(STREAM_STRIDE), csg, 0);

    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        boot_cs(s, control, csg, cs);
    }
    if (state != CSG_STATE_TERMINATE && state != CSG_STATE_SUSPEND) {
        req &= ~CSG_STATE_MASK;
    }
    mali_csf_fw_store32(s, out + CSG_ACK, req);
    mali_csf_fw_store32(s, out + CSG_DB_ACK,
                        mali_csf_fw_load32(s, in + CSG_DB_REQ));
    mali_csf_fw_store32(s, out + CSG_IRQ_REQ,
                        mali_csf_fw_load32(s, in + CSG_IRQ_ACK));
    mali_csf_fw_csg_status(s, csg);
}

/* Sleep on idle takes effect when the timer is enabled (kbase). */
static void latch_idle_en(MaliCsfState *s, uint32_t req)
{
    uint32_t config = mali_csf_fw_load32(s, mali_csf_fw_glb_input(s) +
                                         GLB_IDLE_TIMER_CONFIG);

    s->mcu.fw.idle_enabled = req & GLB_IDLE_EN;
    s->mcu.fw.sleep_on_idle = s->mcu.fw.idle_enabled &&
                              (config & GLB_IDLE_TIMER_SLEEP_ON_IDLE);
}

bool mali_csf_fw_since(MaliCsfState *s, uint8_t major, uint8_t minor)
{
    return s->mcu.fw.version >= FW_VERSION(major, minor, 0);
}

bool mali_csf_fw_boot_locked(MaliCsfState *s, uint64_t *va)
{
    *va = FW_DESCRIPTOR_VA;
    return mali_csf_view_locked(&s->view, FW_AS, FW_DESCRIPTOR_VA,
                                FW_DESCRIPTOR_SIZE);
}

/* Nothing of it is touched before PROTM_ENTER. */
static void boot_protected_section(MaliCsfState *s)
{
    uint32_t va = mali_csf_fw_load32(s, FW_DESCRIPTOR_VA +
                                     FW_DESCRIPTOR_PROTECTED_VA);
    uint32_t size = mali_csf_fw_load32(s, FW_DESCRIPTOR_VA +
                                       FW_DESCRIPTOR_PROTECTED_SIZE);

    if (size <= FW_PROTECTED_MAX && va <= FW_SHARED_START - FW_PROTECTED_MAX) {
        s->mcu.fw.protected_va = va;
        s->mcu.fw.protected_size = size;
    } else {
        mali_csf_log_mask(LOG_GUEST_ERROR, "%s: no section for protected mode: "
                          "0x%" PRIx32 " bytes at 0x%" PRIx32 "\n", __func__,
                          size, va);
    }
}

/*
 * Which interface it is comes from the firmware file.  In a file that does
 * not say so, or has nothing at that address, it is the model's.
 */
static void boot_version(MaliCsfState *s)
{
    MaliCsfFirmware *fw = &s->mcu.fw;
    MaliCsfMemResult result;
    MaliCsfFault fault;
    uint32_t version;

    fw->version = s->model->fw_version;
    fw->features = s->model->fw_features;
    result = mali_csf_mem_probe(&s->view, FW_AS, FW_DESCRIPTOR_VA,
                                FW_DESCRIPTOR_SIZE, MALI_CSF_MEM_READ,
                                &fault);
    if (result == MALI_CSF_MEM_BUS_ERROR) {
        fw_access_done(s, result, &fault);
    } else if (result == MALI_CSF_MEM_DONE &&
               mali_csf_fw_load32(s, FW_DESCRIPTOR_VA) ==
               FW_DESCRIPTOR_MAGIC) {
        version = mali_csf_fw_load32(s, FW_DESCRIPTOR_VA +
                                     FW_DESCRIPTOR_VERSION);
        if (version) {
            fw->features = mali_csf_fw_load32(s, FW_DESCRIPTOR_VA +
                                              FW_DESCRIPTOR_FEATURES);
        }
        if (version && !s->overrides.fw_version) {
            fw->version = version;
        }
        boot_protected_section(s);
    }
}

void mali_csf_fw_boot(MaliCsfState *s)
{
    const MaliCsfModel *model = s->model;
    uint32_t control = FW_SHARED_START;
    uint32_t in = mali_csf_fw_glb_input(s);
    uint32_t out = mali_csf_fw_glb_output(s);
    uint32_t req = mali_csf_fw_load32(s, in + GLB_REQ);
    uint32_t groups = model->csg_slots;
    uint32_t streams = model->cs_per_csg;
    const MaliCsfArmed *odd;
    unsigned csg;

    boot_version(s);
    odd = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_ODD_SLOTS,
                               &(MaliCsfOccasion) { });
    if (odd && mali_csf_armed_has(odd, MALI_CSF_MEMBER_GROUPS)) {
        groups = odd->groups;
    }
    if (odd && mali_csf_armed_has(odd, MALI_CSF_MEMBER_STREAMS)) {
        streams = odd->streams;
    }
    /*
     * The same at each boot: the driver keeps pointers that it has made from
     * the first one (panthor_fw_init_ifaces(), v7.3).
     */
    boot_field(s, control + GLB_CONTROL_VERSION, s->mcu.fw.version,
               FIELD_OF(VERSION), 0, 0);
    mali_csf_fw_store32(s, control + GLB_CONTROL_FEATURES,
                        s->mcu.fw.features);
    boot_field(s, control + GLB_CONTROL_INPUT_VA, in, FIELD_OF(GLB_INPUT), 0,
               0);
    boot_field(s, control + GLB_CONTROL_OUTPUT_VA, out, FIELD_OF(GLB_OUTPUT),
               0, 0);
    boot_field(s, control + GLB_CONTROL_GROUP_NUM, groups,
               FIELD_OF(GROUP_COUNT), 0, 0);
    boot_field(s, control + GLB_CONTROL_GROUP_STRIDE,
               csg_control_stride(model), FIELD_OF(GROUP_STRIDE), 0, 0);
    mali_csf_fw_store32(s, control + GLB_CONTROL_PRFCNT_SIZE,
                        mali_csf_perfcnt_size(model));
    mali_csf_fw_store32(s, control + GLB_CONTROL_INSTR_FEATURES,
                        model->fw_instr_features);

    for (csg = 0; csg < model->csg_slots; csg++) {
        boot_csg(s, csg, streams);
    }

    /*
     * No request is pending: what was asked before the boot is void.  But
     * IDLE_EN is a level, which the driver leaves set over a warm boot
     * (panthor_fw_init_global_iface(), v7.3).  The state is what the
     * firmware is in now: a host that asks for another is halted at once.
     */
    mali_csf_fw_store32(s, out + GLB_ACK,
                        mali_csf_fw_since(s, 4, 1) ?
                        req & ~GLB_STATE_MASK : req);
    latch_idle_en(s, req);
    s->mcu.fw.core_mask = model->shader_present;
    mali_csf_fw_store32(s, out + GLB_DB_ACK,
                        mali_csf_fw_load32(s, in + GLB_DB_REQ));
    mali_csf_fw_store32(s, out + GLB_HALT_STATUS, GLB_HALT_STATUS_OK);
    mali_csf_fw_store32(s, out + GLB_DEBUG_ACK,
                        mali_csf_fw_load32(s, in + GLB_DEBUG_REQ));
    trace_mali_csf_mcu_boot(s->trace_id, s->mcu.fw.version);
}

static void glb_interrupt(MaliCsfState *s, uint32_t changed)
{
    /* ACK is visible before the host is told. */
    smp_mb();
    if (changed & mali_csf_fw_load32(s, mali_csf_fw_glb_input(s) +
                                     GLB_ACK_IRQ_MASK)) {
        mali_csf_irq_raise(&s->mcu.job_irq, JOB_INT_GLOBAL_IF);
    }
}

/* Toggle the events in ACK that are not pending; interrupt the host */
static void glb_event(MaliCsfState *s, uint32_t events)
{
    uint32_t out = mali_csf_fw_glb_output(s);
    uint32_t ack = mali_csf_fw_load32(s, out + GLB_ACK);

    events &= ~(mali_csf_fw_load32(s, mali_csf_fw_glb_input(s) + GLB_REQ) ^
                ack);
    if (events) {
        mali_csf_fw_store32(s, out + GLB_ACK, ack ^ events);
        glb_interrupt(s, events);
    }
}

void mali_csf_fw_halt(MaliCsfState *s)
{
    unsigned csg;

    for (csg = 0; csg < s->model->csg_slots; csg++) {
        if (s->engine.groups[csg].active) {
            mali_csf_fw_csg_publish(s, csg);
            mali_csf_fw_csg_status(s, csg);
        }
    }
    mali_csf_fw_store32(s, mali_csf_fw_glb_output(s) + GLB_HALT_STATUS,
                        GLB_HALT_STATUS_OK);
}

void mali_csf_fw_panic(MaliCsfState *s)
{
    uint32_t out = mali_csf_fw_glb_output(s);
    MaliCsfFault fault;
    uint32_t ack;

    /* It may be this very block that is out of reach: then nothing is said. */
    mali_csf_mem_store32(&s->view, FW_AS, out + GLB_HALT_STATUS,
                         GLB_HALT_STATUS_PANIC, &fault);
    if (mali_csf_mem_load32(&s->view, FW_AS, out + GLB_ACK, &ack, &fault) ==
        MALI_CSF_MEM_DONE) {
        mali_csf_mem_store32(&s->view, FW_AS, out + GLB_ACK, ack | GLB_FATAL,
                             &fault);
    }
}

/* Those of the requests @changed that an injection leaves unacknowledged */
static uint32_t glb_unacknowledged(MaliCsfState *s, uint32_t changed)
{
    MaliCsfOccasion occasion = { .mask = changed };
    const MaliCsfArmed *injection;
    uint32_t lost = 0;

    if (!mali_csf_injected(&s->inject, MALI_CSF_INJECT_BIT(PING_ACK) |
                           MALI_CSF_INJECT_BIT(GLB_ACK))) {
        return 0;
    }
    if ((changed & GLB_PING) &&
        mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_PING_ACK, &occasion,
                              MALI_CSF_LOOK_GLOBAL)) {
        lost |= GLB_PING;
    }
    injection = mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_GLB_ACK,
                                      &occasion, MALI_CSF_LOOK_GLOBAL);
    if (injection) {
        lost |= injection->mask;
    }
    return lost;
}

static void serve_progress_timer(MaliCsfState *s, uint32_t req)
{
    s->mcu.fw.progress_timer = mali_csf_fw_load32(s, mali_csf_fw_glb_input(s) +
                                                  GLB_PROGRESS_TIMER);
}

static void serve_alloc_en(MaliCsfState *s, uint32_t req)
{
    s->mcu.fw.core_mask = mali_csf_fw_load64(s, mali_csf_fw_glb_input(s) +
                                             GLB_ALLOC_EN);
}

static void serve_poweroff_timer(MaliCsfState *s, uint32_t req)
{
    s->mcu.fw.poweroff_timer = mali_csf_fw_load32(s, mali_csf_fw_glb_input(s) +
                                                  GLB_PWROFF_TIMER);
    /* Counted anew */
    s->mcu.fw.cores_off_at = -1;
}

static void serve_eviction_timer(MaliCsfState *s, uint32_t req)
{
    s->mcu.fw.eviction_timer = mali_csf_fw_load32(s, mali_csf_fw_glb_input(s) +
                                                  GLB_EVICTION_TIMER);
}

static void serve_idle_en(MaliCsfState *s, uint32_t req)
{
    latch_idle_en(s, req);
    s->mcu.fw.idle_deadline = -1;
}

static void serve_perfcnt_en(MaliCsfState *s, uint32_t req)
{
    mali_csf_perfcnt_enable(s, req & GLB_PERFCNT_EN);
}

static void serve_protm_enter(MaliCsfState *s, uint32_t req)
{
    mali_csf_protm_enter(s);
}

static void serve_ping(MaliCsfState *s, uint32_t req)
{
    mali_csf_protm_force_exit(s);
}

static void serve_debug(MaliCsfState *s, uint32_t req)
{
    uint32_t debug = mali_csf_fw_load32(s, mali_csf_fw_glb_input(s) +
                                        GLB_DEBUG_REQ);

    mali_csf_log_mask(LOG_UNIMP, "%s: debug request 0x%x\n", __func__, debug);
    mali_csf_fw_store32(s, mali_csf_fw_glb_output(s) + GLB_DEBUG_ACK, debug);
}

/*
 * What the host can ask for.  A bit that it toggles and one that it holds
 * at a level are answered alike, by copying it to ACK: what differs is
 * whether @serve looks at the level.  What stops the firmware is not here,
 * but comes last: see glb_requests().
 */
static const struct {
    uint32_t bits;
    void (*serve)(MaliCsfState *s, uint32_t req);
} glb_request_table[] = {
    { GLB_CFG_PROGRESS_TIMER, serve_progress_timer },
    { GLB_CFG_ALLOC_EN, serve_alloc_en },
    { GLB_CFG_POWEROFF_TIMER, serve_poweroff_timer },
    { GLB_PROTM_ENTER, serve_protm_enter },
    { GLB_PERFCNT_EN, serve_perfcnt_en },
    /* Once it is enabled, and not always at once: see glb_requests() */
    { GLB_PERFCNT_SAMPLE },
    /* The cycle counter always runs. */
    { GLB_COUNTER_EN },
    { GLB_PING, serve_ping },
    { GLB_FWCFG_UPDATE },
    { GLB_IDLE_EN, serve_idle_en },
    { GLB_ITER_TRACE_EN },
    { GLB_CFG_EVICTION_TIMER, serve_eviction_timer },
    { GLB_DEBUG_CSF | GLB_DEBUG_HOST, serve_debug },
};

/* The bits of GLB_REQ that are zero if the firmware is to run */
static uint32_t glb_halt_mask(MaliCsfState *s)
{
    return mali_csf_fw_since(s, 4, 1) ? GLB_STATE_MASK
                                                   : GLB_HALT | GLB_SLEEP;
}

/* Is it to come back to what it does now? */
static bool glb_sleeps(MaliCsfState *s, uint32_t req, uint32_t changed)
{
    return mali_csf_fw_since(s, 4, 1) ?
           GLB_STATE_GET(req) == GLB_STATE_SLEEP :
           !(changed & req & GLB_HALT);
}

static void glb_requests(MaliCsfState *s)
{
    uint32_t in = mali_csf_fw_glb_input(s);
    uint32_t out = mali_csf_fw_glb_output(s);
    uint32_t req = mali_csf_fw_load32(s, in + GLB_REQ);
    uint32_t ack = mali_csf_fw_load32(s, out + GLB_ACK);
    uint32_t changed = (req ^ ack) & ~GLB_EVT_MASK;
    uint32_t halt_mask = glb_halt_mask(s);
    bool halt = (changed & halt_mask) && (req & halt_mask);
    uint32_t unknown = changed & ~halt_mask;
    uint32_t events = 0;
    uint32_t lost;
    unsigned i;

    if (!changed) {
        return;
    }
    if (halt && mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_MCU_HALT,
                                      &(MaliCsfOccasion) { },
                                      MALI_CSF_LOOK_GLOBAL)) {
        changed &= ~halt_mask;
        halt = false;
    }
    trace_mali_csf_glb_request(s->trace_id, req, ack);
    /* The operands are read after the request that covers them. */
    smp_rmb();
    for (i = 0; i < ARRAY_SIZE(glb_request_table); i++) {
        unknown &= ~glb_request_table[i].bits;
        if ((changed & glb_request_table[i].bits) &&
            glb_request_table[i].serve) {
            glb_request_table[i].serve(s, req);
        }
    }
    if ((changed & GLB_PERFCNT_SAMPLE) &&
        !mali_csf_perfcnt_sample(s, &events)) {
        changed &= ~GLB_PERFCNT_SAMPLE;
    }
    if (unknown) {
        mali_csf_log_mask(LOG_UNIMP, "%s: requests 0x%x\n", __func__, unknown);
    }
    if (halt) {
        s->mcu.fw.asleep = glb_sleeps(s, req, changed);
        mali_csf_fw_halt(s);
    }

    /* A reader of the acknowledgement sees what was asked for. */
    smp_mb();
    lost = glb_unacknowledged(s, changed);
    mali_csf_fw_store32(s, out + GLB_ACK, ack ^ (changed & ~lost));
    glb_interrupt(s, changed & ~lost);
    glb_event(s, events);
    if (halt) {
        mali_csf_mcu_set_status(s, MCU_STATUS_HALT);
    }
}

/* Those of @groups whose doorbells an injection loses */
static uint32_t csg_doorbells_lost(MaliCsfState *s, uint32_t groups)
{
    uint32_t lost = 0;

    if (!mali_csf_injected(&s->inject, MALI_CSF_INJECT_BIT(CSG_DOORBELL))) {
        return 0;
    }
    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        MaliCsfOccasion occasion = { .slot = csg };

        if ((groups & (1u << csg)) &&
            mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_CSG_DOORBELL,
                                  &occasion, MALI_CSF_LOOK_GROUP(csg))) {
            lost |= 1u << csg;
        }
    }
    return lost;
}

bool mali_csf_fw_glb_asked(MaliCsfState *s)
{
    uint32_t in = mali_csf_fw_glb_input(s);
    uint32_t out = mali_csf_fw_glb_output(s);
    uint32_t requests = mali_csf_fw_load32(s, in + GLB_REQ) ^
                        mali_csf_fw_load32(s, out + GLB_ACK);

    return (requests & ~GLB_EVT_MASK) ||
           mali_csf_fw_load32(s, in + GLB_DB_REQ) !=
           mali_csf_fw_load32(s, out + GLB_DB_ACK);
}

/*
 * Acknowledge a doorbell word first, then look at what it announces.  The
 * host derives the next value of the word from our acknowledgement while we
 * run: a request that it writes after we looked would otherwise be
 * acknowledged unseen.
 */
void mali_csf_fw_glb_doorbell(MaliCsfState *s)
{
    MaliCsfFirmware *fw = &s->mcu.fw;
    uint32_t in = mali_csf_fw_glb_input(s);
    uint32_t out = mali_csf_fw_glb_output(s);
    uint32_t doorbells, groups;

    glb_requests(s);
    if (s->mcu.status != MCU_STATUS_ENABLED) {
        return;
    }

    doorbells = mali_csf_fw_load32(s, in + GLB_DB_REQ);
    groups = (doorbells ^ mali_csf_fw_load32(s, out + GLB_DB_ACK)) &
             MAKE_64BIT_MASK(0, s->model->csg_slots);
    fw->csg_doorbells |= groups & ~csg_doorbells_lost(s, groups);
    mali_csf_fw_store32(s, out + GLB_DB_ACK, doorbells);
    /* The requests are read after this. */
    smp_mb();
}

static bool all_groups_idle(MaliCsfState *s)
{
    unsigned csg;

    for (csg = 0; csg < s->model->csg_slots; csg++) {
        if (s->engine.groups[csg].active &&
            !mali_csf_group_is_idle(&s->engine.groups[csg])) {
            return false;
        }
    }
    return true;
}

/* What a timer word says, in nanoseconds; what is above counts as a century */
#define TIMER_MAX_NS    (100ull * 365 * 86400 * NANOSECONDS_PER_SECOND)

static int64_t timer_ns(MaliCsfState *s, uint32_t timer)
{
    uint64_t ticks = (uint64_t)GLB_TIMER_VALUE(timer) * TIMER_UNIT;
    uint64_t ns;

    if (timer & GLB_TIMER_SOURCE_GPU_COUNTER) {
        ns = muldiv64(ticks, NANOSECONDS_PER_SECOND, s->clock.hz);
    } else if (umul64_overflow(ticks,
                               mali_csf_clock_timestamp_period_ns(&s->clock),
                               &ns)) {
        return TIMER_MAX_NS;
    }
    return MIN(ns, TIMER_MAX_NS);
}

void mali_csf_fw_glb_idle(MaliCsfState *s)
{
    MaliCsfFirmware *fw = &s->mcu.fw;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    uint32_t in = mali_csf_fw_glb_input(s);

    if (!all_groups_idle(s)) {
        fw->was_busy = true;
        fw->idle_deadline = -1;
        fw->cores_off_at = -1;
        return;
    }
    if (fw->cores_off_at < 0 && GLB_TIMER_VALUE(fw->poweroff_timer)) {
        fw->cores_off_at = now + timer_ns(s, fw->poweroff_timer);
    }
    if (!fw->was_busy || !fw->idle_enabled) {
        return;
    }
    if (fw->idle_deadline < 0) {
        /* Read when it is needed: a change of it alone rings no doorbell. */
        fw->idle_deadline = now +
                            timer_ns(s, mali_csf_fw_load32(s, in +
                                                           GLB_IDLE_TIMER));
    }
    if (now < fw->idle_deadline) {
        mali_csf_mcu_schedule_pass_at(s, fw->idle_deadline);
        return;
    }

    fw->was_busy = false;
    fw->idle_deadline = -1;
    glb_event(s, GLB_IDLE);
    if (fw->sleep_on_idle) {
        fw->asleep = true;
        mali_csf_fw_halt(s);
        mali_csf_mcu_set_status(s, MCU_STATUS_HALT);
    }
}

void mali_csf_fw_glb_protm_exit(MaliCsfState *s)
{
    glb_event(s, GLB_PROTM_EXIT);
}

int64_t mali_csf_fw_progress_ns(MaliCsfState *s)
{
    return muldiv64((uint64_t)s->mcu.fw.progress_timer * TIMER_UNIT,
                    NANOSECONDS_PER_SECOND, s->clock.hz);
}

uint64_t mali_csf_fw_shader_ready(MaliCsfState *s)
{
    const MaliCsfFirmware *fw = &s->mcu.fw;

    if (fw->cores_off_at >= 0 &&
        qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) >= fw->cores_off_at) {
        return 0;
    }
    return fw->core_mask & s->model->shader_present;
}
