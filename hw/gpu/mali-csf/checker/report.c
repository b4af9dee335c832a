/*
 * Mali CSF GPU: what the files of the checker have in common: a finding that is
 * reported, and what is known of a translation
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"

unsigned mali_csf_model_va_bits(MaliCsfState *s)
{
    return FIELD_EX32(s->model->mmu_features, MMU_FEATURES, VA_BITS);
}

/* A finding that counts only as a note, and as which */
void mali_csf_report_as(MaliCsfState *s, MaliCsfFindingId id,
                      const MaliCsfFinding *f)
{
    MaliCsfFinding note = *f;

    note.id = id;
    note.expected = f->id;
    mali_csf_findings_add(&s->checker.findings, &note);
}

void mali_csf_report(MaliCsfState *s, const MaliCsfFinding *f)
{
    if (!mali_csf_patience_hold(s, f)) {
        mali_csf_findings_add(&s->checker.findings, f);
    }
}

/* Only what a cache of the GPU's own may hold, and not as memory has it */
bool mali_csf_held_in_cache(MaliCsfState *s, unsigned as, uint64_t descriptor)
{
    unsigned attr = extract64(descriptor, MALI_CSF_PTE_ATTR_SHIFT, 3);
    uint8_t memattr = s->mmu.as[as].active.memattr >> (8 * attr);

    return as != FW_AS && !s->coherent &&
           AS_MEMATTR_TYPE(memattr) == AS_MEMATTR_TYPE_WRITE_BACK;
}
