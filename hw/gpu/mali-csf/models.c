/*
 * Mali CSF GPU: what differs from product to product, as data
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "models.h"

static const MaliCsfModel models[] = {
    {
        /*
         * The Mali-G610 of the RK3588.  Register values are those that
         * panthor prints there at probe and those of the dump in
         * src/panfrost/drm-shim/panfrost_noop.c of Mesa; the aperture is
         * that of rk3588-base.dtsi.  Firmware numbers are what a board's
         * driver logs of the control block.
         */
        .name = "g610",
        .product = "Mali-G610",
        .gpu_id = 0xa8670005,
        .l2_features = 0x07120306,
        .core_features = 0,
        .tiler_features = 0x809,
        .mem_features = 0x301,
        .mmu_features = 0x2830,
        .as_present = 0xff,
        .csf_id = 0x040a0412,
        .gpu_features = 0,
        .thread_max_threads = 2048,
        .thread_max_workgroup_size = 1024,
        .thread_max_barrier_size = 1024,
        .thread_features = 0x04010000,
        .texture_features = { 0xc1ffff9e, 0, 0, 0 },
        .shader_present = 0x50005,
        .tiler_present = 0x1,
        .l2_present = 0x1,
        .aperture_size = 0x200000,
        .fw_version = 0x01010000,
        .fw_features = 0,
        .fw_instr_features = 0x71,
        .csg_slots = 8,
        .cs_per_csg = 8,
        .work_registers = 96,
        .scoreboards = 8,
    },
};

const MaliCsfModel *mali_csf_model_find(const char *name)
{
    for (int i = 0; i < ARRAY_SIZE(models); i++) {
        if (!strcmp(models[i].name, name)) {
            return &models[i];
        }
    }
    return NULL;
}

char *mali_csf_model_names(void)
{
    const char *names[ARRAY_SIZE(models) + 1] = { NULL };

    for (int i = 0; i < ARRAY_SIZE(models); i++) {
        names[i] = models[i].name;
    }
    return g_strjoinv(", ", (char **)names);
}
