/*
 * Mali CSF GPU: sysbus device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/bitmap.h"
#include "qemu/error-report.h"
#include "qemu/host-utils.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "hw/core/boards.h"
#include "hw/core/platform-bus.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "system/qtest.h"
#include "system/replay.h"
#include "hw/gpu/mali-csf/version.h"
#include "compat.h"
#include "device.h"
#include "fw/protm.h"
#include "saved.h"
#include "shader/endpoint.h"
#include "trace.h"

/* What no block claims */

static uint64_t gap_read(void *opaque, hwaddr offset, unsigned size)
{
    MaliCsfState *s = opaque;

    mali_csf_unmodelled_read(&s->unmodelled, offset);
    return 0;
}

static void gap_write(void *opaque, hwaddr offset, uint64_t data,
                      unsigned size)
{
    MaliCsfState *s = opaque;

    mali_csf_unmodelled_write(&s->unmodelled, offset, data);
}

static const MemoryRegionOps gap_ops = {
    .read = gap_read,
    .write = gap_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 4,
        .max_access_size = 8,
    },
    .impl = {
        .min_access_size = 4,
        .max_access_size = 4,
    },
};

/*
 * The three resets: one of QEMU, and two that the driver asks for by
 * GPU_COMMAND or PWR_COMMAND.
 */

static void mali_csf_reset_enter(Object *obj, ResetType type)
{
    MaliCsfState *s = MALI_CSF(obj);

    mali_csf_perturb_reset(&s->perturb);
    mali_csf_opp_reset(&s->opp);
    mali_csf_clock_reset(&s->clock);
    mali_csf_cache_reset_enter(s);
    mali_csf_gpu_reset_enter(s);
    mali_csf_pwr_reset_enter(s);
    mali_csf_mmu_reset_enter(s);
    mali_csf_mcu_reset_enter(s);
    mali_csf_engine_reset_enter(s);
    mali_csf_perfcnt_reset_enter(s);
    mali_csf_inject_reset(s);
    mali_csf_irq_lines_reset(s);
    mali_csf_spin_reset(&s->spin);
    mali_csf_checker_forget(s);
}

static void mali_csf_reset_hold(Object *obj, ResetType type)
{
    MaliCsfState *s = MALI_CSF(obj);

    mali_csf_gpu_reset_hold(s);
    mali_csf_pwr_reset_hold(s);
    mali_csf_mmu_reset_hold(s);
    mali_csf_mcu_reset_hold(s);
}

static void gpu_reset(MaliCsfState *s, bool hard)
{
    if (hard) {
        trace_mali_csf_gpu_hard_reset(s->trace_id);
    } else {
        trace_mali_csf_gpu_soft_reset(s->trace_id);
    }
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_gpu_reset(s);
    }
    mali_csf_inject_reset(s);
    mali_csf_irq_lines_reset(s);
    mali_csf_mcu_gpu_reset(s);
    mali_csf_mmu_gpu_reset(s);
    mali_csf_pwr_gpu_reset(s);
    mali_csf_gpu_gpu_reset(s, hard);
    if (hard) {
        mali_csf_clock_reset(&s->clock);
        mali_csf_cache_reset(&s->cache);
    } else {
        mali_csf_clock_soft_reset(&s->clock);
    }
}

/*
 * A state is read into s->saved.  Until it is complete and found valid, and
 * for ever if it is not, the device is as after reset.
 */

/* Those that every state has, in its order */
#define SAVED_BLOCKS(BLOCK, _arg) \
    BLOCK(_arg, clock, MaliCsfClock) \
    BLOCK(_arg, opp, MaliCsfOpp) \
    BLOCK(_arg, cache, MaliCsfCache) \
    BLOCK(_arg, gpu, MaliCsfGpu) \
    BLOCK(_arg, pwr, MaliCsfPwr) \
    BLOCK(_arg, mmu, MaliCsfMmu) \
    BLOCK(_arg, mcu, MaliCsfMcu) \
    BLOCK(_arg, engine, MaliCsfEngine) \
    BLOCK(_arg, perfcnt, MaliCsfPerfcnt)

#define SAVE_BLOCK(s, _block, _type) \
    mali_csf_saved_copy(&mali_csf_ ## _block ## _saved, &(s)->saved._block, \
                        &(s)->_block);
#define LOAD_BLOCK(s, _block, _type) \
    mali_csf_saved_copy(&mali_csf_ ## _block ## _saved, &(s)->_block, \
                        &(s)->saved._block);

/* Another part of the lines' state, which few states have */
#define SAVE_LATE_LINES(s) \
    mali_csf_saved_copy(&mali_csf_late_lines_saved, &(s)->saved.lines, \
                        &(s)->lines);
#define LOAD_LATE_LINES(s) \
    mali_csf_saved_copy(&mali_csf_late_lines_saved, &(s)->lines, \
                        &(s)->saved.lines);

static const MaliCsfSaved mali_csf_saved;

static int mali_csf_pre_save(void *opaque)
{
    MaliCsfState *s = opaque;

    s->saved.gpu_id = s->model->gpu_id;
    mali_csf_gpu_pre_save(s);
    mali_csf_mcu_pre_save(s);
    mali_csf_engine_pre_save(s);
    SAVED_BLOCKS(SAVE_BLOCK, s)
    SAVE_BLOCK(s, inject, MaliCsfInject)
    SAVE_BLOCK(s, lines, MaliCsfIrqLines)
    SAVE_BLOCK(s, works, MaliCsfWorks)
    SAVE_BLOCK(s, perturb, MaliCsfPerturb)
    SAVE_LATE_LINES(s)
    return 0;
}

static int mali_csf_pre_load(void *opaque)
{
    MaliCsfState *s = opaque;

    mali_csf_reset_enter(OBJECT(s), RESET_TYPE_COLD);
    mali_csf_reset_hold(OBJECT(s), RESET_TYPE_COLD);
    SAVED_BLOCKS(SAVE_BLOCK, s)
    SAVE_BLOCK(s, lines, MaliCsfIrqLines)
    SAVE_BLOCK(s, works, MaliCsfWorks)
    SAVE_BLOCK(s, perturb, MaliCsfPerturb)
    SAVE_LATE_LINES(s)
    mali_csf_inject_pre_load(&s->saved.inject);
    return 0;
}

static int mali_csf_post_load(void *opaque, int version_id)
{
    MaliCsfState *s = opaque;
    g_autoptr(GString) where = g_string_new(NULL);

    if (s->saved.gpu_id != s->model->gpu_id) {
        error_report("%s: saved with GPU_ID 0x%" PRIx32 ", but model=%s has "
                     "0x%" PRIx32, TYPE_MALI_CSF, s->saved.gpu_id,
                     s->model->name, s->model->gpu_id);
        return -EINVAL;
    }
    if (!mali_csf_saved_valid(s, &mali_csf_saved, s, where)) {
        error_report("%s: no device has such a state: %s", TYPE_MALI_CSF,
                     where->len ? where->str + 1 : "of protected mode");
        return -EINVAL;
    }
    SAVED_BLOCKS(LOAD_BLOCK, s)
    LOAD_BLOCK(s, inject, MaliCsfInject)
    LOAD_BLOCK(s, lines, MaliCsfIrqLines)
    LOAD_BLOCK(s, works, MaliCsfWorks)
    LOAD_BLOCK(s, perturb, MaliCsfPerturb)
    LOAD_LATE_LINES(s)
    mali_csf_checker_forget(s);
    /* The lines depend on what is injected. */
    mali_csf_opp_post_load(&s->opp);
    mali_csf_inject_post_load(s);
    mali_csf_irq_lines_post_load(s);
    mali_csf_gpu_post_load(s);
    mali_csf_pwr_post_load(s);
    mali_csf_mmu_post_load(s);
    mali_csf_mcu_post_load(s);
    mali_csf_engine_post_load(s);
    mali_csf_works_post_load(s);
    mali_csf_perfcnt_post_load(s);
    return 0;
}

/* A member of s->saved, which has the name that it has in the device */
#define VMSTATE_BLOCK(_block, _type) { \
    .name = #_block, \
    .vmsd = &mali_csf_ ## _block ## _saved.vmsd, \
    .size = sizeof(_type), \
    .flags = VMS_STRUCT, \
    .offset = vmstate_offset_value(MaliCsfState, saved._block, _type), \
}

#define BLOCK_ROW(ROW, _block, _type) \
    ROW(VMSTATE_BLOCK(_block, _type), \
        SAVED_STRUCT(mali_csf_ ## _block ## _saved))

#define INJECT_ROWS(ROW) \
    BLOCK_ROW(ROW, inject, MaliCsfInject)

static bool inject_needed(void *opaque)
{
    MaliCsfState *s = opaque;

    return s->inject.last_id;
}

static const MaliCsfSaved inject_saved = {
    .vmsd = {
        .name = "mali-csf/inject",
        .version_id = 2,
        .minimum_version_id = 2,
        .needed = inject_needed,
        .fields = SAVED_FIELDS(INJECT_ROWS),
    },
    SAVED_CHECKS(INJECT_ROWS),
};

#define LINES_ROWS(ROW) \
    BLOCK_ROW(ROW, lines, MaliCsfIrqLines)

static bool lines_needed(void *opaque)
{
    MaliCsfState *s = opaque;

    return s->lines.silent | s->lines.glitch | s->lines.shared;
}

static const MaliCsfSaved lines_saved = {
    .vmsd = {
        .name = "mali-csf/irq-lines",
        .version_id = 1,
        .minimum_version_id = 1,
        .needed = lines_needed,
        .fields = SAVED_FIELDS(LINES_ROWS),
    },
    SAVED_CHECKS(LINES_ROWS),
};

#define WORKS_ROWS(ROW) \
    BLOCK_ROW(ROW, works, MaliCsfWorks)

static bool works_needed(void *opaque)
{
    MaliCsfState *s = opaque;

    return s->works.num;
}

static const MaliCsfSaved works_saved = {
    .vmsd = {
        .name = "mali-csf/works",
        .version_id = 1,
        .minimum_version_id = 1,
        .needed = works_needed,
        .fields = SAVED_FIELDS(WORKS_ROWS),
    },
    SAVED_CHECKS(WORKS_ROWS),
};

#define PERTURB_ROWS(ROW) \
    BLOCK_ROW(ROW, perturb, MaliCsfPerturb) \
    ROW(VMSTATE_STRUCT(saved.lines, MaliCsfState, 1, \
                       mali_csf_late_lines_saved.vmsd, MaliCsfIrqLines), \
        SAVED_STRUCT(mali_csf_late_lines_saved))

static bool perturb_needed(void *opaque)
{
    MaliCsfState *s = opaque;

    return s->perturb.seed;
}

static const MaliCsfSaved perturb_saved = {
    .vmsd = {
        .name = "mali-csf/perturb",
        .version_id = 1,
        .minimum_version_id = 1,
        .needed = perturb_needed,
        .fields = SAVED_FIELDS(PERTURB_ROWS),
    },
    SAVED_CHECKS(PERTURB_ROWS),
};

/* First what sizes the rest of the state, or the guest has read */
#define DEVICE_ROWS(ROW) \
    ROW(VMSTATE_UINT32(saved.gpu_id, MaliCsfState), SAVED_ANY) \
    ROW(MALI_CSF_UINT64_EQUAL(config.shader_present, MaliCsfState, \
                             "mali-csf: other shader-present= or model="), \
        SAVED_ANY) \
    ROW(MALI_CSF_UINT64_EQUAL(config.gpu_features, MaliCsfState, \
                             "mali-csf: other model="), SAVED_ANY) \
    ROW(MALI_CSF_UINT32_EQUAL(config.csg_slots, MaliCsfState, \
                             "mali-csf: other csg-slots="), SAVED_ANY) \
    ROW(MALI_CSF_UINT32_EQUAL(config.cs_per_csg, MaliCsfState, \
                             "mali-csf: other cs-per-csg="), SAVED_ANY) \
    ROW(MALI_CSF_UINT32_EQUAL(config.as_present, MaliCsfState, \
                             "mali-csf: other address-spaces="), SAVED_ANY) \
    ROW(MALI_CSF_UINT32_EQUAL(config.mmu_features, MaliCsfState, \
                             "mali-csf: other va-bits= or pa-bits="), \
        SAVED_ANY) \
    ROW(MALI_CSF_UINT32_EQUAL(config.coherency_features, MaliCsfState, \
                             "mali-csf: other coherent="), SAVED_ANY) \
    ROW(MALI_CSF_UINT64_EQUAL(reserved.size, MaliCsfState, \
                             "mali-csf: other protected-size="), SAVED_ANY) \
    ROW(MALI_CSF_UINT64_EQUAL(reserved.base, MaliCsfState, \
                             "mali-csf: protected memory elsewhere"), \
        SAVED_ANY) \
    SAVED_BLOCKS(BLOCK_ROW, ROW)

/*
 * What is on the way into protected mode is not in it, nor kept in it; streams
 * are quiet on that way alone; what is forced out is in it or on that way.
 */
static bool protm_valid(MaliCsfState *s, const void *opaque)
{
    const MaliCsfState *state = opaque;
    const MaliCsfFirmware *fw = &state->saved.mcu.fw;

    if ((state->saved.engine.protm_quiet && !fw->protm_entering) ||
        (fw->protm_forced && !state->saved.engine.protected_mode &&
         !fw->protm_entering)) {
        return false;
    }
    return state->saved.engine.protected_mode ? !fw->protm_entering :
                                                !fw->protm_leave;
}

static const MaliCsfSaved mali_csf_saved = {
    .vmsd = {
        .name = TYPE_MALI_CSF,
        .version_id = 6,
        .minimum_version_id = 6,
        .pre_save = mali_csf_pre_save,
        .pre_load = mali_csf_pre_load,
        .post_load = mali_csf_post_load,
        .fields = SAVED_FIELDS(DEVICE_ROWS),
        .subsections = (const VMStateDescription *const []) {
            &inject_saved.vmsd,
            &lines_saved.vmsd,
            &works_saved.vmsd,
            &perturb_saved.vmsd,
            NULL
        },
    },
    SAVED_CHECKS(DEVICE_ROWS),
    .valid = protm_valid,
    .subsections = (const MaliCsfSaved *const []) {
        &inject_saved,
        &lines_saved,
        &works_saved,
        &perturb_saved,
        NULL
    },
};

static bool is_free(PlatformBusDevice *bus, uint64_t at, uint64_t size)
{
    MemoryRegion *taken = memory_region_find(&bus->mmio, at, size).mr;

    if (taken) {
        memory_region_unref(taken);
    }
    return !taken && at + size <= bus->mmio_size;
}

/*
 * Would the platform bus find a place for the aperture, for the oscillator's
 * registers if there is one, and for three interrupts?
 * It does so after the device is realized, and ends QEMU if there are none.
 * The offsets are those that platform_bus_map_mmio() tries.  True if there is
 * no such bus.
 */
static bool bus_has_room(MaliCsfState *s, Error **errp)
{
    Object *obj = object_resolve_path_type("", TYPE_PLATFORM_BUS_DEVICE,
                                           NULL);
    PlatformBusDevice *bus = obj ? PLATFORM_BUS_DEVICE(obj) : NULL;
    uint64_t size = s->model->aperture_size;
    uint64_t step = pow2ceil(size);
    uint64_t at = 0, page = 0;
    unsigned irqs;

    if (!bus) {
        return true;
    }
    while (at < bus->mmio_size && !is_free(bus, at, size)) {
        at += step;
    }
    if (mali_csf_opp_has_choice(&s->opp)) {
        while (page < bus->mmio_size && ((page >= at && page < at + size) ||
               !is_free(bus, page, MALI_CSF_OSC_SIZE))) {
            page += MALI_CSF_OSC_SIZE;
        }
    }
    irqs = bus->num_irqs - bitmap_count_one(bus->used_irqs, bus->num_irqs);
    if (at < bus->mmio_size && page < bus->mmio_size &&
        irqs >= MALI_CSF_NUM_IRQS) {
        return true;
    }
    error_setg(errp, "the machine has no room for this one: its platform bus "
               "holds %" PRIu64 " with an aperture of %" PRIu64 " KiB, and "
               "less if there are others, or with opps=",
               MIN(bus->mmio_size / step, bus->num_irqs / MALI_CSF_NUM_IRQS),
               size / KiB);
    return false;
}

static const MaliCsfEndpointOps *find_endpoint(const char *name)
{
    static const MaliCsfEndpointOps *const endpoints[] = {
        &mali_csf_shader_endpoint,
        &mali_csf_null_endpoint,
        &mali_csf_test_endpoint,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(endpoints); i++) {
        if (!strcmp(endpoints[i]->name, name)) {
            return endpoints[i];
        }
    }
    return NULL;
}

/* shader-threads= was not given */
#define THREADS_AUTO    UINT32_MAX

/*
 * A run that is to be repeated exactly has no threads of its own: that of a
 * test, and one whose clock counts instructions.  Elsewhere the processors that
 * the vCPUs leave; but two if the host has them, since who waits for a long
 * job mostly does nothing else.
 */
static unsigned auto_threads(void)
{
    int processors = g_get_num_processors();
    int spare = processors - (int)current_machine->smp.cpus;

    if (qtest_enabled() || icount_enabled() ||
        replay_mode != REPLAY_MODE_NONE) {
        return 0;
    }
    return MIN(MAX(spare, MIN(processors, 2)), MALI_CSF_MAX_ENDPOINT_THREADS);
}

static bool choose_threads(MaliCsfState *s, unsigned *threads, Error **errp)
{
    *threads = s->shader_threads == THREADS_AUTO ? auto_threads() :
                                                   s->shader_threads;
    if (*threads > MALI_CSF_MAX_ENDPOINT_THREADS) {
        error_setg(errp, "shader-threads=%u is out of range: it is 0 to %u",
                   *threads, MALI_CSF_MAX_ENDPOINT_THREADS);
        return false;
    }
    return true;
}

static bool can_capture(MaliCsfState *s, Error **errp)
{
    const char *folder = s->works.endpoint.capture;

    if (folder && (!g_file_test(folder, G_FILE_TEST_IS_DIR) ||
                   access(folder, W_OK))) {
        error_setg(errp, "capture=%s is no folder that can be written to",
                   folder);
        return false;
    }
    return true;
}

static void mali_csf_realize(DeviceState *dev, Error **errp)
{
    ERRP_GUARD();
    MaliCsfState *s = MALI_CSF(dev);
    SysBusDevice *sbd = SYS_BUS_DEVICE(dev);
    const MaliCsfModel *model = mali_csf_model_find(s->model_name);
    const MaliCsfEndpointOps *endpoint;
    unsigned threads;

    g_free(s->trace_id);
    s->trace_id = dev->id ? g_strdup(dev->id) :
                            object_get_canonical_path(OBJECT(dev));
    if (!model) {
        g_autofree char *names = mali_csf_model_names();

        error_setg(errp, "no model '%s'; there is %s", s->model_name, names);
        return;
    }
    s->config = *model;
    if (!mali_csf_model_override(&s->config, &s->overrides, errp) ||
        !mali_csf_fw_fits(&s->config, errp)) {
        return;
    }
    if (s->coherent) {
        s->config.coherency_features |= R_COHERENCY_FEATURES_ACE_LITE_MASK;
    }
    s->model = &s->config;
    endpoint = find_endpoint(s->endpoint_name);
    if (!endpoint) {
        error_setg(errp, "x-endpoint=%s is not known", s->endpoint_name);
        error_append_hint(errp, "Valid values: shader, null, test\n");
        return;
    }
    if (!choose_threads(s, &threads, errp) || !can_capture(s, errp)) {
        return;
    }
    if (!mali_csf_strict_parse(s->strict_name, &s->checker.findings.strict)) {
        error_setg(errp, "strict=%s is not known", s->strict_name);
        error_append_hint(errp, "Valid values: off, report, stop\n");
        return;
    }
    if (s->checker.user.notes && !mali_csf_strict(&s->checker)) {
        error_setg(errp, "user-notes=on needs strict=report or strict=stop");
        return;
    }
    if (!mali_csf_opp_init(&s->opp, OBJECT(s), s->trace_id, &s->clock, errp) ||
        !bus_has_room(s, errp)) {
        return;
    }
    if (!mali_csf_protected_init(&s->reserved, OBJECT(s), s->trace_id, errp)) {
        return;
    }
    trace_mali_csf_realize(s->trace_id, s->model->name);
    mali_csf_perturb_init(&s->perturb, s->trace_id);

    memory_region_init_io(&s->aperture, OBJECT(s), &gap_ops, s,
                          TYPE_MALI_CSF, s->model->aperture_size);
    mali_csf_inject_init(s);
    mali_csf_irq_lines_init(s, sbd);
    mali_csf_mmu_init(s, &s->aperture, mali_csf_protm_active);
    mali_csf_gpu_init(s, &s->aperture, gpu_reset);
    mali_csf_pwr_init(s, &s->aperture, gpu_reset);
    mali_csf_mcu_init(s, &s->aperture);
    mali_csf_engine_init(s, mali_csf_mcu_schedule_pass);
    mali_csf_work_init(s, endpoint, threads);
    mali_csf_engine_new_groups(&s->saved.engine, s->model);
    mali_csf_checker_init(s);

    sysbus_init_mmio(sbd, &s->aperture);
    if (mali_csf_opp_has_choice(&s->opp)) {
        sysbus_init_mmio(sbd, mali_csf_opp_registers(&s->opp));
    }
}

static void mali_csf_unrealize(DeviceState *dev)
{
    MaliCsfState *s = MALI_CSF(dev);

    mali_csf_checker_finalize(s);
    mali_csf_engine_free_groups(&s->saved.engine);
    mali_csf_work_finalize(s);
    mali_csf_engine_finalize(s);
    mali_csf_mcu_finalize(s);
    mali_csf_mmu_finalize(s);
    mali_csf_protected_finalize(&s->reserved);
    mali_csf_gpu_finalize(s);
    mali_csf_inject_finalize(s);
    mali_csf_irq_lines_finalize(s);
}

static void mali_csf_instance_finalize(Object *obj)
{
    g_free(MALI_CSF(obj)->trace_id);
}

static bool get_ignore_locks(Object *obj, Error **errp)
{
    return MALI_CSF(obj)->view.ignore_locks;
}

static void set_ignore_locks(Object *obj, bool value, Error **errp)
{
    mali_csf_mmu_set_ignore_locks(MALI_CSF(obj), value);
}

static char *get_version(Object *obj, Error **errp)
{
    return g_strdup(MALI_CSF_VERSION);
}

static char *get_unmodelled(Object *obj, Error **errp)
{
    return mali_csf_unmodelled_list(&MALI_CSF(obj)->unmodelled);
}

/* What "-device mali-csf,help" says; a test wants it for each property. */
typedef struct PropertyDescription {
    const char *name;
    const char *description;
} PropertyDescription;

static const PropertyDescription instance_descriptions[] = {
    { "tlb-hits", "accesses whose translation was cached" },
    { "tlb-misses", "accesses that walked the page tables" },
    { "stall-count", "accesses of streams that met a locked region" },
    { "fault-count", "faults of all address spaces" },
    { "parked-pass-count", "firmware passes that met a locked region" },
    { "reset-count", "resets that the driver asked for" },
    { "mcu-status", "what MCU_STATUS says" },
    { "protected-base", "physical address of the protected memory, if there "
                        "is any" },
    { "tiler-oom-count", "times that a stream ran out of tiler heap" },
    { "instruction-count", "command-stream instructions retired" },
    { "slice-count", "slices of time in which streams were executed" },
    { "largest-slice", "most weight of instructions that a slice has had" },
    { "largest-pass", "most weight of requests that a firmware pass has had" },
    { "violations", "mistakes of the driver that the checker found" },
    { "notes", "what the checker found that need not be a mistake" },
    { "checker-steps", "page tables that the checker has looked at, and "
                       "changes in them" },
    { "x-as-latency-ns", "time that an address-space command takes" },
    { "x-flush-latency-ns", "time that a cache flush takes" },
    { "x-fw-latency-ns", "time from a doorbell to the firmware's looking" },
    { "x-protm-latency-ns", "time from the acknowledgement of PROTM_ENTER to "
                            "protected mode" },
    { "x-cs-flush-latency-ns", "time that a FLUSH_CACHE2 instruction takes" },
    { "x-load-latency-ns", "time that LOAD_MULTIPLE and STORE_MULTIPLE take" },
    { "x-endpoint-heap-chunks", "chunks of tiler heap that a RUN instruction "
                                "with vertices takes" },
    { "x-endpoint-latency-ns", "time that the work of a RUN instruction "
                               "takes" },
    { "x-sync-poll-ns", "longest time between looks at the sync objects that "
                        "streams wait for; 0: no look without a doorbell" },
};

/* A counter of the checker: the log has told of all that it says. */
static void get_finding_count(Object *obj, Visitor *v, const char *name,
                              void *opaque, Error **errp)
{
    mali_csf_findings_tell(&MALI_CSF(obj)->checker.findings);
    visit_type_uint64(v, name, opaque, errp);
}

static void add_finding_count(Object *obj, const char *name, uint64_t *count)
{
    object_property_add(obj, name, "uint64", get_finding_count, NULL, NULL,
                        count);
}

static void mali_csf_instance_init(Object *obj)
{
    MaliCsfState *s = MALI_CSF(obj);

    /* Until it has a name */
    s->trace_id = g_strdup(TYPE_MALI_CSF);
    s->model_name = g_strdup("g610");
    s->strict_name = g_strdup("off");
    s->endpoint_name = g_strdup("shader");
    object_property_add_uint64_ptr(obj, "tlb-hits", &s->view.tlb_hits,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "tlb-misses", &s->view.tlb_misses,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "stall-count", &s->mmu.stalls,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "fault-count", &s->mmu.faults,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "parked-pass-count",
                                   &s->mcu.passes_parked,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "reset-count", &s->gpu.resets,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint32_ptr(obj, "mcu-status", &s->mcu.status,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "protected-base", &s->reserved.base,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "instruction-count",
                                   &s->engine.instructions,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "slice-count", &s->engine.slices,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "largest-slice",
                                   &s->engine.largest_slice,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "largest-pass",
                                   &s->mcu.largest_pass, OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "tiler-oom-count",
                                   &s->engine.tiler_ooms,
                                   OBJ_PROP_FLAG_READ);
    add_finding_count(obj, "violations", &s->checker.findings.violations);
    add_finding_count(obj, "notes", &s->checker.findings.notes);
    object_property_add_uint64_ptr(obj, "checker-steps", &s->checker.steps,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "x-as-latency-ns",
                                   &s->mmu.latency_ns,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint64_ptr(obj, "x-flush-latency-ns",
                                   &s->gpu.flush_latency_ns,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint64_ptr(obj, "x-fw-latency-ns",
                                   &s->mcu.latency_ns,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint64_ptr(obj, "x-protm-latency-ns",
                                   &s->mcu.protm_latency_ns,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint64_ptr(obj, "x-cs-flush-latency-ns",
                                   &s->engine.flush_latency_ns,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint64_ptr(obj, "x-load-latency-ns",
                                   &s->engine.load_latency_ns,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint64_ptr(obj, "x-endpoint-heap-chunks",
                                   &s->engine.endpoint_heap_chunks,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint64_ptr(obj, "x-endpoint-latency-ns",
                                   &s->works.endpoint.latency_ns,
                                   OBJ_PROP_FLAG_READWRITE);
    mali_csf_engine_instance_init(s);
    object_property_add_uint64_ptr(obj, "x-sync-poll-ns",
                                   &s->engine.sync_poll_ns,
                                   OBJ_PROP_FLAG_READWRITE);
    for (int i = 0; i < MALI_CSF_NUM_FINDINGS; i++) {
        g_autofree char *name =
            g_strdup_printf("count-%s", mali_csf_finding_names[i]);

        add_finding_count(obj, name, &s->checker.findings.counts[i]);
        object_property_set_description(obj, name,
                                        "how often the checker found it");
    }
    for (int i = 0; i < ARRAY_SIZE(instance_descriptions); i++) {
        object_property_set_description(obj, instance_descriptions[i].name,
                                        instance_descriptions[i].description);
    }
}

#define PERTURB_PROPERTY(_id, _text, _bound, ...) \
    DEFINE_PROP_UINT64("x-late-" _text "-ns", MaliCsfState, \
                       perturb.bound[MALI_CSF_PERTURB_##_id], _bound),

static const Property mali_csf_properties[] = {
    DEFINE_PROP_STRING("model", MaliCsfState, model_name),
    DEFINE_PROP_STRING("strict", MaliCsfState, strict_name),
    DEFINE_PROP_STRING("x-endpoint", MaliCsfState, endpoint_name),
    DEFINE_PROP_STRING("capture", MaliCsfState, works.endpoint.capture),
    DEFINE_PROP_UINT32("shader-threads", MaliCsfState, shader_threads,
                       THREADS_AUTO),
    DEFINE_PROP_BOOL("user-notes", MaliCsfState, checker.user.notes, false),
    DEFINE_PROP_BOOL("coherent", MaliCsfState, coherent, false),
    DEFINE_PROP_SIZE("protected-size", MaliCsfState, reserved.size, 0),
    DEFINE_PROP_UINT64("shader-present", MaliCsfState,
                       overrides.shader_present, 0),
    DEFINE_PROP_UINT32("csg-slots", MaliCsfState, overrides.csg_slots, 0),
    DEFINE_PROP_UINT32("cs-per-csg", MaliCsfState, overrides.cs_per_csg, 0),
    DEFINE_PROP_UINT32("address-spaces", MaliCsfState,
                       overrides.address_spaces, 0),
    DEFINE_PROP_UINT32("va-bits", MaliCsfState, overrides.va_bits, 0),
    DEFINE_PROP_UINT32("pa-bits", MaliCsfState, overrides.pa_bits, 0),
    DEFINE_PROP_STRING("opps", MaliCsfState, opp.list),
    DEFINE_PROP_STRING("firmware-version", MaliCsfState,
                       overrides.fw_version),
    DEFINE_PROP_UINT64("x-seed", MaliCsfState, perturb.seed, 0),
    DEFINE_PROP_UINT64("x-seed-until-ns", MaliCsfState, perturb.until_ns, 0),
    MALI_CSF_PERTURB_KINDS(PERTURB_PROPERTY)
};

#define PERTURB_DESCRIPTION(_id, _text, _bound, _what) \
    { "x-late-" _text "-ns", "with x-seed, the most by which it is late, or " \
                             "0: " _what },

static const PropertyDescription class_descriptions[] = {
    { "model", "the product, for example g610 (the default) or g1-ultra" },
    { "x-endpoint", "what executes work: shader (the default); null, which "
                    "executes nothing; or test, for qtests" },
    { "shader-threads", "threads that execute shaders, 0 to 16; 0: the main "
                        "loop does; by default those processors of the host "
                        "that the guest does not have, at least two" },
    { "capture", "folder to which each job of RUN_COMPUTE is written, up to "
                 "256 of them" },
    { "strict", "off, report or stop: what to do if the driver errs" },
    { "user-notes", "with strict: also notes on user space and its caches" },
    { "coherent", "the device tree says that the GPU is coherent" },
    { "protected-size", "RAM that only protected mode may touch, a multiple of "
                        "2M; 0, the default: none" },
    { "shader-present", "mask of shader cores; 0 is the model's" },
    { "csg-slots", "group slots of the firmware, 3 to 31; 0 is the model's" },
    { "cs-per-csg", "streams of a group slot, 1 to 32; 0 is the model's" },
    { "address-spaces", "2 to 16, of which one is the firmware's; "
                        "0 is the model's" },
    { "va-bits", "width of a virtual address, 32 to 48; 0 is the model's" },
    { "pa-bits", "width of a physical address: 32, 36, 40, 42, 44 or 48; "
                 "0 is the model's" },
    { "opps", "rates of the core clock in MHz, ascending, that the driver "
              "chooses from, such as 300:600:1000; 1000 by default" },
    { "firmware-version", "of the firmware's interface, such as 1.5.0; the "
                          "firmware file's or the model's by default" },
    { "x-seed", "of the times that the device takes and the order in which "
                "it serves equals; 0 (the default): as short as it can, and "
                "round robin" },
    { "x-seed-until-ns", "time of the virtual clock from which on x-seed "
                         "chooses nothing; 0 (the default): for ever" },
    MALI_CSF_PERTURB_KINDS(PERTURB_DESCRIPTION)
    { "x-ignore-locks", "locked regions stall nothing (default: off)" },
    { "version", "of the model, " MALI_CSF_VERSION " here" },
    { "unmodelled-registers",
      "accesses to registers that the model does not have" },
};

static void mali_csf_class_init(ObjectClass *klass, MaliCsfClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    dc->desc = "Arm Mali GPU with a command stream front end";
    dc->realize = mali_csf_realize;
    dc->unrealize = mali_csf_unrealize;
    mali_csf_saved_check(&mali_csf_saved);
    dc->vmsd = &mali_csf_saved.vmsd;
    set_bit(DEVICE_CATEGORY_DISPLAY, dc->categories);
    device_class_set_props(dc, mali_csf_properties);
    rc->phases.enter = mali_csf_reset_enter;
    rc->phases.hold = mali_csf_reset_hold;

    /* Not a qdev property: a test turns it on while the guest runs. */
    object_class_property_add_bool(klass, "x-ignore-locks", get_ignore_locks,
                                   set_ignore_locks);
    object_class_property_add_str(klass, "version", get_version, NULL);
    object_class_property_add_str(klass, "unmodelled-registers",
                                  get_unmodelled, NULL);
    for (int i = 0; i < ARRAY_SIZE(class_descriptions); i++) {
        object_class_property_set_description(klass,
            class_descriptions[i].name, class_descriptions[i].description);
    }
}

static const TypeInfo mali_csf_types[] = {
    {
        .name = TYPE_MALI_CSF,
        .parent = TYPE_DYNAMIC_SYS_BUS_DEVICE,
        .instance_size = sizeof(MaliCsfState),
        .instance_init = mali_csf_instance_init,
        .instance_finalize = mali_csf_instance_finalize,
        .class_init = mali_csf_class_init,
    },
};

DEFINE_TYPES(mali_csf_types)
