/*
 * Arm Mali CSF GPU: what a board needs to know of the device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_H
#define HW_GPU_MALI_CSF_H

#include "hw/core/sysbus.h"

#define TYPE_MALI_CSF "mali-csf"

/* Order of the interrupt lines, sysbus_init_irq() and device tree alike. */
typedef enum MaliCsfIrqLine {
    MALI_CSF_IRQ_JOB,
    MALI_CSF_IRQ_MMU,
    MALI_CSF_IRQ_GPU,
    MALI_CSF_NUM_IRQS,
} MaliCsfIrqLine;

/**
 * mali_csf_add_fdt_node: describe the device in a flattened device tree
 * @sbdev: the device, realized
 * @fdt: the tree
 * @bus_node: path of the platform bus node, which has one cell of address
 *            and one of size
 * @mmio_base: offset of the registers on that bus
 * @spi: number of the GIC shared interrupt of each line
 *
 * Adds the GPU's node under @bus_node and, at the root, the fixed clock and
 * the fixed regulator that the driver asks for.  Returns 0.
 */
int mali_csf_add_fdt_node(SysBusDevice *sbdev, void *fdt,
                          const char *bus_node, hwaddr mmio_base,
                          const uint32_t spi[MALI_CSF_NUM_IRQS]);

#endif /* HW_GPU_MALI_CSF_H */
