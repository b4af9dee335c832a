/*
 * inject: each failure that the device can be asked for, and what panthor
 * makes of it
 *
 * The table says for each what panthor's source says: which message, whether
 * the GPU is reset, whether the job or the VM_BIND that met it fails.  Another
 * says what else shows that a failure of which nothing comes has taken place:
 * the device, which is asked in any case, says only that it was to.  In any
 * case a job on a new VM has to work afterwards.  With --rounds the cases come
 * a hundred times in random order; inject.seed= on the kernel's command line
 * repeats one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/random.h"
#include "lib/tap.h"

#define ROUNDS 100

/* JOB_TIMEOUT_MS of panthor_sched.c is 5 s; resets and retries before it */
#define JOB_TIMEOUT_MS 12000
/* For a job on a new VM, which may wait for a reset that is under way */
#define AFTER_TIMEOUT_MS 5000
/* Some come after the fence: a reset may wait for a power domain, twice 2 s */
#define LOG_TIMEOUT_MS 6000
#define SUSPEND_TIMEOUT_MS 5000
#define SETTLE_MS 100
#define RESET_TIMEOUT_MS 2000
#define WAKE_TIMEOUT_MS 1000
/* A reset that boots the firmware anew takes less */
#define GROUP_PATIENCE_MS 1000
/* For a driver that still waits for a reset or a flush to complete */
#define RESET_COMPLETED 0x100
#define FLUSH_COMPLETED 0x20000
/* Of a thousand, many of which a busy host takes at a time */
#define STORM 5
#define STORM_TIMEOUT_MS 1000
/* PING_INTERVAL_MS of panthor_fw.c is 12 s; the answer may take 100 ms */
#define PING_MS 13000
#define SPIN_STEP_MS 500

#define BIND_VA 0x50000000ull
#define HOLE_VA 0x60000000ull
/* As many as the driver gives */
#define HEAP_CHUNKS 3

/* What the program does once the failure is armed */
typedef enum Stimulus {
    /* The first job of a new group; the GPU is awake */
    FIRST_JOB,
    /* Unmap a page of a VM that has an address space */
    UNMAP,
    /* The GPU falls asleep and has to wake up for a job of the same group */
    SLEEP,
    /* The group is destroyed while it runs */
    DESTROY,
    /* A second VM wants to run beside one that does */
    SECOND_GROUP,
    /* A job of a group on its slot, whose fault has the GPU reset */
    RESET,
    /* The same, and again with a group that takes its place */
    TWO_RESETS,
    /* A job that reads where nothing is mapped */
    BAD_READ,
    /* Streams run until the driver has asked whether the firmware lives */
    PING,
    /* A second job for a stream that still runs */
    SECOND_JOB,
    /* A job that draws, for which the tiler has a heap */
    DRAW,
    /* The driver is unbound and bound, and boots the firmware */
    BIND,
} Stimulus;

#define EITHER (-1)

typedef struct Case {
    const char *name;
    /* As for the request "inject"; two with a semicolon in between */
    const char *injection;
    Stimulus stimulus;
    /* In the kernel's log, or NULL for no message of panthor's at all */
    const char *message;
    /*
     * Whether the GPU is reset before the job on a new VM is done; EITHER if
     * the driver's work for it races with the way to sleep
     */
    int reset;
    /*
     * Whether the job or the VM_BIND fails; EITHER if that depends on whether
     * its group was on its slot already when the firmware died
     */
    int fails;
    /* The function of panthor that decides it (Linux 7.3) */
    const char *source;
} Case;

static const Case cases[] = {
    /* Address spaces */
    { "UPDATE that hangs", "as-command command=1", FIRST_JOB,
      "AS_ACTIVE bit stuck", true, false, "wait_ready" },
    { "UPDATE that is late", "as-command command=1 delay-ns=10000000",
      FIRST_JOB, NULL, false, false, "wait_ready" },
    { "LOCK that hangs", "as-command command=2", UNMAP,
      "AS_ACTIVE bit stuck", true, true, "panthor_vm_lock_region" },
    { "LOCK that is late", "as-command command=2 delay-ns=10000000", UNMAP,
      NULL, false, false, "panthor_vm_lock_region" },
    { "UNLOCK that is late", "as-command command=3 delay-ns=10000000", UNMAP,
      NULL, false, false, "panthor_vm_unlock_region" },
    { "UNLOCK that hangs", "as-command command=3", UNMAP,
      "AS_ACTIVE bit stuck", true, false, "panthor_vm_unlock_region" },
    /* GPU_CONTROL */
    { "flush that hangs", "cache-flush", UNMAP, "Flush caches timeout", true,
      false, "panthor_gpu_flush_caches" },
    { "flush that hangs on the way to sleep", "cache-flush", SLEEP,
      "Flush caches timeout", EITHER, true, "panthor_sched_suspend" },
    { "flush that is late", "cache-flush delay-ns=10000000", UNMAP, NULL,
      false, false, "panthor_gpu_flush_caches" },
    { "L2 that comes on late", "l2-power-on delay-ns=5000000", SLEEP, NULL,
      false, false, "panthor_gpu_block_power_on" },
    { "L2 that goes off late", "l2-power-off delay-ns=5000000", SLEEP, NULL,
      false, false, "panthor_gpu_block_power_off" },
    /* The microcontroller */
    { "MCU that does not boot", "mcu-boot", SLEEP, "Failed to boot MCU",
      false, false, "panthor_device_resume" },
    { "MCU that boots late", "mcu-boot delay-ns=300000000", SLEEP, NULL,
      false, false, "panthor_fw_start" },
    { "MCU that does not stop", "mcu-stop", SLEEP,
      "Failed to stop MCU", false, false, "panthor_fw_stop" },
    { "MCU that does not stop before a reset", "mcu-stop", RESET,
      "Failed to stop MCU", true, true, "panthor_fw_pre_reset" },
    { "MCU that does not halt", "mcu-halt", SLEEP,
      "Timed out waiting for MCU to halt", true, false,
      "panthor_fw_wait_mcu_halted" },
    { "MCU that halts late", "mcu-halt delay-ns=40000000", SLEEP, NULL,
      false, false, "panthor_fw_wait_mcu_halted" },
    { "MCU that dies", "mcu-death", FIRST_JOB, "update request timedout",
      true, EITHER, "panthor_sched_suspend" },
    { "MCU that halts of itself", "mcu-rogue-halt", FIRST_JOB,
      "update request timedout", true, EITHER, "panthor_sched_suspend" },
    /* At the first boot alone the driver reads how many slots there are. */
    { "firmware of two groups", "odd-slots groups=2", BIND, "error -22",
      EITHER, true, "panthor_fw_init_ifaces" },
    { "firmware of 32 groups", "odd-slots groups=32", BIND, "error -22",
      EITHER, true, "panthor_fw_init_ifaces" },
    { "firmware of seven streams", "odd-slots streams=7", BIND, "error -22",
      EITHER, true, "panthor_init_csg_iface" },
    { "firmware of 33 streams", "odd-slots streams=33", BIND, "error -22",
      EITHER, true, "panthor_init_csg_iface" },
    { "firmware of no version", "odd-field field=version", BIND,
      "Firmware version is 0", EITHER, true, "panthor_fw_init_ifaces" },
    { "global input that is nowhere", "odd-field field=glb-input", BIND,
      "Invalid global control interface input/output VA", EITHER, true,
      "panthor_fw_init_ifaces" },
    { "global output beyond the section", "odd-field field=glb-output "
      "value=0xfffff000", BIND,
      "Invalid global control interface input/output VA", EITHER, true,
      "panthor_fw_init_ifaces" },
    { "group input that is nowhere", "odd-field field=group-input slot=3",
      BIND, "Invalid group control interface input/output VA", EITHER, true,
      "panthor_init_csg_iface" },
    { "group output that is nowhere", "odd-field field=group-output", BIND,
      "Invalid group control interface input/output VA", EITHER, true,
      "panthor_init_csg_iface" },
    { "stream input that is nowhere", "odd-field field=stream-input slot=2 "
      "stream=5", BIND, "Invalid stream control interface input/output VA",
      EITHER, true, "panthor_init_cs_iface" },
    { "stream output that is nowhere", "odd-field field=stream-output", BIND,
      "Invalid stream control interface input/output VA", EITHER, true,
      "panthor_init_cs_iface" },
    { "group of another size", "odd-field field=suspend-size slot=2 "
      "value=4096", BIND, "Expecting identical CSG slots", EITHER, true,
      "compare_csg" },
    { "group of other features", "odd-field field=group-features slot=1 "
      "value=1", BIND, "Expecting identical CSG slots", EITHER, true,
      "compare_csg" },
    { "stream of other features", "odd-field field=stream-features slot=1 "
      "stream=1", BIND, "Expecting identical CS slots", EITHER, true,
      "panthor_init_cs_iface" },
    /* Any doorbell would have the firmware look again, and answer. */
    { "ping without an answer", "ping-ack count=0", PING,
      "FW ping timeout", true, false, "panthor_fw_ping_work" },
    /* Groups */
    { "START not acknowledged", "csg-start-ack", FIRST_JOB,
      "update request timedout", true, false, "tick_ctx_apply" },
    { "START acknowledged late", "csg-start-ack delay-ns=30000000",
      FIRST_JOB, NULL, false, false, "csgs_upd_ctx_apply_locked" },
    { "RESUME not acknowledged", "csg-resume-ack", SLEEP,
      "update request timedout", true, false, "tick_ctx_apply" },
    { "SUSPEND not acknowledged", "csg-suspend-ack", SLEEP,
      "escalating to termination", false, true, "panthor_sched_suspend" },
    { "TERMINATE not acknowledged", "csg-terminate-ack", DESTROY,
      "update request timedout", true, false, "tick_ctx_apply" },
    { "STATUS_UPDATE not acknowledged", "csg-status-update-ack",
      SECOND_GROUP, "update request timedout", true, false,
      "tick_ctx_init" },
    { "EP_CFG not acknowledged", "csg-ep-cfg-ack", FIRST_JOB,
      "update request timedout", true, false, "tick_ctx_apply" },
    /* Doorbells */
    { "doorbell of the firmware lost", "glb-doorbell", FIRST_JOB,
      "update request timedout", true, false, "tick_ctx_apply" },
    { "doorbell of the firmware late", "glb-doorbell delay-ns=30000000",
      FIRST_JOB, NULL, false, false, "panthor_fw_csg_wait_acks" },
    { "doorbell of a group lost", "csg-doorbell", FIRST_JOB,
      "update request timedout", true, false, "tick_ctx_apply" },
    { "doorbell of a group late", "csg-doorbell delay-ns=30000000", FIRST_JOB,
      NULL, false, false, "panthor_fw_csg_wait_acks" },
    { "doorbell of a stream lost", "cs-doorbell", SECOND_JOB, "job timeout",
      false, true, "queue_timedout_job" },
    { "doorbell of a stream late", "cs-doorbell delay-ns=30000000",
      SECOND_JOB, NULL, false, false, "queue_run_job" },
    /* The tiler */
    { "heap out of memory", "tiler-oom", DRAW, NULL, false, false,
      "group_process_tiler_oom" },
    { "heap out of memory for good", "tiler-oom count=0", DRAW,
      "job timeout", false, true, "group_process_tiler_oom" },
    /* Nobody waits for these */
    { "stream not acknowledged", "cs-ack", SLEEP, NULL, false, false,
      "cs_slot_prog_locked" },
    { "progress timer not acknowledged", "glb-ack mask=0x2", SLEEP, NULL, false,
      false, "panthor_fw_init_global_iface" },
    { "endpoints not acknowledged", "glb-ack mask=0x4", SLEEP, NULL, false,
      false, "panthor_fw_init_global_iface" },
    { "power-off timer not acknowledged", "glb-ack mask=0x8", SLEEP, NULL,
      false, false, "panthor_fw_init_global_iface" },
    /* It stays set when the GPU sleeps. */
    { "idle events not acknowledged", "glb-ack mask=0x400", BIND,
      "Initialized panthor", EITHER, false, "panthor_fw_init_global_iface" },
    /* Interrupts */
    { "flush interrupt lost", "irq-lost interrupt=gpu mask=0x20000", UNMAP,
      "Flush caches timeout", true, false, "panthor_gpu_flush_caches" },
    { "flush interrupt silent", "irq-silent interrupt=gpu mask=0x20000",
      UNMAP, NULL, false, false, "panthor_gpu_flush_caches" },
    { "START interrupt lost", "irq-lost interrupt=job mask=0xff", FIRST_JOB,
      NULL, false, false, "panthor_fw_wait_acks" },
    { "fault interrupt lost", "irq-lost interrupt=mmu mask=0xffff", BAD_READ,
      "job timeout", false, true, "queue_timedout_job" },
    { "spurious GPU interrupt", "irq-spurious interrupt=gpu", FIRST_JOB,
      NULL, false, false, "panthor_gpu_irq_handler" },
    { "spurious job interrupt", "irq-spurious interrupt=job", FIRST_JOB,
      NULL, false, false, "panthor_job_irq_handler" },
    { "spurious MMU interrupt", "irq-spurious interrupt=mmu", FIRST_JOB,
      NULL, false, false, "panthor_mmu_irq_handler" },
    { "interrupt storm", "irq-spurious interrupt=gpu count=1000 "
      "delay-ns=20000", FIRST_JOB, NULL, false, false,
      "panthor_gpu_irq_raw_handler" },
    /*
     * Of a slot that is free: with no bit, the line would stay high while the
     * driver, whose interrupt thread runs, has it masked and does not look.
     */
    { "interrupt storm of the firmware", "irq-spurious interrupt=job mask=0x4 "
      "count=1000 delay-ns=20000", FIRST_JOB, NULL, false, false,
      "panthor_job_irq_raw_handler" },
    { "interrupt storm of the MMU", "irq-spurious interrupt=mmu count=1000 "
      "delay-ns=20000", FIRST_JOB, NULL, false, false,
      "panthor_mmu_irq_raw_handler" },
    /* Of the GPU as such: the driver only says so */
    { "fault of the GPU", "gpu-fault exception=0x88 va=0x12345000", FIRST_JOB,
      "GPU Fault 0x00000688 (GPU_SHAREABILITY_FAULT) at 0x0000000012345000",
      false, false, "panthor_gpu_irq_handler" },
    { "fault in protected mode", "irq-spurious interrupt=gpu mask=0x2",
      FIRST_JOB, "GPU Fault in protected mode", false, false,
      "panthor_gpu_irq_handler" },
    /* Accesses */
    { "translation fault", "translation-fault va=0x20000000", FIRST_JOB,
      "Unhandled Page fault", false, true, "panthor_mmu_irq_handler" },
    { "permission fault", "permission-fault va=0x20000000", FIRST_JOB,
      "exception type 0xCB", false, true, "panthor_mmu_irq_handler" },
    { "access flag fault", "access-flag-fault va=0x20000000", FIRST_JOB,
      "exception type 0xDB", false, true, "panthor_mmu_irq_handler" },
    { "bus error", "bus-error va=0x20000000", FIRST_JOB,
      "exception type 0x80", false, true, "panthor_mmu_irq_handler" },
    { "fault of the firmware", "translation-fault address-space=0 "
      "va=0x4000000 size=0x10000", FIRST_JOB, "Unhandled Page fault in AS0",
      true, EITHER, "panthor_mmu_irq_handler" },
    /* Instructions */
    { "recoverable fault", "cs-fault opcode=0x15", FIRST_JOB,
      "CS_FAULT.EXCEPTION_TYPE: 0x5a", false, true,
      "cs_slot_process_fault_event_locked" },
    { "fatal fault", "cs-fatal opcode=0x15 exception=0x48", FIRST_JOB,
      "CS_FATAL.EXCEPTION_TYPE: 0x48", false, true,
      "cs_slot_process_fatal_event_locked" },
    { "unrecoverable fault", "cs-fatal opcode=0x15", FIRST_JOB,
      "CS_FATAL.EXCEPTION_TYPE: 0x41", true, true,
      "cs_slot_process_fatal_event_locked" },
    /* Words that boards with a Mali-G610 have logged */
    { "bus fault of a board", "cs-fault opcode=0x15 exception=0x48 data=0xc "
      "info=0", FIRST_JOB, "CS_FAULT.EXCEPTION_TYPE: 0x48 (CS_BUS_FAULT)"
      "\\x0aCS_FAULT.EXCEPTION_DATA: 0xc"
      "\\x0aCS_FAULT_INFO.EXCEPTION_DATA: 0x0", false, true,
      "cs_slot_process_fault_event_locked" },
    { "lost resource of a board", "cs-fault opcode=0x15 exception=0xf "
      "info=0x600", FIRST_JOB, "CS_FAULT.EXCEPTION_TYPE: 0xf (CS_RES_TERM)"
      "\\x0aCS_FAULT.EXCEPTION_DATA: 0x0"
      "\\x0aCS_FAULT_INFO.EXCEPTION_DATA: 0x600", false, true,
      "cs_slot_process_fault_event_locked" },
    { "fatal bus fault of a board", "cs-fatal opcode=0x15 exception=0x48 "
      "info=0xbffe000", FIRST_JOB, "CS_FATAL_INFO.EXCEPTION_DATA: 0xbffe000",
      false, true, "cs_slot_process_fatal_event_locked" },
    { "source of a board's fault", "translation-fault va=0x20000000 "
      "exception=0xc1 source-id=0x2100", FIRST_JOB, "source id 0x2100", false,
      true, "panthor_mmu_irq_handler" },
    /* A reset that is asked for by that, and goes wrong as well */
    { "reset that is late", "gpu-reset delay-ns=50000000", RESET,
      "CS_FATAL.EXCEPTION_TYPE: 0x41", true, true, "panthor_gpu_soft_reset" },
};

/* Of GPU_CONTROL and of firmware that were other ones up to architecture 13 */
static const Case gpu_cases[] = {
    { "L2 that does not come on", "l2-power-on", SLEEP, "readiness", false,
      false, "panthor_gpu_block_power_on" },
    { "L2 that does not go off", "l2-power-off", SLEEP, NULL, false, false,
      "panthor_gpu_block_power_off" },
    { "L2 that stays in transition", "l2-transition delay-ns=30000000", SLEEP,
      "timeout waiting on L2:1 power transition", false, false,
      "panthor_gpu_block_power_off" },
    { "L2 that is still in transition", "l2-transition delay-ns=100000000",
      SLEEP, "timeout waiting on L2:1 power transition", false, false,
      "panthor_gpu_block_power_on" },
    /* From firmware 4.1 on it is not a bit, but a state. */
    { "HALT not acknowledged", "glb-ack mask=1", SLEEP, NULL, false, false,
      "panthor_fw_mcu_halted" },
    { "boot interrupt lost", "irq-lost interrupt=job mask=0x80000000", SLEEP,
      "Failed to boot MCU", false, false, "panthor_fw_start" },
    { "boot interrupt silent", "irq-silent interrupt=job mask=0x80000000",
      SLEEP, NULL, false, false, "panthor_fw_start" },
    { "reset interrupt silent", "irq-silent interrupt=gpu mask=0x100",
      RESET, "CS_FATAL.EXCEPTION_TYPE: 0x41", true, true,
      "panthor_gpu_soft_reset" },
    { "reset that hangs", "gpu-reset", TWO_RESETS, "Soft reset timeout", true,
      true, "panthor_gpu_soft_reset" },
};

/* Of PWR_CONTROL, from 14 on */
static const Case pwr_cases[] = {
    { "L2 that does not come on", "l2-power-on", SLEEP,
      "timeout waiting on L2 power domain transition", false, false,
      "panthor_pwr_domain_transition" },
    { "L2 that does not go off", "l2-power-off", SLEEP,
      "timeout waiting on L2 power domain transition", false, false,
      "panthor_pwr_domain_transition" },
    /* Longer than the 2 s that the driver waits when it is to come on */
    { "L2 in transition", "l2-transition delay-ns=4000000000", SLEEP,
      "L2 domain power in transition", false, false,
      "panthor_pwr_domain_wait_transition" },
    { "POWER_UP not allowed", "pwr-not-allowed command=0x10", SLEEP,
      "PWR_IRQ: COMMAND_NOT_ALLOWED", false, false,
      "panthor_pwr_irq_handler" },
    { "POWER_UP invalid", "pwr-invalid command=0x10", SLEEP,
      "PWR_IRQ: COMMAND_INVALID", false, false,
      "panthor_pwr_irq_handler" },
    { "DELEGATE of the shaders refused", "pwr-not-allowed command=0x20", RESET,
      "Delegating Shader domain timeout", true, true,
      "delegate_domain" },
    { "DELEGATE of the tiler refused", "pwr-not-allowed command=0x20 skip=1",
      RESET, "Delegating Tiler domain timeout", true, true,
      "panthor_pwr_delegate_domains" },
    { "RETRACT refused", "pwr-not-allowed command=0x20 skip=1;"
      "pwr-not-allowed command=0x21", RESET,
      "Retracting Shader domain timeout", true, true, "retract_domain" },
    { "delegation that is not allowed", "pwr-status mask=0x100 count=0",
      RESET, "Delegating Shader domain not allowed", true, true,
      "delegate_domain" },
    { "RETRACT that is pending", "pwr-not-allowed command=0x20 skip=1;"
      "pwr-status mask=0x80000000000 count=0", RESET,
      "Shader domain retract pending", true, true, "retract_domain" },
    { "reset that is not allowed", "pwr-status mask=0x200000000", RESET,
      "RESET_SOFT not allowed", false, true, "panthor_pwr_reset_soft" },
    { "POWER_DOWN that is not allowed", "pwr-status mask=0x1", SLEEP,
      "Power off L2 domain not allowed", false, false,
      "panthor_pwr_l2_power_off" },
    { "POWER_UP that is not allowed", "pwr-status mask=0x1 count=0", SLEEP,
      "Power on L2 domain not allowed", false, false,
      "panthor_pwr_l2_power_on" },
    { "MCU that goes on when the L2 goes off", "mcu-halt;mcu-stop", SLEEP,
      "Timed out waiting for MCU to halt", true, false,
      "panthor_pwr_domain_force_off" },
    { "reset that hangs", "gpu-reset", TWO_RESETS, "RESET timed out", true,
      true, "panthor_pwr_reset" },
    /* From firmware 4.1 on HALT raises the one before it. */
    { "boot interrupt lost", "irq-lost interrupt=job mask=0x80000000 skip=1",
      SLEEP, "Failed to boot MCU", false, false, "panthor_fw_start" },
    { "boot interrupt silent", "irq-silent interrupt=job mask=0x80000000 "
      "skip=1", SLEEP, NULL, false, false, "panthor_fw_start" },
};

#define NUM_OF(table) (sizeof(table) / sizeof((table)[0]))
#define NUM_CASES NUM_OF(cases)
/* What one GPU can have */
#define MAX_CASES (NUM_CASES + NUM_OF(gpu_cases) + NUM_OF(pwr_cases))

/* What Linux 6.12 makes of some of them; what is not said is as above. */
typedef struct OldCase {
    const char *name;
    /* Why there is no such case */
    const char *none;
    const char *message;
    bool fails;
} OldCase;

#define BY_FLUSH_MEM    "6.12 flushes and unlocks by FLUSH_MEM alone"
#define L2_STAYS_ON     "6.12 does not switch the L2 off"

static const OldCase old_cases[] = {
    { .name = "UPDATE that hangs", .fails = true },
    { .name = "UNLOCK that is late", .none = BY_FLUSH_MEM },
    { .name = "UNLOCK that hangs", .none = BY_FLUSH_MEM },
    { .name = "flush that hangs", .none = BY_FLUSH_MEM },
    { .name = "flush that is late", .none = BY_FLUSH_MEM },
    { .name = "flush interrupt lost", .none = BY_FLUSH_MEM },
    { .name = "flush interrupt silent", .none = BY_FLUSH_MEM },
    { .name = "L2 that does not come on",
      .message = "timeout waiting on L2" },
    { .name = "L2 that does not go off", .none = L2_STAYS_ON },
    { .name = "L2 that goes off late", .none = L2_STAYS_ON },
    { .name = "L2 that stays in transition", .none = L2_STAYS_ON },
    { .name = "L2 that is still in transition", .none = L2_STAYS_ON },
    { .name = "MCU that does not halt",
      .message = "Failed to cleanly suspend MCU" },
};

#define NUM_OLD_CASES (sizeof(old_cases) / sizeof(old_cases[0]))

/*
 * What else shows that a failure took place, where the case expects that
 * nothing comes of it.  Of what panthor does not wait for nothing does.  A
 * time-out may be shorter than its number by a tick of the kernel.
 */
typedef struct Sign {
    const char *name;
    /*
     * How long, in milliseconds, it keeps the driver waiting at least: in what
     * met it; on the way to sleep or in the job that wakes the GPU up; up to
     * the job on a new VM if it is the reset that is disturbed
     */
    unsigned held_ms;
    /* An interrupt of panthor's, and how many it brings at least */
    const char *line;
    unsigned interrupts;
    /* A property of the device that counts it as well */
    const char *counter;
} Sign;

static const Sign signs[] = {
    { .name = "UPDATE that is late", .held_ms = 10 },
    { .name = "LOCK that is late", .held_ms = 10 },
    { .name = "UNLOCK that is late", .held_ms = 10 },
    { .name = "flush that is late", .held_ms = 10 },
    { .name = "MCU that boots late", .held_ms = 300 },
    { .name = "MCU that halts late", .held_ms = 40 },
    { .name = "START acknowledged late", .held_ms = 30 },
    { .name = "doorbell of the firmware late", .held_ms = 30 },
    { .name = "doorbell of a group late", .held_ms = 30 },
    { .name = "doorbell of a stream late", .held_ms = 30 },
    { .name = "heap out of memory", .counter = "tiler-oom-count" },
    { .name = "flush interrupt silent", .held_ms = 90 },
    { .name = "boot interrupt silent", .held_ms = 900 },
    { .name = "spurious GPU interrupt", .line = "gpu", .interrupts = 1 },
    { .name = "spurious job interrupt", .line = "job", .interrupts = 1 },
    { .name = "spurious MMU interrupt", .line = "mmu", .interrupts = 1 },
    { .name = "interrupt storm", .line = "gpu", .interrupts = STORM },
    { .name = "interrupt storm of the firmware",
      .line = "job", .interrupts = STORM },
    { .name = "interrupt storm of the MMU",
      .line = "mmu", .interrupts = STORM },
    { .name = "reset that is late", .held_ms = 50 },
};

#define NUM_SIGNS (sizeof(signs) / sizeof(signs[0]))

static PanthorDev dev;
static PanthorContext ctx;
/* The longest that the driver has taken for something */
static uint64_t held_ns;

static void note_held(uint64_t since)
{
    uint64_t ns = kernel_now_ns() - since;

    if (ns > held_ns) {
        held_ns = ns;
    }
}

/* How often CPUs have taken an interrupt of panthor's, by its name */
static uint64_t interrupts_of(const char *line)
{
    FILE *f = fopen("/proc/interrupts", "r");
    char text[512], name[32];
    uint64_t sum = 0;

    snprintf(name, sizeof(name), "panthor-%s", line);
    while (f && fgets(text, sizeof(text), f)) {
        char *at = strchr(text, ':');
        uint64_t count;
        int used;

        if (!at || !strstr(text, name)) {
            continue;
        }
        /* A number for each CPU, and then words */
        for (at++; sscanf(at, "%" SCNu64 "%n", &count, &used) == 1;
             at += used) {
            sum += count;
        }
    }
    if (f) {
        fclose(f);
    }
    return sum;
}

/* They come before the job does, or, many as they are, while it runs. */
static void check_interrupts(const Sign *sign, uint64_t before)
{
    uint64_t end = kernel_now_ns() + STORM_TIMEOUT_MS * 1000000ull;
    uint64_t count;

    while ((count = interrupts_of(sign->line) - before) < sign->interrupts &&
           kernel_now_ns() < end) {
        kernel_sleep_ms(1);
    }
    if (!tap_ok(count >= sign->interrupts, "%s: the CPU takes it",
                sign->name)) {
        tap_diag("%" PRIu64 " interrupts", count);
    }
}

static int read_job(PanthorContext *c, uint64_t where)
{
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_load_at(&s, 10, where, 0);
    stream_end(&s);
    return panthor_run_stream(c, 0, &s, JOB_TIMEOUT_MS);
}

/* Start a stream that runs until end_spin(): it is on its slot then */
static void start_spin(PanthorContext *c)
{
    panthor_submit_spin(c);
    kernel_sleep_ms(100);
}

static int end_spin(PanthorContext *c)
{
    return panthor_end_spin(c, JOB_TIMEOUT_MS);
}

/* The job comes to INSERT while the stream runs, and its doorbell rings. */
static int second_job(void)
{
    uint32_t syncobj, size;
    int ret, status = 0;
    uint64_t va;
    Stream s;

    TAP_MUST(panthor_syncobj_create(&dev, &syncobj));
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(10, 2));
    stream_store_at(&s, 10, panthor_data_va(0), 0);
    stream_end(&s);
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_submit(&ctx, 0, va, size, syncobj));
    ret = end_spin(&ctx);
    if (!ret) {
        ret = panthor_syncobj_wait(&dev, syncobj, 0, false, JOB_TIMEOUT_MS);
    }
    if (!ret) {
        panthor_syncobj_status(&dev, syncobj, &status);
        ret = status < 0 ? status : ctx.data[0] == 2 ? 0 : -EIO;
    }
    panthor_syncobj_destroy(&dev, syncobj);
    return ret;
}

static int draw_job(void)
{
    uint64_t heap_va, chunk_va;
    uint32_t heap;
    Stream s;
    int ret;

    TAP_MUST(panthor_heap_create(&dev, ctx.vm, 1, HEAP_CHUNKS, &heap,
                                 &heap_va, &chunk_va));
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(50, heap_va));
    stream_emit(&s, cs_heap_set(50));
    stream_emit(&s, cs_heap_operation(CS_HEAP_VT_STARTED, 0, 0));
    stream_emit(&s, cs_opcode(CS_OP_RUN_FULLSCREEN));
    stream_emit(&s, cs_wait(1 << STREAM_SB_ENDPOINT));
    stream_emit(&s, cs_heap_operation(CS_HEAP_VT_COMPLETED, 0, 0));
    stream_end(&s);
    ret = panthor_run_stream(&ctx, 0, &s, JOB_TIMEOUT_MS);
    TAP_MUST(panthor_heap_destroy(&dev, heap));
    return ret;
}

/* What has to be before the failure is armed */
static void prepare(Stimulus stimulus, PanthorBo *bo)
{
    /*
     * What a case before has left to work queues would meet it, too.  A tick
     * of the scheduler that is due would also give a slot and an address
     * space to a group that has no job yet.
     */
    kernel_sleep_ms(SETTLE_MS);
    panthor_context_init(&ctx, &dev, 1);
    switch (stimulus) {
    case UNMAP:
        TAP_MUST(panthor_bo_create(&dev, bo, 2 * PANTHOR_GPU_PAGE, ctx.vm));
        TAP_MUST(panthor_vm_map(&dev, ctx.vm, bo, 0, BIND_VA,
                                2 * PANTHOR_GPU_PAGE, 0));
        TAP_MUST(panthor_store_job(&ctx, 1, AFTER_TIMEOUT_MS));
        break;
    case SLEEP:
    case RESET:
    case TWO_RESETS:
        TAP_MUST(panthor_store_job(&ctx, 1, AFTER_TIMEOUT_MS));
        break;
    case DESTROY:
    case SECOND_GROUP:
    case SECOND_JOB:
    case PING:
        start_spin(&ctx);
        break;
    default:
        return;
    }
    /* The same of the job above */
    kernel_sleep_ms(SETTLE_MS);
}

/*
 * Create a group as soon as one can be: while the firmware is loaded anew,
 * panthor finds no size for its suspend buffers, see docs/findings.rst.
 */
static int create_group(uint32_t vm, uint32_t *group)
{
    uint64_t end = kernel_now_ns() + AFTER_TIMEOUT_MS * 1000000ull;
    int ret;

    while ((ret = panthor_group_create(&dev, vm, 1, group)) == -ENOSPC &&
           kernel_now_ns() < end) {
        /* Only a job has the driver try again to boot it, if that failed. */
        panthor_store_job(&ctx, 9, WAKE_TIMEOUT_MS);
    }
    return ret;
}

static int wait_for_groups(void)
{
    uint32_t vm, group;
    int ret = panthor_vm_create(&dev, &vm);

    if (ret) {
        return ret;
    }
    ret = create_group(vm, &group);
    if (!ret) {
        TAP_MUST(panthor_group_destroy(&dev, group));
    }
    TAP_MUST(panthor_vm_destroy(&dev, vm));
    return ret;
}

/* It takes the fault that has the driver reset the GPU */
static int reset_job(void)
{
    TAP_MUST(host_request(NULL, 0, "inject cs-fatal opcode=0x15"));
    return panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS);
}

static int two_resets(void)
{
    int ret = reset_job();

    TAP_MUST(wait_for_groups());
    panthor_context_new_group(&ctx, 1);
    reset_job();
    return ret;
}

/* Another one takes its place, for panthor_context_fini() */
static int destroy_group(void)
{
    int ret = panthor_group_destroy(&dev, ctx.group);

    TAP_MUST(create_group(ctx.vm, &ctx.group));
    return ret;
}

static int second_group(void)
{
    PanthorContext other;
    int ret, first;

    panthor_context_init(&other, &dev, 1);
    ret = panthor_store_job(&other, 2, JOB_TIMEOUT_MS);
    first = end_spin(&ctx);
    panthor_context_fini(&other);
    return ret ? ret : first;
}

/* Keep the GPU busy: each stream is below the driver's time-out for jobs */
static int busy_past_ping(void)
{
    uint64_t start = kernel_now_ns();
    int ret;

    do {
        kernel_sleep_ms(SPIN_STEP_MS);
        ret = end_spin(&ctx);
        if (!ret) {
            ctx.code.used = 0;
            start_spin(&ctx);
        }
    } while (!ret && (kernel_now_ns() - start) / 1000000 < PING_MS);
    return ret ? ret : end_spin(&ctx);
}

static void open_device(void)
{
    TAP_MUST(panthor_open(&dev));
    dev.group_patience_ms = GROUP_PATIENCE_MS;
    TAP_MUST(panthor_forbid_suspend(&dev, true));
}

static void unbind(char *name, size_t size)
{
    TAP_MUST(module_unbind(&dev, name, size));
    panthor_close(&dev);
}

static void bind_again(const char *name)
{
    TAP_MUST(module_bind(name, &dev));
    panthor_close(&dev);
    open_device();
}

/* Bound in vain, and once more */
static int bind_twice(void)
{
    char name[64];
    int ret;

    panthor_context_fini(&ctx);
    unbind(name, sizeof(name));
    ret = module_bind(name, &dev);
    if (!ret) {
        panthor_close(&dev);
        open_device();
    } else {
        bind_again(name);
    }
    panthor_context_init(&ctx, &dev, 1);
    return ret;
}

static int sleep_and_wake(void)
{
    uint64_t start = kernel_now_ns();
    int ret;

    panthor_forbid_suspend(&dev, false);
    if (panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS)) {
        tap_diag("the GPU does not fall asleep");
    }
    note_held(start);
    start = kernel_now_ns();
    ret = panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS);
    note_held(start);
    return ret;
}

static void bind_anew(void)
{
    char name[64];

    panthor_context_fini(&ctx);
    unbind(name, sizeof(name));
    bind_again(name);
    panthor_context_init(&ctx, &dev, 1);
}

/* Returns what became of the job, the VM_BIND or the binding */
static int provoke(Stimulus stimulus)
{
    switch (stimulus) {
    case FIRST_JOB:
        return panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS);
    case UNMAP:
        return panthor_vm_unmap(&dev, ctx.vm, BIND_VA, PANTHOR_GPU_PAGE);
    case SLEEP:
        return sleep_and_wake();
    case DESTROY:
        return destroy_group();
    case SECOND_GROUP:
        return second_group();
    case RESET:
        return reset_job();
    case TWO_RESETS:
        return two_resets();
    case BAD_READ:
        return read_job(&ctx, HOLE_VA);
    case PING:
        return busy_past_ping();
    case SECOND_JOB:
        return second_job();
    case DRAW:
        return draw_job();
    case BIND:
        return bind_twice();
    }
    return -EINVAL;
}

/* A job on a new VM; the first one may meet a reset that is under way */
static int job_on_new_vm(void)
{
    PanthorContext fresh;
    int ret = wait_for_groups();

    if (ret) {
        return ret;
    }
    panthor_context_init(&fresh, &dev, 1);
    ret = panthor_store_job(&fresh, 3, AFTER_TIMEOUT_MS);
    panthor_context_fini(&fresh);
    return ret;
}

/* The driver has the reset done by a work queue, which may take its time */
static void wait_for_reset(uint64_t before)
{
    uint64_t end = kernel_now_ns() + RESET_TIMEOUT_MS * 1000000ull;
    uint64_t now = before;

    while (!host_get_u64("reset-count", &now) && now == before &&
           kernel_now_ns() < end) {
        kernel_sleep_ms(SETTLE_MS);
    }
}

static void check_message(int log, const Case *c)
{
    char record[1024] = "";
    int ret;

    ret = kernel_log_find(log, c->message ? c->message : "panthor",
                          record, sizeof(record),
                          c->message ? LOG_TIMEOUT_MS : 0);
    if (c->message) {
        tap_ok(!ret, "%s: the driver says \"%s\" (%s)", c->name, c->message,
               c->source);
    } else if (!tap_ok(ret == -ENOENT, "%s: the driver says nothing (%s)",
                       c->name, c->source)) {
        tap_diag("%.300s", record);
    }
}

/*
 * What a case has left in the driver does not decide about the next one: if no
 * job is done any more, the device is bound anew.
 */
static void make_good(void)
{
    char name[64];
    int ret;

    TAP_MUST(panthor_forbid_suspend(&dev, true));
    /* It would never flush again, see docs/findings.rst. */
    host_request(NULL, 0, "inject irq-spurious interrupt=gpu mask=0x%x",
                 FLUSH_COMPLETED);
    ret = job_on_new_vm();
    if (!ret) {
        return;
    }
    tap_diag("a job fails, with nothing injected (%s): the device is bound "
             "anew", strerror(-ret));
    unbind(name, sizeof(name));
    bind_again(name);
    TAP_MUST(job_on_new_vm());
}

static const Sign *sign_of(const Case *c)
{
    static const Sign none;

    for (unsigned i = 0; i < NUM_SIGNS; i++) {
        if (!strcmp(signs[i].name, c->name)) {
            return &signs[i];
        }
    }
    return &none;
}

static bool has_case(const Case *table, size_t num, const char *name)
{
    for (size_t i = 0; i < num; i++) {
        if (!strcmp(table[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* A name that is no case's would be a check that is never made. */
static void check_signs(void)
{
    for (unsigned i = 0; i < NUM_SIGNS; i++) {
        const char *name = signs[i].name;
        bool known = has_case(cases, NUM_CASES, name) ||
                     has_case(gpu_cases, NUM_OF(gpu_cases), name) ||
                     has_case(pwr_cases, NUM_OF(pwr_cases), name);

        TAP_MUST(known ? 0 : -ENOENT);
    }
}

/* PWR_CONTROL came with architecture 14 (panthor_hw_has_pwr_ctrl(), v7.3) */
static bool has_pwr_control(void)
{
    struct drm_panthor_gpu_info info;

    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info,
                           sizeof(info)));
    return info.gpu_id >> 28 >= 14;
}

/* The cases of the GPU at hand; returns their number */
static unsigned cases_of_gpu(const Case *list[MAX_CASES])
{
    bool pwr = has_pwr_control();
    const Case *more = pwr ? pwr_cases : gpu_cases;
    size_t num_more = pwr ? NUM_OF(pwr_cases) : NUM_OF(gpu_cases);
    unsigned num = 0;

    for (size_t i = 0; i < NUM_CASES; i++) {
        list[num++] = &cases[i];
    }
    for (size_t i = 0; i < num_more; i++) {
        list[num++] = &more[i];
    }
    tap_skip(pwr ? "the GPU has PWR_CONTROL" : "the GPU has no PWR_CONTROL",
             "failures of %s", pwr ? "GPU_CONTROL's power registers and reset"
             : "PWR_CONTROL");
    return num;
}

/* Arm what a case says; the numbers are for was_met() */
static void arm(const char *injections, char id[2][32])
{
    const char *second = strchr(injections, ';');
    int len = second ? second - injections : (int)strlen(injections);

    TAP_MUST(host_request(id[0], sizeof(id[0]), "inject %.*s", len,
                          injections));
    id[1][0] = '\0';
    if (second) {
        TAP_MUST(host_request(id[1], sizeof(id[1]), "inject %s", second + 1));
    }
}

/* Once, or @many times; true of no injection */
static bool was_met(const char *id, bool many)
{
    char met[32] = "";

    if (!*id) {
        return true;
    }
    host_request(met, sizeof(met), "injected %s", id);
    if (many ? atoi(met) >= 1 : atoi(met) == 1) {
        return true;
    }
    tap_diag("injection %s was met %s times", id, met);
    return false;
}

/* The case as it is on this kernel; false if there is none */
static bool case_of_kernel(Case *c)
{
    const OldCase *old = NULL;

    if (kernel_locks_first()) {
        return true;
    }
    for (unsigned i = 0; i < NUM_OLD_CASES; i++) {
        if (!strcmp(old_cases[i].name, c->name)) {
            old = &old_cases[i];
        }
    }
    if (old && old->none) {
        tap_skip(old->none, "%s", c->name);
        return false;
    }
    if (old && old->message) {
        c->message = old->message;
    }
    if (old && old->fails) {
        c->fails = true;
    }
    /* There, it resets the GPU each time that it wakes up. */
    if (c->stimulus == SLEEP) {
        c->reset = EITHER;
    }
    return true;
}

static void run_case(const Case *of_table)
{
    Case this_one = *of_table;
    const Case *c = &this_one;
    const Sign *sign = sign_of(c);
    int log, warnings;
    uint64_t resets = 0, resets_after = 0;
    uint64_t counted = 0, counted_after = 0, interrupts, start;
    char id[2][32], record[1024];
    unsigned refused;
    PanthorBo bo = { 0 };
    bool many = strstr(c->injection, "count=") != NULL;
    int ret;

    if (!case_of_kernel(&this_one)) {
        return;
    }
    make_good();
    refused = dev.groups_refused;
    log = TAP_MUST(kernel_log_open());
    warnings = TAP_MUST(kernel_log_open());
    prepare(c->stimulus, &bo);
    TAP_MUST(host_get_u64("reset-count", &resets));
    if (sign->counter) {
        TAP_MUST(host_get_u64(sign->counter, &counted));
    }
    interrupts = sign->line ? interrupts_of(sign->line) : 0;
    arm(c->injection, id);
    if (sign->line) {
        check_interrupts(sign, interrupts);
    }
    held_ns = 0;
    start = kernel_now_ns();
    ret = provoke(c->stimulus);
    if (c->stimulus != SLEEP) {
        note_held(start);
    }
    if (c->fails != EITHER &&
        !tap_ok((ret != 0) == c->fails, "%s: what met it %s (%s)", c->name,
                c->fails ? "fails" : "is none the worse", c->source)) {
        tap_diag("%s", strerror(-ret));
    }
    check_message(log, c);

    tap_ok(was_met(id[0], many) & was_met(id[1], many), "%s: it was met%s",
           c->name, many ? "" : " once");
    if (sign->counter) {
        host_get_u64(sign->counter, &counted_after);
        tap_ok(counted_after > counted, "%s: %s has grown", c->name,
               sign->counter);
    }
    host_request(NULL, 0, "inject-clear");
    if (c->stimulus == TWO_RESETS && has_pwr_control()) {
        /* No injection raises PWR_INT: only so does the driver reset again. */
        bind_anew();
    } else if (c->stimulus == TWO_RESETS) {
        host_request(NULL, 0, "inject irq-spurious interrupt=gpu mask=0x%x",
                     RESET_COMPLETED);
    }

    if (c->reset) {
        wait_for_reset(resets);
    }
    ret = job_on_new_vm();
    if (!tap_ok(!ret, "%s: a job on a new VM works afterwards", c->name)) {
        tap_diag("%s", strerror(-ret));
    }
    if (c->stimulus == RESET) {
        note_held(start);
    }
    if (sign->held_ms &&
        !tap_ok(held_ns >= sign->held_ms * 1000000ull,
                "%s: the driver waits for it", c->name)) {
        tap_diag("%" PRIu64 " us", held_ns / 1000);
    }
    if (dev.groups_refused != refused) {
        tap_ok(false, "%s: a group is created during a reset", c->name);
    }
    host_get_u64("reset-count", &resets_after);
    if (c->reset != EITHER &&
        !tap_ok((resets_after > resets) == c->reset, "%s: the GPU is %sreset",
                c->name, c->reset ? "" : "not ")) {
        tap_diag("%" PRIu64 " resets", resets_after - resets);
    }
    ret = kernel_log_find(warnings, "WARNING: ", record, sizeof(record), 0);
    if (!tap_ok(ret == -ENOENT, "%s: the kernel does not warn", c->name)) {
        tap_diag("%.300s", record);
    }

    if (bo.size) {
        panthor_bo_destroy(&dev, &bo);
    }
    panthor_context_fini(&ctx);
    close(warnings);
    close(log);
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--rounds", NULL };
    static const char *const violations[] = {
        "fault-not-acknowledged", "expansion-drops-part",
        "enabled-after-fault", "enabled-at-l2-off", "lock-at-l2-off",
        "lock-at-update", "change-outside-lock", "stale-translation-used",
        "recycle-without-flush", "unlock-without-flush", "update-missing",
        "mcu-enabled-at-l2-off",
    };
    int option = tap_start(argc, argv, options,
                           "Has the device fail, and the driver recover.");
    const Case *list[MAX_CASES];
    char strict[16];
    Random random;
    unsigned i, num;

    /* The failures are checked one by one: no line is bad of itself. */
    tap_directive("allow-dmesg .");
    /*
     * What the driver does is a mistake only if the hardware has not failed
     * it: a fault whose interrupt was lost, a LOCK after an UNLOCK that hung,
     * commands for an L2 that did not come on, a space that is still enabled
     * since no reset came, a microcontroller of which it knows no boot.
     */
    for (i = 0; i < sizeof(violations) / sizeof(violations[0]); i++) {
        tap_directive("allow-violation %s", violations[i]);
    }
    if (!kernel_locks_first() && kernel_at_least(6, 13)) {
        tap_skip("the tables are those of Linux 6.12, and of 7.2 and later",
                 "all failures");
        return tap_end();
    }
    if (host_request(NULL, 0, "inject-clear")) {
        tap_skip(host_error(), "all failures");
        return tap_end();
    }
    /* Hardware that fails has the driver break the checker's rules. */
    if (!host_request(strict, sizeof(strict), "qom-get strict") &&
        !strcmp(strict, "stop")) {
        tap_skip("the checker stops the machine", "all failures");
        return tap_end();
    }
    check_signs();
    open_device();
    num = cases_of_gpu(list);
    if (option < 0) {
        for (i = 0; i < num; i++) {
            run_case(list[i]);
        }
    } else {
        random_init(&random, random_seed("inject"));
        for (i = 0; i < ROUNDS; i++) {
            run_case(list[random_below(&random, num)]);
        }
    }
    panthor_forbid_suspend(&dev, false);
    panthor_close(&dev);
    return tap_end();
}
