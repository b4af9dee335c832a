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
#include "hw/gpu/mali-csf/gpu-regs.h"
#include "device.h"
#include "log.h"
#include "saved.h"
#include "trace.h"

/* For what another device on a line holds it: a handler takes less. */
#define SHARED_NS   100000

/* An injection says which one as the schema has it. */
QEMU_BUILD_BUG_ON((int)MALI_CSF_INTERRUPT_JOB != (int)MALI_CSF_IRQ_JOB ||
                  (int)MALI_CSF_INTERRUPT_MMU != (int)MALI_CSF_IRQ_MMU ||
                  (int)MALI_CSF_INTERRUPT_GPU != (int)MALI_CSF_IRQ_GPU);

void mali_csf_irq_init(MaliCsfState *s, MaliCsfIrq *irq, const char *name,
                       MaliCsfIrqLine line)
{
    irq->s = s;
    irq->name = name;
    irq->line = line;
    if (!s->lines.irq[line]) {
        s->lines.irq[line] = irq;
    }
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
    const MaliCsfIrqLines *lines = &irq->s->lines;
    bool level = irq_stat(irq) || (irq->other && irq_stat(irq->other));

    return (level && !(lines->silent & (1u << irq->line))) ||
           ((lines->glitch | lines->shared) & (1u << irq->line));
}

static void arm_timer(MaliCsfIrqLines *lines)
{
    int64_t next = lines->shared_until < 0 ? INT64_MAX : lines->shared_until;

    for (int i = 0; i < MALI_CSF_NUM_IRQS; i++) {
        if (lines->due[i] >= 0) {
            next = MIN(next, lines->due[i]);
        }
    }
    if (next == INT64_MAX) {
        timer_del(lines->timer);
    } else {
        timer_mod(lines->timer, next);
    }
}

/* A line that should be high: whether it may be by now */
static bool rise(MaliCsfState *s, MaliCsfIrqLine line)
{
    MaliCsfIrqLines *lines = &s->lines;

    if (!(lines->wanted & (1u << line))) {
        uint64_t ns = mali_csf_perturb_ns(&s->perturb, MALI_CSF_PERTURB_IRQ);

        lines->wanted |= 1u << line;
        if (ns) {
            lines->due[line] = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + ns;
            arm_timer(lines);
        }
    }
    return lines->due[line] < 0;
}

/* It falls at once, whether it has risen or not. */
static void fall(MaliCsfIrqLines *lines, MaliCsfIrqLine line)
{
    lines->wanted &= ~(1u << line);
    if (lines->due[line] >= 0) {
        lines->due[line] = -1;
        arm_timer(lines);
    }
}

void mali_csf_irq_update(MaliCsfIrq *irq)
{
    MaliCsfIrqLines *lines = &irq->s->lines;
    bool level = mali_csf_irq_level(irq);

    if (!level) {
        fall(lines, irq->line);
    }
    qemu_set_irq(lines->out[irq->line],
                 level && rise(irq->s, irq->line));
}

/* The other device is served. */
static void end_shared(MaliCsfState *s)
{
    uint8_t ended = s->lines.shared;

    s->lines.shared = 0;
    s->lines.shared_until = -1;
    for (int i = 0; i < MALI_CSF_NUM_IRQS; i++) {
        if (ended & (1u << i)) {
            mali_csf_irq_update(s->lines.irq[i]);
        }
    }
}

static void late_lines(void *opaque)
{
    MaliCsfState *s = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    if (s->lines.shared_until >= 0 && s->lines.shared_until <= now) {
        end_shared(s);
    }
    for (int i = 0; i < MALI_CSF_NUM_IRQS; i++) {
        if (s->lines.due[i] >= 0 && s->lines.due[i] <= now) {
            s->lines.due[i] = -1;
            mali_csf_irq_update(s->lines.irq[i]);
        }
    }
    arm_timer(&s->lines);
}

/* The registers change: a line that an injection keeps low is free again. */
static void irq_changed(MaliCsfIrq *irq)
{
    irq->s->lines.silent &= ~(1u << irq->line);
}

/* The bits of @bits, which are about to be raised, that shall be */
static uint32_t without_injected(MaliCsfIrq *irq, uint32_t bits)
{
    MaliCsfState *s = irq->s;
    MaliCsfOccasion occasion = { .interrupt = irq->line, .mask = bits };
    const MaliCsfArmed *a;

    a = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_IRQ_LOST, &occasion);
    if (a) {
        bits &= ~a->mask;
    }
    if (bits && mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_IRQ_SILENT,
                                     &occasion)) {
        s->lines.silent |= 1u << irq->line;
    }
    return bits;
}

/* An interrupt that nothing has caused, or with no mask, its line alone */
static void spurious(MaliCsfState *s, const MaliCsfArmed *a)
{
    MaliCsfIrq *irq = s->lines.irq[a->interrupt];

    if (a->mask) {
        irq->rawstat |= a->mask;
    } else {
        s->lines.glitch |= 1u << a->interrupt;
    }
    trace_mali_csf_irq_raise(irq->s->trace_id, irq->name, a->mask, irq->rawstat,
                             irq->mask);
    mali_csf_irq_update(irq);
}

/* An interrupt of another device on the same line */
static void shared(MaliCsfState *s, const MaliCsfArmed *a)
{
    s->lines.shared |= 1u << a->interrupt;
    s->lines.shared_until = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                            SHARED_NS;
    arm_timer(&s->lines);
    trace_mali_csf_irq_shared(s->trace_id, s->lines.irq[a->interrupt]->name);
    mali_csf_irq_update(s->lines.irq[a->interrupt]);
}

void mali_csf_irq_raise(MaliCsfIrq *irq, uint32_t bits)
{
    irq_changed(irq);
    if (mali_csf_injected(&irq->s->inject, MALI_CSF_INJECT_IRQS)) {
        bits = without_injected(irq, bits);
    }
    irq->rawstat |= bits;
    trace_mali_csf_irq_raise(irq->s->trace_id, irq->name, bits, irq->rawstat,
                             irq->mask);
    mali_csf_irq_update(irq);
}

void mali_csf_irq_set_rawstat(MaliCsfIrq *irq, uint32_t rawstat)
{
    trace_mali_csf_irq_clear(irq->s->trace_id, irq->name,
                             irq->rawstat & ~rawstat, rawstat, irq->mask);
    irq->rawstat = rawstat;
    irq_changed(irq);
    mali_csf_irq_update(irq);
}

void mali_csf_irq_reset_enter(MaliCsfIrq *irq)
{
    irq->rawstat = 0;
    irq->mask = 0;
}

uint32_t mali_csf_irq_read(MaliCsfIrq *irq, hwaddr offset)
{
    if (unlikely(irq->s->lines.glitch)) {
        irq->s->lines.glitch &= ~(1u << irq->line);
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
        irq_changed(irq);
        trace_mali_csf_irq_mask(irq->s->trace_id, irq->name, irq->rawstat,
                                irq->mask);
        mali_csf_irq_update(irq);
        break;
    default:
        mali_csf_log_mask(LOG_GUEST_ERROR,
                          "%s: %s: write of 0x%" PRIx32 " to read-only offset "
                          "0x%" HWADDR_PRIx "\n", __func__, irq->name, value,
                          offset);
        break;
    }
}

#define IRQ_ROWS(ROW) \
    ROW(VMSTATE_UINT32(rawstat, MaliCsfIrq), SAVED_ANY) \
    ROW(VMSTATE_UINT32(mask, MaliCsfIrq), SAVED_ANY)

const MaliCsfSaved mali_csf_irq_saved = {
    .vmsd = {
        .name = "mali-csf-irq",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(IRQ_ROWS),
    },
    SAVED_CHECKS(IRQ_ROWS),
};

void mali_csf_irq_lines_init(MaliCsfState *s, SysBusDevice *sbd)
{
    for (int i = 0; i < MALI_CSF_NUM_IRQS; i++) {
        sysbus_init_irq(sbd, &s->lines.out[i]);
    }
    s->lines.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, late_lines, s);
    mali_csf_inject_set_unasked(s, MALI_CSF_INJECTION_KIND_IRQ_SPURIOUS,
                                spurious);
    mali_csf_inject_set_unasked(s, MALI_CSF_INJECTION_KIND_IRQ_SHARED, shared);
}

void mali_csf_irq_lines_finalize(MaliCsfState *s)
{
    timer_free(s->lines.timer);
}

void mali_csf_irq_lines_reset(MaliCsfState *s)
{
    s->lines.silent = 0;
    s->lines.glitch = 0;
    s->lines.shared = 0;
    s->lines.shared_until = -1;
    s->lines.wanted = 0;
    for (int i = 0; i < MALI_CSF_NUM_IRQS; i++) {
        s->lines.due[i] = -1;
    }
    timer_del(s->lines.timer);
}

void mali_csf_irq_lines_post_load(MaliCsfState *s)
{
    arm_timer(&s->lines);
}

#define LINES   MAKE_64BIT_MASK(0, MALI_CSF_NUM_IRQS)

#define LINES_ROWS(ROW) \
    ROW(VMSTATE_UINT8(silent, MaliCsfIrqLines), SAVED_BITS(LINES)) \
    ROW(VMSTATE_UINT8(glitch, MaliCsfIrqLines), SAVED_BITS(LINES)) \
    ROW(VMSTATE_UINT8(shared, MaliCsfIrqLines), SAVED_BITS(LINES)) \
    ROW(VMSTATE_INT64(shared_until, MaliCsfIrqLines), SAVED_TIME_OR(-1))

/* What another device pulls has an end, which comes after a load as well. */
static bool shared_valid(MaliCsfState *s, const void *opaque)
{
    const MaliCsfIrqLines *lines = opaque;

    return !lines->shared == (lines->shared_until < 0);
}

const MaliCsfSaved mali_csf_lines_saved = {
    .vmsd = {
        .name = "mali-csf-irq-lines",
        .version_id = 2,
        .minimum_version_id = 2,
        .fields = SAVED_FIELDS(LINES_ROWS),
    },
    SAVED_CHECKS(LINES_ROWS),
    .valid = shared_valid,
};

#define LATE_LINES_ROWS(ROW) \
    ROW(VMSTATE_UINT8(wanted, MaliCsfIrqLines), SAVED_BITS(LINES)) \
    ROW(VMSTATE_INT64_ARRAY(due, MaliCsfIrqLines, MALI_CSF_NUM_IRQS), \
        SAVED_TIME_OR(-1))

const MaliCsfSaved mali_csf_late_lines_saved = {
    .vmsd = {
        .name = "mali-csf-late-irq-lines",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(LATE_LINES_ROWS),
    },
    SAVED_CHECKS(LATE_LINES_ROWS),
};
