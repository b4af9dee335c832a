/*
 * Mali CSF GPU: the state of the device, for people
 *
 * What is printed is taken as it is.  Guest memory is looked at with no
 * effect on the TLB, the counters or the checker.
 *
 * Not shown: what the checker remembers of page tables, the contents of the
 * TLB, the work registers of streams that are idle.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/gpu/mali-csf/cs-table.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-mali-csf.h"
#include "qapi/type-helpers.h"
#include "qemu/cutils.h"
#include "qobject/qdict.h"
#include "device.h"
#include "fw/protm.h"

/* Work registers in a line */
#define REGISTERS_PER_LINE  8

#define PRINT(...)  g_string_append_printf(text, __VA_ARGS__)

/* Of the tables of an address space: what is looked at, and what is shown */
#define MAX_WALKS           65536
#define MAX_RANGES          16

static const char *const mcu_states[] = {
    [MCU_STATUS_DISABLED] = "disabled",
    [MCU_STATUS_ENABLED] = "enabled",
    [MCU_STATUS_HALT] = "halted",
    [MCU_STATUS_FATAL] = "fatal",
};

static const char *mode_name(uint64_t transcfg)
{
    switch (FIELD_EX64(transcfg, AS_TRANSCFG_LO, ADRMODE)) {
    case AS_ADRMODE_UNMAPPED:
        return "unmapped";
    case AS_ADRMODE_IDENTITY:
        return "identity";
    case AS_ADRMODE_AARCH64_4K:
        return "4 KiB granule";
    case AS_ADRMODE_AARCH64_64K:
        return "64 KiB granule";
    default:
        return "reserved mode";
    }
}

static void print_irq(GString *text, MaliCsfState *s, const MaliCsfIrq *irq)
{
    PRINT("  %s: rawstat 0x%08" PRIx32 ", mask 0x%08" PRIx32 ", line %s\n",
          irq->name, irq->rawstat, irq->mask,
          mali_csf_irq_level(irq) ? "high" : "low");
}

static void print_gpu(GString *text, MaliCsfState *s)
{
    const MaliCsfGpu *gpu = &s->gpu;
    const MaliCsfMcu *mcu = &s->mcu;
    const MaliCsfFirmware *fw = &mcu->fw;

    PRINT("power: L2 0x%" PRIx64 ", tiler 0x%" PRIx64 ", shader 0x%" PRIx64
          "\n", mali_csf_pwr_ready(s, MALI_CSF_POWER_L2),
          mali_csf_pwr_ready(s, MALI_CSF_POWER_TILER),
          mali_csf_pwr_ready(s, MALI_CSF_POWER_SHADER));
    if (s->pwr.l2_transition) {
        PRINT("  L2 in transition: 0x%" PRIx64 "\n", s->pwr.l2_transition);
    }
    if (gpu->flush_command) {
        PRINT("a cache flush is under way: GPU_COMMAND 0x%" PRIx32 "\n",
              gpu->flush_command);
    }
    if (mali_csf_protm_active(s)) {
        PRINT("protected mode%s\n", fw->protm_leave ? ", which is over" : "");
    }
    if (fw->protm_entering) {
        PRINT("protected mode has been asked for\n");
    }
    PRINT("flush identifier: %" PRIu32 "\n", s->cache.latest_flush_id);
    PRINT("interrupts:\n");
    print_irq(text, s, &mcu->job_irq);
    print_irq(text, s, &s->mmu.irq);
    print_irq(text, s, &gpu->irq);
    if (s->model->has_pwr_control) {
        print_irq(text, s, &s->pwr.irq);
    }

    PRINT("microcontroller: %s%s%s\n", mcu_states[mcu->status],
          mcu->boot_pending ? ", boots" : "",
          mcu->pass_parked ? ", waits for a region to be unlocked" : "");
    PRINT("  interface %u.%u.%u, features 0x%" PRIx32 "\n",
          fw->version >> 24, fw->version >> 16 & 0xff, fw->version & 0xffff,
          fw->features);
    PRINT("  doorbells 0x%" PRIx64 ", of groups 0x%" PRIx32 "\n",
          mcu->doorbells, fw->csg_doorbells);
    PRINT("  core mask 0x%" PRIx64 ", progress timer %" PRIu32 ", power-off "
          "timer %" PRIu32 "\n", fw->core_mask, fw->progress_timer,
          fw->poweroff_timer);
    PRINT("  idle event %s%s\n", fw->idle_enabled ? "enabled" : "disabled",
          fw->idle_deadline >= 0 ? ", its timer runs" : "");
}

/* What the tables map, as far as it does not take too long */
static void print_tables(GString *text, MaliCsfState *s, unsigned as)
{
    static const char *const sizes[] = { "?", "1 GiB", "2 MiB", "4 KiB" };
    unsigned steps = MAX_WALKS, ranges = 0;
    MaliCsfLeaf leaf, next;
    bool found = mali_csf_mmu_next_leaf(s, as, 0, &steps, &leaf);

    while (found && ranges++ < MAX_RANGES) {
        uint64_t start = leaf.va, count = 1;

        while ((found = mali_csf_mmu_next_leaf(s, as, leaf.va + leaf.size,
                                               &steps, &next)) &&
               next.va == leaf.va + leaf.size && next.level == leaf.level &&
               next.writable == leaf.writable &&
               next.executable == leaf.executable) {
            leaf = next;
            count++;
        }
        PRINT("     maps 0x%" PRIx64 "-0x%" PRIx64 ", %s, %sexecutable: %"
              PRIu64 " of %s\n", start, leaf.va + (leaf.size - 1),
              leaf.writable ? "writable" : "read-only",
              leaf.executable ? "" : "not ", count, sizes[leaf.level]);
        leaf = next;
    }
    if (found || !steps) {
        PRINT("     maps more\n");
    }
}

static void print_space(GString *text, MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    const MaliCsfTranslation *active = &space->active;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    PRINT("  %u: %s", as, mode_name(active->transcfg));
    if (!mali_csf_mmu_unmapped(s, as)) {
        PRINT(", TRANSTAB 0x%" PRIx64 ", %u bits, TRANSCFG 0x%" PRIx64
              ", MEMATTR 0x%" PRIx64, active->transtab,
              mali_csf_va_bits(active), active->transcfg, active->memattr);
    }
    PRINT("\n");
    if (space->transtab != active->transtab ||
        space->transcfg != active->transcfg ||
        space->memattr != active->memattr) {
        PRINT("     no UPDATE yet: TRANSTAB 0x%" PRIx64 ", TRANSCFG 0x%" PRIx64
              ", MEMATTR 0x%" PRIx64 "\n", space->transtab, space->transcfg,
              space->memattr);
    }
    print_tables(text, s, as);
    if (space->locked) {
        PRINT("     locked: 0x%" PRIx64 "-0x%" PRIx64 "\n", space->lock_start,
              space->lock_last);
    }
    if (space->command_waits) {
        PRINT("     command %" PRIu32 " waits for the end of protected mode\n",
              space->command);
    } else if (space->command_end == INT64_MAX) {
        PRINT("     command %" PRIu32 " never ends\n", space->command);
    } else if (space->command_end >= 0) {
        PRINT("     command %" PRIu32 " ends in %" PRId64 " ns\n",
              space->command, MAX(space->command_end - now, 0));
    }
    if (space->fault_latched) {
        PRINT("     fault: FAULTSTATUS 0x%" PRIx32 ", at 0x%" PRIx64 "\n",
              space->faultstatus, space->faultaddress);
    }
    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        const MaliCsfGroup *group = &s->engine.groups[csg];

        for (unsigned cs = 0; cs < s->model->cs_per_csg; cs++) {
            const MaliCsfStream *stream = &group->streams[cs];

            if (group->active && group->as == as &&
                mali_csf_stream_state(stream)->blocked_by) {
                PRINT("     slot %u stream %u is %s at 0x%" PRIx64 "\n", csg,
                      cs, mali_csf_stream_state(stream)->text,
                      stream->wait.va);
            }
        }
    }
}

static void print_mmu(GString *text, MaliCsfState *s)
{
    const MaliCsfMmu *mmu = &s->mmu;
    unsigned used = 0;

    PRINT("address spaces%s:\n",
          s->view.ignore_locks ? ", locks are ignored" : "");
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        if (s->model->as_present & (1u << as)) {
            print_space(text, s, as);
        }
        for (unsigned level = 0; level < 4; level++) {
            used += s->view.tlb.present[as][level];
        }
    }
    PRINT("TLB: %u of %u entries, %" PRIu64 " hits, %" PRIu64 " misses\n",
          used, MALI_CSF_TLB_SIZE, s->view.tlb_hits, s->view.tlb_misses);
    PRINT("stalls: %" PRIu64 ", faults: %" PRIu64 ", parked passes: %" PRIu64
          "\n", mmu->stalls, mmu->faults, s->mcu.passes_parked);
}

/* Requests and events that wait for their acknowledgement, if there are any */
static void print_pending(GString *text, MaliCsfState *s, const char *indent,
                          uint32_t req_va, uint32_t ack_va)
{
    uint64_t req, ack;

    if (!mali_csf_mmu_peek(s, FW_AS, req_va, 4, &req) ||
        !mali_csf_mmu_peek(s, FW_AS, ack_va, 4, &ack) || req == ack) {
        return;
    }
    PRINT("%spending: REQ 0x%08" PRIx64 ", ACK 0x%08" PRIx64
          ", bits 0x%08" PRIx64 "\n", indent, req, ack, req ^ ack);
}

static void print_instruction(GString *text, MaliCsfState *s, unsigned as,
                              const MaliCsfStream *stream)
{
    uint64_t va = mali_csf_stream_ip(stream);
    char instruction[CS_DISAS_MAX];
    uint64_t word;

    PRINT("      at 0x%" PRIx64 ", depth %u: ", va, stream->depth);
    if (!mali_csf_mmu_peek(s, as, va, 8, &word)) {
        PRINT("not readable\n");
        return;
    }
    cs_disassemble(instruction, word, s->model->arch);
    PRINT("%016" PRIx64 " %s\n", word, instruction);
}

/* The rows in which a register is not zero */
static void print_registers(GString *text, MaliCsfState *s,
                            const MaliCsfStream *stream)
{
    for (unsigned i = 0; i < s->model->work_registers;
         i += REGISTERS_PER_LINE) {
        const uint32_t *row = &stream->regs[i];

        if (buffer_is_zero(row, REGISTERS_PER_LINE * sizeof(*row))) {
            continue;
        }
        PRINT("      r%02u", i);
        for (unsigned n = 0; n < REGISTERS_PER_LINE; n++) {
            PRINT(" %08" PRIx32, row[n]);
        }
        PRINT("\n");
    }
}

QEMU_BUILD_BUG_ON(MALI_CSF_MAX_WORK_REGISTERS % REGISTERS_PER_LINE);

static void print_stream(GString *text, MaliCsfState *s, unsigned csg,
                         unsigned cs)
{
    const MaliCsfGroup *group = &s->engine.groups[csg];
    const MaliCsfStream *stream = &group->streams[cs];
    const MaliCsfWait *wait = &stream->wait;
    const unsigned kinds = wait->resource.kinds;
    uint32_t scoreboards = mali_csf_stream_scoreboards(stream);

    if (stream->state == MALI_CSF_STREAM_STOPPED) {
        return;
    }
    PRINT("    stream %u: %s, priority %u, doorbell %u\n", cs,
          mali_csf_stream_state(stream)->text, stream->config.priority,
          stream->config.doorbell);
    PRINT("      ring 0x%" PRIx64 ", %" PRIu32 " bytes, INSERT 0x%" PRIx64
          ", EXTRACT 0x%" PRIx64 "\n", stream->config.ring_base,
          stream->config.ring_size,
          stream->frames[0].end, stream->extract);
    if (scoreboards) {
        PRINT("      scoreboard entries 0x%" PRIx32 "\n", scoreboards);
    }
    for (unsigned i = 0; i < stream->num_deferred; i++) {
        const MaliCsfDeferred *op = &stream->deferred[i];
        char instruction[CS_DISAS_MAX];

        cs_disassemble(instruction, op->word, s->model->arch);
        PRINT("      deferred: %s, address 0x%" PRIx64 ", waits for 0x%x, "
              "signals %u\n", instruction, op->address, op->wait_mask,
              op->signal);
    }
    if (stream->tiler.chunks) {
        PRINT("      the tiler waits for %" PRIu32 " chunks of the heap 0x%"
              PRIx64 "%s\n", stream->tiler.chunks, stream->tiler.heap_va,
              stream->tiler.asked ? ", the host was asked" :
              stream->tiler.refused ? ", the host refused" : "");
    }
    switch (stream->state) {
    case MALI_CSF_STREAM_EMPTY:
        break;
    case MALI_CSF_STREAM_SYNC_WAIT:
        PRINT("      sync object 0x%" PRIx64 ", condition %u, value 0x%" PRIx64
              "\n", wait->sync.va, wait->sync.condition,
              wait->sync.reference);
        break;
    case MALI_CSF_STREAM_SCOREBOARD_WAIT:
        PRINT("      entries waited for: 0x%x\n", wait->entries);
        break;
    case MALI_CSF_STREAM_RESOURCE_WAIT:
        PRINT("      endpoints waited for:%s%s%s\n",
              kinds & 1u << MALI_CSF_EP_COMPUTE ? " compute" : "",
              kinds & 1u << MALI_CSF_EP_FRAGMENT ? " fragment" : "",
              kinds & 1u << MALI_CSF_EP_TILER ? " tiler" : "");
        break;
    case MALI_CSF_STREAM_FAULT:
    case MALI_CSF_STREAM_FATAL:
        PRINT("      fault 0x%08" PRIx32 ", info 0x%" PRIx64 "%s\n",
              stream->fault, stream->fault_info,
              stream->news & MALI_CSF_NEWS_FAULT ? ", not yet told" : "");
        break;
    default:
        break;
    }
    if (stream->state != MALI_CSF_STREAM_EMPTY) {
        print_instruction(text, s, group->as, stream);
        print_registers(text, s, stream);
    }
    print_pending(text, s, "      ", mali_csf_fw_cs_input(s, csg, cs) + CS_REQ,
                  mali_csf_fw_cs_output(s, csg, cs) + CS_ACK);
}

static void print_groups(GString *text, MaliCsfState *s)
{
    PRINT("groups:\n");
    print_pending(text, s, "  global ", mali_csf_fw_glb_input(s) + GLB_REQ,
                  mali_csf_fw_glb_output(s) + GLB_ACK);
    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        const MaliCsfGroup *group = &s->engine.groups[csg];
        const MaliCsfFwGroup *fw = &s->mcu.fw.groups[csg];

        if (group->active) {
            PRINT("  slot %u: address space %u, %s%s, EP_REQ 0x%" PRIx64
                  ", suspend buffer 0x%" PRIx64 "\n", csg, group->as,
                  group->idle ? "idle" : "busy",
                  fw->entering ? ", starts" : "", group->ep_req,
                  fw->suspend_buf);
            for (unsigned cs = 0; cs < s->model->cs_per_csg; cs++) {
                print_stream(text, s, csg, cs);
            }
        } else {
            PRINT("  slot %u: free\n", csg);
        }
        print_pending(text, s, "    ", mali_csf_fw_csg_input(s, csg) + CSG_REQ,
                      mali_csf_fw_csg_output(s, csg) + CSG_ACK);
    }
    PRINT("instructions: %" PRIu64 ", slices: %" PRIu64 "\n",
          s->engine.instructions, s->engine.slices);
}

static void print_checker(GString *text, MaliCsfState *s)
{
    const MaliCsfChecker *checker = &s->checker;

    if (!mali_csf_strict(checker)) {
        PRINT("checker: off\n");
        return;
    }
    PRINT("checker: %" PRIu64 " violations, %" PRIu64 " notes\n",
          checker->findings.violations, checker->findings.notes);
    for (unsigned i = 0; i < MALI_CSF_NUM_FINDINGS; i++) {
        if (checker->findings.counts[i]) {
            PRINT("  %s: %" PRIu64 "\n", mali_csf_finding_names[i],
                  checker->findings.counts[i]);
        }
    }
}

static void print_register_name(GString *text, uint32_t offset)
{
    const char *name = NULL;
    unsigned as;

    if (offset >= MALI_CSF_MMU_BASE &&
        offset < MALI_CSF_MMU_BASE + MALI_CSF_BLOCK_SIZE) {
        name = mali_csf_mmu_register_name(offset - MALI_CSF_MMU_BASE, &as);
        if (name) {
            PRINT("%s of address space %u (0x%05" PRIx32 ")", name, as,
                  offset);
            return;
        }
    } else if (offset >= MALI_CSF_PWR_BASE &&
               offset < MALI_CSF_PWR_BASE + MALI_CSF_PWR_SIZE) {
        name = mali_csf_pwr_register_name(offset - MALI_CSF_PWR_BASE);
    } else if (offset < MALI_CSF_BLOCK_SIZE) {
        name = mali_csf_gpu_register_name(offset);
    } else if (offset == MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID) {
        name = "LATEST_FLUSH_ID";
    } else if (offset >= MALI_CSF_JOB_CONTROL_BASE &&
               offset < MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_SIZE) {
        name = "JOB_INT";
    }
    PRINT("%s (0x%05" PRIx32 ")", name ?: "a register", offset);
}

static void print_guest(GString *text, MaliCsfState *s)
{
    const MaliCsfSpin *spin = &s->spin;
    g_autofree char *unmodelled = mali_csf_unmodelled_list(&s->unmodelled);

    PRINT("unmodelled registers: %s%s", *unmodelled ? "\n" : "none\n",
          unmodelled);
    for (unsigned i = 0; i < spin->count; i++) {
        if (spin->registers[i].reads >= MALI_CSF_SPIN_READS) {
            PRINT("warning: the guest spins on ");
            print_register_name(text, spin->registers[i].offset);
            PRINT(": %" PRIu32 " reads with no write between\n",
                  spin->registers[i].reads);
        }
    }
    if (spin->worst.reads) {
        PRINT("most reads of one register with no write between: %" PRIu32
              " of ", spin->worst.reads);
        print_register_name(text, spin->worst.offset);
        PRINT("\n");
    }
}

static void print_injections(GString *text, MaliCsfState *s)
{
    const MaliCsfInject *inject = &s->inject;

    PRINT("injections: %s", inject->count ? "\n" : "none\n");
    for (unsigned i = 0; i < inject->count; i++) {
        const MaliCsfArmed *a = &inject->list[i];

        PRINT("  %" PRIu32 ": %s, met %" PRIu64, a->id,
              MaliCsfInjectionKind_str(a->kind), a->met);
        if (a->count) {
            PRINT(" of %" PRIu32 "%s\n", a->count,
                  a->spent ? ", used up" : "");
        } else {
            PRINT(", until it is cleared\n");
        }
    }
    for (unsigned i = 0; i < MALI_CSF_MAX_LATE; i++) {
        if (inject->late[i].pending) {
            PRINT("  %s will complete late\n",
                  MaliCsfInjectionKind_str(inject->late[i].kind));
        }
    }
}

HumanReadableText *qmp_x_query_mali_csf(const char *path, Error **errp)
{
    MaliCsfState *s = mali_csf_find(path, errp);
    g_autoptr(GString) text = NULL;

    if (!s) {
        return NULL;
    }
    text = g_string_new(NULL);
    PRINT("%s: model %s (%s)\n", path, s->model->name, s->model->product);
    print_gpu(text, s);
    print_mmu(text, s);
    print_groups(text, s);
    print_checker(text, s);
    print_guest(text, s);
    print_injections(text, s);
    return human_readable_text_from_str(text);
}

void hmp_info_mali_csf(Monitor *mon, const QDict *qdict)
{
    const char *path = qdict_get_try_str(qdict, "path");
    g_autoptr(GPtrArray) paths = mali_csf_find_all();

    if (!path && !paths->len) {
        monitor_printf(mon, "There is no " TYPE_MALI_CSF ".\n");
    }
    for (unsigned i = 0; i < (path ? 1 : paths->len); i++) {
        g_autoptr(HumanReadableText) text = NULL;
        Error *err = NULL;

        text = qmp_x_query_mali_csf(path ?: g_ptr_array_index(paths, i),
                                    &err);
        if (hmp_handle_error(mon, err)) {
            return;
        }
        monitor_puts(mon, text->human_readable_text);
    }
}
