/*
 * Mali CSF GPU: endpoints that streams ask for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_RESOURCE_H
#define HW_GPU_MALI_CSF_CS_RESOURCE_H

#include "instructions.h"

/* Kinds of endpoints that the instruction of this opcode gives work to */
unsigned mali_csf_resource_of_opcode(uint8_t opcode);

/*
 * The stream is to hold endpoints of each of @kinds.  If it cannot have all
 * of them it gets none, and waits or is dead: then false.
 */
bool mali_csf_resource_take(MaliCsfExec *exec, unsigned kinds);

/* Bits of CS_STATUS_REQ_RESOURCE */
uint32_t mali_csf_resource_status(const MaliCsfStream *stream);

/* CSG_STATUS_EP_CURRENT and CSG_RESOURCE_DEP */
uint32_t mali_csf_resource_current(MaliCsfState *s, unsigned csg);
uint32_t mali_csf_resource_dependencies(MaliCsfState *s, unsigned csg);

/*
 * Part of each firmware pass: take endpoints from streams that have no use
 * for them, and give them to those that wait
 */
void mali_csf_resource_poll(MaliCsfState *s);

#endif /* HW_GPU_MALI_CSF_CS_RESOURCE_H */
