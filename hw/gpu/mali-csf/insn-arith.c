/*
 * Mali CSF GPU: instructions that compute in registers
 *
 * As in src/panfrost/genxml/v10.xml of Mesa 25.0.7.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "instructions.h"

MaliCsfStep mali_csf_insn_add_imm32(MaliCsfExec *exec)
{
    unsigned dst = insn_field8(exec, 48);
    unsigned src = insn_field8(exec, 40);

    exec->stream->regs[dst] = exec->stream->regs[src] + (uint32_t)exec->word;
    return MALI_CSF_STEP_NEXT;
}

MaliCsfStep mali_csf_insn_add_imm64(MaliCsfExec *exec)
{
    unsigned dst = insn_field8(exec, 48);
    unsigned src = insn_field8(exec, 40);

    insn_set_pair(exec, dst, insn_pair(exec, src) + (int32_t)exec->word);
    return MALI_CSF_STEP_NEXT;
}

MaliCsfStep mali_csf_insn_umin32(MaliCsfExec *exec)
{
    unsigned dst = insn_field8(exec, 48);
    unsigned a = insn_field8(exec, 40);
    unsigned b = insn_field8(exec, 32);

    exec->stream->regs[dst] = MIN(exec->stream->regs[a],
                                  exec->stream->regs[b]);
    return MALI_CSF_STEP_NEXT;
}
