/*
 * Mali CSF command-stream instructions: their fields, for FIELD_EX64()
 *
 * FIELD_EX64(word, CS_LOAD_MULTIPLE, MASK) is what cs-insns.h.inc calls so.
 * Instructions that one function executes have their fields at the same
 * places: tests/unit/mali-csf-table-test.c sees to it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_FIELDS_H
#define HW_GPU_MALI_CSF_CS_FIELDS_H

#include "hw/core/registerfields.h"

#define CS_FIELD(insn, field, text, shift, width, kind, first, last) \
    FIELD(CS_##insn, field, shift, width)
#define CS_ENUM(insn, field, text, shift, width, names, first, last) \
    FIELD(CS_##insn, field, shift, width)
#include "hw/gpu/mali-csf/cs-insns.h.inc"

#endif /* HW_GPU_MALI_CSF_CS_FIELDS_H */
