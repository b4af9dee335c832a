/*
 * Mali CSF GPU: the checker's rules about the commands of address spaces, the
 * registers that they put in force, and faults
 *
 * A space that faulted is not looked at until it is enabled again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"

#define NS_PER_S                    1000000000ll
/*
 * How long a fault may stay unacknowledged, a group unterminated.  A busy host
 * can hold a vCPU up for seconds.
 */
#define FAULT_UNACKNOWLEDGED_MAX_NS (5 * NS_PER_S)
#define GROUP_UNMAPPED_MAX_NS       (10 * NS_PER_S)
/* Between writing an address space's registers and UPDATE */
#define UPDATE_MISSING_MAX_NS       (NS_PER_S / 1000)
/* The same on the way to UNMAPPED, when the space may be in use meanwhile */
#define UNMAP_MISSING_MAX_NS        (5 * NS_PER_S)

/* A table of level 0 */
#define ROOT_TABLE_SIZE             0x1000

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* Members, each with what makes it as new */

static void use_reset(MaliCsfUseCheck *use)
{
    *use = (MaliCsfUseCheck) { };
}

static void fault_reset(MaliCsfFaultCheck *fault)
{
    *fault = (MaliCsfFaultCheck) { };
}

static void unmapped_reset(MaliCsfUnmappedCheck *unmapped)
{
    *unmapped = (MaliCsfUnmappedCheck) { .time = -1 };
}

static void staged_reset(MaliCsfStagedCheck *staged)
{
    *staged = (MaliCsfStagedCheck) { .since = -1 };
}

void mali_csf_commands_reset(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];
    bool overtaken = c->use.overtaken || s->checker.patience.doubt;
    bool enabled = c->use.owner;

    c->release.dropped |= s->mmu.as[as].locked;
    use_reset(&c->use);
    c->use.overtaken = overtaken;
    c->use.unlocked = enabled;
    fault_reset(&c->fault);
    unmapped_reset(&c->unmapped);
    staged_reset(&c->staged);
}

void mali_csf_commands_l2_off(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    use_reset(&c->use);
    fault_reset(&c->fault);
    unmapped_reset(&c->unmapped);
}

void mali_csf_commands_forget(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    c->release = (MaliCsfReleaseCheck) { .dropped = true };
    use_reset(&c->use);
    fault_reset(&c->fault);
    /* After a load a space may be unmapped because of this. */
    c->fault.faulted = s->mmu.as[as].fault_latched;
    c->fault_time = -1;
    unmapped_reset(&c->unmapped);
    staged_reset(&c->staged);
}

/* Registers */

bool mali_csf_latched(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    return space->transtab == space->active.transtab &&
           space->transcfg == space->active.transcfg &&
           space->memattr == space->active.memattr;
}

/* Registers that differ from what is in force, and would translate */
static bool staged_translates(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfTranslation next = { .transcfg = space->transcfg };

    /* On the way to UNMAPPED the driver clears TRANSTAB first. */
    return space->transtab && mali_csf_translates(&next) &&
           space->transtab != space->active.transtab;
}

/* Commands */

/*
 * A driver that has lost a command goes on with its VM_BINDs until the reset
 * that it asked for is over.  Those that this overtook lock spaces that it has
 * not enabled since: with LOCKADDR as the reset left it, and with no UNLOCK,
 * since it does not flush while it believes that a flush is under way.
 */
static void report_lock(MaliCsfState *s, const MaliCsfFinding *f)
{
    if (s->checker.as[f->as].use.overtaken) {
        mali_csf_patience_lose(s, f);
    } else {
        mali_csf_report(s, f);
    }
}

static void check_lockaddr(MaliCsfState *s, unsigned as)
{
    uint64_t lockaddr = s->mmu.as[as].lockaddr;
    uint64_t base = lockaddr & AS_LOCKADDR_BASE_MASK;
    unsigned size = FIELD_EX64(lockaddr, AS_LOCKADDR_LO, SIZE);
    unsigned va_bits = mali_csf_model_va_bits(s);

    if (size < AS_LOCKADDR_SIZE_MIN) {
        report_lock(s, &(MaliCsfFinding) {
            .id = MALI_CSF_LOCKADDR_INVALID,
            .as = as,
            .start = base,
            .last = base,
            .expected = AS_LOCKADDR_SIZE_MIN,
            .seen = size,
        });
    } else if (base >> va_bits) {
        report_lock(s, &(MaliCsfFinding) {
            .id = MALI_CSF_LOCKADDR_INVALID,
            .as = as,
            .start = base,
            .last = base,
            .expected = (1ull << va_bits) - 1,
            .seen = lockaddr,
        });
    }
}

void mali_csf_check_lock(MaliCsfState *s, unsigned as, uint64_t start,
                         uint64_t last)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    /* What the driver wrote to LOCKADDR is gone with the reset. */
    c->use.overtaken |= c->use.unlocked && !space->lockaddr;
    c->use.unlocked = false;
    check_lockaddr(s, as);
    mali_csf_tables_judge(s, as);
    mali_csf_confirm_pending(s, as);

    if (space->locked &&
        (start > space->lock_start || last < space->lock_last)) {
        report_lock(s, &(MaliCsfFinding) {
            .id = MALI_CSF_EXPANSION_DROPS_PART,
            .as = as,
            .start = space->lock_start,
            .last = space->lock_last,
            .expected = start,
            .seen = last,
        });
    }
    mali_csf_tables_lock(s, as, &(MaliCsfRegion) { start, last });
    c->release.dropped = false;
    c->release.last_was_unlock = false;
    c->release.just_now = false;
}

void mali_csf_check_unlock(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    mali_csf_patience_went_on(s);
    mali_csf_tables_judge(s, as);
    if (!space->locked) {
        if (mali_csf_translates(&space->active) && !c->release.dropped) {
            mali_csf_report(s, &(MaliCsfFinding) {
                .id = MALI_CSF_UNLOCK_WITHOUT_LOCK,
                .as = as,
                .expected = AS_COMMAND_LOCK,
                .seen = AS_COMMAND_UNLOCK,
            });
        }
        c->release.last_was_unlock = true;
        return;
    }
    mali_csf_tables_unlock(s, as);
    c->release.last_was_unlock = true;
    c->release.just_now = true;
}

static void check_flush(MaliCsfState *s, unsigned as)
{
    mali_csf_tables_flush_region(s, as);
    /* It cleans and invalidates L2, if only for the region. */
    mali_csf_user_drop_lines(s);
    s->checker.as[as].release.last_was_unlock = false;
}

void mali_csf_check_flush_pt(MaliCsfState *s, unsigned as)
{
    check_flush(s, as);
}

void mali_csf_check_flush_mem(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    check_flush(s, as);
    if (space->locked && !space->lock_start &&
        space->lock_last >= (1ull << mali_csf_model_va_bits(s)) - 1) {
        s->checker.as[as].use.used = false;
    }
}

/* What is to be put in force, and translates */
static void check_translation(MaliCsfState *s, unsigned as,
                              const MaliCsfTranslation *next)
{
    hwaddr root = next->transtab & MALI_CSF_PTE_ADDR_MASK;
    MaliCsfRamWindow *window;

    if (!mali_csf_ram_map(&s->mmu.ram, root, ROOT_TABLE_SIZE, &window)) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_TRANSTAB_INVALID,
            .as = as,
            .seen = next->transtab,
        });
    }
    if (!next->memattr) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_MEMATTR_INVALID,
            .as = as,
        });
    }
    if (mali_csf_va_bits(next) != mali_csf_model_va_bits(s)) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_TRANSCFG_INVALID,
            .as = as,
            .expected = mali_csf_model_va_bits(s),
            .seen = mali_csf_va_bits(next),
        });
    }
}

void mali_csf_check_update(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];
    MaliCsfTranslation next = {
        .transtab = space->transtab,
        .transcfg = space->transcfg,
        .memattr = space->memattr,
    };
    uint32_t fault_bit = MALI_CSF_MMU_INT_FAULT(as);

    mali_csf_patience_went_on(s);
    mali_csf_tables_judge(s, as);
    /*
     * A LOCK in a space that translates nothing may be of a VM_BIND that
     * a reset overtook.
     */
    if (space->locked && c->region.locked_live) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_LOCK_AT_UPDATE,
            .as = as,
            .start = space->lock_start,
            .last = space->lock_last,
            .expected = AS_COMMAND_UNLOCK,
            .seen = AS_COMMAND_UPDATE,
        });
    }
    if (!mali_csf_translates(&next)) {
        if (c->fault.faulted) {
            /* Streams of the space may have run until this moment. */
            c->use.used = false;
        }
    } else {
        if (c->use.used && c->use.owner && c->use.owner != next.transtab) {
            mali_csf_report(s, &(MaliCsfFinding) {
                .id = MALI_CSF_RECYCLE_WITHOUT_FLUSH,
                .as = as,
                .expected = c->use.owner,
                .seen = next.transtab,
            });
            c->use.used = false;
        }
        /*
         * The handler clears the bit, or the driver does before it enables
         * the space, but unmaps it first, both under one lock.
         */
        if (c->fault.faulted && mali_csf_translates(&space->active) &&
            !(s->mmu.irq.rawstat & fault_bit)) {
            mali_csf_report(s, &(MaliCsfFinding) {
                .id = MALI_CSF_ENABLED_AFTER_FAULT,
                .as = as,
                .start = space->faultaddress,
                .last = space->faultaddress,
                .expected = AS_ADRMODE_UNMAPPED,
                .seen = AS_ADRMODE_AARCH64_4K,
            });
        }
        c->use.owner = next.transtab;
        c->use.overtaken = false;
        check_translation(s, as, &next);
        if (s->mmu.irq.rawstat & s->mmu.irq.mask & fault_bit) {
            mali_csf_report(s, &(MaliCsfFinding) {
                .id = MALI_CSF_FAULT_NOT_ACKNOWLEDGED,
                .as = as,
                .start = space->faultaddress,
                .last = space->faultaddress,
                .seen = space->faultstatus,
            });
        }
    }
    if (!mali_csf_translates(&next) ||
        next.transtab != space->active.transtab) {
        mali_csf_drop_pending(s, as);
    } else {
        mali_csf_confirm_pending(s, as);
    }
    c->release.dropped |= space->locked || c->release.last_was_unlock;
    c->release.last_was_unlock = false;
    /*
     * panthor_vm_declare_unusable() releases the region of the VM_BIND that
     * failed and unmaps the space, with no flush in between.  Groups of the
     * VM stay as they are, or are even started: nothing tells the scheduler.
     */
    c->unmapped.cut_short = c->release.just_now && !mali_csf_translates(&next);
    c->release.just_now = false;
}

void mali_csf_check_updated(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    mali_csf_tables_close(s, as);
    staged_reset(&c->staged);
    if (mali_csf_unmapped(&space->active)) {
        c->unmapped.time = now_ns();
        timer_mod_anticipate_ns(s->checker.timer,
                                c->unmapped.time + GROUP_UNMAPPED_MAX_NS);
        return;
    }
    c->unmapped.time = -1;
    c->fault.faulted = false;
    c->fault.late = s->mmu.irq.rawstat & MALI_CSF_MMU_INT_FAULT(as);
    if (mali_csf_translates(&space->active)) {
        mali_csf_tables_follow(s, as);
    }
}

void mali_csf_check_flush_caches(MaliCsfState *s, uint32_t modes)
{
    mali_csf_patience_flushed(s);
    mali_csf_tables_flush_caches(s, modes);
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAsCheck *c = &s->checker.as[as];

        c->release.just_now = false;
        if ((modes & MALI_CSF_FLUSH_WHOLE) == MALI_CSF_FLUSH_WHOLE) {
            c->use.used = false;
        }
    }
}

void mali_csf_check_busy_command(MaliCsfState *s, unsigned as,
                                 uint32_t command)
{
    mali_csf_report(s, &(MaliCsfFinding) {
        .id = MALI_CSF_COMMAND_WHILE_ACTIVE,
        .as = as,
        .expected = s->mmu.as[as].command,
        .seen = command,
    });
}

void mali_csf_check_protected_command(MaliCsfState *s, unsigned as,
                                      uint32_t command)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    if (FIELD_EX32(command, AS_COMMAND, CODE) == AS_COMMAND_UPDATE) {
        mali_csf_report_protm(s, &(MaliCsfFinding) {
            .id = MALI_CSF_UPDATE_IN_PROTECTED_MODE,
            .as = as,
            .expected = space->active.transtab,
            .seen = space->transtab,
        });
        return;
    }
    mali_csf_report_protm(s, &(MaliCsfFinding) {
        .id = MALI_CSF_COMMAND_IN_PROTECTED_MODE,
        .as = as,
        .seen = command,
    });
}

/* Use */

void mali_csf_commands_used(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    c->use.used = true;
    if (c->tables.num_pending && !c->fault.faulted) {
        mali_csf_confirm_pending(s, as);
    }
    if (mali_csf_latched(s, as)) {
        c->staged.since = -1;
        return;
    }
    if (c->staged.since < 0) {
        c->staged.since = now_ns();
    } else if (now_ns() - c->staged.since > (staged_translates(s, as) ?
                                             UPDATE_MISSING_MAX_NS :
                                             UNMAP_MISSING_MAX_NS) &&
               !c->staged.told) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_UPDATE_MISSING,
            .as = as,
            .expected = space->active.transtab,
            .seen = space->transtab,
        });
        c->staged.told = true;
    }
}

void mali_csf_check_fault(MaliCsfState *s, unsigned as)
{
    s->checker.as[as].fault.faulted = true;
    s->checker.as[as].fault_time = now_ns();
    timer_mod_anticipate_ns(s->checker.timer,
                            now_ns() + FAULT_UNACKNOWLEDGED_MAX_NS);
}

void mali_csf_check_group(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (!mali_csf_unmapped(&space->active)) {
        return;
    }
    if (staged_translates(s, as)) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_UPDATE_MISSING,
            .as = as,
            .expected = space->active.transtab,
            .seen = space->transtab,
        });
    } else if (!c->fault.faulted && !c->fault.late && !c->unmapped.cut_short) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_GROUP_ON_UNMAPPED,
            .as = as,
            .expected = AS_ADRMODE_AARCH64_4K,
            .seen = AS_ADRMODE_UNMAPPED,
        });
    }
}

static bool group_runs_in(MaliCsfState *s, unsigned as)
{
    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        if (s->engine.groups[csg].active && s->engine.groups[csg].as == as) {
            return true;
        }
    }
    return false;
}

void mali_csf_commands_timer(void *opaque)
{
    MaliCsfState *s = opaque;
    int64_t now = now_ns();

    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        const MaliCsfAddressSpace *space = &s->mmu.as[as];
        MaliCsfAsCheck *c = &s->checker.as[as];

        if (c->unmapped.time >= 0) {
            if (now - c->unmapped.time < GROUP_UNMAPPED_MAX_NS) {
                timer_mod_anticipate_ns(s->checker.timer, c->unmapped.time +
                                        GROUP_UNMAPPED_MAX_NS);
            } else {
                if (group_runs_in(s, as) && !c->fault.late &&
                    !c->unmapped.cut_short) {
                    mali_csf_report(s, &(MaliCsfFinding) {
                        .id = MALI_CSF_GROUP_ON_UNMAPPED,
                        .as = as,
                        .expected = GROUP_UNMAPPED_MAX_NS,
                        .seen = now - c->unmapped.time,
                    });
                }
                c->unmapped.time = -1;
            }
        }
        if (c->fault_time >= 0) {
            if (now - c->fault_time < FAULT_UNACKNOWLEDGED_MAX_NS) {
                timer_mod_anticipate_ns(s->checker.timer, c->fault_time +
                                        FAULT_UNACKNOWLEDGED_MAX_NS);
            } else {
                if (s->mmu.irq.rawstat & s->mmu.irq.mask &
                    MALI_CSF_MMU_INT_FAULT(as)) {
                    mali_csf_report(s, &(MaliCsfFinding) {
                        .id = MALI_CSF_FAULT_NOT_ACKNOWLEDGED,
                        .as = as,
                        .start = space->faultaddress,
                        .last = space->faultaddress,
                        .expected = FAULT_UNACKNOWLEDGED_MAX_NS,
                        .seen = now - c->fault_time,
                    });
                } else if (c->fault.faulted &&
                           mali_csf_translates(&space->active)) {
                    mali_csf_report(s, &(MaliCsfFinding) {
                        .id = MALI_CSF_ENABLED_AFTER_FAULT,
                        .as = as,
                        .start = space->faultaddress,
                        .last = space->faultaddress,
                        .expected = FAULT_UNACKNOWLEDGED_MAX_NS,
                        .seen = now - c->fault_time,
                    });
                }
                c->fault_time = -1;
            }
        }
    }
}
