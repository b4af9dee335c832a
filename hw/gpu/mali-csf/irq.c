/*
 * Mali CSF GPU: the interrupt registers RAWSTAT, CLEAR, MASK and STAT
 *
 * panthor_device.h of Linux 7.3, PANTHOR_IRQ_HANDLER(), shows what a driver
 * relies on: events latch in RAWSTAT whatever MASK says, and the line is a
 * level.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "hw/gpu/mali-csf/gpu-regs.h"
#include "device.h"
#include "trace.h"

void mali_csf_irq_init(MaliCsfState *s, MaliCsfIrq *irq, const char *name,
                       MaliCsfIrqLine line)
{
    irq->s = s;
    irq->name = name;
    irq->line = line;
}

void mali_csf_irq_share(MaliCsfIrq *a, MaliCsfIrq *b)
{
    a->other = b;
    b->other = a;
}

static uint32_t irq_stat(const MaliCsfIrq *irq)
{
    return irq->rawstat & irq->mask;
}

bool mali_csf_irq_level(const MaliCsfIrq *irq)
{
    return irq_stat(irq) || (irq->other && irq_stat(irq->other));
}

void mali_csf_irq_update(MaliCsfIrq *irq)
{
    MaliCsfState *s = irq->s;

    qemu_set_irq(s->irq[irq->line],
                 mali_csf_inject_level(&s->inject, irq->line,
                                       mali_csf_irq_level(irq)));
}

void mali_csf_irq_raise(MaliCsfIrq *irq, uint32_t bits)
{
    mali_csf_inject_irq_changed(irq->s, irq->line);
    if (mali_csf_injected(&irq->s->inject, MALI_CSF_INJECT_IRQS)) {
        bits = mali_csf_inject_irq(irq->s, irq->line, bits);
    }
    irq->rawstat |= bits;
    trace_mali_csf_irq_raise(irq->name, bits, irq->rawstat, irq->mask);
    mali_csf_irq_update(irq);
}

void mali_csf_irq_set_rawstat(MaliCsfIrq *irq, uint32_t rawstat)
{
    trace_mali_csf_irq_clear(irq->name, irq->rawstat & ~rawstat, rawstat,
                             irq->mask);
    irq->rawstat = rawstat;
    mali_csf_inject_irq_changed(irq->s, irq->line);
    mali_csf_irq_update(irq);
}

void mali_csf_irq_reset_enter(MaliCsfIrq *irq)
{
    irq->rawstat = 0;
    irq->mask = 0;
}

uint32_t mali_csf_irq_read(MaliCsfIrq *irq, hwaddr offset)
{
    if (unlikely(irq->s->inject.glitch)) {
        mali_csf_inject_irq_read(irq->s, irq->line);
        mali_csf_irq_update(irq);
    }
    switch (offset) {
    case MALI_CSF_INT_RAWSTAT:
        return irq->rawstat;
    case MALI_CSF_INT_MASK:
        return irq->mask;
    case MALI_CSF_INT_STAT:
        return irq_stat(irq);
    default:
        /* CLEAR is write-only. */
        return 0;
    }
}

void mali_csf_irq_write(MaliCsfIrq *irq, hwaddr offset, uint32_t value)
{
    switch (offset) {
    case MALI_CSF_INT_RAWSTAT:
        mali_csf_irq_raise(irq, value);
        break;
    case MALI_CSF_INT_CLEAR:
        mali_csf_irq_set_rawstat(irq, irq->rawstat & ~value);
        break;
    case MALI_CSF_INT_MASK:
        irq->mask = value;
        mali_csf_inject_irq_changed(irq->s, irq->line);
        trace_mali_csf_irq_mask(irq->name, irq->rawstat, irq->mask);
        mali_csf_irq_update(irq);
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR,
                      "%s: %s: write of 0x%" PRIx32 " to read-only offset 0x%"
                      HWADDR_PRIx "\n", __func__, irq->name, value, offset);
        break;
    }
}

const VMStateDescription vmstate_mali_csf_irq = {
    .name = "mali-csf-irq",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(rawstat, MaliCsfIrq),
        VMSTATE_UINT32(mask, MaliCsfIrq),
        VMSTATE_END_OF_LIST()
    },
};
