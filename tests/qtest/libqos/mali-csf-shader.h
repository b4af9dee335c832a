/*
 * Instructions for shader cores of the Arm Mali CSF GPU, as tests need them
 *
 * Each function makes a word.  Fields are as Mesa's ISA.xml describes them
 * (src/panfrost/compiler/valhall), written down by hand: the device's own table
 * is not used.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QTEST_LIBQOS_MALI_CSF_SHADER_H
#define QTEST_LIBQOS_MALI_CSF_SHADER_H

/* Sources: a register, a uniform word, a constant of the table */
#define SH_R(n)             (n)
#define SH_U(n)             (0x80 | (n))
#define SH_ZERO             0xc0
/* 0x03020100, of which .b22 is 2 */
#define SH_0123             0xc8
/* Specials of page 1, low word; the high word is the next */
#define SH_TLS              0xe2
#define SH_WLS              0xe6
#define SH_PAGE(n)          ((uint64_t)(n) << 57)

/* Flow */
#define SH_WAIT             (9ull << 59)
#define SH_RECONVERGE       (10ull << 59)
#define SH_END              (15ull << 59)

/* Sizes of an access */
enum {
    SH_I8, SH_I16, SH_I24, SH_I32, SH_I48, SH_I64, SH_I96, SH_I128,
};

/* Values of the field of an atomic operation */
enum {
    SH_AADD = 2,
    SH_AXCHG = 15,
};

static inline uint64_t sh_op(unsigned opcode, unsigned dest)
{
    return (uint64_t)opcode << 48 | (uint64_t)dest << 40;
}

static inline uint64_t sh_nop(void)
{
    return sh_op(0x000, 0xc0);
}

static inline uint64_t sh_mov(unsigned to, unsigned from)
{
    return sh_op(0x091, 0xc0 | to) | from;
}

static inline uint64_t sh_mov_imm(unsigned to, uint32_t value)
{
    return sh_op(0x110, 0xc0 | to) | (uint64_t)value << 8 | SH_ZERO;
}

static inline uint64_t sh_add_imm(unsigned to, unsigned a, uint32_t value)
{
    return sh_op(0x110, 0xc0 | to) | (uint64_t)value << 8 | a;
}

static inline uint64_t sh_add(unsigned to, unsigned a, unsigned b)
{
    return sh_op(0x0a8, 0xc0 | to) | b << 8 | a;
}

static inline uint64_t sh_sub(unsigned to, unsigned a, unsigned b)
{
    return sh_add(to, a, b) | 1 << 16;
}

/* a << 2 */
static inline uint64_t sh_times4(unsigned to, unsigned a)
{
    return sh_op(0x0b4, 0xc0 | to) | 1ull << 32 | 0x19ull << 24 |
           SH_ZERO << 16 | SH_0123 << 8 | a;
}

/* Jump by so many instructions, from the next one on */
static inline uint64_t sh_jump(int32_t offset)
{
    return sh_op(0x01f, 0xc0) | 1ull << 36 |
           (uint64_t)(offset & 0x7ffffff) << 8 | SH_ZERO | SH_RECONVERGE;
}

/* The same if the register is zero */
static inline uint64_t sh_jump_if_zero(unsigned a, int32_t offset)
{
    return sh_op(0x01f, 0xc0) | 1ull << 36 |
           (uint64_t)(offset & 0x7ffffff) << 8 | a | SH_RECONVERGE;
}

static inline uint64_t sh_barrier(void)
{
    return sh_op(0x045, 0xc0) | 7ull << 30 | SH_WAIT;
}

static inline unsigned sh_registers(unsigned size)
{
    static const uint8_t registers[] = { 1, 1, 1, 1, 2, 2, 3, 4 };

    return registers[size];
}

/* At the address in the pair @at, and the offset */
static inline uint64_t sh_load(unsigned size, unsigned to, unsigned at,
                               int16_t offset)
{
    /* Extended to whole registers, with zeros */
    static const uint8_t lanes[] = { 6, 2, 0, 0, 4, 7, 6, 7 };

    return sh_op(0x060, 0x80 | to) | 1ull << 39 |
           (uint64_t)lanes[size] << 36 |
           (uint64_t)sh_registers(size) << 33 | size << 27 |
           (uint64_t)(uint16_t)offset << 8 | at;
}

static inline uint64_t sh_store(unsigned size, unsigned from, unsigned at,
                                int16_t offset)
{
    return sh_op(0x061, 0x40 | from) | (uint64_t)sh_registers(size) << 33 |
           size << 27 | (uint64_t)(uint16_t)offset << 8 | at;
}

/* Of a buffer: the offset, and the handle */
static inline uint64_t sh_load_buffer(unsigned size, unsigned to,
                                      unsigned offset, unsigned handle)
{
    return (sh_load(size, to, 0, 0) & ~(0x1ffull << 48)) | 0x06aull << 48 |
           handle << 8 | offset;
}

static inline uint64_t sh_lea_buffer(unsigned to, unsigned offset,
                                     unsigned handle)
{
    return sh_op(0x06b, 0x80 | to) | 2ull << 33 | handle << 8 | offset;
}

/* 32 bits; without a result */
static inline uint64_t sh_atom(unsigned op, unsigned from, unsigned at)
{
    return sh_op(0x068, 0x40 | from) | 1ull << 33 | SH_I32 << 27 |
           op << 22 | at;
}

#endif /* QTEST_LIBQOS_MALI_CSF_SHADER_H */
