/*
 * Mali CSF register map: PWR_CONTROL, architecture 14
 *
 * Offsets and bits as in panthor_pwr_regs.h of Linux 7.3.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_PWR_REGS_H
#define HW_GPU_MALI_CSF_PWR_REGS_H

#include "hw/core/registerfields.h"

/* In the page of GPU_CONTROL: offset in the aperture, and size in bytes */
#define MALI_CSF_PWR_BASE           0x00800
#define MALI_CSF_PWR_SIZE           0x00400

/* Offsets from MALI_CSF_PWR_BASE */
REG32(PWR_INT, 0x000)
    FIELD(PWR_INT, POWER_CHANGED_SINGLE, 0, 1)
    FIELD(PWR_INT, POWER_CHANGED_ALL, 1, 1)
    FIELD(PWR_INT, DELEGATION_CHANGED, 2, 1)
    FIELD(PWR_INT, RESET_COMPLETED, 3, 1)
    FIELD(PWR_INT, RETRACT_COMPLETED, 4, 1)
    FIELD(PWR_INT, INSPECT_COMPLETED, 5, 1)
    FIELD(PWR_INT, COMMAND_NOT_ALLOWED, 30, 1)
    FIELD(PWR_INT, COMMAND_INVALID, 31, 1)
/* Bit n: the host may command domain n; bit n + 16: the firmware has it */
REG32(PWR_STATUS_LO, 0x020)
#define PWR_STATUS_ALLOW(domain)        (1u << (domain))
#define PWR_STATUS_DELEGATED(domain)    (1u << ((domain) + 16))
REG32(PWR_STATUS_HI, 0x024)
    FIELD(PWR_STATUS_HI, ALLOW_SOFT_RESET, 1, 1)
    FIELD(PWR_STATUS_HI, ALLOW_FAST_RESET, 2, 1)
    FIELD(PWR_STATUS_HI, POWER_PENDING, 9, 1)
    FIELD(PWR_STATUS_HI, RESET_PENDING, 10, 1)
    FIELD(PWR_STATUS_HI, RETRACT_PENDING, 11, 1)
    FIELD(PWR_STATUS_HI, INSPECT_PENDING, 12, 1)
REG32(PWR_COMMAND, 0x028)
    FIELD(PWR_COMMAND, CODE, 0, 8)
    FIELD(PWR_COMMAND, DOMAIN, 8, 8)
    FIELD(PWR_COMMAND, SUBDOMAIN, 16, 8)
REG32(PWR_CMDARG_LO, 0x030)
REG32(PWR_CMDARG_HI, 0x034)

/* Codes of PWR_COMMAND */
enum {
    PWR_COMMAND_POWER_UP = 0x10,
    PWR_COMMAND_POWER_DOWN = 0x11,
    PWR_COMMAND_DELEGATE = 0x20,
    PWR_COMMAND_RETRACT = 0x21,
    PWR_COMMAND_RESET_SOFT = 0x31,
    PWR_COMMAND_RESET_FAST = 0x32,
    PWR_COMMAND_INSPECT = 0xf0,
};

/* Numbers of the domains in PWR_COMMAND and PWR_STATUS */
enum {
    PWR_DOMAIN_L2 = 0,
    PWR_DOMAIN_TILER = 1,
    PWR_DOMAIN_SHADER = 8,
    PWR_DOMAIN_BASE = 14,
    PWR_DOMAIN_STACK = 15,
};

/* Part of the shader domain: the ray-tracing unit */
#define PWR_SUBDOMAIN_RTU               (1u << 0)

/* 64-bit registers of each domain, from the first one's offset */
#define PWR_DOMAIN_L2_BASE              0x100
#define PWR_DOMAIN_TILER_BASE           0x140
#define PWR_DOMAIN_SHADER_BASE          0x200
#define PWR_DOMAIN_BASE_BASE            0x380
#define PWR_DOMAIN_STACK_BASE           0x3c0
#define PWR_DOMAIN_PRESENT              0x00
#define PWR_DOMAIN_READY                0x08
#define PWR_DOMAIN_PWRTRANS             0x10
#define PWR_DOMAIN_PWRACTIVE            0x18
#define PWR_DOMAIN_SIZE                 0x20

#endif /* HW_GPU_MALI_CSF_PWR_REGS_H */
