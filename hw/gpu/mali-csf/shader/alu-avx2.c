/*
 * Mali shader cores: arithmetic, for hosts with AVX2, FMA and F16C
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define MALI_SHADER_ALU_NAME    "avx2"
#define MALI_SHADER_ALU_TABLE   mali_shader_alu_avx2
#include "alu.c.inc"
