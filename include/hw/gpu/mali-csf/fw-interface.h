/*
 * Mali CSF firmware interface: the control, input and output blocks that
 * the driver and the microcontroller share in guest memory
 *
 * Offsets and bits as in panthor_fw.h of Linux 7.3; those that panthor does
 * not use are Arm kbase's.  Everything is little-endian.  This header needs
 * nothing of QEMU, so that tests and guest programs can include it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_FW_INTERFACE_H
#define HW_GPU_MALI_CSF_FW_INTERFACE_H

/* The shared section starts here: CSF_MCU_SHARED_REGION_START, panthor_fw.c */
#define FW_SHARED_START             0x04000000u
/* Of our firmware file; in the files of linux-firmware it is half of that */
#define FW_SHARED_SIZE              0x00020000u
/* Everything that the driver maps for the microcontroller ends below this */
#define FW_SHARED_REGION_END        0x08000000u

/*
 * A firmware file without code may say which interface the model is to speak.
 * It does so where other files have the vectors of the microcontroller, in
 * five words: this one, what becomes VERSION, or 0, and FEATURES below, and
 * address and bytes of the section for protected mode, or 0.
 */
#define FW_DESCRIPTOR_VA            0x00000000u
#define FW_DESCRIPTOR_MAGIC         0x4653436du     /* "mCSF" */
/* The most that a section for protected mode has, below FW_SHARED_START */
#define FW_PROTECTED_MAX            0x00100000u

enum {
    FW_DESCRIPTOR_VERSION = 0x04,
    FW_DESCRIPTOR_FEATURES = 0x08,
    FW_DESCRIPTOR_PROTECTED_VA = 0x0c,
    FW_DESCRIPTOR_PROTECTED_SIZE = 0x10,
    FW_DESCRIPTOR_SIZE = 0x14,
};

/* GLB_CONTROL_VERSION */
#define FW_VERSION(major, minor, patch) \
    ((uint32_t)(major) << 24 | (uint32_t)(minor) << 16 | (patch))

/* Global control block, at FW_SHARED_START */
enum {
    GLB_CONTROL_VERSION = 0x00,
    GLB_CONTROL_FEATURES = 0x04,
    GLB_CONTROL_INPUT_VA = 0x08,
    GLB_CONTROL_OUTPUT_VA = 0x0c,
    GLB_CONTROL_GROUP_NUM = 0x10,
    GLB_CONTROL_GROUP_STRIDE = 0x14,
    GLB_CONTROL_PRFCNT_SIZE = 0x18,
    GLB_CONTROL_INSTR_FEATURES = 0x1c,
    GLB_CONTROL_SIZE = 0x20,
};

/* Group control blocks, GROUP_STRIDE apart from here */
#define FW_CSG_CONTROL_OFFSET       0x1000u

enum {
    CSG_CONTROL_FEATURES = 0x00,
    CSG_CONTROL_INPUT_VA = 0x04,
    CSG_CONTROL_OUTPUT_VA = 0x08,
    CSG_CONTROL_SUSPEND_SIZE = 0x0c,
    CSG_CONTROL_PROTM_SUSPEND_SIZE = 0x10,
    CSG_CONTROL_STREAM_NUM = 0x14,
    CSG_CONTROL_STREAM_STRIDE = 0x18,
    /* Stream control blocks, STREAM_STRIDE apart from here */
    CSG_CONTROL_STREAMS = 0x40,
};

enum {
    CS_CONTROL_FEATURES = 0x00,
    CS_CONTROL_INPUT_VA = 0x04,
    CS_CONTROL_OUTPUT_VA = 0x08,
};

#define CS_FEATURES_WORK_REGS(n)    ((n) - 1u)
#define CS_FEATURES_SCOREBOARDS(n)  ((n) << 8)
#define CS_FEATURES_COMPUTE         (1u << 16)
#define CS_FEATURES_FRAGMENT        (1u << 17)
#define CS_FEATURES_TILER           (1u << 18)

/*
 * GLB_CONTROL_INSTR_FEATURES: events between two updates of the offset, log2
 * of the bytes of the largest event (kbase)
 */
#define GLB_INSTR_OFFSET_UPDATE_RATE(w) ((w) & 0xfu)
#define GLB_INSTR_EVENT_SIZE_MAX(w)     (((w) >> 4) & 0xfu)

/* GLB_CONTROL_PRFCNT_SIZE: of a sample, in units of 256 bytes (kbase) */
#define GLB_PRFCNT_SIZE_HW(n)       ((n) & 0xffffu)
#define GLB_PRFCNT_SIZE_FW(n)       ((n) << 16)

/* GLB_PRFCNT_STATUS (Tyr) */
#define GLB_PRFCNT_STATUS_FAILED            (1u << 0)
#define GLB_PRFCNT_STATUS_PROTECTED_SESSION (1u << 3)

/* GLB_PRFCNT_CONFIG: samples of the ring, counter set */
#define GLB_PRFCNT_CONFIG_SIZE(w)   ((w) & 0xffu)
#define GLB_PRFCNT_CONFIG_SET(w)    (((w) >> 8) & 3)

/* Global input block, host to firmware */
enum {
    GLB_REQ = 0x00,
    GLB_ACK_IRQ_MASK = 0x04,
    GLB_DB_REQ = 0x08,
    GLB_PROGRESS_TIMER = 0x10,
    GLB_PWROFF_TIMER = 0x14,
    GLB_ALLOC_EN = 0x18,
    GLB_PRFCNT_JASID = 0x24,
    GLB_PRFCNT_BASE = 0x28,
    GLB_PRFCNT_EXTRACT = 0x30,
    GLB_PRFCNT_CONFIG = 0x40,
    GLB_PRFCNT_CSG_SELECT = 0x44,
    GLB_PRFCNT_FW_EN = 0x48,
    GLB_PRFCNT_CSG_EN = 0x4c,
    GLB_PRFCNT_CSF_EN = 0x50,
    GLB_PRFCNT_SHADER_EN = 0x54,
    GLB_PRFCNT_TILER_EN = 0x58,
    GLB_PRFCNT_MMU_L2_EN = 0x5c,
    GLB_IDLE_TIMER = 0x80,
    GLB_IDLE_TIMER_CONFIG = 0x84,
    GLB_EVICTION_TIMER = 0x90,
    GLB_DEBUG_ACK_IRQ_MASK = 0xff8,
    GLB_DEBUG_REQ = 0xffc,
    GLB_INPUT_SIZE = 0x1000,
};

/* Global output block, firmware to host */
enum {
    GLB_ACK = 0x00,
    GLB_DB_ACK = 0x08,
    GLB_HALT_STATUS = 0x10,
    GLB_PRFCNT_STATUS = 0x14,
    GLB_PRFCNT_INSERT = 0x18,
    GLB_DEBUG_ACK = 0xffc,
    GLB_OUTPUT_SIZE = 0x1000,
};

/* GLB_HALT_STATUS (panthor_fw.h, v7.3) */
#define GLB_HALT_STATUS_OK          0u
#define GLB_HALT_STATUS_PANIC       0x4eu

#define GLB_HALT                    (1u << 0)
#define GLB_CFG_PROGRESS_TIMER      (1u << 1)
#define GLB_CFG_ALLOC_EN            (1u << 2)
#define GLB_CFG_POWEROFF_TIMER      (1u << 3)
#define GLB_PROTM_ENTER             (1u << 4)
#define GLB_PERFCNT_EN              (1u << 5)
#define GLB_PERFCNT_SAMPLE          (1u << 6)
#define GLB_COUNTER_EN              (1u << 7)
#define GLB_PING                    (1u << 8)
#define GLB_FWCFG_UPDATE            (1u << 9)
#define GLB_IDLE_EN                 (1u << 10)
#define GLB_ITER_TRACE_EN           (1u << 11)
#define GLB_SLEEP                   (1u << 12)
/* From version 4.1 on, in place of HALT and SLEEP */
#define GLB_STATE_MASK              (7u << 12)
#define GLB_STATE(state)            ((state) << 12)
#define GLB_STATE_GET(w)            (((w) & GLB_STATE_MASK) >> 12)
#define GLB_STATE_ACTIVE            0u
#define GLB_STATE_HALT              1u
#define GLB_STATE_SLEEP             2u
#define GLB_STATE_SUSPEND           3u
#define GLB_CFG_EVICTION_TIMER      (1u << 16)
#define GLB_INACTIVE_COMPUTE        (1u << 20)
#define GLB_INACTIVE_FRAGMENT       (1u << 21)
#define GLB_INACTIVE_TILER          (1u << 22)
#define GLB_PROTM_EXIT              (1u << 23)
#define GLB_PERFCNT_THRESHOLD       (1u << 24)
#define GLB_PERFCNT_OVERFLOW        (1u << 25)
#define GLB_IDLE                    (1u << 26)
/* Only in ACK */
#define GLB_FATAL                   (1u << 27)
#define GLB_DEBUG_CSF               (1u << 30)
#define GLB_DEBUG_HOST              (1u << 31)

/* GLB_IDLE_TIMER_CONFIG (kbase) */
#define GLB_IDLE_TIMER_SLEEP_ON_IDLE (1u << 9)

/* Timer words: value and source */
#define GLB_TIMER_VALUE(w)          ((w) & 0x7fffffffu)
#define GLB_TIMER_SOURCE_GPU_COUNTER (1u << 31)

/* Group input block */
enum {
    CSG_REQ = 0x00,
    CSG_ACK_IRQ_MASK = 0x04,
    CSG_DB_REQ = 0x08,
    CSG_IRQ_ACK = 0x0c,
    CSG_ALLOW_COMPUTE = 0x20,
    CSG_ALLOW_FRAGMENT = 0x28,
    CSG_ALLOW_OTHER = 0x30,
    CSG_EP_REQ = 0x34,
    /* 64 bits; from version 4.0 on, in place of EP_REQ */
    CSG_EP_REQ2 = 0x38,
    CSG_SUSPEND_BUF = 0x40,
    CSG_PROTM_SUSPEND_BUF = 0x48,
    CSG_CONFIG = 0x50,
    CSG_INPUT_SIZE = 0x80,
};

/* Group output block */
enum {
    CSG_ACK = 0x00,
    CSG_DB_ACK = 0x08,
    CSG_IRQ_REQ = 0x0c,
    CSG_STATUS_EP_CURRENT = 0x10,
    CSG_STATUS_EP_REQ = 0x14,
    CSG_STATUS_STATE = 0x18,
    CSG_RESOURCE_DEP = 0x1c,
    CSG_OUTPUT_SIZE = 0x40,
};

#define CSG_STATE_MASK              0x7u
#define CSG_STATE_TERMINATE         0u
#define CSG_STATE_START             1u
#define CSG_STATE_SUSPEND           2u
#define CSG_STATE_RESUME            3u
#define CSG_EP_CFG                  (1u << 4)
#define CSG_STATUS_UPDATE           (1u << 5)
#define CSG_SYNC_UPDATE             (1u << 28)
#define CSG_IDLE                    (1u << 29)
#define CSG_DOORBELL                (1u << 30)
#define CSG_PROGRESS_TIMER_EVENT    (1u << 31)
#define CSG_EVT_MASK                (0xfu << 28)

#define CSG_STATUS_STATE_IDLE       (1u << 0)

/* CSG_EP_REQ and CSG_STATUS_EP_*: how many endpoints of each kind */
#define CSG_EP_REQ_COMPUTE(w)       ((w) & 0xff)
#define CSG_EP_REQ_FRAGMENT(w)      (((w) >> 8) & 0xff)
#define CSG_EP_REQ_TILER(w)         (((w) >> 16) & 0xf)
#define CSG_EP_REQ_EXCL_COMPUTE     (1u << 20)
#define CSG_EP_REQ_EXCL_FRAGMENT    (1u << 21)
#define CSG_EP_REQ_PRIORITY(w)      (((w) >> 28) & 0xf)

/* Of CSG_STATUS_EP_REQ: no priority (Tyr) */
#define CSG_STATUS_EP_REQ_MASK      0x3fffffu

/*
 * CSG_RESOURCE_DEP (Tyr).  Kinds are a mask: bit 0 compute, 1 fragment, 2
 * tiler.  There is a bit for each combination that a stream may use.
 */
#define CSG_RESOURCE_DEP_USING(kinds)       (1u << (kinds))
#define CSG_RESOURCE_DEP_AVAILABLE(kinds)   ((kinds) << 16)
#define CSG_RESOURCE_DEP_REQUESTED(kinds)   ((kinds) << 20)

/* Stream input block */
enum {
    CS_REQ = 0x00,
    CS_CONFIG = 0x04,
    CS_ACK_IRQ_MASK = 0x0c,
    CS_BASE = 0x10,
    CS_SIZE = 0x18,
    CS_TILER_HEAP_START = 0x20,
    CS_TILER_HEAP_END = 0x28,
    CS_USER_INPUT = 0x30,
    CS_USER_OUTPUT = 0x38,
    CS_INSTR_CONFIG = 0x40,
    CS_INSTR_BUFFER_SIZE = 0x44,
    CS_INSTR_BUFFER_BASE = 0x48,
    CS_INSTR_BUFFER_OFFSET_POINTER = 0x50,
    CS_INPUT_SIZE = 0x60,
};

/* Stream output block */
enum {
    CS_ACK = 0x00,
    CS_STATUS_CMD_PTR = 0x40,
    CS_STATUS_WAIT = 0x48,
    CS_STATUS_REQ_RESOURCE = 0x4c,
    CS_STATUS_WAIT_SYNC_POINTER = 0x50,
    CS_STATUS_WAIT_SYNC_VALUE = 0x58,
    CS_STATUS_SCOREBOARDS = 0x5c,
    CS_STATUS_BLOCKED_REASON = 0x60,
    CS_STATUS_WAIT_SYNC_VALUE_HI = 0x64,
    CS_FAULT = 0x80,
    CS_FATAL = 0x84,
    CS_FAULT_INFO = 0x88,
    CS_FATAL_INFO = 0x90,
    CS_HEAP_VT_START = 0xc0,
    CS_HEAP_VT_END = 0xc4,
    CS_HEAP_FRAG_END = 0xcc,
    CS_HEAP_ADDRESS = 0xd0,
    CS_OUTPUT_SIZE = 0xe0,
};

#define CS_STATE_MASK               0x7u
#define CS_STATE_STOP               0u
#define CS_STATE_START              1u
#define CS_EXTRACT_EVENT            (1u << 4)
#define CS_IDLE_SYNC_WAIT           (1u << 8)
#define CS_IDLE_PROTM_PENDING       (1u << 9)
#define CS_IDLE_EMPTY               (1u << 10)
#define CS_IDLE_RESOURCE_REQ        (1u << 11)
#define CS_IDLE_SHARED_SB_DEC       (1u << 12)
#define CS_TILER_OOM                (1u << 26)
#define CS_PROTM_PENDING            (1u << 27)
#define CS_EVENT_FATAL              (1u << 30)
#define CS_EVENT_FAULT              (1u << 31)
#define CS_EVT_MASK                 (CS_TILER_OOM | CS_PROTM_PENDING | \
                                     CS_EVENT_FATAL | CS_EVENT_FAULT)

#define CS_CONFIG_PRIORITY(w)       ((w) & 0xf)
#define CS_CONFIG_DOORBELL(w)       (((w) >> 8) & 0xff)

/*
 * CS_INSTR_CONFIG: address space, log2 of an event's bytes, and what else is
 * in an event (kbase)
 */
#define CS_INSTR_CONFIG_JASID(w)        ((w) & 0xf)
#define CS_INSTR_CONFIG_EVENT_SIZE(w)   (((w) >> 4) & 0xf)
#define CS_INSTR_CONFIG_EVENT_STATE(w)  (((w) >> 16) & 0xff)

/* CS_STATUS_WAIT */
#define CS_STATUS_WAIT_SB_MASK(m)   ((m) & 0xffffu)
#define CS_STATUS_WAIT_SB_SRC_WAIT  (8u << 16)
#define CS_STATUS_WAIT_SYNC_COND(c) ((c) << 24)
#define CS_STATUS_WAIT_PROGRESS     (1u << 28)
#define CS_STATUS_WAIT_PROTM        (1u << 29)
#define CS_STATUS_WAIT_SYNC_64B     (1u << 30)
#define CS_STATUS_WAIT_SYNC_WAIT    (1u << 31)

/* CS_STATUS_REQ_RESOURCE: operand of the instruction, what is granted (Tyr) */
#define CS_STATUS_REQ_RESOURCE_GRANTED(r)   ((r) << 16)

/* CS_STATUS_BLOCKED_REASON */
enum {
    CS_BLOCKED_UNBLOCKED = 0,
    CS_BLOCKED_SB_WAIT = 1,
    CS_BLOCKED_PROGRESS_WAIT = 2,
    CS_BLOCKED_SYNC_WAIT = 3,
    CS_BLOCKED_DEFERRED = 4,
    CS_BLOCKED_RESOURCE = 5,
    CS_BLOCKED_FLUSH = 6,
};

/* Pages that the host shares with one queue, in the firmware's space */
enum {
    CS_USER_INPUT_INSERT = 0x0,
    CS_USER_INPUT_EXTRACT_INIT = 0x8,
    CS_USER_INPUT_SIZE = 0x10,
};

enum {
    CS_USER_OUTPUT_EXTRACT = 0x0,
    CS_USER_OUTPUT_ACTIVE = 0x8,
    CS_USER_OUTPUT_SIZE = 0x10,
};

/* Exception types (panthor_device.h, v7.3, enum drm_panthor_exception_type) */
enum {
    CS_EXCEPTION_OK = 0x00,
    CS_EXCEPTION_RESOURCE_TERMINATED = 0x0f,
    CS_EXCEPTION_CONFIG_FAULT = 0x40,
    CS_EXCEPTION_UNRECOVERABLE = 0x41,
    CS_EXCEPTION_ENDPOINT_FAULT = 0x44,
    CS_EXCEPTION_BUS_FAULT = 0x48,
    CS_EXCEPTION_INVALID_INSTRUCTION = 0x49,
    CS_EXCEPTION_CALL_STACK_OVERFLOW = 0x4a,
    CS_EXCEPTION_INHERIT_FAULT = 0x4b,
    CS_EXCEPTION_ADDR_RANGE_FAULT = 0x5a,
    CS_EXCEPTION_FIRMWARE_INTERNAL_ERROR = 0x68,
};

#endif /* HW_GPU_MALI_CSF_FW_INTERFACE_H */
