/*
 * Mali CSF GPU: what the view of a thread was used for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "../device.h"
#include "uses.h"

/* Uses that wait to be told, and those of them that are judged at once */
#define MAX_USES    1024
#define MAX_JUDGED  256

struct MaliCsfUses {
    MaliCsfState *s;
    QEMUBH *bh;
    /* Of what follows */
    QemuMutex lock;
    MaliCsfUse *noted;
    unsigned count;
    /* Bit mask of the address spaces of which stores were not noted */
    uint32_t lost_stores;
    /* The main thread's, while it tells */
    MaliCsfUse *told;
};

static void tell(void *opaque)
{
    mali_csf_uses_tell(opaque);
}

MaliCsfUses *mali_csf_uses_new(MaliCsfState *s)
{
    MaliCsfUses *uses = g_new0(MaliCsfUses, 1);

    uses->s = s;
    uses->bh = qemu_bh_new(tell, uses);
    qemu_mutex_init(&uses->lock);
    uses->noted = g_new(MaliCsfUse, MAX_USES);
    uses->told = g_new(MaliCsfUse, MAX_USES);
    return uses;
}

void mali_csf_uses_free(MaliCsfUses *uses)
{
    qemu_bh_delete(uses->bh);
    qemu_mutex_destroy(&uses->lock);
    g_free(uses->noted);
    g_free(uses->told);
    g_free(uses);
}

void mali_csf_uses_note(MaliCsfUses *uses, const MaliCsfUse *use)
{
    QEMU_LOCK_GUARD(&uses->lock);
    if (uses->count == MAX_USES) {
        if (use->kind == MALI_CSF_USE_STORE) {
            uses->lost_stores |= 1u << use->as;
        }
        return;
    }
    uses->noted[uses->count++] = *use;
    if (uses->count == 1) {
        qemu_bh_schedule(uses->bh);
    }
}

/* Another owner has the space since: nothing that it does is about this use. */
static bool is_of_now(const MaliCsfState *s, const MaliCsfUse *use)
{
    const MaliCsfTranslation *active = &s->mmu.as[use->as].active;

    return use->translation.transtab == active->transtab &&
           use->translation.transcfg == active->transcfg &&
           use->translation.memattr == active->memattr;
}

static void tell_use(MaliCsfState *s, const MaliCsfUse *use)
{
    switch (use->kind) {
    case MALI_CSF_USE_FILL:
        mali_csf_check_tlb_fill(s, use->as, use->va, use->descriptor,
                                use->level);
        break;
    case MALI_CSF_USE_HIT:
        mali_csf_check_tlb_hit_then(s, use->as, use->va, &use->leaf,
                                    &(MaliCsfWalked) {
            .exception = use->exception,
            .level = use->level,
            .descriptor = use->descriptor,
        });
        break;
    case MALI_CSF_USE_STORE:
        mali_csf_check_store(s, use->as, use->va, use->pa, use->size,
                             use->descriptor);
        break;
    }
}

void mali_csf_uses_tell(MaliCsfUses *uses)
{
    MaliCsfState *s = uses->s;
    unsigned count, judged = 0;
    uint32_t lost;

    WITH_QEMU_LOCK_GUARD(&uses->lock) {
        MaliCsfUse *noted = uses->noted;

        count = uses->count;
        lost = uses->lost_stores;
        uses->noted = uses->told;
        uses->told = noted;
        uses->count = 0;
        uses->lost_stores = 0;
    }
    for (unsigned i = 0; i < count; i++) {
        const MaliCsfUse *use = &uses->told[i];

        /* The others are looked at when they are used again. */
        if (is_of_now(s, use) && (use->kind == MALI_CSF_USE_STORE ||
                                  judged++ < MAX_JUDGED)) {
            tell_use(s, use);
        }
    }
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        if (lost & 1u << as) {
            mali_csf_check_stores_lost(s, as);
        }
    }
}
