/*
 * Mali CSF GPU: kinds of injections and their members, as data
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/gpu/mali-csf/cs-isa.h"
#include "../device.h"
#include "kinds.h"

#define MEMBER_ROW(_id, _name, _text, _comparison, _limit) \
    [MALI_CSF_MEMBER_##_id] = { \
        .name = _text, \
        .comparison = MALI_CSF_COMPARE_##_comparison, \
        .has = offsetof(MaliCsfInjection, has_##_name), \
        .value = offsetof(MaliCsfInjection, _name), \
        .size = sizeof_field(MaliCsfInjection, _name), \
    },

const MaliCsfMemberRow mali_csf_members[MALI_CSF_NUM_MEMBERS] = {
    MALI_CSF_INJECT_MEMBERS(MEMBER_ROW)
};

QEMU_BUILD_BUG_ON(MALI_CSF_NUM_MEMBERS > 32);

#define MEMBER_LIMIT(_id, _name, _text, _comparison, _limit) \
    [MALI_CSF_MEMBER_##_id] = _limit,

uint64_t mali_csf_member_limit(const MaliCsfState *s, MaliCsfMember member)
{
    const uint64_t limits[] = {
        MALI_CSF_INJECT_MEMBERS(MEMBER_LIMIT)
    };

    return limits[member];
}

#define GIVEN_GROUP     (GIVEN(SKIP) | GIVEN(SLOT))
#define GIVEN_ACCESS    (GIVEN(AS) | GIVEN(VA) | GIVEN(SIZE) | \
                         GIVEN(SOURCE_ID))
#define GIVEN_EXECUTION (GIVEN(SKIP) | GIVEN(SLOT) | GIVEN(STREAM) | \
                         GIVEN(VA) | GIVEN(SIZE) | GIVEN(OPCODE) | \
                         GIVEN(EXCEPTION) | GIVEN(DATA) | GIVEN(INFO))

/* One without a row takes "skip", and "delay-ns" if it can complete late. */
#define ROW(name)   [MALI_CSF_INJECTION_KIND_##name]

const MaliCsfKindRow mali_csf_kinds[MALI_CSF_INJECTION_KIND__MAX] = {
    ROW(AS_COMMAND) = {
        /* It ends when the time of a command is over. */
        .takes = GIVEN(SKIP) | GIVEN(DELAY) | GIVEN(AS) | GIVEN(COMMAND),
    },
    ROW(GLB_ACK) = { .takes = GIVEN(SKIP) | GIVEN(MASK) },
    ROW(CSG_START_ACK) = { .takes = GIVEN_GROUP },
    ROW(CSG_RESUME_ACK) = { .takes = GIVEN_GROUP },
    ROW(CSG_SUSPEND_ACK) = { .takes = GIVEN_GROUP },
    ROW(CSG_TERMINATE_ACK) = { .takes = GIVEN_GROUP },
    ROW(CSG_STATUS_UPDATE_ACK) = { .takes = GIVEN_GROUP },
    ROW(CSG_EP_CFG_ACK) = { .takes = GIVEN_GROUP },
    ROW(CS_ACK) = { .takes = GIVEN_GROUP | GIVEN(STREAM) },
    ROW(IRQ_LOST) = { .takes = GIVEN(SKIP) | GIVEN(INTERRUPT) | GIVEN(MASK) },
    ROW(IRQ_SILENT) = { .takes = GIVEN(SKIP) | GIVEN(INTERRUPT) | GIVEN(MASK) },
    ROW(IRQ_SPURIOUS) = {
        .takes = GIVEN(INTERRUPT) | GIVEN(MASK),
        .needs = GIVEN(INTERRUPT),
    },
    ROW(IRQ_SHARED) = {
        .takes = GIVEN(INTERRUPT), .needs = GIVEN(INTERRUPT),
    },
    /*
     * No skip: an instruction proves its accesses before it makes them, and
     * both count.
     */
    ROW(TRANSLATION_FAULT) = {
        .takes = GIVEN_ACCESS | GIVEN(EXCEPTION),
        .exception = AS_FAULT_TRANSLATION + 3,
        .levels = true,
    },
    ROW(PERMISSION_FAULT) = {
        .takes = GIVEN_ACCESS | GIVEN(EXCEPTION),
        .exception = AS_FAULT_PERMISSION + 3,
        .levels = true,
    },
    ROW(ACCESS_FLAG_FAULT) = {
        .takes = GIVEN_ACCESS | GIVEN(EXCEPTION),
        .exception = AS_FAULT_ACCESS_FLAG + 3,
        .levels = true,
    },
    ROW(BUS_ERROR) = { .takes = GIVEN_ACCESS, .exception = AS_FAULT_GPU_BUS },
    ROW(CS_FAULT) = {
        .takes = GIVEN_EXECUTION, .exception = CS_EXCEPTION_ADDR_RANGE_FAULT,
    },
    ROW(CS_FATAL) = {
        .takes = GIVEN_EXECUTION, .exception = CS_EXCEPTION_UNRECOVERABLE,
    },
    ROW(CSG_DOORBELL) = { .takes = GIVEN_GROUP },
    ROW(CS_DOORBELL) = { .takes = GIVEN_GROUP | GIVEN(STREAM) },
    ROW(TILER_OOM) = { .takes = GIVEN(SKIP) | GIVEN(SLOT) | GIVEN(STREAM) },
    ROW(ODD_SLOTS) = { .takes = GIVEN(SKIP) | GIVEN(GROUPS) | GIVEN(STREAMS) },
    ROW(ODD_FIELD) = {
        .takes = GIVEN(SKIP) | GIVEN(SLOT) | GIVEN(STREAM) | GIVEN(FIELD) |
                 GIVEN(VALUE),
        .needs = GIVEN(FIELD),
    },
    ROW(GPU_FAULT) = {
        .takes = GIVEN(EXCEPTION) | GIVEN(VA) | GIVEN(SOURCE_ID),
        .exception = AS_FAULT_GPU_BUS,
    },
    ROW(PWR_NOT_ALLOWED) = {
        .takes = GIVEN(SKIP) | GIVEN(COMMAND), .pwr_control = true,
    },
    ROW(PWR_INVALID) = {
        .takes = GIVEN(SKIP) | GIVEN(COMMAND), .pwr_control = true,
    },
    ROW(PWR_STATUS) = {
        .takes = GIVEN(SKIP) | GIVEN(MASK),
        .needs = GIVEN(MASK),
        .pwr_control = true,
    },
};

QEMU_BUILD_BUG_ON(MALI_CSF_INJECTION_KIND__MAX > 64);
