/*
 * Mali CSF GPU: which function a message of a shader goes to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "messages.h"

const MaliShaderOps mali_shader_messages = {
    .message = {
        [MALI_SHADER_FAMILY_LOAD] = mali_shader_msg_load,
        [MALI_SHADER_FAMILY_LD_PKA] = mali_shader_msg_load_buffer,
        [MALI_SHADER_FAMILY_LEA_PKA] = mali_shader_msg_lea_buffer,
        [MALI_SHADER_FAMILY_STORE] = mali_shader_msg_store,
        [MALI_SHADER_FAMILY_ATOM] = mali_shader_msg_atomic,
        [MALI_SHADER_FAMILY_ATOM_RETURN] = mali_shader_msg_atomic,
        [MALI_SHADER_FAMILY_ATOM1_RETURN] = mali_shader_msg_atomic_one,
        [MALI_SHADER_FAMILY_LD_TEX] = mali_shader_msg_load_image,
        [MALI_SHADER_FAMILY_LD_TEX_IMM] = mali_shader_msg_load_image,
        [MALI_SHADER_FAMILY_LEA_TEX] = mali_shader_msg_lea_image,
        [MALI_SHADER_FAMILY_LEA_TEX_IMM] = mali_shader_msg_lea_image,
        [MALI_SHADER_FAMILY_LD_CVT] = mali_shader_msg_convert,
        [MALI_SHADER_FAMILY_ST_CVT] = mali_shader_msg_convert,
        [MALI_SHADER_FAMILY_LEA_BUF] = mali_shader_msg_lea_element,
        [MALI_SHADER_FAMILY_LEA_BUF_IMM] = mali_shader_msg_lea_element,
        [MALI_SHADER_FAMILY_TEX_FETCH] = mali_shader_msg_texture,
        [MALI_SHADER_FAMILY_TEX_SINGLE] = mali_shader_msg_texture,
        [MALI_SHADER_FAMILY_TEX_GATHER] = mali_shader_msg_texture,
        [MALI_SHADER_FAMILY_LD_GCLK] = mali_shader_msg_clock,
    },
};
