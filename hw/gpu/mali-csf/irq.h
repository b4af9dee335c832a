/*
 * Mali CSF GPU: the interrupt registers RAWSTAT, CLEAR, MASK and STAT
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_IRQ_H
#define HW_GPU_MALI_CSF_IRQ_H

#include "exec/hwaddr.h"
#include "hw/gpu/mali-csf.h"
#include "hw/core/irq.h"
#include "hw/core/sysbus.h"
#include "qemu/timer.h"

typedef struct MaliCsfSaved MaliCsfSaved;
typedef struct MaliCsfState MaliCsfState;

/* One block of four registers; its line is high while STAT is not zero */
typedef struct MaliCsfIrq {
    uint32_t rawstat;
    uint32_t mask;

    /* Set once, not migrated */
    const char *name;
    MaliCsfState *s;
    MaliCsfIrqLine line;
    /* The other block that drives the same line, or NULL */
    struct MaliCsfIrq *other;
} MaliCsfIrq;

/* The lines of the device, by MaliCsfIrqLine */
typedef struct MaliCsfIrqLines {
    qemu_irq out[MALI_CSF_NUM_IRQS];
    /* The registers where a bit that nothing has caused is latched */
    MaliCsfIrq *irq[MALI_CSF_NUM_IRQS];

    /*
     * What injections make of them, a bit for each: kept low though STAT is
     * not zero; high for nothing
     */
    uint8_t silent;
    uint8_t glitch;
    /*
     * High since another device on the same line wants something: a bit for
     * each; until when, in ns of the virtual clock, or -1
     */
    uint8_t shared;
    int64_t shared_until;

    /*
     * With x-seed=, a line can rise later than STAT: a bit for each that
     * should be high; when it will be, in ns of the virtual clock, or -1
     */
    uint8_t wanted;
    int64_t due[MALI_CSF_NUM_IRQS];
    QEMUTimer *timer;
} MaliCsfIrqLines;

extern const MaliCsfSaved mali_csf_irq_saved;
extern const MaliCsfSaved mali_csf_lines_saved;
/* Of the same structure, what is late */
extern const MaliCsfSaved mali_csf_late_lines_saved;

/* Before any of the registers are initialised */
void mali_csf_irq_lines_init(MaliCsfState *s, SysBusDevice *sbd);
void mali_csf_irq_lines_finalize(MaliCsfState *s);
/* Any reset, and before a load: no line is kept low or high */
void mali_csf_irq_lines_reset(MaliCsfState *s);
/* Before the registers drive their lines again */
void mali_csf_irq_lines_post_load(MaliCsfState *s);

/*
 * @name is for traces, and must outlive @irq.  Of several for one @line, the
 * line is named after the first.
 */
void mali_csf_irq_init(MaliCsfState *s, MaliCsfIrq *irq, const char *name,
                       MaliCsfIrqLine line);

/* Both drive the line that they were given: it is high for either */
void mali_csf_irq_share(MaliCsfIrq *a, MaliCsfIrq *b);

/* Latch @bits in RAWSTAT, whether they are masked or not */
void mali_csf_irq_raise(MaliCsfIrq *irq, uint32_t bits);

/* Replace RAWSTAT; the mask stays.  What a GPU reset does. */
void mali_csf_irq_set_rawstat(MaliCsfIrq *irq, uint32_t rawstat);

/* RAWSTAT and MASK to zero, without touching the line (reset enter) */
void mali_csf_irq_reset_enter(MaliCsfIrq *irq);

/* What the line of @irq is: as the registers say, but for injections */
bool mali_csf_irq_level(const MaliCsfIrq *irq);

/* Drive the line from the state (reset hold, after load) */
void mali_csf_irq_update(MaliCsfIrq *irq);

/* @offset is that of one of the four registers from the block's start */
uint32_t mali_csf_irq_read(MaliCsfIrq *irq, hwaddr offset);
void mali_csf_irq_write(MaliCsfIrq *irq, hwaddr offset, uint32_t value);

#endif /* HW_GPU_MALI_CSF_IRQ_H */
