/*
 * fault: what goes wrong is reported as what it is, and to whom it belongs
 *
 * MMU faults name the exact address, type and access; fatal errors of a
 * stream end its group and nobody else's; a recoverable one fails its own
 * job and no other.  Each victim has a VM of its own, and after each one a
 * bystander on another VM must still be served.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hw/gpu/mali-csf/fw-interface.h"

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 3000
#define LOG_TIMEOUT_MS 1000

/* A page mapped read-only */
#define READ_ONLY_VA 0x30000000ull

/* No instruction of any architecture that we know */
#define BAD_OPCODE 0xfe

/* FAULTSTATUS: access type */
enum {
    ACCESS_READ = 2,
    ACCESS_WRITE = 3,
};

enum {
    EXCEPTION_TRANSLATION_FAULT = 0xc0,
    EXCEPTION_PERMISSION_FAULT = 0xc8,
    EXCEPTION_ADDRESS_SIZE_IN = 0xe0,
};

/* Added to an address that MOVE48 can just make */
#define MOVE48_SHORT 0x1000

/* Above all registers that any architecture has */
#define BAD_REGISTER 0xfe

/* Words of the data buffer */
enum {
    DATA_REACHED = 0,
    DATA_SYNC = 16,
};

/* What a stream does where it must not */
enum {
    DO_LOAD,
    DO_STORE,
    DO_CALL,
};

static PanthorContext bystander;

static void check_bystander(const char *after)
{
    static uint32_t value;
    Stream s;
    int ret;

    /* It runs a job after every victim: the memory is used again */
    bystander.code.used = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(10, ++value));
    stream_store_at(&s, 10, panthor_data_va(DATA_REACHED), 0);
    stream_end(&s);
    ret = panthor_run_stream(&bystander, 0, &s, JOB_TIMEOUT_MS);
    if (!tap_ok(!ret && bystander.data[DATA_REACHED] == value,
                "%s: another VM lives on", after)) {
        tap_diag("%s", strerror(-ret));
    }
}

/* The hexadecimal number behind @key in a record, or all ones */
static uint64_t record_number(const char *record, const char *key)
{
    const char *at = strstr(record, key);
    unsigned long long value;

    if (!at || sscanf(at + strlen(key), "%llx", &value) != 1) {
        return ~0ull;
    }
    return value;
}

static void check_mmu_record(int log, const char *name, uint64_t va,
                             unsigned type, unsigned access)
{
    char record[1024] = "";
    int ret = kernel_log_find(log, "Unhandled Page fault", record,
                              sizeof(record), LOG_TIMEOUT_MS);
    bool same = !ret && record_number(record, "at VA ") == va &&
                record_number(record, "exception type ") == type &&
                record_number(record, "access type ") == access;

    if (!tap_ok(same, "%s: fault at 0x%" PRIx64 ", type 0x%x, access %u",
                name, va, type, access)) {
        tap_diag("%s", ret ? strerror(-ret) : record);
    }
}

static void check_cs_record(int log, const char *name, const char *event,
                            unsigned type)
{
    char record[1024] = "", key[48];
    int ret;

    snprintf(key, sizeof(key), "%s.EXCEPTION_TYPE: ", event);
    ret = kernel_log_find(log, key, record, sizeof(record), LOG_TIMEOUT_MS);
    if (!tap_ok(!ret && record_number(record, key) == type,
                "%s: the driver reports %s 0x%x", name, event, type)) {
        tap_diag("%s", ret ? strerror(-ret) : record);
    }
}

/* The group must be dead: its job failed, its queue named, closed to jobs */
static void check_dead(PanthorContext *ctx, const char *name, int ret)
{
    uint32_t fatal = 0;
    int state = panthor_group_state(ctx->dev, ctx->group, &fatal);

    if (!tap_ok(ret == -EINVAL, "%s: the job's fence fails", name)) {
        tap_diag("%s", strerror(-ret));
    }
    if (!tap_ok(state == DRM_PANTHOR_GROUP_STATE_FATAL_FAULT && fatal == 1,
                "%s: the group is dead", name)) {
        tap_diag("state 0x%x, queues 0x%x", state, fatal);
    }
    ret = panthor_submit(ctx, 0, PANTHOR_CODE_VA, 8, ctx->syncobj);
    tap_ok(ret == -EINVAL, "%s: and takes no more jobs", name);
}

/* Ends a stream that is not expected to get so far */
static void emit_reached(Stream *s)
{
    stream_emit(s, cs_move32(10, 1));
    stream_store_at(s, 10, panthor_data_va(DATA_REACHED), 0);
    stream_end(s);
}

static void test_mmu(PanthorDev *dev, const char *name, int what,
                     uint64_t va, unsigned type)
{
    /* A stream is fetched by reading it */
    unsigned access = what == DO_STORE ? ACCESS_WRITE : ACCESS_READ;
    int log = TAP_MUST(kernel_log_open());
    PanthorContext ctx;
    PanthorBo read_only;
    Stream s;
    int ret;

    panthor_context_init(&ctx, dev, 1);
    TAP_MUST(panthor_bo_create(dev, &read_only, PANTHOR_GPU_PAGE, ctx.vm));
    *(uint32_t *)read_only.cpu = 0;
    TAP_MUST(panthor_vm_map(dev, ctx.vm, &read_only, 0, READ_ONLY_VA,
                            PANTHOR_GPU_PAGE,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC |
                            DRM_PANTHOR_VM_BIND_OP_MAP_READONLY));

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(10, 7));
    if (va >> 48) {
        /* MOVE48 does not reach so far, the sum does */
        stream_emit(&s, cs_move48(0, va - MOVE48_SHORT));
        stream_emit(&s, cs_add_imm64(0, 0, MOVE48_SHORT));
    } else {
        stream_emit(&s, cs_move48(0, va));
    }
    switch (what) {
    case DO_STORE:
        if (va == READ_ONLY_VA) {
            /* The permission is what the fault is about */
            stream_load(&s, 12, 1, 0, 0);
        }
        stream_store(&s, 10, 1, 0, 0);
        break;
    case DO_CALL:
        stream_emit(&s, cs_move32(2, 64));
        stream_emit(&s, cs_call(0, 2));
        break;
    default:
        stream_load(&s, 10, 1, 0, 0);
    }
    emit_reached(&s);
    ret = panthor_run_stream(&ctx, 0, &s, JOB_TIMEOUT_MS);
    check_mmu_record(log, name, va, type, access);
    check_dead(&ctx, name, ret);
    tap_ok(!ctx.data[DATA_REACHED] && !*(uint32_t *)read_only.cpu,
           "%s: nothing was stored", name);
    check_bystander(name);

    panthor_bo_destroy(dev, &read_only);
    panthor_context_fini(&ctx);
    close(log);
}

static void test_fatal(PanthorDev *dev, const char *name, Stream *s,
                       PanthorContext *ctx, unsigned type)
{
    int log = TAP_MUST(kernel_log_open());
    int ret = panthor_run_stream(ctx, 0, s, JOB_TIMEOUT_MS);

    check_cs_record(log, name, "CS_FATAL", type);
    check_dead(ctx, name, ret);
    tap_ok(!ctx->data[DATA_REACHED], "%s: the stream stopped there", name);
    tap_ok(panthor_vm_state(dev, ctx->vm) == DRM_PANTHOR_VM_STATE_USABLE,
           "%s: the VM is usable", name);
    close(log);

    /* A new group of the same VM works */
    panthor_context_new_group(ctx, 1);
    stream_init(s);
    stream_begin(s);
    emit_reached(s);
    ret = panthor_run_stream(ctx, 0, s, JOB_TIMEOUT_MS);
    tap_ok(!ret && ctx->data[DATA_REACHED] == 1,
           "%s: a new group on the VM works", name);
    check_bystander(name);
}

/* One instruction that is wrong in itself, or by the registers it names */
static void test_bad_instruction(PanthorDev *dev, const char *name,
                                 uint64_t insn, uint64_t address,
                                 uint32_t value, unsigned type)
{
    PanthorContext ctx;
    Stream s;

    panthor_context_init(&ctx, dev, 1);
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(60, address));
    stream_emit(&s, cs_move32(62, value));
    stream_emit(&s, insn);
    emit_reached(&s);
    test_fatal(dev, name, &s, &ctx, type);
    panthor_context_fini(&ctx);
}

/* The group may use no shader core, which its stream asks for. */
static void test_no_endpoints(PanthorDev *dev)
{
    struct drm_panthor_queue_create queue = {
        .priority = 1,
        .ringbuf_size = 4096,
    };
    struct drm_panthor_group_create arg = {
        .queues = DRM_PANTHOR_OBJ_ARRAY(1, &queue),
        .priority = PANTHOR_GROUP_PRIORITY_MEDIUM,
        .tiler_core_mask = 1,
        .max_tiler_cores = 1,
    };
    PanthorContext ctx;
    Stream s;

    panthor_context_init(&ctx, dev, 1);
    TAP_MUST(panthor_group_destroy(dev, ctx.group));
    arg.vm_id = ctx.vm;
    TAP_MUST(ioctl(dev->fd, DRM_IOCTL_PANTHOR_GROUP_CREATE, &arg));
    ctx.group = arg.group_handle;
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_req_resource(CS_RESOURCE_TILER));
    stream_emit(&s, cs_req_resource(CS_RESOURCE_COMPUTE));
    emit_reached(&s);
    test_fatal(dev, "no endpoints", &s, &ctx, CS_EXCEPTION_ENDPOINT_FAULT);
    panthor_context_fini(&ctx);
}

static void test_call_overflow(PanthorDev *dev)
{
    PanthorContext ctx;
    uint64_t va = 0;
    uint32_t size = 0;
    unsigned depth;
    Stream s, sub;

    panthor_context_init(&ctx, dev, 1);
    /* The ring and the job's stream are two frames; one call too many */
    for (depth = 0; depth < CS_CALL_STACK_DEPTH - 1; depth++) {
        stream_init(&sub);
        if (depth) {
            stream_call(&sub, va, size, 60);
        } else {
            emit_reached(&sub);
        }
        va = stream_place(&sub, &ctx.code, &size);
    }
    stream_init(&s);
    stream_begin(&s);
    stream_call(&s, va, size, 60);
    emit_reached(&s);
    test_fatal(dev, "call overflow", &s, &ctx,
               CS_EXCEPTION_CALL_STACK_OVERFLOW);
    panthor_context_fini(&ctx);
}

/* A queue that waits for ever goes down with the group; it is not to blame */
static void test_other_queue(PanthorDev *dev)
{
    const char *name = "other queue";
    uint32_t syncobj[2], fatal = 0, size;
    PanthorContext ctx;
    int status[2] = { 0 }, ret, i;
    uint64_t va;
    Stream s;

    panthor_context_init(&ctx, dev, 2);
    for (i = 0; i < 2; i++) {
        TAP_MUST(panthor_syncobj_create(dev, &syncobj[i]));
    }
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(0, panthor_data_va(DATA_SYNC)));
    stream_emit(&s, cs_move32(2, 0));
    stream_emit(&s, cs_sync_wait(CS_OP_SYNC_WAIT32, 0, 2, CS_COND_GT, 0));
    emit_reached(&s);
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_submit(&ctx, 0, va, size, syncobj[0]));
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_opcode(BAD_OPCODE));
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_submit(&ctx, 1, va, size, syncobj[1]));
    for (i = 0; i < 2; i++) {
        ret = panthor_syncobj_wait(dev, syncobj[i], 0, false,
                                   JOB_TIMEOUT_MS);
        if (ret) {
            tap_diag("queue %d: %s", i, strerror(-ret));
        } else {
            panthor_syncobj_status(dev, syncobj[i], &status[i]);
        }
        panthor_syncobj_destroy(dev, syncobj[i]);
    }
    panthor_group_state(dev, ctx.group, &fatal);
    if (!tap_ok(fatal == 2 && status[1] == -EINVAL &&
                status[0] == -ECANCELED,
                "%s: the guilty one fails, its neighbour is cancelled",
                name)) {
        tap_diag("queues 0x%x, fences %d and %d", fatal, status[0],
                 status[1]);
    }
    check_bystander(name);
    panthor_context_fini(&ctx);
}

/* What goes wrong in test_recoverable() */
enum {
    RECOVER_LOAD,
    RECOVER_STORE,
    RECOVER_SYNC_ADD,
    RECOVER_SYNC_SET,
    RECOVER_SYNC_WAIT,
    RECOVER_STATE,
    RECOVER_INHERIT,
};

/*
 * Three jobs on one queue; the one in the middle takes a fault that the
 * stream recovers from at the end of the job.
 */
static void test_recoverable(PanthorDev *dev, const char *name, int kind,
                             unsigned type)
{
    const bool inherit = kind == RECOVER_INHERIT;
    /* Up to 6.12 the driver fails the job only of an inherited fault */
    int middle = kernel_locks_first() || inherit ? -EINVAL : 1;
    const uint64_t misaligned[] = {
        [RECOVER_LOAD] = cs_load_multiple(12, 1, 0, 0),
        [RECOVER_STORE] = cs_store_multiple(10, 1, 0, 0),
        [RECOVER_SYNC_ADD] = cs_sync(CS_OP_SYNC_ADD32, 0, 2,
                                     CS_SYNC_SCOPE_SYSTEM, 0, 0,
                                     STREAM_SB_LOAD_STORE),
        [RECOVER_SYNC_SET] = cs_sync(CS_OP_SYNC_SET64, 0, 2,
                                     CS_SYNC_SCOPE_SYSTEM, 0, 0,
                                     STREAM_SB_LOAD_STORE),
        [RECOVER_SYNC_WAIT] = cs_sync_wait(CS_OP_SYNC_WAIT64, 0, 2,
                                           CS_COND_LE, 0),
        [RECOVER_STATE] = cs_store_state(0, 0, CS_STATE_TIMESTAMP, 0,
                                         STREAM_SB_LOAD_STORE),
    };
    int log = TAP_MUST(kernel_log_open());
    uint32_t syncobj[3], fatal = 0;
    struct drm_panthor_sync_op sync[3];
    int status[3] = { 0 }, ret, i;
    PanthorJob job[3] = { 0 };
    PanthorContext ctx;
    Stream s;

    panthor_context_init(&ctx, dev, 1);
    for (i = 0; i < 3; i++) {
        TAP_MUST(panthor_syncobj_create(dev, &syncobj[i]));
        stream_init(&s);
        stream_begin(&s);
        stream_emit(&s, cs_move32(10, 100 + i));
        if (i == 1 && inherit) {
            /* The condition holds, and the object carries an error */
            ctx.data[DATA_SYNC] = 1;
            ctx.data[DATA_SYNC + 1] = CS_EXCEPTION_INVALID_INSTRUCTION;
            stream_emit(&s, cs_move48(0, panthor_data_va(DATA_SYNC)));
            stream_emit(&s, cs_move32(2, 0));
            stream_emit(&s, cs_sync_wait(CS_OP_SYNC_WAIT32, 0, 2,
                                         CS_COND_GT, 0));
        } else if (i == 1) {
            /* An address that is not a multiple of what is accessed */
            stream_emit(&s, cs_move48(0, panthor_data_va(4) + 2));
            stream_emit(&s, cs_move48(2, 5));
            stream_emit(&s, misaligned[kind]);
        } else {
            stream_store_at(&s, 10, panthor_data_va(i), 0);
        }
        stream_end(&s);
        job[i].stream_va = stream_place(&s, &ctx.code, &job[i].stream_size);
        sync[i] = panthor_signal_op(syncobj[i], 0);
        job[i].syncs = &sync[i];
        job[i].sync_count = 1;
    }
    TAP_MUST(panthor_group_submit(dev, ctx.group, job, 3));
    for (i = 0; i < 3; i++) {
        ret = panthor_syncobj_wait(dev, syncobj[i], 0, false,
                                   JOB_TIMEOUT_MS);
        if (ret) {
            tap_diag("job %d: %s", i, strerror(-ret));
        } else {
            panthor_syncobj_status(dev, syncobj[i], &status[i]);
        }
        panthor_syncobj_destroy(dev, syncobj[i]);
    }
    check_cs_record(log, name, "CS_FAULT", type);
    if (!tap_ok(status[0] == 1 && status[1] == middle && status[2] == 1,
                "%s: fences 1, %d, 1", name, middle)) {
        tap_diag("fences %d, %d, %d", status[0], status[1], status[2]);
    }
    tap_ok(ctx.data[0] == 100 && ctx.data[2] == 102 && !ctx.data[4] &&
           !ctx.data[5], "%s: the other jobs stored, this one did not",
           name);
    ret = panthor_group_state(dev, ctx.group, &fatal);
    tap_ok(!ret && !fatal, "%s: the group is alive", name);

    stream_init(&s);
    stream_begin(&s);
    emit_reached(&s);
    ret = panthor_run_stream(&ctx, 0, &s, JOB_TIMEOUT_MS);
    tap_ok(!ret && ctx.data[DATA_REACHED] == 1, "%s: and usable", name);
    check_bystander(name);
    panthor_context_fini(&ctx);
    close(log);
}

int main(int argc, char **argv)
{
    /*
     * The data buffer ends here: its page table has entries, but not this
     * one.  Then places whose entry is missing in ever higher tables; the
     * lowest index bits are 20:12, 29:21, 38:30 and 47:39.
     */
    const struct {
        const char *name;
        uint64_t va;
        unsigned level;
    } hole[] = {
        { "hole at level 3", PANTHOR_DATA_VA + PANTHOR_DATA_SIZE + 0x1abc,
          3 },
        { "hole at level 2", PANTHOR_DATA_VA + 0x2345678, 2 },
        { "hole at level 1", 0x7f12345678, 1 },
        { "hole at level 0", 0x123456789abc, 0 },
    };
    const struct {
        const char *name;
        uint64_t insn;
        /* In r60:61 and in r62 */
        uint64_t address;
        uint32_t value;
        unsigned type;
    } bad[] = {
        { "bad opcode", cs_opcode(BAD_OPCODE), 0, 0,
          CS_EXCEPTION_INVALID_INSTRUCTION },
        { "bad register", cs_move32(BAD_REGISTER, 1), 0, 0,
          CS_EXCEPTION_INVALID_INSTRUCTION },
        { "branch out of the buffer",
          cs_branch(CS_COND_ALWAYS, 62, INT16_MAX), 0, 0,
          CS_EXCEPTION_INVALID_INSTRUCTION },
        { "misaligned call", cs_call(60, 62), PANTHOR_CODE_VA + 4, 8,
          CS_EXCEPTION_CONFIG_FAULT },
        { "call of half an instruction", cs_call(60, 62), PANTHOR_CODE_VA, 12,
          CS_EXCEPTION_CONFIG_FAULT },
        { "misaligned jump", cs_jump(60, 62), PANTHOR_CODE_VA + 4, 8,
          CS_EXCEPTION_CONFIG_FAULT },
    };
    static const char *const recoverable[] = {
        [RECOVER_LOAD] = "misaligned load",
        [RECOVER_STORE] = "misaligned store",
        [RECOVER_SYNC_ADD] = "misaligned SYNC_ADD32",
        [RECOVER_SYNC_SET] = "misaligned SYNC_SET64",
        [RECOVER_SYNC_WAIT] = "misaligned SYNC_WAIT64",
        [RECOVER_STATE] = "misaligned STORE_STATE",
        [RECOVER_INHERIT] = "inherited fault",
    };
    PanthorDev dev;
    unsigned i;

    tap_start(argc, argv, NULL,
              "Provokes faults and checks how they are reported.");
    tap_directive("allow-dmesg Unhandled Page fault in AS[0-9]+ at VA");
    tap_directive("allow-dmesg fault status:|(exception|access) type 0x|"
                  "source id 0x|CS_FATAL|CS_FAULT|CSG slot");

    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&bystander, &dev, 1);
    for (i = 0; i < sizeof(hole) / sizeof(hole[0]); i++) {
        test_mmu(&dev, hole[i].name, DO_LOAD, hole[i].va,
                 EXCEPTION_TRANSLATION_FAULT + hole[i].level);
    }
    test_mmu(&dev, "store to a hole", DO_STORE, hole[1].va,
             EXCEPTION_TRANSLATION_FAULT + hole[1].level);
    test_mmu(&dev, "call of a hole", DO_CALL, hole[1].va & ~7ull,
             EXCEPTION_TRANSLATION_FAULT + hole[1].level);
    test_mmu(&dev, "store to read-only", DO_STORE, READ_ONLY_VA,
             EXCEPTION_PERMISSION_FAULT + 3);
    test_mmu(&dev, "load beyond 48 bits", DO_LOAD, 1ull << 48,
             EXCEPTION_ADDRESS_SIZE_IN);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        test_bad_instruction(&dev, bad[i].name, bad[i].insn, bad[i].address,
                             bad[i].value, bad[i].type);
    }
    test_no_endpoints(&dev);
    test_call_overflow(&dev);
    test_other_queue(&dev);
    for (i = 0; i < sizeof(recoverable) / sizeof(recoverable[0]); i++) {
        test_recoverable(&dev, recoverable[i], i,
                         i == RECOVER_INHERIT ? CS_EXCEPTION_INHERIT_FAULT :
                                                CS_EXCEPTION_ADDR_RANGE_FAULT);
    }
    panthor_context_fini(&bystander);
    panthor_close(&dev);
    return tap_end();
}
