/*
 * Mali CSF GPU: atomic operations of a shader
 *
 * Lanes take their turns, the lowest first.  Other threads of the host, which
 * are vCPUs and shader cores, see each operation as a whole.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "lanes.h"
#include "messages.h"

/* Beyond the values of the field atom_op: that of the modifier compare */
#define ATOM_OP_COMPARE_EXCHANGE    16

/* What the values of the field atom1_op stand for */
static const struct {
    unsigned op;
    uint64_t operand;
} ones[] = {
    [MALI_SHADER_ATOM1_OP_AINC] = { MALI_SHADER_ATOM_OP_AADD, 1 },
    [MALI_SHADER_ATOM1_OP_ADEC] = { MALI_SHADER_ATOM_OP_AADD, -1 },
    [MALI_SHADER_ATOM1_OP_AUMAX1] = { MALI_SHADER_ATOM_OP_AUMAX, 1 },
    [MALI_SHADER_ATOM1_OP_ASMAX1] = { MALI_SHADER_ATOM_OP_ASMAX, 1 },
    [MALI_SHADER_ATOM1_OP_AOR1] = { MALI_SHADER_ATOM_OP_AOR, 1 },
};

typedef struct Atomic {
    unsigned op;
    /* Of 32 or 64 bits, and an address that is a multiple of them */
    unsigned bytes;
    /* The operand, and what is compared with if anything is; or a constant */
    const MaliShaderSlot *from;
    uint64_t constant;
    /* Where the old value goes, NULL if nowhere */
    MaliShaderSlot *to;
} Atomic;

static uint64_t signed_of(const Atomic *atomic, uint64_t value)
{
    return sextract64(value, 0, 8 * atomic->bytes);
}

/* @op is that of @atomic: a constant, where the compiler is to know it */
static inline uint64_t apply(const Atomic *atomic, unsigned op, uint64_t old,
                             uint64_t operand, uint64_t expected)
{
    int64_t a = signed_of(atomic, old);
    int64_t b = signed_of(atomic, operand);

    switch (op) {
    case MALI_SHADER_ATOM_OP_AADDU:
    case MALI_SHADER_ATOM_OP_AADDS:
    case MALI_SHADER_ATOM_OP_AADD:
        return old + operand;
    case MALI_SHADER_ATOM_OP_ASMIN:
        return MIN(a, b);
    case MALI_SHADER_ATOM_OP_ASMAX:
        return MAX(a, b);
    case MALI_SHADER_ATOM_OP_AUMIN:
        return MIN(old, operand);
    case MALI_SHADER_ATOM_OP_AUMAX:
        return MAX(old, operand);
    case MALI_SHADER_ATOM_OP_AAND:
        return old & operand;
    case MALI_SHADER_ATOM_OP_AOR:
        return old | operand;
    case MALI_SHADER_ATOM_OP_AXOR:
        return old ^ operand;
    case ATOM_OP_COMPARE_EXCHANGE:
        return old == expected ? operand : old;
    default:
        return operand;
    }
}

static uint64_t change32(const Atomic *atomic, uint32_t *p, uint64_t operand,
                         uint64_t expected)
{
    uint32_t old = qatomic_read(p);

    for (;;) {
        uint32_t new = apply(atomic, atomic->op, le32_to_cpu(old), operand,
                             expected);
        uint32_t seen = qatomic_cmpxchg(p, old, cpu_to_le32(new));

        if (seen == old) {
            return le32_to_cpu(old);
        }
        old = seen;
    }
}

static uint64_t change64(const Atomic *atomic, uint64_t *p, uint64_t operand,
                         uint64_t expected)
{
    uint64_t old = qatomic_read(p);

    for (;;) {
        uint64_t new = apply(atomic, atomic->op, le64_to_cpu(old), operand,
                             expected);
        uint64_t seen = qatomic_cmpxchg(p, old, cpu_to_le64(new));

        if (seen == old) {
            return le64_to_cpu(old);
        }
        old = seen;
    }
}

/* Value number @n that the lane has staged */
static uint64_t staged(const Atomic *atomic, unsigned n, unsigned lane)
{
    const MaliShaderSlot *from = atomic->from;

    if (atomic->bytes == 4) {
        return from[n][lane];
    }
    return from[2 * n][lane] | (uint64_t)from[2 * n + 1][lane] << 32;
}

static MaliShaderAccess atomic_lane(MaliShaderMemory *memory,
                                    const Atomic *atomic, unsigned lane,
                                    uint64_t va)
{
    uint64_t operand = atomic->from ? staged(atomic, 0, lane) :
                       extract64(atomic->constant, 0, 8 * atomic->bytes);
    /* Mesa stages the new value first, then the one that is expected. */
    uint64_t expected = atomic->op == ATOM_OP_COMPARE_EXCHANGE ?
                        staged(atomic, 1, lane) : 0;
    MaliShaderAccess result;
    MaliCsfSpan span;
    uint64_t old;

    if (va % atomic->bytes) {
        return mali_shader_refuse(memory, MALI_SHADER_ADDR_RANGE_FAULT, va);
    }
    result = mali_shader_at(memory, va, atomic->bytes, MALI_CSF_MEM_ATOMIC,
                            &span);
    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    if (atomic->bytes == 4) {
        old = change32(atomic, (uint32_t *)span.host, operand, expected);
    } else {
        old = change64(atomic, (uint64_t *)span.host, operand, expected);
    }
    if (atomic->to) {
        atomic->to[0][lane] = old;
        if (atomic->bytes == 8) {
            atomic->to[1][lane] = old >> 32;
        }
    }
    return result;
}

/*
 * Words of local memory, which is this thread's alone, from the first of @lanes
 * on; those that are left
 */
static inline __attribute__((always_inline))
uint64_t local_words(const Atomic *atomic, unsigned op,
                     const MaliShaderLocalRange *range, const uint64_t *va,
                     uint64_t lanes)
{
    for (; lanes; lanes &= lanes - 1) {
        unsigned lane = ctz64(lanes);
        uint64_t offset = va[lane] - range->start;
        uint32_t old, operand, expected = 0;

        if (offset > range->last || offset % 4) {
            break;
        }
        operand = atomic->from ? atomic->from[0][lane] : atomic->constant;
        if (op == ATOM_OP_COMPARE_EXCHANGE) {
            expected = atomic->from[1][lane];
        }
        old = ldl_le_p(range->bytes + offset);
        stl_le_p(range->bytes + offset,
                 apply(atomic, op, old, operand, expected));
        if (atomic->to) {
            atomic->to[0][lane] = old;
        }
    }
    return lanes;
}

static uint64_t atomic_local(const MaliShaderMemory *memory,
                             const Atomic *atomic, const uint64_t *va,
                             uint64_t lanes)
{
    MaliShaderLocalRange range;

    if (atomic->bytes != 4 ||
        !mali_shader_local_range(memory, va[ctz64(lanes)], 4, &range)) {
        return lanes;
    }
    switch (atomic->op) {
    case MALI_SHADER_ATOM_OP_AADD:
        return local_words(atomic, MALI_SHADER_ATOM_OP_AADD, &range, va,
                           lanes);
    case MALI_SHADER_ATOM_OP_AOR:
        return local_words(atomic, MALI_SHADER_ATOM_OP_AOR, &range, va, lanes);
    default:
        return local_words(atomic, atomic->op, &range, va, lanes);
    }
}

static MaliShaderAccess atomic_lanes(MaliShaderGroup *group,
                                     const MaliShaderOp *op,
                                     const Atomic *atomic, uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    uint64_t va[MALI_SHADER_LANES];
    uint64_t left, done;

    mali_shader_addresses(group, op, 0, va);
    left = atomic_local(&context->memory, atomic, va, lanes);
    done = lanes & ~left;
    for (lanes = left; lanes; lanes &= lanes - 1) {
        unsigned lane = ctz64(lanes);
        MaliShaderAccess result = atomic_lane(&context->memory, atomic, lane,
                                              va[lane]);

        if (result != MALI_SHADER_ACCESS_DONE) {
            return mali_shader_not_done(group, result, done);
        }
        done |= 1ull << lane;
    }
    return MALI_SHADER_ACCESS_DONE;
}

/* MEMORY_SIZE of atomics is that of 32 or of 64 bits. */
static unsigned atomic_bytes(const MaliShaderOp *op)
{
    return mali_shader_size_bytes[mali_shader_memory_size(op)] == 8 ? 8 : 4;
}

MaliShaderAccess mali_shader_msg_atomic(MaliShaderGroup *group,
                                        const MaliShaderOp *op,
                                        uint64_t lanes)
{
    Atomic atomic = {
        .op = MALI_SHADER_FIELD_ATOM_OP(op->word),
        .bytes = atomic_bytes(op),
        .from = &group->slots[op->read_first],
        .to = op->write_count ? &group->slots[op->write_first] : NULL,
    };

    if (op->family == MALI_SHADER_FAMILY_ATOM_RETURN &&
        MALI_SHADER_FIELD_COMPARE(op->word)) {
        atomic.op = ATOM_OP_COMPARE_EXCHANGE;
    }
    return atomic_lanes(group, op, &atomic, lanes);
}

MaliShaderAccess mali_shader_msg_atomic_one(MaliShaderGroup *group,
                                            const MaliShaderOp *op,
                                            uint64_t lanes)
{
    unsigned one = MIN(MALI_SHADER_FIELD_ATOM1_OP(op->word),
                       ARRAY_SIZE(ones) - 1);
    const Atomic atomic = {
        .op = ones[one].op,
        .bytes = atomic_bytes(op),
        .constant = ones[one].operand,
        .to = op->write_count ? &group->slots[op->write_first] : NULL,
    };

    return atomic_lanes(group, op, &atomic, lanes);
}
