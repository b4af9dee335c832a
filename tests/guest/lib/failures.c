/*
 * The failures that the device can be asked for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stddef.h>

#include "failures.h"

#define BY_FLUSH_MEM    "6.12 flushes and unlocks by FLUSH_MEM alone"
#define L2_STAYS_ON     "6.12 does not switch the L2 off"

/* Of a thousand, many of which a busy host takes at a time */
#define STORM 5

static const Failure common[] = {
    /* Address spaces */
    { "UPDATE that hangs", "as-command command=1", FIRST_JOB,
      "AS_ACTIVE bit stuck", true, false,
      .source = "wait_ready", .fails_6_12 = true },
    { "UPDATE that is late", "as-command command=1 delay-ns=10000000",
      FIRST_JOB, NULL, false, false, .source = "wait_ready", .held_ms = 10 },
    { "LOCK that hangs", "as-command command=2", UNMAP,
      "AS_ACTIVE bit stuck", true, true, .source = "panthor_vm_lock_region" },
    { "LOCK that is late", "as-command command=2 delay-ns=10000000", UNMAP,
      NULL, false, false, .source = "panthor_vm_lock_region", .held_ms = 10 },
    { "UNLOCK that is late", "as-command command=3 delay-ns=10000000", UNMAP,
      NULL, false, false, .source = "panthor_vm_unlock_region",
      .none_6_12 = BY_FLUSH_MEM, .held_ms = 10 },
    { "UNLOCK that hangs", "as-command command=3", UNMAP,
      "AS_ACTIVE bit stuck", true, false, .source = "panthor_vm_unlock_region",
      .none_6_12 = BY_FLUSH_MEM },
    /* GPU_CONTROL */
    { "flush that hangs", "cache-flush", UNMAP, "Flush caches timeout", true,
      false, .source = "panthor_gpu_flush_caches", .none_6_12 = BY_FLUSH_MEM },
    { "flush that hangs on the way to sleep", "cache-flush", SLEEP,
      "Flush caches timeout", EITHER, true,
      .source = "panthor_sched_suspend" },
    { "flush that is late", "cache-flush delay-ns=10000000", UNMAP, NULL,
      false, false,
      .source = "panthor_gpu_flush_caches", .none_6_12 = BY_FLUSH_MEM,
      .held_ms = 10 },
    { "L2 that comes on late", "l2-power-on delay-ns=5000000", SLEEP, NULL,
      false, false, .source = "panthor_gpu_block_power_on" },
    { "L2 that goes off late", "l2-power-off delay-ns=5000000", SLEEP, NULL,
      false, false,
      .source = "panthor_gpu_block_power_off", .none_6_12 = L2_STAYS_ON },
    /* The microcontroller */
    { "MCU that does not boot", "mcu-boot", SLEEP, "Failed to boot MCU",
      false, false, .source = "panthor_device_resume" },
    { "MCU that boots late", "mcu-boot delay-ns=300000000", SLEEP, NULL,
      false, false, .source = "panthor_fw_start", .held_ms = 300 },
    { "MCU that does not stop", "mcu-stop", SLEEP,
      "Failed to stop MCU", false, false, .source = "panthor_fw_stop" },
    { "MCU that does not stop before a reset", "mcu-stop", RESET,
      "Failed to stop MCU", true, true, .source = "panthor_fw_pre_reset" },
    { "MCU that does not halt", "mcu-halt", SLEEP,
      "Timed out waiting for MCU to halt", true, false,
      .source = "panthor_fw_wait_mcu_halted",
      .message_6_12 = "Failed to cleanly suspend MCU" },
    { "MCU that halts late", "mcu-halt delay-ns=40000000", SLEEP, NULL,
      false, false, .source = "panthor_fw_wait_mcu_halted", .held_ms = 40 },
    { "MCU that dies", "mcu-death", FIRST_JOB, "update request timedout",
      true, EITHER, .source = "panthor_sched_suspend" },
    { "MCU that halts of itself", "mcu-rogue-halt", FIRST_JOB,
      "update request timedout", true, EITHER,
      .source = "panthor_sched_suspend" },
    /* At the first boot alone the driver reads how many slots there are. */
    { "firmware of two groups", "odd-slots groups=2", BIND, "error -22",
      EITHER, true, .source = "panthor_fw_init_ifaces" },
    { "firmware of 32 groups", "odd-slots groups=32", BIND, "error -22",
      EITHER, true, .source = "panthor_fw_init_ifaces" },
    { "firmware of seven streams", "odd-slots streams=7", BIND, "error -22",
      EITHER, true, .source = "panthor_init_csg_iface" },
    { "firmware of 33 streams", "odd-slots streams=33", BIND, "error -22",
      EITHER, true, .source = "panthor_init_csg_iface" },
    { "firmware of no version", "odd-field field=version", BIND,
      "Firmware version is 0", EITHER, true,
      .source = "panthor_fw_init_ifaces" },
    { "global input that is nowhere", "odd-field field=glb-input", BIND,
      "Invalid global control interface input/output VA", EITHER, true,
      .source = "panthor_fw_init_ifaces" },
    { "global output beyond the section", "odd-field field=glb-output "
      "value=0xfffff000", BIND,
      "Invalid global control interface input/output VA", EITHER, true,
      .source = "panthor_fw_init_ifaces" },
    { "group input that is nowhere", "odd-field field=group-input slot=3",
      BIND, "Invalid group control interface input/output VA", EITHER, true,
      .source = "panthor_init_csg_iface" },
    { "group output that is nowhere", "odd-field field=group-output", BIND,
      "Invalid group control interface input/output VA", EITHER, true,
      .source = "panthor_init_csg_iface" },
    { "stream input that is nowhere", "odd-field field=stream-input slot=2 "
      "stream=5", BIND, "Invalid stream control interface input/output VA",
      EITHER, true, .source = "panthor_init_cs_iface" },
    { "stream output that is nowhere", "odd-field field=stream-output", BIND,
      "Invalid stream control interface input/output VA", EITHER, true,
      .source = "panthor_init_cs_iface" },
    { "group of another size", "odd-field field=suspend-size slot=2 "
      "value=4096", BIND, "Expecting identical CSG slots", EITHER, true,
      .source = "compare_csg" },
    { "group of other features", "odd-field field=group-features slot=1 "
      "value=1", BIND, "Expecting identical CSG slots", EITHER, true,
      .source = "compare_csg" },
    { "stream of other features", "odd-field field=stream-features slot=1 "
      "stream=1", BIND, "Expecting identical CS slots", EITHER, true,
      .source = "panthor_init_cs_iface" },
    /* Any doorbell would have the firmware look again, and answer. */
    { "ping without an answer", "ping-ack count=0", PING,
      "FW ping timeout", true, false, .source = "panthor_fw_ping_work" },
    /* Groups */
    { "START not acknowledged", "csg-start-ack", FIRST_JOB,
      "update request timedout", true, false, .source = "tick_ctx_apply" },
    { "START acknowledged late", "csg-start-ack delay-ns=30000000",
      FIRST_JOB, NULL, false, false, .source = "csgs_upd_ctx_apply_locked",
      .held_ms = 30 },
    { "RESUME not acknowledged", "csg-resume-ack", SLEEP,
      "update request timedout", true, false, .source = "tick_ctx_apply" },
    { "SUSPEND not acknowledged", "csg-suspend-ack", SLEEP,
      "escalating to termination", false, true,
      .source = "panthor_sched_suspend" },
    { "TERMINATE not acknowledged", "csg-terminate-ack", DESTROY,
      "update request timedout", true, false, .source = "tick_ctx_apply" },
    { "STATUS_UPDATE not acknowledged", "csg-status-update-ack",
      SECOND_GROUP, "update request timedout", true, false,
      .source = "tick_ctx_init" },
    { "EP_CFG not acknowledged", "csg-ep-cfg-ack", FIRST_JOB,
      "update request timedout", true, false, .source = "tick_ctx_apply" },
    /* Doorbells */
    { "doorbell of the firmware lost", "glb-doorbell", FIRST_JOB,
      "update request timedout", true, false, .source = "tick_ctx_apply" },
    { "doorbell of the firmware late", "glb-doorbell delay-ns=30000000",
      FIRST_JOB, NULL, false, false, .source = "panthor_fw_csg_wait_acks",
      .held_ms = 30 },
    { "doorbell of a group lost", "csg-doorbell", FIRST_JOB,
      "update request timedout", true, false, .source = "tick_ctx_apply" },
    { "doorbell of a group late", "csg-doorbell delay-ns=30000000", FIRST_JOB,
      NULL, false, false,
      .source = "panthor_fw_csg_wait_acks", .held_ms = 30 },
    { "doorbell of a stream lost", "cs-doorbell", SECOND_JOB, "job timeout",
      false, true, .source = "queue_timedout_job" },
    { "doorbell of a stream late", "cs-doorbell delay-ns=30000000",
      SECOND_JOB, NULL, false, false,
      .source = "queue_run_job", .held_ms = 30 },
    /* The tiler */
    { "heap out of memory", "tiler-oom", DRAW, NULL, false, false,
      .source = "group_process_tiler_oom", .counter = "tiler-oom-count" },
    { "heap out of memory for good", "tiler-oom count=0", DRAW,
      "job timeout", false, true, .source = "group_process_tiler_oom" },
    /* Nobody waits for these */
    { "stream not acknowledged", "cs-ack", SLEEP, NULL, false, false,
      .source = "cs_slot_prog_locked" },
    { "progress timer not acknowledged", "glb-ack mask=0x2", SLEEP, NULL, false,
      false, .source = "panthor_fw_init_global_iface" },
    { "endpoints not acknowledged", "glb-ack mask=0x4", SLEEP, NULL, false,
      false, .source = "panthor_fw_init_global_iface" },
    { "power-off timer not acknowledged", "glb-ack mask=0x8", SLEEP, NULL,
      false, false, .source = "panthor_fw_init_global_iface" },
    /* It stays set when the GPU sleeps. */
    { "idle events not acknowledged", "glb-ack mask=0x400", BIND,
      "Initialized panthor", EITHER, false,
      .source = "panthor_fw_init_global_iface" },
    /* Interrupts */
    { "flush interrupt lost", "irq-lost interrupt=gpu mask=0x20000", UNMAP,
      "Flush caches timeout", true, false,
      .source = "panthor_gpu_flush_caches",
      .none_6_12 = BY_FLUSH_MEM },
    { "flush interrupt silent", "irq-silent interrupt=gpu mask=0x20000",
      UNMAP, NULL, false, false, .source = "panthor_gpu_flush_caches",
      .none_6_12 = BY_FLUSH_MEM, .held_ms = 90 },
    { "START interrupt lost", "irq-lost interrupt=job mask=0xff", FIRST_JOB,
      NULL, false, false, .source = "panthor_fw_wait_acks" },
    { "fault interrupt lost", "irq-lost interrupt=mmu mask=0xffff", BAD_READ,
      "job timeout", false, true, .source = "queue_timedout_job" },
    { "spurious GPU interrupt", "irq-spurious interrupt=gpu", FIRST_JOB,
      NULL, false, false, .source = "panthor_gpu_irq_handler", .line = "gpu",
      .interrupts = 1 },
    { "spurious job interrupt", "irq-spurious interrupt=job", FIRST_JOB,
      NULL, false, false, .source = "panthor_job_irq_handler", .line = "job",
      .interrupts = 1 },
    { "spurious MMU interrupt", "irq-spurious interrupt=mmu", FIRST_JOB,
      NULL, false, false, .source = "panthor_mmu_irq_handler", .line = "mmu",
      .interrupts = 1 },
    { "interrupt storm", "irq-spurious interrupt=gpu count=1000 "
      "delay-ns=20000", FIRST_JOB, NULL, false, false,
      .source = "panthor_gpu_irq_raw_handler", .line = "gpu",
      .interrupts = STORM },
    /*
     * Of a slot that is free: with no bit, the line would stay high while the
     * driver, whose interrupt thread runs, has it masked and does not look.
     */
    { "interrupt storm of the firmware", "irq-spurious interrupt=job mask=0x4 "
      "count=1000 delay-ns=20000", FIRST_JOB, NULL, false, false,
      .source = "panthor_job_irq_raw_handler", .line = "job",
      .interrupts = STORM },
    { "interrupt storm of the MMU", "irq-spurious interrupt=mmu count=1000 "
      "delay-ns=20000", FIRST_JOB, NULL, false, false,
      .source = "panthor_mmu_irq_raw_handler", .line = "mmu",
      .interrupts = STORM },
    /* Of the GPU as such: the driver only says so */
    { "fault of the GPU", "gpu-fault exception=0x88 va=0x12345000", FIRST_JOB,
      "GPU Fault 0x00000688 (GPU_SHAREABILITY_FAULT) at 0x0000000012345000",
      false, false, .source = "panthor_gpu_irq_handler" },
    { "fault in protected mode", "irq-spurious interrupt=gpu mask=0x2",
      FIRST_JOB, "GPU Fault in protected mode", false, false,
      .source = "panthor_gpu_irq_handler" },
    /* Accesses */
    { "translation fault", "translation-fault va=0x20000000", FIRST_JOB,
      "Unhandled Page fault", false, true,
      .source = "panthor_mmu_irq_handler" },
    { "permission fault", "permission-fault va=0x20000000", FIRST_JOB,
      "exception type 0xCB", false, true,
      .source = "panthor_mmu_irq_handler" },
    { "access flag fault", "access-flag-fault va=0x20000000", FIRST_JOB,
      "exception type 0xDB", false, true,
      .source = "panthor_mmu_irq_handler" },
    { "bus error", "bus-error va=0x20000000", FIRST_JOB,
      "exception type 0x80", false, true,
      .source = "panthor_mmu_irq_handler" },
    { "fault of the firmware", "translation-fault address-space=0 "
      "va=0x4000000 size=0x10000", FIRST_JOB, "Unhandled Page fault in AS0",
      true, EITHER, .source = "panthor_mmu_irq_handler" },
    /* Instructions */
    { "recoverable fault", "cs-fault opcode=0x15", FIRST_JOB,
      "CS_FAULT.EXCEPTION_TYPE: 0x5a", false, true,
      .source = "cs_slot_process_fault_event_locked" },
    { "fatal fault", "cs-fatal opcode=0x15 exception=0x48", FIRST_JOB,
      "CS_FATAL.EXCEPTION_TYPE: 0x48", false, true,
      .source = "cs_slot_process_fatal_event_locked" },
    { "unrecoverable fault", "cs-fatal opcode=0x15", FIRST_JOB,
      "CS_FATAL.EXCEPTION_TYPE: 0x41", true, true,
      .source = "cs_slot_process_fatal_event_locked" },
    /* Words that boards with a Mali-G610 have logged */
    { "bus fault of a board", "cs-fault opcode=0x15 exception=0x48 data=0xc "
      "info=0", FIRST_JOB, "CS_FAULT.EXCEPTION_TYPE: 0x48 (CS_BUS_FAULT)"
      "\\x0aCS_FAULT.EXCEPTION_DATA: 0xc"
      "\\x0aCS_FAULT_INFO.EXCEPTION_DATA: 0x0", false, true,
      .source = "cs_slot_process_fault_event_locked" },
    { "lost resource of a board", "cs-fault opcode=0x15 exception=0xf "
      "info=0x600", FIRST_JOB, "CS_FAULT.EXCEPTION_TYPE: 0xf (CS_RES_TERM)"
      "\\x0aCS_FAULT.EXCEPTION_DATA: 0x0"
      "\\x0aCS_FAULT_INFO.EXCEPTION_DATA: 0x600", false, true,
      .source = "cs_slot_process_fault_event_locked" },
    { "fatal bus fault of a board", "cs-fatal opcode=0x15 exception=0x48 "
      "info=0xbffe000", FIRST_JOB, "CS_FATAL_INFO.EXCEPTION_DATA: 0xbffe000",
      false, true, .source = "cs_slot_process_fatal_event_locked" },
    { "source of a board's fault", "translation-fault va=0x20000000 "
      "exception=0xc1 source-id=0x2100", FIRST_JOB, "source id 0x2100", false,
      true, .source = "panthor_mmu_irq_handler" },
    /* A reset that is asked for by that, and goes wrong as well */
    { "reset that is late", "gpu-reset delay-ns=50000000", RESET,
      "CS_FATAL.EXCEPTION_TYPE: 0x41", true, true,
      .source = "panthor_gpu_soft_reset",
      .held_ms = 50 },
};

/* Of GPU_CONTROL and of firmware that were other ones up to architecture 13 */
static const Failure of_gpu_control[] = {
    { "L2 that does not come on", "l2-power-on", SLEEP, "readiness", false,
      false, .source = "panthor_gpu_block_power_on",
      .message_6_12 = "timeout waiting on L2" },
    { "L2 that does not go off", "l2-power-off", SLEEP, NULL, false, false,
      .source = "panthor_gpu_block_power_off", .none_6_12 = L2_STAYS_ON },
    { "L2 that stays in transition", "l2-transition delay-ns=30000000", SLEEP,
      "timeout waiting on L2:1 power transition", false, false,
      .source = "panthor_gpu_block_power_off", .none_6_12 = L2_STAYS_ON },
    { "L2 that is still in transition", "l2-transition delay-ns=100000000",
      SLEEP, "timeout waiting on L2:1 power transition", false, false,
      .source = "panthor_gpu_block_power_on", .none_6_12 = L2_STAYS_ON },
    /* From firmware 4.1 on it is not a bit, but a state. */
    { "HALT not acknowledged", "glb-ack mask=1", SLEEP, NULL, false, false,
      .source = "panthor_fw_mcu_halted" },
    { "boot interrupt lost", "irq-lost interrupt=job mask=0x80000000", SLEEP,
      "Failed to boot MCU", false, false, .source = "panthor_fw_start" },
    { "boot interrupt silent", "irq-silent interrupt=job mask=0x80000000",
      SLEEP, NULL, false, false,
      .source = "panthor_fw_start", .held_ms = 900 },
    { "reset interrupt silent", "irq-silent interrupt=gpu mask=0x100",
      RESET, "CS_FATAL.EXCEPTION_TYPE: 0x41", true, true,
      .source = "panthor_gpu_soft_reset" },
    { "reset that hangs", "gpu-reset", TWO_RESETS, "Soft reset timeout", true,
      true, .source = "panthor_gpu_soft_reset" },
};

/* Of PWR_CONTROL, from 14 on */
static const Failure of_pwr_control[] = {
    { "L2 that does not come on", "l2-power-on", SLEEP,
      "timeout waiting on L2 power domain transition", false, false,
      .source = "panthor_pwr_domain_transition",
      .message_6_12 = "timeout waiting on L2" },
    { "L2 that does not go off", "l2-power-off", SLEEP,
      "timeout waiting on L2 power domain transition", false, false,
      .source = "panthor_pwr_domain_transition", .none_6_12 = L2_STAYS_ON },
    /* Longer than the 2 s that the driver waits when it is to come on */
    { "L2 in transition", "l2-transition delay-ns=4000000000", SLEEP,
      "L2 domain power in transition", false, false,
      .source = "panthor_pwr_domain_wait_transition" },
    { "POWER_UP not allowed", "pwr-not-allowed command=0x10", SLEEP,
      "PWR_IRQ: COMMAND_NOT_ALLOWED", false, false,
      .source = "panthor_pwr_irq_handler" },
    { "POWER_UP invalid", "pwr-invalid command=0x10", SLEEP,
      "PWR_IRQ: COMMAND_INVALID", false, false,
      .source = "panthor_pwr_irq_handler" },
    { "DELEGATE of the shaders refused", "pwr-not-allowed command=0x20", RESET,
      "Delegating Shader domain timeout", true, true,
      .source = "delegate_domain" },
    { "DELEGATE of the tiler refused", "pwr-not-allowed command=0x20 skip=1",
      RESET, "Delegating Tiler domain timeout", true, true,
      .source = "panthor_pwr_delegate_domains" },
    { "RETRACT refused", "pwr-not-allowed command=0x20 skip=1;"
      "pwr-not-allowed command=0x21", RESET,
      "Retracting Shader domain timeout", true, true,
      .source = "retract_domain" },
    { "delegation that is not allowed", "pwr-status mask=0x100 count=0",
      RESET, "Delegating Shader domain not allowed", true, true,
      .source = "delegate_domain" },
    { "RETRACT that is pending", "pwr-not-allowed command=0x20 skip=1;"
      "pwr-status mask=0x80000000000 count=0", RESET,
      "Shader domain retract pending", true, true,
      .source = "retract_domain" },
    { "reset that is not allowed", "pwr-status mask=0x200000000", RESET,
      "RESET_SOFT not allowed", false, true,
      .source = "panthor_pwr_reset_soft" },
    { "POWER_DOWN that is not allowed", "pwr-status mask=0x1", SLEEP,
      "Power off L2 domain not allowed", false, false,
      .source = "panthor_pwr_l2_power_off" },
    { "POWER_UP that is not allowed", "pwr-status mask=0x1 count=0", SLEEP,
      "Power on L2 domain not allowed", false, false,
      .source = "panthor_pwr_l2_power_on" },
    { "MCU that goes on when the L2 goes off", "mcu-halt;mcu-stop", SLEEP,
      "Timed out waiting for MCU to halt", true, false,
      .source = "panthor_pwr_domain_force_off" },
    { "reset that hangs", "gpu-reset", TWO_RESETS, "RESET timed out", true,
      true, .source = "panthor_pwr_reset" },
    /* From firmware 4.1 on HALT raises the one before it. */
    { "boot interrupt lost", "irq-lost interrupt=job mask=0x80000000 skip=1",
      SLEEP, "Failed to boot MCU", false, false,
      .source = "panthor_fw_start" },
    { "boot interrupt silent", "irq-silent interrupt=job mask=0x80000000 "
      "skip=1", SLEEP, NULL, false, false, .source = "panthor_fw_start",
      .held_ms = 900 },
};

#define TABLE_OF(rows) { rows, sizeof(rows) / sizeof((rows)[0]) }

const FailureTable failures_common = TABLE_OF(common);
const FailureTable failures_of_gpu_control = TABLE_OF(of_gpu_control);
const FailureTable failures_of_pwr_control = TABLE_OF(of_pwr_control);
