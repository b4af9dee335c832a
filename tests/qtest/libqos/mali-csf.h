/*
 * libqos driver for the Arm Mali CSF GPU
 *
 * Page tables, the microcontroller, groups and queues, as a driver sets
 * them up.  Nothing moves in the device unless the virtual clock is stepped,
 * which mali_csf_run() and the functions named wait do.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QTEST_LIBQOS_MALI_CSF_H
#define QTEST_LIBQOS_MALI_CSF_H

#include "../libqtest.h"
#include "qemu/units.h"
#include "hw/gpu/mali-csf/cs-isa.h"
#include "hw/gpu/mali-csf/fw-interface.h"
#include "hw/gpu/mali-csf/gpu-regs.h"
#include "hw/gpu/mali-csf/mmu-regs.h"
#include "hw/gpu/mali-csf/pwr-regs.h"

/* Where the only device on the platform bus of "virt" lies */
#define MALI_CSF_BASE           0x0c000000ull
#define MALI_CSF_QOM_PATH       "/machine/peripheral/gpu"

/* GIC shared peripheral interrupts of the three lines */
enum {
    MALI_CSF_SPI_JOB = 112,
    MALI_CSF_SPI_MMU = 113,
    MALI_CSF_SPI_GPU = 114,
};

/* Guest RAM that the tests hand out; what lies below is left alone */
#define MALI_CSF_RAM_BASE       0x40000000ull
#define MALI_CSF_RAM_SIZE       (256 * MiB)
#define MALI_CSF_RAM_FREE       0x44000000ull

#define MALI_CSF_MAX_CSGS       31
#define MALI_CSF_MAX_QUEUES     32

#define MALI_CSF_US             1000ll
#define MALI_CSF_MS             1000000ll
/* What the driver grants for a request, a flush, a reset */
#define MALI_CSF_TIMEOUT        (100 * MALI_CSF_MS)

/* As panthor writes them for a device that is not coherent (Linux 7.3) */
#define MALI_CSF_TRANSCFG       0x420001c6ull
#define MALI_CSF_MEMATTR        0x8f8f8f8f8c4c8f4cull
#define MALI_CSF_FLUSH_ALL      0x00023304u
#define MALI_CSF_FLUSH_CLEAN    0x00001104u
/* "Everything", as 6.12 writes it */
#define MALI_CSF_LOCK_ALL       0x3full

#define MALI_CSF_PAGE           0x1000ull
#define MALI_CSF_BLOCK_2M       0x200000ull

typedef struct QMaliCsf QMaliCsf;

/* Guest RAM, and where some address space has it */
typedef struct QMaliCsfBuffer {
    uint64_t pa;
    uint64_t va;
    uint64_t size;
} QMaliCsfBuffer;

typedef struct QMaliCsfVm {
    QMaliCsf *gpu;
    unsigned as;
    uint64_t root;
    uint64_t next_va;
    /* Buffers lie at their physical address, and no table says so */
    bool identity;
} QMaliCsfVm;

struct QMaliCsf {
    QTestState *qts;
    /* As the arguments say: fuzz targets have no QMP to ask the device by */
    bool coherent;
    uint64_t next_pa;
    int64_t now;

    /* Address space 0 and the shared section in it */
    QMaliCsfVm mcu_vm;
    uint64_t shared_pa;

    /* From the control block; physical addresses */
    unsigned group_num;
    unsigned stream_num;
    uint32_t suspend_size;
    uint32_t protm_suspend_size;
    uint64_t glb_in;
    uint64_t glb_out;
    uint64_t csg_in[MALI_CSF_MAX_CSGS];
    uint64_t csg_out[MALI_CSF_MAX_CSGS];
    uint64_t cs_in[MALI_CSF_MAX_CSGS][MALI_CSF_MAX_QUEUES];
    uint64_t cs_out[MALI_CSF_MAX_CSGS][MALI_CSF_MAX_QUEUES];
};

typedef struct QMaliCsfGroup QMaliCsfGroup;

typedef struct QMaliCsfQueue {
    QMaliCsfGroup *group;
    unsigned index;
    unsigned priority;
    QMaliCsfBuffer ring;
    /* In address space 0 */
    QMaliCsfBuffer input;
    QMaliCsfBuffer output;
    uint64_t insert;
} QMaliCsfQueue;

struct QMaliCsfGroup {
    QMaliCsf *gpu;
    QMaliCsfVm *vm;
    unsigned slot;
    unsigned num_queues;
    QMaliCsfBuffer suspend;
    QMaliCsfBuffer protm_suspend;
    QMaliCsfQueue queue[MALI_CSF_MAX_QUEUES];
};

/* Everything that a job needs: one group with one queue in slot 0, AS 1 */
typedef struct QMaliCsfBench {
    QMaliCsf gpu;
    QMaliCsfVm vm;
    QMaliCsfGroup group;
    QMaliCsfQueue *queue;
    /* A page for results, and one for code that is CALLed */
    QMaliCsfBuffer out;
    QMaliCsfBuffer code;
} QMaliCsfBench;

/*
 * The machine, with a G610; @args are arguments of QEMU, such as "-global
 * mali-csf.model=g720"
 */
void mali_csf_init(QMaliCsf *gpu, const char *args);
/* The same for a machine that is there, just reset, its RAM zero */
void mali_csf_attach(QMaliCsf *gpu, QTestState *qts);
void mali_csf_quit(QMaliCsf *gpu);
/*
 * Start QEMU with "-device @device", which has to be refused.  Returns what
 * it says of it; the caller frees it.
 */
char *mali_csf_refused(const char *device);
/* The same behind @count devices "-device @first", which are accepted */
char *mali_csf_refused_behind(const char *first, unsigned count,
                              const char *device);
/* Report the GIC's inputs to qtest_get_irq(), by SPI number */
void mali_csf_intercept_irqs(QMaliCsf *gpu);
/* A property of the device that is a number */
void mali_csf_set_property(QMaliCsf *gpu, const char *name, int64_t value);
/* A property that is a number, of the object at @path; and of the device */
uint64_t mali_csf_number_at(QMaliCsf *gpu, const char *path,
                                const char *name);
static inline uint64_t mali_csf_number(QMaliCsf *gpu, const char *name)
{
    return mali_csf_number_at(gpu, MALI_CSF_QOM_PATH, name);
}
/* A property of the device that is a string; the caller frees it */
char *mali_csf_get_property(QMaliCsf *gpu, const char *name);
/* What x-query-mali-csf says of the device; the caller frees it */
char *mali_csf_query(QMaliCsf *gpu);

/* Virtual time */
void mali_csf_run(QMaliCsf *gpu, int64_t ns);
/* Step until (word at @pa & @mask) == @value, or until the time-out */
bool mali_csf_wait_mem(QMaliCsf *gpu, uint64_t pa, uint32_t mask,
                       uint32_t value, int64_t timeout);
/* The same with a register, @offset from the start of the aperture */
bool mali_csf_wait_reg(QMaliCsf *gpu, uint32_t offset, uint32_t mask,
                       uint32_t value, int64_t timeout);

/* Registers; 64-bit ones are written and read low word first */
uint32_t mali_csf_readl(QMaliCsf *gpu, uint32_t offset);
void mali_csf_writel(QMaliCsf *gpu, uint32_t offset, uint32_t value);
uint64_t mali_csf_readq(QMaliCsf *gpu, uint32_t offset);
void mali_csf_writeq(QMaliCsf *gpu, uint32_t offset, uint64_t value);
uint32_t mali_csf_as_reg(unsigned as, uint32_t reg);
void mali_csf_doorbell(QMaliCsf *gpu, unsigned page);

/* GPU commands, with their completion */
void mali_csf_soft_reset(QMaliCsf *gpu);
void mali_csf_flush_caches(QMaliCsf *gpu, uint32_t command);
/* And, with PWR_CONTROL, leave tiler and shader cores to the firmware */
void mali_csf_l2_on(QMaliCsf *gpu);

/* Address-space commands; all wait for AS_STATUS to be idle */
void mali_csf_as_command(QMaliCsf *gpu, unsigned as, uint32_t command);
void mali_csf_lock(QMaliCsf *gpu, unsigned as, uint64_t lockaddr);
void mali_csf_unlock(QMaliCsf *gpu, unsigned as);
/* Stage @root and the usual attributes, then UPDATE */
void mali_csf_as_enable(QMaliCsf *gpu, unsigned as, uint64_t root);
void mali_csf_as_disable(QMaliCsf *gpu, unsigned as);
/* LOCKADDR of the smallest region around a range, as the driver packs it */
uint64_t mali_csf_pack_region(uint64_t start, uint64_t size);

/* Guest RAM: zeroed, never given back */
uint64_t mali_csf_alloc(QMaliCsf *gpu, uint64_t size, uint64_t align);

/* Page tables */
void mali_csf_vm_init(QMaliCsf *gpu, QMaliCsfVm *vm, unsigned as);
void mali_csf_vm_enable(QMaliCsfVm *vm);
/* A descriptor of a block or page at @level with @bits besides the usual */
uint64_t mali_csf_leaf(uint64_t pa, unsigned level, uint64_t bits);
uint64_t mali_csf_table(uint64_t pa);
/*
 * Where the descriptor of @va at @level lies; the tables above are made.
 */
uint64_t mali_csf_pte_addr(QMaliCsfVm *vm, uint64_t va, unsigned level);
uint64_t mali_csf_get_pte(QMaliCsfVm *vm, uint64_t va, unsigned level);
void mali_csf_set_pte(QMaliCsfVm *vm, uint64_t va, unsigned level,
                      uint64_t pte);
void mali_csf_map(QMaliCsfVm *vm, uint64_t va, uint64_t pa, uint64_t size,
                  uint64_t bits);
void mali_csf_map_leaf(QMaliCsfVm *vm, uint64_t va, uint64_t pa,
                       unsigned level, uint64_t bits);
void mali_csf_unmap(QMaliCsfVm *vm, uint64_t va, uint64_t size);
/* RAM at the next free address of the space, in 4 KiB pages */
QMaliCsfBuffer mali_csf_vm_alloc(QMaliCsfVm *vm, uint64_t size);
/* RAM at an address of the test's choice */
QMaliCsfBuffer mali_csf_vm_alloc_at(QMaliCsfVm *vm, uint64_t va,
                                    uint64_t size, uint64_t bits);

/* Microcontroller */
/* L2 on, AS 0 with the shared section; nothing is started */
void mali_csf_mcu_prepare(QMaliCsf *gpu);
/* Start, wait for the interrupt, read the control block */
void mali_csf_mcu_boot(QMaliCsf *gpu);
void mali_csf_mcu_parse(QMaliCsf *gpu);
/* What the driver writes to the global interface after each boot */
void mali_csf_global_init(QMaliCsf *gpu);
/* Physical address of a word of the shared section */
uint64_t mali_csf_shared_pa(QMaliCsf *gpu, uint32_t va);
/* Acknowledge all events, as the driver's interrupt thread does */
void mali_csf_ack_events(QMaliCsf *gpu);

/* Change the bits in @mask, ring, and wait until they are acknowledged */
void mali_csf_glb_request(QMaliCsf *gpu, uint32_t bits, uint32_t mask);
/* The same for bits of which a change is the request */
void mali_csf_glb_toggle(QMaliCsf *gpu, uint32_t mask);
/* Only change them */
void mali_csf_update(QMaliCsf *gpu, uint64_t pa, uint32_t bits,
                     uint32_t mask);
/* Make a doorbell word differ from its acknowledgement in @mask */
void mali_csf_toggle(QMaliCsf *gpu, uint64_t req, uint64_t ack,
                     uint32_t mask);
bool mali_csf_csg_wait(QMaliCsf *gpu, unsigned slot, uint32_t mask);
bool mali_csf_csg_acked(QMaliCsf *gpu, unsigned slot, uint32_t mask);
/* Ring doorbell 0 for a slot */
void mali_csf_csg_ring(QMaliCsf *gpu, unsigned slot);
/* True if the event in @bit waits for the host */
bool mali_csf_csg_event(QMaliCsf *gpu, unsigned slot, uint32_t bit);

/* Groups and queues */
void mali_csf_group_init(QMaliCsfVm *vm, QMaliCsfGroup *group,
                         unsigned num_queues);
/* Fill in the slot's blocks; no request yet */
void mali_csf_group_program(QMaliCsfGroup *group, unsigned slot);
/* Write a request of STATE and ring */
void mali_csf_group_request(QMaliCsfGroup *group, uint32_t state);
bool mali_csf_group_wait(QMaliCsfGroup *group);
void mali_csf_group_start(QMaliCsfGroup *group, unsigned slot);
void mali_csf_group_resume(QMaliCsfGroup *group, unsigned slot);
void mali_csf_group_suspend(QMaliCsfGroup *group);
void mali_csf_group_terminate(QMaliCsfGroup *group);
void mali_csf_group_status_update(QMaliCsfGroup *group);

/* Put words in the ring, padded with NOPs to 64 bytes; INSERT is written */
void mali_csf_queue_push(QMaliCsfQueue *queue, const uint64_t *words,
                         unsigned count);
void mali_csf_queue_kick(QMaliCsfQueue *queue);
void mali_csf_queue_submit(QMaliCsfQueue *queue, const uint64_t *words,
                           unsigned count);
uint64_t mali_csf_queue_extract(QMaliCsfQueue *queue);
/* Step until EXTRACT is INSERT */
bool mali_csf_queue_wait(QMaliCsfQueue *queue, int64_t timeout);
/* Submit and wait; the test fails if it does not come to its end */
void mali_csf_queue_exec(QMaliCsfQueue *queue, const uint64_t *words,
                         unsigned count);
uint32_t mali_csf_queue_status(QMaliCsfQueue *queue, uint32_t offset);
uint64_t mali_csf_queue_status64(QMaliCsfQueue *queue, uint32_t offset);
/* The stream's FAULT or FATAL event waits for the host */
bool mali_csf_queue_event(QMaliCsfQueue *queue, uint32_t bit);
bool mali_csf_queue_wait_event(QMaliCsfQueue *queue, uint32_t bit,
                               int64_t timeout);
/* Acknowledge one event of a stream and ring its doorbell */
void mali_csf_queue_ack_event(QMaliCsfQueue *queue, uint32_t bit);
/* The driver's wrapper around a user's stream; returns the word count, 16 */
unsigned mali_csf_wrap_job(uint64_t words[16], uint64_t stream_va,
                           uint32_t stream_size, uint32_t flush_id,
                           uint64_t syncobj_va);

/* Faults of an address space */
bool mali_csf_wait_fault(QMaliCsf *gpu, unsigned as, int64_t timeout);
void mali_csf_assert_fault(QMaliCsf *gpu, unsigned as, uint8_t exception,
                           unsigned access, uint64_t va);

/* Machine, microcontroller, AS 1, group in slot 0 */
void mali_csf_bench_init(QMaliCsfBench *b, const char *args);
void mali_csf_bench_quit(QMaliCsfBench *b);
/* Write code to the code page and run it in a CALL from the ring */
void mali_csf_bench_call(QMaliCsfBench *b, const uint64_t *words,
                         unsigned count);
/* A job that loads a word from @va and stores it at @out of the results */
void mali_csf_bench_submit_load(QMaliCsfBench *b, uint64_t va, uint32_t out);
/* The same, to its end; returns the word */
uint32_t mali_csf_bench_load(QMaliCsfBench *b, uint64_t va);
void mali_csf_bench_submit_store(QMaliCsfBench *b, uint64_t va,
                                 uint32_t value);
uint32_t mali_csf_bench_out(QMaliCsfBench *b, uint32_t offset);

#endif /* QTEST_LIBQOS_MALI_CSF_H */
