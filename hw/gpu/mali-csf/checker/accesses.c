/*
 * Mali CSF GPU: accesses of the GPU, as the checker is told of them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"

void mali_csf_check_store(MaliCsfState *s, unsigned as, uint64_t va,
                          hwaddr pa, uint64_t size, uint64_t descriptor)
{
    mali_csf_user_stored(s, pa, size);
    mali_csf_tables_stored(s, as, va, descriptor);
}

void mali_csf_check_stores_lost(MaliCsfState *s, unsigned as)
{
    mali_csf_tables_stores_lost(s, as);
}

void mali_csf_check_tlb_hit_then(MaliCsfState *s, unsigned as, uint64_t va,
                                 const MaliCsfLeaf *leaf,
                                 const MaliCsfWalked *walked)
{
    mali_csf_commands_used(s, as);
    mali_csf_tables_hit(s, as, va, leaf, walked);
}

void mali_csf_check_tlb_hit(MaliCsfState *s, unsigned as, uint64_t va,
                            const MaliCsfLeaf *leaf)
{
    MaliCsfWalked now;
    MaliCsfLeaf live;

    now.exception = mali_csf_walk(&s->mmu.ram, &s->mmu.as[as].active,
                                  FIELD_EX32(s->model->mmu_features,
                                             MMU_FEATURES, PA_BITS),
                                  s->view.protected_mode, va, &live,
                                  &now.level, &now.descriptor);
    mali_csf_check_tlb_hit_then(s, as, va, leaf, &now);
}

void mali_csf_check_tlb_fill(MaliCsfState *s, unsigned as, uint64_t va,
                             uint64_t descriptor, unsigned level)
{
    mali_csf_commands_used(s, as);
    mali_csf_tables_fill(s, as, va, descriptor, level);
}
