/*
 * Mali CSF GPU: translation lookaside buffer
 *
 * Set associative with round-robin replacement, so that the same accesses
 * always leave the same contents.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "tlb.h"

#define TAG_LEVEL_BITS  2
#define TAG_AS(tag)     (((tag) >> TAG_LEVEL_BITS) & (MALI_CSF_MAX_AS - 1))
#define TAG_LEVEL(tag)  ((tag) & ((1 << TAG_LEVEL_BITS) - 1))

/* Address space and level share the bits of the offset in a page. */
QEMU_BUILD_BUG_ON((MALI_CSF_MAX_AS << TAG_LEVEL_BITS) > 4096);
QEMU_BUILD_BUG_ON(MALI_CSF_MAX_AS & (MALI_CSF_MAX_AS - 1));
QEMU_BUILD_BUG_ON(MALI_CSF_TLB_SETS & (MALI_CSF_TLB_SETS - 1));

/* Never 0, since no leaf is at level 0 */
static uint64_t make_tag(unsigned as, uint64_t va, unsigned level)
{
    uint64_t offset_mask = (1ull << mali_csf_level_shift(level)) - 1;

    return (va & ~offset_mask) | as << TAG_LEVEL_BITS | level;
}

static unsigned set_index(unsigned as, uint64_t va, unsigned level)
{
    uint64_t page = va >> mali_csf_level_shift(level);

    /* Neighbouring pages never meet in a set; equal VAs of two spaces may. */
    return (page ^ page / MALI_CSF_TLB_SETS ^ as * 8) % MALI_CSF_TLB_SETS;
}

MaliCsfTlbEntry *mali_csf_tlb_lookup(MaliCsfTlb *tlb, unsigned as,
                                     uint64_t va)
{
    for (unsigned level = 3; level >= 1; level--) {
        uint64_t tag;
        unsigned set;

        if (!tlb->present[as][level]) {
            continue;
        }
        tag = make_tag(as, va, level);
        set = set_index(as, va, level);
        for (unsigned way = 0; way < MALI_CSF_TLB_WAYS; way++) {
            if (tlb->tags[set][way] == tag) {
                return &tlb->entries[set][way];
            }
        }
    }
    return NULL;
}

static void drop(MaliCsfTlb *tlb, unsigned set, unsigned way)
{
    uint64_t tag = tlb->tags[set][way];

    tlb->present[TAG_AS(tag)][TAG_LEVEL(tag)]--;
    tlb->tags[set][way] = 0;
}

MaliCsfTlbEntry *mali_csf_tlb_insert(MaliCsfTlb *tlb, unsigned as,
                                     const MaliCsfLeaf *leaf)
{
    unsigned set = set_index(as, leaf->va, leaf->level);
    unsigned way = tlb->next_way[set];
    MaliCsfTlbEntry *entry = &tlb->entries[set][way];

    if (tlb->tags[set][way]) {
        drop(tlb, set, way);
    }
    tlb->next_way[set] = (way + 1) % MALI_CSF_TLB_WAYS;
    tlb->tags[set][way] = make_tag(as, leaf->va, leaf->level);
    tlb->present[as][leaf->level]++;
    *entry = (MaliCsfTlbEntry) { .leaf = *leaf };
    return entry;
}

unsigned mali_csf_tlb_drop_range(MaliCsfTlb *tlb, unsigned as,
                                 uint64_t start, uint64_t last)
{
    unsigned dropped = 0;

    for (unsigned set = 0; set < MALI_CSF_TLB_SETS; set++) {
        for (unsigned way = 0; way < MALI_CSF_TLB_WAYS; way++) {
            const MaliCsfLeaf *leaf = &tlb->entries[set][way].leaf;
            uint64_t tag = tlb->tags[set][way];

            if (tag && TAG_AS(tag) == as && leaf->va <= last &&
                leaf->va + (leaf->size - 1) >= start) {
                drop(tlb, set, way);
                dropped++;
            }
        }
    }
    return dropped;
}

unsigned mali_csf_tlb_drop_all(MaliCsfTlb *tlb)
{
    unsigned dropped = 0;

    for (unsigned set = 0; set < MALI_CSF_TLB_SETS; set++) {
        for (unsigned way = 0; way < MALI_CSF_TLB_WAYS; way++) {
            if (tlb->tags[set][way]) {
                drop(tlb, set, way);
                dropped++;
            }
        }
    }
    return dropped;
}

void mali_csf_tlb_attach(MaliCsfTlbEntry *entry, MaliCsfRam *ram, uint64_t va)
{
    const MaliCsfLeaf *leaf = &entry->leaf;
    hwaddr pa = leaf->pa + (va - leaf->va);
    hwaddr first, end;
    uint8_t *host;

    entry->host_size = 0;
    host = mali_csf_ram_map(ram, pa, 1, &entry->window);
    if (!host) {
        return;
    }
    first = MAX(leaf->pa, entry->window->base);
    end = MIN(leaf->pa + leaf->size,
              entry->window->base + entry->window->size);
    entry->host = host - (pa - first);
    entry->host_va = leaf->va + (first - leaf->pa);
    entry->host_size = end - first;
}

void mali_csf_tlb_forget_host(MaliCsfTlb *tlb)
{
    for (unsigned set = 0; set < MALI_CSF_TLB_SETS; set++) {
        for (unsigned way = 0; way < MALI_CSF_TLB_WAYS; way++) {
            tlb->entries[set][way].host_size = 0;
        }
    }
}
