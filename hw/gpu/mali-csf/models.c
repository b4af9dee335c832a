/*
 * Mali CSF GPU: what differs from product to product, as data
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/bitops.h"
#include "hw/gpu/mali-csf/fw-interface.h"
#include "hw/gpu/mali-csf/gpu-regs.h"
#include "hw/gpu/mali-csf/mmu-regs.h"
#include "models.h"

/*
 * Where the values come from.  What has no source is a guess; the table of
 * docs/specs/mali-csf.rst marks each.
 *
 * - GPU_ID: architecture and product number are those of panthor_hw.c, v7.3,
 *   and of kbase's mali_kbase_gpu_id.h; the rest, and the feature registers,
 *   are boot logs and dumps that owners of a part have published.
 * - CORE_FEATURES: the variants of Mesa's list of GPUs.
 * - THREAD_*: kbase's dummy model, where there is no dump.
 * - Core masks: so many cores that panthor_hw.c gives the part the name that
 *   it is sold under.
 * - Aperture: a device tree where there is one, else that of the MT8196.
 * - Firmware numbers: what drivers log of the control block; registers and
 *   scoreboard entries are Mesa's (v10.xml to v14.xml, cs_builder.h).
 */

/* The same in every product that anybody has dumped */
#define COMMON \
    .tiler_features = 0x809, \
    .mmu_features = 0x2830, \
    .as_present = 0xff, \
    .thread_max_threads = 2048, \
    .thread_max_workgroup_size = 1024, \
    .thread_max_barrier_size = 1024, \
    /* Products have 0xc1ffff9e, with formats that no shader here decodes */ \
    .texture_features = { 0x01000000, 0, 0, 0 }, \
    .tiler_present = 0x1, \
    .l2_present = 0x1, \
    .fw_instr_features = 0x71, \
    .csg_slots = 8, \
    .cs_per_csg = 8

/* The firmware powers tiler and shader cores by itself while it runs. */
#define POWER_BY_GPU_CONTROL \
    .delegated = BIT(MALI_CSF_POWER_TILER) | BIT(MALI_CSF_POWER_SHADER)

/* It does when they have been delegated to it. */
#define POWER_BY_PWR_CONTROL \
    .has_pwr_control = true

#define ARCH_10 \
    COMMON, \
    POWER_BY_GPU_CONTROL, \
    .arch = 10, \
    .csf_id = 0x040a0412, \
    .thread_features = 0x04010000, \
    .fw_version = 0x01010000, \
    .fw_features = 0, \
    .work_registers = 96, \
    .scoreboards = 8

#define ARCH_11 \
    COMMON, \
    POWER_BY_GPU_CONTROL, \
    .arch = 11, \
    .l2_features = 0x07120306, \
    .core_features = 4, \
    .mem_features = 0x301, \
    .csf_id = 0x050b0000, \
    .thread_features = 0x04010000, \
    .aperture_size = 0x480000, \
    .fw_version = 0x02000000, \
    .fw_features = 0, \
    .work_registers = 96, \
    .scoreboards = 16

#define ARCH_12 \
    COMMON, \
    POWER_BY_GPU_CONTROL, \
    .arch = 12, \
    .l2_features = 0x08130306, \
    .core_features = 4, \
    .mem_features = 0x301, \
    .csf_id = 0x060c0000, \
    .thread_features = 0x10010000, \
    .aperture_size = 0x480000, \
    .fw_version = 0x030d0000, \
    .fw_features = 0x10, \
    .work_registers = 128, \
    .scoreboards = 16

#define ARCH_13 \
    COMMON, \
    POWER_BY_GPU_CONTROL, \
    .arch = 13, \
    .l2_features = 0x08130306, \
    .core_features = 4, \
    .mem_features = 0x301, \
    .csf_id = 0x070d0000, \
    .thread_features = 0x10010000, \
    .coherency_features = 0x1, \
    .aperture_size = 0x480000, \
    .fw_version = 0x030d0000, \
    .fw_features = 0x10, \
    .work_registers = 128, \
    .scoreboards = 16

#define ARCH_14 \
    COMMON, \
    POWER_BY_PWR_CONTROL, \
    .arch = 14, \
    .l2_features = 0x08130306, \
    .mem_features = 0x301, \
    .csf_id = 0x080e0000, \
    .thread_features = 0x10010000, \
    .coherency_features = 0x1, \
    .aperture_size = 0x480000, \
    .fw_version = 0x04010000, \
    .fw_features = 0x10, \
    .work_registers = 128, \
    .scoreboards = 16

/* GPU_FEATURES: the ray-tracing unit that Immortalis stands for */
#define RAY_INTERSECTION    R_GPU_FEATURES_LO_RAY_INTERSECTION_MASK
/* And one that can be powered by itself */
#define RAY_TRAVERSAL       R_GPU_FEATURES_LO_RAY_TRAVERSAL_MASK

static const MaliCsfModel models[] = {
    {
        /* i.MX95: boot logs of its boards */
        ARCH_10,
        .name = "g310",
        .product = "Mali-G310",
        .gpu_id = 0xac740001,
        .l2_features = 0x07110306,
        .core_features = 0,
        .mem_features = 0x1,
        .shader_present = 0x1,
        .aperture_size = 0x480000,
    }, {
        ARCH_10,
        .name = "g510",
        .product = "Mali-G510",
        .gpu_id = 0xaa030000,
        .l2_features = 0x07120306,
        .core_features = 0,
        .mem_features = 0x101,
        .shader_present = 0x3,
        .aperture_size = 0x480000,
    }, {
        /*
         * RK3588: what panthor prints there at probe, the dump in
         * src/panfrost/drm-shim/panfrost_noop.c of Mesa, the aperture of
         * rk3588-base.dtsi
         */
        ARCH_10,
        .name = "g610",
        .product = "Mali-G610",
        .gpu_id = 0xa8670005,
        .l2_features = 0x07120306,
        .core_features = 0,
        .mem_features = 0x301,
        .shader_present = 0x50005,
        .aperture_size = 0x200000,
    }, {
        ARCH_10,
        .name = "g710",
        .product = "Mali-G710",
        .gpu_id = 0xa8620000,
        .l2_features = 0x07120306,
        .core_features = 0,
        .mem_features = 0x301,
        .shader_present = 0x770007,
        .aperture_size = 0x480000,
    }, {
        /* Dimensity 8300: boot logs of its boards */
        ARCH_11,
        .name = "g615",
        .product = "Mali-G615",
        .gpu_id = 0xb8a31030,
        .shader_present = 0x130013,
    }, {
        /* Tensor G3: boot logs of its boards */
        ARCH_11,
        .name = "g715",
        .product = "Mali-G715",
        .gpu_id = 0xb8a21020,
        .shader_present = 0x770007,
    }, {
        ARCH_11,
        .name = "g715-immortalis",
        .product = "Immortalis-G715",
        .gpu_id = 0xb8a21020,
        .gpu_features = RAY_INTERSECTION,
        .shader_present = 0x370077,
    }, {
        ARCH_12,
        .name = "g620",
        .product = "Mali-G620",
        .gpu_id = 0xc8710000,
        .shader_present = 0x50005,
    }, {
        ARCH_12,
        .name = "g720",
        .product = "Mali-G720",
        .gpu_id = 0xc8700008,
        .shader_present = 0x50555,
    }, {
        /* CIX Sky1: boot logs of its boards */
        ARCH_12,
        .name = "g720-immortalis",
        .product = "Immortalis-G720",
        .gpu_id = 0xc8700008,
        .gpu_features = RAY_INTERSECTION,
        .shader_present = 0x550555,
    }, {
        ARCH_13,
        .name = "g625",
        .product = "Mali-G625",
        .gpu_id = 0xd8310000,
        .shader_present = 0x30003,
    }, {
        ARCH_13,
        .name = "g725",
        .product = "Mali-G725",
        .gpu_id = 0xd8300015,
        .shader_present = 0x330033,
    }, {
        /* The next one without its ray-tracing unit; not sold */
        ARCH_13,
        .name = "g925",
        .product = "Mali-G925",
        .gpu_id = 0xd8300015,
        .shader_present = 0xee0077,
    }, {
        /* MT8196: boot logs of its boards, mt8196.dtsi */
        ARCH_13,
        .name = "g925-immortalis",
        .product = "Immortalis-G925",
        .gpu_id = 0xd8300015,
        .gpu_features = RAY_INTERSECTION,
        .shader_present = 0xee0077,
    }, {
        ARCH_14,
        .name = "g1-pro",
        .product = "Mali-G1-Pro",
        .gpu_id = 0xe8030000,
        .core_features = 1,
        .shader_present = 0xf,
    }, {
        ARCH_14,
        .name = "g1-premium",
        .product = "Mali-G1-Premium",
        .gpu_id = 0xe8010000,
        .core_features = 4,
        .shader_present = 0xff,
    }, {
        ARCH_14,
        .name = "g1-ultra",
        .product = "Mali-G1-Ultra",
        .gpu_id = 0xe8000000,
        .core_features = 4,
        .gpu_features = RAY_INTERSECTION | RAY_TRAVERSAL,
        .shader_present = 0xfff,
    },
};

/* panthor_fw.c, v7.3: MIN_CSGS */
#define MIN_CSG_SLOTS       3
/* One for the firmware and one for everybody else */
#define MIN_ADDRESS_SPACES  2
/* The firmware's addresses are 32 bits wide; four levels of table do 48. */
#define MIN_VA_BITS         32
#define MAX_VA_BITS         48

static bool in_range(const char *property, uint32_t value, uint32_t min,
                     uint32_t max, Error **errp)
{
    if (value < min || value > max) {
        error_setg(errp, "%s=%" PRIu32 " is not between %" PRIu32 " and %"
                   PRIu32, property, value, min, max);
        return false;
    }
    return true;
}

/* Widths that io-pgtable-arm.c of Linux has, up to what the walker has */
static bool is_pa_width(uint32_t bits, Error **errp)
{
    switch (bits) {
    case 32: case 36: case 40: case 42: case 44: case 48:
        return true;
    default:
        error_setg(errp, "pa-bits=%" PRIu32 " is none of 32, 36, 40, 42, 44, "
                   "48", bits);
        return false;
    }
}

static bool parse_fw_version(const char *text, uint32_t *version, Error **errp)
{
    unsigned major, minor, patch = 0;
    int end = 0;

    if (text[strspn(text, "0123456789.")] ||
        sscanf(text, "%3u.%3u%n.%5u%n", &major, &minor, &end, &patch,
               &end) < 2 ||
        text[end] || major > UINT8_MAX || minor > UINT8_MAX ||
        patch > UINT16_MAX) {
        error_setg(errp, "firmware-version=%s is no version such as 1.5 or "
                   "4.1.0", text);
        return false;
    }
    *version = FW_VERSION(major, minor, patch);
    return true;
}

bool mali_csf_model_override(MaliCsfModel *model,
                             const MaliCsfOverrides *overrides,
                             Error **errp)
{
    const MaliCsfOverrides *o = overrides;

    if (o->shader_present) {
        model->shader_present = o->shader_present;
    }
    if (o->csg_slots) {
        if (!in_range("csg-slots", o->csg_slots, MIN_CSG_SLOTS,
                      MALI_CSF_MAX_CSG, errp)) {
            return false;
        }
        model->csg_slots = o->csg_slots;
    }
    if (o->cs_per_csg) {
        if (!in_range("cs-per-csg", o->cs_per_csg, 1, MALI_CSF_MAX_CS, errp)) {
            return false;
        }
        model->cs_per_csg = o->cs_per_csg;
    }
    /* The kernel's doorbell page, and one for each slot */
    model->aperture_size = MAX(model->aperture_size, MALI_CSF_DOORBELL_BASE +
                               (model->csg_slots + 1) *
                               MALI_CSF_DOORBELL_SIZE);
    if (o->address_spaces) {
        if (!in_range("address-spaces", o->address_spaces,
                      MIN_ADDRESS_SPACES, MALI_CSF_MAX_AS, errp)) {
            return false;
        }
        model->as_present = MAKE_64BIT_MASK(0, o->address_spaces);
    }
    if (o->va_bits) {
        if (!in_range("va-bits", o->va_bits, MIN_VA_BITS, MAX_VA_BITS,
                      errp)) {
            return false;
        }
        model->mmu_features = FIELD_DP32(model->mmu_features, MMU_FEATURES,
                                         VA_BITS, o->va_bits);
    }
    if (o->fw_version &&
        !parse_fw_version(o->fw_version, &model->fw_version, errp)) {
        return false;
    }
    if (o->pa_bits) {
        if (!is_pa_width(o->pa_bits, errp)) {
            return false;
        }
        model->mmu_features = FIELD_DP32(model->mmu_features, MMU_FEATURES,
                                         PA_BITS, o->pa_bits);
    }
    return true;
}

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
