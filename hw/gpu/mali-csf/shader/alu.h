/*
 * Mali shader cores: arithmetic of all lanes at once
 *
 * alu.c.inc is compiled once for each kind of host: the functions are plain
 * loops over the lanes, which the compiler vectorises.  All builds give the
 * same bits: no multiplication and addition is contracted that is not fused in
 * the instruction, every NaN that is computed is 0x7fc00000 or 0x7e00, and
 * subnormals are flushed by instructions, not by a mode of the host.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_ALU_H
#define HW_GPU_MALI_CSF_SHADER_ALU_H

#include "decode.h"

typedef struct MaliShaderAluContext {
    /* Lanes that execute the instruction; only those across lanes care */
    uint64_t lanes;
    bool flush_f32;
    bool flush_f16;
} MaliShaderAluContext;

/*
 * The result of all 64 lanes.  Arguments are prepared sources, 64 values each,
 * or 128 if they are pairs: lower halves first.  @out may be one of them, and
 * has 64 values, or 128.
 */
typedef void MaliShaderAluFn(const MaliShaderAluContext *ctx,
                             const MaliShaderOp *op, const uint32_t *a,
                             const uint32_t *b, const uint32_t *c,
                             const uint32_t *d, uint32_t *out);

typedef struct MaliShaderAlu {
    const char *name;
    /* By MALI_SHADER_OP_*; NULL: not modelled */
    MaliShaderAluFn *fn[MALI_SHADER_NUM_OPS];
    /* @out is not @in */
    void (*prepare)(MaliShaderPrepare prepare, const uint32_t *in,
                    uint32_t *out);
    void (*clamp)(unsigned clamp, bool halves, uint32_t *out);
    /* To floats of 16 bits, in both halves */
    void (*narrow)(bool flush, uint32_t *out);
    /* Lanes of which @in is not zero, as @combine sees it */
    uint64_t (*nonzero)(unsigned combine, const uint32_t *in);
    /* @out = @in in the bits of @mask and in @lanes */
    void (*merge)(uint64_t lanes, uint32_t mask, const uint32_t *in,
                  uint32_t *out);
} MaliShaderAlu;

extern const MaliShaderAlu mali_shader_alu_generic;
#ifdef __x86_64__
/* For hosts with AVX2, FMA and F16C */
extern const MaliShaderAlu mali_shader_alu_avx2;
/* For hosts with AVX-512 F, BW, DQ and VL, besides */
extern const MaliShaderAlu mali_shader_alu_avx512;
#endif

#endif /* HW_GPU_MALI_CSF_SHADER_ALU_H */
