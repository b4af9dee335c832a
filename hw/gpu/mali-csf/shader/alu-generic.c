/*
 * Mali shader cores: arithmetic, for any host
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define MALI_SHADER_ALU_NAME    "generic"
#define MALI_SHADER_ALU_TABLE   mali_shader_alu_generic
#include "alu.c.inc"
