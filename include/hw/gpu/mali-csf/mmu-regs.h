/*
 * Mali CSF register map: MMU, and its page tables
 *
 * Offsets and bits as in panthor_mmu_regs.h of Linux 7.3.  The tables are
 * those of the Armv8-A VMSA, stage 1, 4 KiB granule, as written by
 * drivers/iommu/io-pgtable-arm.c (ARM_MALI_LPAE shares its geometry).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MMU_REGS_H
#define HW_GPU_MALI_CSF_MMU_REGS_H

#include "hw/core/registerfields.h"

/* Offsets from MALI_CSF_MMU_BASE */
#define MALI_CSF_MMU_INT            0x000
#define MALI_CSF_MMU_INT_FAULT(as)  (1u << (as))
#define MALI_CSF_MMU_INT_DONE(as)   (1u << (16 + (as)))
#define MALI_CSF_MMU_AS_BASE        0x400
#define MALI_CSF_MMU_AS_SIZE        0x40
#define MALI_CSF_MAX_AS             16

/* One address space, offsets from its base */
REG32(AS_TRANSTAB_LO, 0x00)
REG32(AS_TRANSTAB_HI, 0x04)
REG32(AS_MEMATTR_LO, 0x08)
REG32(AS_MEMATTR_HI, 0x0c)
REG32(AS_LOCKADDR_LO, 0x10)
    FIELD(AS_LOCKADDR_LO, SIZE, 0, 6)
    /* Bit n: no entry of a table of level n has changed; architecture 12 on */
    FIELD(AS_LOCKADDR_LO, FLUSH_SKIP_LEVELS, 6, 4)
REG32(AS_LOCKADDR_HI, 0x14)
REG32(AS_COMMAND, 0x18)
    FIELD(AS_COMMAND, CODE, 0, 8)
REG32(AS_FAULTSTATUS, 0x1c)
    FIELD(AS_FAULTSTATUS, EXCEPTION_TYPE, 0, 8)
    FIELD(AS_FAULTSTATUS, ACCESS_TYPE, 8, 2)
    FIELD(AS_FAULTSTATUS, SOURCE_ID, 16, 16)
REG32(AS_FAULTADDRESS_LO, 0x20)
REG32(AS_FAULTADDRESS_HI, 0x24)
REG32(AS_STATUS, 0x28)
    FIELD(AS_STATUS, AS_ACTIVE, 0, 1)
REG32(AS_TRANSCFG_LO, 0x30)
    FIELD(AS_TRANSCFG_LO, ADRMODE, 0, 4)
    FIELD(AS_TRANSCFG_LO, INA_BITS, 6, 5)
    FIELD(AS_TRANSCFG_LO, OUTA_BITS, 14, 5)
REG32(AS_TRANSCFG_HI, 0x34)
    FIELD(AS_TRANSCFG_HI, DISABLE_AF_FAULT, 2, 1)
    FIELD(AS_TRANSCFG_HI, WXN, 3, 1)
    FIELD(AS_TRANSCFG_HI, XREADABLE, 4, 1)
REG32(AS_FAULTEXTRA_LO, 0x38)
REG32(AS_FAULTEXTRA_HI, 0x3c)

/* AS_COMMAND codes */
enum {
    AS_COMMAND_NOP = 0,
    AS_COMMAND_UPDATE = 1,
    AS_COMMAND_LOCK = 2,
    AS_COMMAND_UNLOCK = 3,
    AS_COMMAND_FLUSH_PT = 4,
    AS_COMMAND_FLUSH_MEM = 5,
};

#define AS_LOCKADDR_BASE_MASK       (~UINT64_C(0xfff))

/* The size field of LOCKADDR is log2(bytes) - 1; 32 KiB is the smallest */
#define AS_LOCKADDR_SIZE_MIN        14

/* TRANSCFG.ADRMODE */
enum {
    AS_ADRMODE_UNMAPPED = 1,
    AS_ADRMODE_IDENTITY = 2,
    AS_ADRMODE_AARCH64_4K = 6,
    AS_ADRMODE_AARCH64_64K = 8,
};

/* TRANSCFG.INA_BITS is this number less the width of a virtual address */
#define AS_TRANSCFG_INA_BITS_BASE   55

/* FAULTSTATUS.ACCESS_TYPE */
enum {
    AS_ACCESS_ATOMIC = 0,
    AS_ACCESS_EXECUTE = 1,
    AS_ACCESS_READ = 2,
    AS_ACCESS_WRITE = 3,
};

/*
 * FAULTSTATUS.EXCEPTION_TYPE.  Those of a level are the base and the level
 * (panthor_exception_type in panthor_device.h, v7.3).
 */
enum {
    AS_FAULT_GPU_BUS = 0x80,
    AS_FAULT_TRANSLATION = 0xc0,
    AS_FAULT_TRANSLATION_UNMAPPED = 0xc4,
    AS_FAULT_PERMISSION = 0xc8,
    AS_FAULT_ACCESS_FLAG = 0xd8,
    AS_FAULT_ADDRESS_SIZE_IN = 0xe0,
    AS_FAULT_ADDRESS_SIZE_OUT = 0xe4,
    AS_FAULT_MEMORY_ATTRIBUTE = 0xe8,
};

/* A byte of MEMATTR */
#define AS_MEMATTR_TYPE(attr)       (((attr) >> 6) & 3)
#define AS_MEMATTR_TYPE_WRITE_BACK  2
#define AS_MEMATTR_TYPE_FAULT       3

/* Page-table descriptor */
#define MALI_CSF_PTE_VALID          (1ull << 0)
#define MALI_CSF_PTE_TABLE_OR_PAGE  (1ull << 1)
#define MALI_CSF_PTE_ATTR_SHIFT     2
#define MALI_CSF_PTE_AP_UNPRIV      (1ull << 6)
#define MALI_CSF_PTE_AP_RDONLY      (1ull << 7)
#define MALI_CSF_PTE_AF             (1ull << 10)
#define MALI_CSF_PTE_NG             (1ull << 11)
#define MALI_CSF_PTE_ADDR_MASK      0x0000fffffffff000ull
#define MALI_CSF_PTE_PXN            (1ull << 53)
#define MALI_CSF_PTE_XN             (1ull << 54)

#endif /* HW_GPU_MALI_CSF_MMU_REGS_H */
