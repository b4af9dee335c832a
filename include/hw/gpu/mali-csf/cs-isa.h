/*
 * Mali CSF command-stream instructions: opcodes, and one encoder for each
 *
 * Opcodes and fields as in src/panfrost/genxml/v10.xml of Mesa 25.0.7, and
 * v11.xml to v14.xml of later versions.  An instruction is one little-endian
 * 64-bit word with the opcode in the top byte.  Which architecture has which
 * instruction and which field is in cs-insns.h.inc.  This header needs nothing of
 * QEMU, so that the device, the tests and the guest programs share it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_ISA_H
#define HW_GPU_MALI_CSF_CS_ISA_H

#include <stdint.h>

/* CS_OP_* */
enum {
#define CS_INSN(name, opcode, first, last)  CS_OP_##name = opcode,
#include "cs-insns.h.inc"
};

/* Conditions of BRANCH (signed, against zero) and SYNC_WAIT (unsigned) */
enum {
    CS_COND_LE = 0,
    CS_COND_GT = 1,
    CS_COND_EQ = 2,
    CS_COND_NE = 3,
    CS_COND_LT = 4,
    CS_COND_GE = 5,
    CS_COND_ALWAYS = 6,
};

enum {
    CS_SYNC_SCOPE_SYSTEM = 0,
    CS_SYNC_SCOPE_CSG = 2,
};

/* What STORE_STATE stores */
enum {
    CS_STATE_TIMESTAMP = 0,
    CS_STATE_CYCLE_COUNT = 1,
    CS_STATE_DISJOINT_COUNT = 2,
    CS_STATE_ERROR_STATUS = 3,
};

/* What SET_STATE sets */
enum {
    CS_SET_STATE_SB_SEL_ENDPOINT = 0,
    CS_SET_STATE_SB_SEL_OTHER = 1,
    CS_SET_STATE_SB_SEL_DEFERRED = 2,
    CS_SET_STATE_SB_MASK_STREAM = 8,
    CS_SET_STATE_SB_MASK_WAIT = 9,
};

/* Whose scoreboard entry NEXT_SB_ENTRY selects, and what it writes */
enum {
    CS_SB_TYPE_NONE = 0,
    CS_SB_TYPE_ENDPOINT = 1,
    CS_SB_TYPE_OTHER = 2,
    CS_SB_TYPE_DEFERRED = 3,
};
enum {
    CS_SB_FORMAT_INDEX = 0,
    CS_SB_FORMAT_MASK = 1,
};

/* Operations of ARITH_IMM32 and ARITH_IMM64 */
enum {
    CS_ARITH_IMM_ADD = 0,
    CS_ARITH_IMM_LSHIFT = 1,
    CS_ARITH_IMM_RSHIFT_U = 2,
    CS_ARITH_IMM_RSHIFT_S = 3,
    CS_ARITH_IMM_BFEXT_U = 4,
    CS_ARITH_IMM_BFEXT_S = 5,
    CS_ARITH_IMM_BFINS = 6,
    CS_ARITH_IMM_UMIN = 7,
};

/* Operations of ARITH_REG32 and ARITH_REG64 */
enum {
    CS_ARITH_REG_UMIN = 0,
    CS_ARITH_REG_ADD = 1,
    CS_ARITH_REG_SUB = 2,
    CS_ARITH_REG_LSHIFT = 3,
    CS_ARITH_REG_RSHIFT_U = 4,
    CS_ARITH_REG_RSHIFT_S = 5,
    CS_ARITH_REG_BFINS = 6,
};

/* Operations on the statistics of a tiler heap */
enum {
    CS_HEAP_VT_STARTED = 0,
    CS_HEAP_VT_COMPLETED = 1,
    CS_HEAP_FRAGMENT_COMPLETED = 3,
};

/* What SET_EXCEPTION_HANDLER handles */
enum {
    CS_EXCEPTION_TYPE_TILER_OOM = 2,
};

/* What REQ_RESOURCE asks for */
enum {
    CS_RESOURCE_COMPUTE = 1 << 0,
    CS_RESOURCE_FRAGMENT = 1 << 1,
    CS_RESOURCE_TILER = 1 << 2,
    CS_RESOURCE_IDVS = 1 << 3,
    CS_RESOURCE_RAY_TRACING = 1 << 4,
};

/* A 32-bit sync object is 8 bytes, a 64-bit one 16, naturally aligned */
enum {
    CS_SYNC32_VALUE = 0,
    CS_SYNC32_ERROR = 4,
    CS_SYNC64_VALUE = 0,
    CS_SYNC64_ERROR = 8,
};

/*
 * The error word.  kbase takes the word for a truth value, and sets it as one
 * (kbase_kcpu_cqs_set_process() in mali_kbase_csf_kcpu.c); what the GPU itself
 * stores is not known to be anything else.
 */
enum {
    CS_SYNC_NO_ERROR = 0,
    CS_SYNC_HAS_ERROR = 1,
};

/* Frames of the call stack, the ring's own included (Mesa, cs_builder.h) */
#define CS_CALL_STACK_DEPTH         8

#define CS_OPCODE_SHIFT             56

static inline uint64_t cs_opcode(unsigned opcode)
{
    return (uint64_t)opcode << CS_OPCODE_SHIFT;
}

static inline uint64_t cs_nop(void)
{
    return cs_opcode(CS_OP_NOP);
}

/* Register pair @dst := @imm, 48 bits, zero-extended */
static inline uint64_t cs_move48(unsigned dst, uint64_t imm)
{
    return cs_opcode(CS_OP_MOVE48) | (uint64_t)dst << 48 |
           (imm & 0xffffffffffffull);
}

static inline uint64_t cs_move32(unsigned dst, uint32_t imm)
{
    return cs_opcode(CS_OP_MOVE32) | (uint64_t)dst << 48 | imm;
}

/* Wait until the scoreboard entries in @mask are all zero */
static inline uint64_t cs_wait(unsigned mask)
{
    return cs_opcode(CS_OP_WAIT) | (uint64_t)mask << 16;
}

static inline uint64_t cs_add_imm32(unsigned dst, unsigned src, int32_t imm)
{
    return cs_opcode(CS_OP_ADD_IMM32) | (uint64_t)dst << 48 |
           (uint64_t)src << 40 | (uint32_t)imm;
}

static inline uint64_t cs_add_imm64(unsigned dst, unsigned src, int32_t imm)
{
    return cs_opcode(CS_OP_ADD_IMM64) | (uint64_t)dst << 48 |
           (uint64_t)src << 40 | (uint32_t)imm;
}

static inline uint64_t cs_umin32(unsigned dst, unsigned src1, unsigned src2)
{
    return cs_opcode(CS_OP_UMIN32) | (uint64_t)dst << 48 |
           (uint64_t)src2 << 40 | (uint64_t)src1 << 32;
}

/*
 * Consecutive words at the address in the pair @addr plus @offset, one for
 * each bit set in @mask; bit k stands for register @base + k.
 */
static inline uint64_t cs_load_multiple(unsigned base, unsigned mask,
                                        unsigned addr, int16_t offset)
{
    return cs_opcode(CS_OP_LOAD_MULTIPLE) | (uint64_t)base << 48 |
           (uint64_t)addr << 40 | (uint64_t)(mask & 0xffff) << 16 |
           (uint16_t)offset;
}

static inline uint64_t cs_store_multiple(unsigned base, unsigned mask,
                                         unsigned addr, int16_t offset)
{
    return cs_opcode(CS_OP_STORE_MULTIPLE) | (uint64_t)base << 48 |
           (uint64_t)addr << 40 | (uint64_t)(mask & 0xffff) << 16 |
           (uint16_t)offset;
}

/* @offset is in instructions, from the one after this */
static inline uint64_t cs_branch(unsigned cond, unsigned reg, int16_t offset)
{
    return cs_opcode(CS_OP_BRANCH) | (uint64_t)reg << 40 |
           (uint64_t)cond << 28 | (uint16_t)offset;
}

static inline uint64_t cs_set_sb_entry(unsigned endpoint, unsigned other)
{
    return cs_opcode(CS_OP_SET_SB_ENTRY) | (uint64_t)other << 4 | endpoint;
}

static inline uint64_t cs_call(unsigned addr, unsigned length)
{
    return cs_opcode(CS_OP_CALL) | (uint64_t)addr << 40 |
           (uint64_t)length << 32;
}

static inline uint64_t cs_jump(unsigned addr, unsigned length)
{
    return cs_opcode(CS_OP_JUMP) | (uint64_t)addr << 40 |
           (uint64_t)length << 32;
}

static inline uint64_t cs_req_resource(unsigned mask)
{
    return cs_opcode(CS_OP_REQ_RESOURCE) | mask;
}

/* @modes: bits 3:0 L2, 7:4 load/store cache, 11:8 others */
static inline uint64_t cs_flush_cache2(unsigned modes, unsigned flush_id,
                                       unsigned wait_mask, unsigned signal)
{
    return cs_opcode(CS_OP_FLUSH_CACHE2) | (uint64_t)signal << 48 |
           (uint64_t)flush_id << 40 | (uint64_t)wait_mask << 16 | modes;
}

/*
 * SYNC_ADD and SYNC_SET: @opcode is one of the four.  @data is a register,
 * a pair for the 64-bit ones; @addr is a pair.
 */
static inline uint64_t cs_sync(unsigned opcode, unsigned addr, unsigned data,
                               unsigned scope, unsigned propagate,
                               unsigned wait_mask, unsigned signal)
{
    return cs_opcode(opcode) | (uint64_t)signal << 48 | (uint64_t)addr << 40 |
           (uint64_t)data << 32 | (uint64_t)wait_mask << 16 | scope << 1 |
           propagate;
}

/* SYNC_WAIT32 or SYNC_WAIT64; @reject: ignore the object's error */
static inline uint64_t cs_sync_wait(unsigned opcode, unsigned addr,
                                    unsigned data, unsigned cond,
                                    unsigned reject)
{
    return cs_opcode(opcode) | (uint64_t)addr << 40 | (uint64_t)data << 32 |
           (uint64_t)cond << 28 | reject;
}

static inline uint64_t cs_store_state(unsigned addr, int16_t offset,
                                      unsigned state, unsigned wait_mask,
                                      unsigned signal)
{
    return cs_opcode(CS_OP_STORE_STATE) | (uint64_t)signal << 48 |
           (uint64_t)addr << 40 | (uint64_t)state << 32 |
           (uint64_t)wait_mask << 16 | (uint16_t)offset;
}

/* Of deferrable instructions: take SB_MASK_WAIT and SB_SEL_DEFERRED */
#define CS_DEFER_INDIRECT   (UINT64_C(1) << 52)

/* Wait until the entries in SB_MASK_WAIT are all zero */
static inline uint64_t cs_wait_indirect(void)
{
    return cs_opcode(CS_OP_WAIT) | UINT64_C(1) << 33;
}

/* @op: CS_ARITH_IMM_*; shifts and UMIN take @imm as a number */
static inline uint64_t cs_arith_imm32(unsigned op, unsigned dst, unsigned src,
                                      int32_t imm)
{
    return cs_add_imm32(dst, src, imm) | (uint64_t)op << 32;
}

static inline uint64_t cs_arith_imm64(unsigned op, unsigned dst, unsigned src,
                                      int32_t imm)
{
    return cs_add_imm64(dst, src, imm) | (uint64_t)op << 32;
}

/* @imm of the operations on bit fields; @value is that of BFINS */
static inline int32_t cs_bit_field(unsigned position, unsigned width,
                                   unsigned value)
{
    return (int32_t)((uint32_t)value << 16 | width << 8 | position);
}

/* @op: CS_ARITH_REG_*; @imm is cs_bit_field() for BFINS, else 0 */
static inline uint64_t cs_arith_reg32(unsigned op, unsigned dst,
                                      unsigned src0, unsigned src1,
                                      unsigned imm)
{
    return cs_opcode(CS_OP_ARITH_REG32) | (uint64_t)dst << 48 |
           (uint64_t)src0 << 40 | (uint64_t)src1 << 32 |
           (uint64_t)op << 24 | (imm & 0xffffff);
}

static inline uint64_t cs_arith_reg64(unsigned op, unsigned dst,
                                      unsigned src0, unsigned src1,
                                      unsigned imm)
{
    return cs_opcode(CS_OP_ARITH_REG64) | (uint64_t)dst << 48 |
           (uint64_t)src0 << 40 | (uint64_t)src1 << 32 |
           (uint64_t)op << 24 | (imm & 0xffffff);
}

/*
 * @mode is a truth table: bit 0 for a & b, 1 for a & ~b, 2 for ~a & b, 3 for
 * ~a & ~b.  @index: b is the bit that register @src1 numbers.
 */
static inline uint64_t cs_logic_op32(unsigned mode, unsigned dst,
                                     unsigned src0, unsigned src1,
                                     unsigned index)
{
    return cs_opcode(CS_OP_LOGIC_OP32) | (uint64_t)dst << 48 |
           (uint64_t)src0 << 40 | (uint64_t)src1 << 32 | index << 4 | mode;
}

static inline uint64_t cs_next_sb_entry(unsigned dst, unsigned type,
                                        unsigned format)
{
    return cs_opcode(CS_OP_NEXT_SB_ENTRY) | (uint64_t)dst << 48 |
           (uint64_t)format << 36 | (uint64_t)type << 32;
}

static inline uint64_t cs_set_state(unsigned state, unsigned src)
{
    return cs_opcode(CS_OP_SET_STATE) | (uint64_t)src << 40 |
           (uint64_t)state << 32;
}

static inline uint64_t cs_set_state_imm32(unsigned state, uint32_t value)
{
    return cs_opcode(CS_OP_SET_STATE_IMM32) | (uint64_t)state << 32 | value;
}

/* Entries of the group, not of the stream */
static inline uint64_t cs_shared_sb_inc(unsigned entry, unsigned wait_mask)
{
    return cs_opcode(CS_OP_SHARED_SB_INC) | (uint64_t)entry << 48 |
           (uint64_t)wait_mask << 16;
}

static inline uint64_t cs_shared_sb_dec(unsigned entry)
{
    return cs_opcode(CS_OP_SHARED_SB_DEC) | (uint64_t)entry << 48;
}

/* Until the progress counter of stream @queue is at least the pair @src */
static inline uint64_t cs_progress_wait(unsigned queue, unsigned src)
{
    return cs_opcode(CS_OP_PROGRESS_WAIT) | (uint64_t)src << 40 | queue;
}

static inline uint64_t cs_progress_store(unsigned src)
{
    return cs_opcode(CS_OP_PROGRESS_STORE) | (uint64_t)src << 40;
}

static inline uint64_t cs_progress_load(unsigned dst)
{
    return cs_opcode(CS_OP_PROGRESS_LOAD) | (uint64_t)dst << 48;
}

/* Counts the stream's progress counter up; of WAIT and RUN instructions */
#define CS_PROGRESS_INCREMENT   (UINT64_C(1) << 32)

static inline uint64_t cs_set_exception_handler(unsigned type, unsigned addr,
                                                unsigned length)
{
    return cs_opcode(CS_OP_SET_EXCEPTION_HANDLER) | (uint64_t)addr << 40 |
           (uint64_t)length << 32 | type;
}

static inline uint64_t cs_heap_set(unsigned addr)
{
    return cs_opcode(CS_OP_HEAP_SET) | (uint64_t)addr << 40;
}

/* @op: CS_HEAP_* */
static inline uint64_t cs_heap_operation(unsigned op, unsigned wait_mask,
                                         unsigned signal)
{
    return cs_opcode(CS_OP_HEAP_OPERATION) | (uint64_t)signal << 48 |
           (uint64_t)op << 32 | (uint64_t)wait_mask << 16;
}

static inline uint64_t cs_finish_tiling(void)
{
    return cs_opcode(CS_OP_FINISH_TILING);
}

/* @count: count the fragment job as completed */
static inline uint64_t cs_finish_fragment(unsigned first, unsigned last,
                                          unsigned count, unsigned wait_mask,
                                          unsigned signal)
{
    return cs_opcode(CS_OP_FINISH_FRAGMENT) | (uint64_t)signal << 48 |
           (uint64_t)first << 40 | (uint64_t)last << 32 |
           (uint64_t)wait_mask << 16 | count;
}

/* @size: of the region that follows, in instructions */
static inline uint64_t cs_prot_region(unsigned size)
{
    return cs_opcode(CS_OP_PROT_REGION) | (size & 0xffff);
}

static inline uint64_t cs_trace_point(unsigned base, unsigned count,
                                      unsigned wait_mask, unsigned signal)
{
    return cs_opcode(CS_OP_TRACE_POINT) | (uint64_t)signal << 48 |
           (uint64_t)count << 40 | (uint64_t)base << 32 |
           (uint64_t)wait_mask << 16;
}

/* One task is @increment workgroups along @axis, 0 to 2 */
static inline uint64_t cs_run_compute(unsigned increment, unsigned axis)
{
    return cs_opcode(CS_OP_RUN_COMPUTE) | axis << 14 | increment;
}

static inline uint64_t cs_run_compute_indirect(unsigned per_task)
{
    return cs_opcode(CS_OP_RUN_COMPUTE_INDIRECT) | per_task;
}

static inline uint64_t cs_run_tiling(uint32_t flags)
{
    return cs_opcode(CS_OP_RUN_TILING) | flags;
}

static inline uint64_t cs_run_idvs(uint32_t flags)
{
    return cs_opcode(CS_OP_RUN_IDVS) | flags;
}

static inline uint64_t cs_run_idvs2(uint32_t flags)
{
    return cs_opcode(CS_OP_RUN_IDVS2) | flags;
}

static inline uint64_t cs_run_fragment(unsigned tile_order)
{
    return cs_opcode(CS_OP_RUN_FRAGMENT) | tile_order << 4;
}

/* The usual numbers of Mesa; the staging registers begin at @base */
static inline uint64_t cs_run_fragment2(unsigned base, unsigned tile_order)
{
    return cs_opcode(CS_OP_RUN_FRAGMENT2) | (uint64_t)base << 48 |
           56ull << 24 | 28ull << 16 | tile_order << 4;
}

static inline uint64_t cs_run_fullscreen(unsigned dcd, uint32_t flags)
{
    return cs_opcode(CS_OP_RUN_FULLSCREEN) | (uint64_t)dcd << 40 | flags;
}

static inline uint64_t cs_enop(void)
{
    return cs_opcode(CS_OP_ENOP);
}

static inline uint64_t cs_error_barrier(void)
{
    return cs_opcode(CS_OP_ERROR_BARRIER);
}

#endif /* HW_GPU_MALI_CSF_CS_ISA_H */
