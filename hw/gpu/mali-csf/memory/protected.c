/*
 * Mali CSF GPU: RAM that only protected mode may touch
 *
 * On silicon a filter in front of the memory refuses every master that does not
 * say of itself that it is in protected mode.  Here the range is covered in the
 * machine's memory map, and not in the one that the GPU has of its own.  It
 * stays part of the machine's RAM, which saves it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "qapi/error.h"
#include "qemu/rcu.h"
#include "protected.h"
#include "../log.h"
#include "../trace.h"

/* Above the RAM that it covers */
#define REFUSED_PRIORITY 1

/* The last run of the machine's RAM */
typedef struct LastRam {
    MemoryRegion *mr;
    hwaddr offset;
    uint64_t start;
    uint64_t size;
} LastRam;

static MemTxResult refused_read(void *opaque, hwaddr addr, uint64_t *data,
                                unsigned size, MemTxAttrs attrs)
{
    const MaliCsfProtected *p = opaque;

    *data = 0;
    trace_mali_csf_protected_refused(p->trace_id, "load", p->base + addr);
    mali_csf_log_mask(LOG_GUEST_ERROR, "%s: load from protected memory at 0x%"
                      PRIx64 "\n", __func__, p->base + addr);
    return MEMTX_ERROR;
}

static MemTxResult refused_write(void *opaque, hwaddr addr, uint64_t data,
                                 unsigned size, MemTxAttrs attrs)
{
    const MaliCsfProtected *p = opaque;

    trace_mali_csf_protected_refused(p->trace_id, "store", p->base + addr);
    mali_csf_log_mask(LOG_GUEST_ERROR, "%s: store to protected memory at 0x%"
                      PRIx64 "\n", __func__, p->base + addr);
    return MEMTX_ERROR;
}

static const MemoryRegionOps refused_ops = {
    .read_with_attrs = refused_read,
    .write_with_attrs = refused_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
    .impl = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
};

/* RAM of one node, or of one of the nodes that a container has */
static bool see_range(Int128 start, Int128 len, const MemoryRegion *mr,
                      hwaddr offset, void *opaque)
{
    const MemoryRegion *ram = current_machine->ram;
    LastRam *last = opaque;

    if (ram && (mr == ram || mr->container == ram)) {
        *last = (LastRam) {
            .mr = (MemoryRegion *)mr,
            .offset = offset,
            .start = int128_get64(start),
            .size = int128_get64(len),
        };
    }
    return false;
}

static LastRam last_ram(void)
{
    LastRam last = { };

    RCU_READ_LOCK_GUARD();
    flatview_for_each_range(address_space_to_flatview(&address_space_memory),
                            see_range, &last);
    return last;
}

static bool choose_range(MaliCsfProtected *p, LastRam *last, Error **errp)
{
    if (p->size % MALI_CSF_PROTECTED_UNIT) {
        error_setg(errp, "protected-size=%" PRIu64 " is no multiple of 2 MiB",
                   p->size);
        return false;
    }
    *last = last_ram();
    if (p->size > last->size / 2) {
        error_setg(errp, "protected-size=%" PRIu64 " is more than half of the "
                   "%" PRIu64 " bytes of RAM that there are", p->size,
                   last->size);
        return false;
    }
    p->base = ROUND_DOWN(last->start + last->size - p->size,
                         MALI_CSF_PROTECTED_UNIT);
    return true;
}

bool mali_csf_protected_init(MaliCsfProtected *p, Object *owner,
                             const char *trace_id, Error **errp)
{
    MemoryRegion *system = get_system_memory();
    LastRam last;

    if (!p->size) {
        return true;
    }
    if (!choose_range(p, &last, errp)) {
        return false;
    }
    p->trace_id = trace_id;
    memory_region_init(&p->root, owner, "mali-csf-memory", UINT64_MAX);
    memory_region_init_alias(&p->system, owner, "mali-csf-system", system, 0,
                             UINT64_MAX);
    memory_region_init_alias(&p->ram, owner, "mali-csf-protected-ram", last.mr,
                             last.offset + (p->base - last.start), p->size);
    memory_region_add_subregion(&p->root, 0, &p->system);
    memory_region_add_subregion_overlap(&p->root, p->base, &p->ram,
                                        REFUSED_PRIORITY);
    address_space_init(&p->as, &p->root, "mali-csf");
    memory_region_init_io(&p->refused, owner, &refused_ops, p,
                          "mali-csf-protected", p->size);
    memory_region_add_subregion_overlap(system, p->base, &p->refused,
                                        REFUSED_PRIORITY);
    trace_mali_csf_protected_range(trace_id, p->base, p->size);
    return true;
}

void mali_csf_protected_finalize(MaliCsfProtected *p)
{
    if (p->size) {
        memory_region_del_subregion(get_system_memory(), &p->refused);
        address_space_destroy(&p->as);
        memory_region_del_subregion(&p->root, &p->ram);
        memory_region_del_subregion(&p->root, &p->system);
    }
}

AddressSpace *mali_csf_protected_space(MaliCsfProtected *p)
{
    return p->size ? &p->as : &address_space_memory;
}
