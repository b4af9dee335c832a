/*
 * Mali CSF GPU: the operating points of the core clock, and the oscillator by
 * which a guest chooses one
 *
 * On a board the clock comes from a controller of the SoC, of which there is
 * none on "virt".  This one has the registers of the motherboard of Arm's
 * Versatile Express that set an oscillator, since Linux has a driver for these
 * that needs no other part of that board: Linux 7.3,
 * drivers/bus/vexpress-config.c, drivers/clk/versatile/clk-vexpress-osc.c;
 * Documentation/devicetree/bindings/arm/arm,vexpress-juno.yaml and
 * vexpress-config.yaml.  hw/misc/arm_sysctl.c models that of the board.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "hw/core/registerfields.h"
#include "device.h"
#include "log.h"
#include "saved.h"
#include "trace.h"

#define HZ_PER_MHZ      1000000
#define MAX_MHZ         4000

REG32(SYS_CFGDATA, 0xa0)
REG32(SYS_CFGCTRL, 0xa4)
    FIELD(SYS_CFGCTRL, DEVICE, 0, 12)
    FIELD(SYS_CFGCTRL, FUNCTION, 20, 6)
    FIELD(SYS_CFGCTRL, WRITE, 30, 1)
    FIELD(SYS_CFGCTRL, START, 31, 1)
REG32(SYS_CFGSTAT, 0xa8)
    FIELD(SYS_CFGSTAT, COMPLETE, 0, 1)
    FIELD(SYS_CFGSTAT, ERROR, 1, 1)

#define FUNCTION_OSC    1

static uint32_t highest(const MaliCsfOpp *opp)
{
    return opp->hz[opp->count - 1];
}

static bool in_range(const MaliCsfOpp *opp, uint32_t hz)
{
    return hz >= opp->hz[0] && hz <= highest(opp);
}

static void set_rate(MaliCsfOpp *opp, uint32_t hz)
{
    opp->rate = hz;
    mali_csf_clock_set_rate(opp->clock, hz);
}

/* True if it was done */
static bool osc_command(MaliCsfOpp *opp, uint32_t command)
{
    if (FIELD_EX32(command, SYS_CFGCTRL, FUNCTION) != FUNCTION_OSC ||
        FIELD_EX32(command, SYS_CFGCTRL, DEVICE) != 0) {
        mali_csf_log_mask(LOG_GUEST_ERROR, "mali-csf: no function of the "
                          "oscillator: 0x%08" PRIx32 "\n", command);
        return false;
    }
    if (!FIELD_EX32(command, SYS_CFGCTRL, WRITE)) {
        opp->osc_data = opp->rate;
        return true;
    }
    if (!in_range(opp, opp->osc_data)) {
        mali_csf_log_mask(LOG_GUEST_ERROR, "mali-csf: the oscillator has no %"
                          PRIu32 " Hz\n", opp->osc_data);
        return false;
    }
    set_rate(opp, opp->osc_data);
    trace_mali_csf_clock_rate(opp->trace_id, opp->rate);
    return true;
}

static uint64_t osc_read(void *opaque, hwaddr offset, unsigned size)
{
    MaliCsfOpp *opp = opaque;

    switch (offset) {
    case A_SYS_CFGDATA:
        return opp->osc_data;
    case A_SYS_CFGSTAT:
        return opp->osc_status;
    default:
        /* Of the rest of that board there is nothing. */
        return 0;
    }
}

static void osc_write(void *opaque, hwaddr offset, uint64_t value,
                      unsigned size)
{
    MaliCsfOpp *opp = opaque;

    switch (offset) {
    case A_SYS_CFGDATA:
        opp->osc_data = value;
        break;
    case A_SYS_CFGSTAT:
        opp->osc_status = value & (R_SYS_CFGSTAT_COMPLETE_MASK |
                                   R_SYS_CFGSTAT_ERROR_MASK);
        break;
    case A_SYS_CFGCTRL:
        if (FIELD_EX32(value, SYS_CFGCTRL, START)) {
            opp->osc_status = R_SYS_CFGSTAT_COMPLETE_MASK |
                              (osc_command(opp, value) ?
                               0 : R_SYS_CFGSTAT_ERROR_MASK);
        }
        break;
    default:
        break;
    }
}

static const MemoryRegionOps osc_ops = {
    .read = osc_read,
    .write = osc_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 4,
        .max_access_size = 4,
    },
};

/* Appends the rates of the property to opp->hz; false if it is no such list */
static bool parse_list(MaliCsfOpp *opp, const char *list)
{
    g_auto(GStrv) words = g_strsplit(list, ":", 0);
    uint32_t before = 0;

    for (int i = 0; words[i]; i++) {
        unsigned mhz;

        if (opp->count == MALI_CSF_MAX_OPPS ||
            words[i][strspn(words[i], "0123456789")] ||
            qemu_strtoui(words[i], NULL, 10, &mhz) < 0 ||
            mhz <= before || mhz > MAX_MHZ) {
            return false;
        }
        opp->hz[opp->count++] = mhz * HZ_PER_MHZ;
        before = mhz;
    }
    return opp->count > 0;
}

bool mali_csf_opp_init(MaliCsfOpp *opp, Object *owner, const char *trace_id,
                       MaliCsfClock *clock, Error **errp)
{
    opp->trace_id = trace_id;
    opp->count = 0;
    if (!opp->list) {
        opp->hz[opp->count++] = MALI_CSF_CORE_CLOCK_HZ;
    } else if (!parse_list(opp, opp->list)) {
        error_setg(errp, "opps=%s is no ascending list of up to %d rates from "
                   "1 to %d MHz, such as 300:600:1000", opp->list,
                   MALI_CSF_MAX_OPPS, MAX_MHZ);
        return false;
    }
    opp->clock = clock;
    mali_csf_opp_reset(opp);
    if (mali_csf_opp_has_choice(opp)) {
        memory_region_init_io(&opp->osc, owner, &osc_ops, opp,
                              "mali-csf-oscillator", MALI_CSF_OSC_SIZE);
    }
    return true;
}

bool mali_csf_opp_has_choice(const MaliCsfOpp *opp)
{
    return opp->count > 1;
}

MemoryRegion *mali_csf_opp_registers(MaliCsfOpp *opp)
{
    return &opp->osc;
}

void mali_csf_opp_reset(MaliCsfOpp *opp)
{
    opp->osc_data = 0;
    opp->osc_status = 0;
    set_rate(opp, highest(opp));
}

void mali_csf_opp_post_load(MaliCsfOpp *opp)
{
    mali_csf_clock_loaded(opp->clock, opp->rate);
}

/* Another opps= may not have had it. */
static bool is_rate(MaliCsfState *s, uint64_t value)
{
    return value <= UINT32_MAX && in_range(&s->opp, value);
}

#define OPP_ROWS(ROW) \
    ROW(VMSTATE_UINT32(rate, MaliCsfOpp), SAVED_IF(is_rate)) \
    ROW(VMSTATE_UINT32(osc_data, MaliCsfOpp), SAVED_ANY) \
    ROW(VMSTATE_UINT32(osc_status, MaliCsfOpp), SAVED_ANY)

const MaliCsfSaved mali_csf_opp_saved = {
    .vmsd = {
        .name = "mali-csf-opp",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(OPP_ROWS),
    },
    SAVED_CHECKS(OPP_ROWS),
};
