/*
 * Mali shader cores: arithmetic, for hosts with AVX-512
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define MALI_SHADER_ALU_NAME    "avx512"
#define MALI_SHADER_ALU_TABLE   mali_shader_alu_avx512
#include "alu.c.inc"
