/*
 * Mali CSF GPU: device-tree node
 *
 * What Documentation/devicetree/bindings/gpu/arm,mali-valhall-csf.yaml of
 * Linux 7.3 and the probe functions of panthor in Linux 6.12 and 7.3 want.
 * The latter fail without an OPP table, and with a supply they want its
 * voltage in each OPP; 6.12 fails without a supply.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <libfdt.h>
#include "qemu/bswap.h"
#include "hw/arm/fdt.h"
#include "system/device_tree.h"
#include "device.h"

#define CORE_MICROVOLT  750000

/*
 * The registers of a clock that the guest sets, see opp.c: how their driver
 * finds them, and the clock on a bus of its own
 */
static uint32_t add_oscillator(const MaliCsfOpp *opp, void *fdt,
                               const char *bus_node, hwaddr mmio_base)
{
    uint64_t base = object_property_get_uint(OBJECT(&opp->osc), "addr", NULL);
    g_autofree char *registers =
        g_strdup_printf("%s/sysreg@%" PRIx64, bus_node, base);
    g_autofree char *bus =
        g_strdup_printf("/gpu-clocks-%" HWADDR_PRIx, mmio_base);
    g_autofree char *node = g_strdup_printf("%s/oscillator", bus);
    g_autofree char *name =
        g_strdup_printf("gpu-clock-%" HWADDR_PRIx, mmio_base);
    uint32_t bridge = qemu_fdt_alloc_phandle(fdt);
    uint32_t phandle = qemu_fdt_alloc_phandle(fdt);

    qemu_fdt_add_subnode(fdt, registers);
    qemu_fdt_setprop_string(fdt, registers, "compatible",
                            "arm,vexpress-sysreg");
    qemu_fdt_setprop_cells(fdt, registers, "reg", base, MALI_CSF_OSC_SIZE);
    qemu_fdt_setprop_cell(fdt, registers, "phandle", bridge);

    qemu_fdt_add_subnode(fdt, bus);
    qemu_fdt_setprop_string(fdt, bus, "compatible",
                            "arm,vexpress,config-bus");
    qemu_fdt_setprop_cell(fdt, bus, "arm,vexpress,config-bridge", bridge);

    qemu_fdt_add_subnode(fdt, node);
    qemu_fdt_setprop_string(fdt, node, "compatible", "arm,vexpress-osc");
    qemu_fdt_setprop_cells(fdt, node, "arm,vexpress-sysreg,func", 1, 0);
    qemu_fdt_setprop_cells(fdt, node, "freq-range", opp->hz[0],
                           opp->hz[opp->count - 1]);
    qemu_fdt_setprop_cell(fdt, node, "#clock-cells", 0);
    qemu_fdt_setprop_string(fdt, node, "clock-output-names", name);
    qemu_fdt_setprop_cell(fdt, node, "phandle", phandle);
    return phandle;
}

/* All names carry the address: there may be more than one GPU. */
static uint32_t add_clock(const MaliCsfOpp *opp, void *fdt,
                          const char *bus_node, hwaddr mmio_base)
{
    g_autofree char *node =
        g_strdup_printf("/gpu-clock-%" HWADDR_PRIx, mmio_base);
    uint32_t phandle;

    if (mali_csf_opp_has_choice(opp)) {
        return add_oscillator(opp, fdt, bus_node, mmio_base);
    }
    phandle = qemu_fdt_alloc_phandle(fdt);
    qemu_fdt_add_subnode(fdt, node);
    qemu_fdt_setprop_string(fdt, node, "compatible", "fixed-clock");
    qemu_fdt_setprop_cell(fdt, node, "#clock-cells", 0);
    qemu_fdt_setprop_cell(fdt, node, "clock-frequency", opp->hz[0]);
    qemu_fdt_setprop_cell(fdt, node, "phandle", phandle);
    return phandle;
}

static uint32_t add_regulator(void *fdt, hwaddr mmio_base)
{
    g_autofree char *name =
        g_strdup_printf("gpu-regulator-%" HWADDR_PRIx, mmio_base);
    g_autofree char *node = g_strdup_printf("/%s", name);
    uint32_t phandle = qemu_fdt_alloc_phandle(fdt);

    qemu_fdt_add_subnode(fdt, node);
    qemu_fdt_setprop_string(fdt, node, "compatible", "regulator-fixed");
    qemu_fdt_setprop_string(fdt, node, "regulator-name", name);
    qemu_fdt_setprop_cell(fdt, node, "regulator-min-microvolt",
                          CORE_MICROVOLT);
    qemu_fdt_setprop_cell(fdt, node, "regulator-max-microvolt",
                          CORE_MICROVOLT);
    qemu_fdt_setprop_cell(fdt, node, "phandle", phandle);
    return phandle;
}

static uint32_t add_opp_table(const MaliCsfOpp *opp, void *fdt,
                              const char *gpu_node)
{
    g_autofree char *node = g_strdup_printf("%s/opp-table", gpu_node);
    uint32_t phandle = qemu_fdt_alloc_phandle(fdt);

    qemu_fdt_add_subnode(fdt, node);
    qemu_fdt_setprop_string(fdt, node, "compatible", "operating-points-v2");
    qemu_fdt_setprop_cell(fdt, node, "phandle", phandle);
    /* From the last on: a node that is added goes before the others. */
    for (int i = opp->count; i-- > 0;) {
        g_autofree char *point =
            g_strdup_printf("%s/opp-%" PRIu32, node, opp->hz[i]);

        qemu_fdt_add_subnode(fdt, point);
        qemu_fdt_setprop_u64(fdt, point, "opp-hz", opp->hz[i]);
        qemu_fdt_setprop_cell(fdt, point, "opp-microvolt", CORE_MICROVOLT);
    }
    return phandle;
}

/*
 * The protected memory as a reserved region that nobody maps; 7.3 does not look
 * for it.  What the review of the patches for protected mode asks for is a
 * reference from the GPU's node ("lookup through the device node"); what the
 * patches have is the name of a heap, which the exporter of the region gives.
 */
static void add_protected_memory(const MaliCsfProtected *reserved, void *fdt,
                                 const char *gpu_node)
{
    static const char parent[] = "/reserved-memory";
    g_autofree char *node =
        g_strdup_printf("%s/protected@%" PRIx64, parent, reserved->base);
    uint32_t phandle;

    if (!reserved->size) {
        return;
    }
    if (fdt_path_offset(fdt, parent) < 0) {
        qemu_fdt_add_subnode(fdt, parent);
        qemu_fdt_setprop_cell(fdt, parent, "#address-cells", 2);
        qemu_fdt_setprop_cell(fdt, parent, "#size-cells", 2);
        qemu_fdt_setprop(fdt, parent, "ranges", NULL, 0);
    }
    phandle = qemu_fdt_alloc_phandle(fdt);
    qemu_fdt_add_subnode(fdt, node);
    qemu_fdt_setprop_sized_cells(fdt, node, "reg", 2, reserved->base, 2,
                                 reserved->size);
    qemu_fdt_setprop(fdt, node, "no-map", NULL, 0);
    qemu_fdt_setprop_cell(fdt, node, "phandle", phandle);
    qemu_fdt_setprop_cell(fdt, gpu_node, "memory-region", phandle);
}

int mali_csf_add_fdt_node(SysBusDevice *sbdev, void *fdt,
                          const char *bus_node, hwaddr mmio_base,
                          const uint32_t spi[MALI_CSF_NUM_IRQS])
{
    static const char irq_names[] = "job\0mmu\0gpu";
    MaliCsfState *s = MALI_CSF(sbdev);
    g_autofree char *node =
        g_strdup_printf("%s/gpu@%" HWADDR_PRIx, bus_node, mmio_base);
    uint32_t interrupts[MALI_CSF_NUM_IRQS * 3];
    uint32_t clock = add_clock(&s->opp, fdt, bus_node, mmio_base);
    uint32_t regulator = add_regulator(fdt, mmio_base);

    QEMU_BUILD_BUG_ON(MALI_CSF_IRQ_JOB != 0 || MALI_CSF_IRQ_MMU != 1 ||
                      MALI_CSF_IRQ_GPU != 2);
    for (int i = 0; i < MALI_CSF_NUM_IRQS; i++) {
        interrupts[3 * i] = cpu_to_be32(GIC_FDT_IRQ_TYPE_SPI);
        interrupts[3 * i + 1] = cpu_to_be32(spi[i]);
        interrupts[3 * i + 2] = cpu_to_be32(GIC_FDT_IRQ_FLAGS_LEVEL_HI);
    }

    qemu_fdt_add_subnode(fdt, node);
    qemu_fdt_setprop_string(fdt, node, "compatible",
                            "arm,mali-valhall-csf");
    qemu_fdt_setprop_cells(fdt, node, "reg", mmio_base,
                           s->model->aperture_size);
    qemu_fdt_setprop(fdt, node, "interrupts", interrupts,
                     sizeof(interrupts));
    qemu_fdt_setprop(fdt, node, "interrupt-names", irq_names,
                     sizeof(irq_names));
    qemu_fdt_setprop_cell(fdt, node, "clocks", clock);
    qemu_fdt_setprop_string(fdt, node, "clock-names", "core");
    qemu_fdt_setprop_cell(fdt, node, "mali-supply", regulator);
    add_protected_memory(&s->reserved, fdt, node);
    /* Never neither: the node would inherit what the root node says. */
    qemu_fdt_setprop(fdt, node,
                     s->coherent ? "dma-coherent" : "dma-noncoherent",
                     NULL, 0);
    qemu_fdt_setprop_cell(fdt, node, "operating-points-v2",
                          add_opp_table(&s->opp, fdt, node));
    return 0;
}
