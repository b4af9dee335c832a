/*
 * Fuzz target for the Arm Mali CSF GPU: a stream, each 8 bytes an instruction
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "mali-csf-fuzz-bed.h"

void fuzz_run_stream(QMaliCsf *gpu, const uint8_t *data, size_t size)
{
    FuzzInput input = { data, size };
    unsigned flags = fuzz_take(&input, 1);
    QMaliCsfGroup *group;
    uint64_t words[ENTRY_WORDS + RING_WORDS];
    size_t count = input.size / 8;
    unsigned n;
    FuzzBed bed;

    fuzz_bed_init(&bed, gpu);
    fuzz_bed_boot(&bed);
    group = &bed.group[0];
    mali_csf_group_start(group, 0);

    n = fuzz_entry_words(&bed, words);
    if (flags & FLAG_IN_RING) {
        for (size_t i = 0; i < MIN(count, RING_WORDS); i++) {
            words[n++] = fuzz_take(&input, 8);
        }
    } else {
        count = MIN(count, CODE_WORDS);
        fuzz_set_words(gpu, bed.code.pa, input.data, count);
        words[n++] = cs_move32(20, count * 8);
        words[n++] = cs_call(2, 20);
    }
    if (flags & FLAG_LOCK) {
        mali_csf_lock(gpu, 1, mali_csf_pack_region(LOCKED_VA, MALI_CSF_PAGE));
    }
    for (unsigned i = 0; i < (flags & FLAG_TWO_QUEUES ? 2 : 1); i++) {
        mali_csf_queue_submit(&group->queue[i], words, n);
    }
    fuzz_bed_run(&bed, 200 * MALI_CSF_US);
    if (flags & FLAG_SUSPEND) {
        fuzz_request(group, CSG_STATE_SUSPEND, 0);
        fuzz_bed_run(&bed, 20 * MALI_CSF_US);
        fuzz_request(group, CSG_STATE_RESUME, 2);
        fuzz_bed_run(&bed, 100 * MALI_CSF_US);
    }
    for (unsigned i = 0; i < 3; i++) {
        if (i == 1) {
            fuzz_as_command(gpu, 1, AS_COMMAND_UNLOCK);
        }
        if (flags & FLAG_GRANT) {
            fuzz_set_grant(&group->queue[0], fuzz_chunk_name(&bed, 5 + i * 8),
                           fuzz_chunk_name(&bed, 5 + i * 8));
        }
        fuzz_ack_queues(group);
        if (flags & FLAG_GRANT) {
            fuzz_toggle_global(gpu, GLB_PROTM_ENTER);
        }
        fuzz_retry_faults(&bed);
        fuzz_bed_run(&bed, 200 * MALI_CSF_US);
    }
    mali_csf_ack_events(gpu);
    fuzz_request(group, flags & FLAG_TERMINATE ? CSG_STATE_TERMINATE
                 : CSG_STATE_SUSPEND, 0);
    fuzz_bed_run(&bed, 50 * MALI_CSF_US);
}

static GByteArray *stream_input(unsigned flags, const uint64_t *words,
                                unsigned count)
{
    GByteArray *array = g_byte_array_new();

    fuzz_put(array, 1, flags);
    for (unsigned i = 0; i < count; i++) {
        fuzz_put(array, 8, words[i]);
    }
    return array;
}

/* One instruction of each opcode that the list knows, operands as they come */
static GByteArray *seed_every_opcode(void)
{
    uint64_t words[3 * 64];
    unsigned n = 0;

    for (unsigned opcode = 0; opcode < 64; opcode++) {
        if (opcode == CS_OP_CALL || opcode == CS_OP_JUMP) {
            continue;
        }
        words[n++] = cs_opcode(opcode) | 16ull << 40 | 10ull << 32;
        words[n++] = cs_error_barrier();
    }
    return stream_input(0, words, n);
}

GByteArray *fuzz_seed_stream(unsigned n)
{
    const unsigned run = CS_OP_RUN_COMPUTE;
    const uint64_t job[] = {
        cs_move32(24, 1),
        cs_flush_cache2(0x233, 24, 0, 0),
        cs_wait(1 << 0),
        cs_load_multiple(30, 0xff, 0, 0),
        cs_store_multiple(30, 0xff, 0, 0x40),
        cs_wait(0xff),
        cs_store_state(0, 0x80, CS_STATE_TIMESTAMP, 0, 0),
        cs_sync(CS_OP_SYNC_ADD64, 16, 14, CS_SYNC_SCOPE_SYSTEM, 1, 0, 0),
        cs_sync_wait(CS_OP_SYNC_WAIT64, 16, 14, CS_COND_GE, 0),
        cs_error_barrier(),
    };
    const uint64_t loop[] = {
        cs_move32(26, 3000),
        cs_add_imm32(26, 26, -1),
        cs_add_imm64(28, 28, 1),
        cs_umin32(30, 26, 28),
        cs_store_multiple(26, 0xf, 0, 0),
        cs_branch(CS_COND_NE, 26, -5),
    };
    const uint64_t for_ever[] = {
        cs_branch(CS_COND_ALWAYS, 0, -1),
    };
    const uint64_t work[] = {
        cs_set_sb_entry(2, 1),
        cs_req_resource(0xf),
        cs_opcode(run),
        cs_opcode(CS_OP_RUN_FRAGMENT),
        cs_opcode(CS_OP_RUN_IDVS),
        cs_opcode(CS_OP_FINISH_TILING),
        cs_wait(1 << 2),
        cs_sync(CS_OP_SYNC_SET32, 16, 14, CS_SYNC_SCOPE_CSG, 0, 0, 0),
    };
    const uint64_t faults[] = {
        cs_store_multiple(0, 1, 12, 2),
        cs_error_barrier(),
        cs_store_multiple(0, 3, 12, 0),
        cs_load_multiple(30, 1, 6, 0),
        cs_store_multiple(30, 1, 8, 0),
        cs_sync_wait(CS_OP_SYNC_WAIT32, 16, 14, CS_COND_LE, 1),
        cs_store_multiple(30, 1, 6, 0),
        cs_load_multiple(30, 0xffff, 4, 0),
    };
    /* Not to its start: the low byte of that address is a depth of 0 */
    const uint64_t calls[] = {
        cs_add_imm64(28, 2, 0x18),
        cs_move32(20, 0x20),
        cs_call(28, 20),
        cs_add_imm32(26, 26, 1),
        cs_call(28, 20),
        cs_jump(28, 20),
        cs_nop(),
    };
    const uint64_t copies[] = {
        cs_load_multiple(32, 0xffff, 0, 0),
        cs_load_multiple(48, 0xffff, 0, 0x40),
        cs_wait(1 << 0),
        cs_store_multiple(32, 0xffff, 12, 0),
        cs_move48(40, 0xfffffffffffcull),
        cs_store_multiple(32, 0xffff, 40, 0),
    };

    /* Twice the work that takes memory; a handler gives it back */
    const uint64_t draw[] = {
        cs_move48(60, DATA_VA + 0x800),
        cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 2, 10),
        cs_heap_operation(CS_HEAP_VT_STARTED, 0, 0),
        cs_set_sb_entry(2, 1),
        cs_opcode(CS_OP_RUN_IDVS),
        cs_opcode(CS_OP_RUN_FULLSCREEN),
        cs_opcode(CS_OP_FINISH_TILING),
        cs_wait(1 << 2),
        cs_heap_operation(CS_HEAP_VT_COMPLETED, 0, 0),
        cs_load_multiple(64, 0xf, TILER_REG, 0x28),
        cs_finish_fragment(64, 66, 1, 0, 0),
        cs_opcode(CS_OP_RUN_FULLSCREEN),
        cs_opcode(CS_OP_FINISH_TILING),
        cs_wait(1 << 2),
    };
    const uint64_t protected[] = {
        cs_prot_region(3),
        cs_store_multiple(26, 1, 0, 0),
        cs_add_imm32(26, 26, 1),
        cs_opcode(CS_OP_RUN_COMPUTE),
        cs_branch(CS_COND_LT, 26, -5),
        cs_prot_region(0xffff),
    };

    switch (n) {
    case 0:
        return stream_input(0, job, ARRAY_SIZE(job));
    case 1:
        return stream_input(FLAG_IN_RING, job, ARRAY_SIZE(job));
    case 2:
        return stream_input(FLAG_SUSPEND, loop, ARRAY_SIZE(loop));
    case 3:
        return stream_input(FLAG_TWO_QUEUES, work, ARRAY_SIZE(work));
    case 4:
        return stream_input(FLAG_LOCK, faults, ARRAY_SIZE(faults));
    case 5:
        return stream_input(FLAG_TERMINATE, calls, ARRAY_SIZE(calls));
    case 6:
        return stream_input(0, copies, ARRAY_SIZE(copies));
    case 7:
        return seed_every_opcode();
    case 8:
        return stream_input(FLAG_GRANT, draw, ARRAY_SIZE(draw));
    case 9:
        return stream_input(FLAG_SUSPEND, draw, ARRAY_SIZE(draw));
    case 10:
        return stream_input(FLAG_GRANT, protected, ARRAY_SIZE(protected));
    case 11:
        return stream_input(FLAG_GRANT | FLAG_SUSPEND, protected,
                            ARRAY_SIZE(protected));
    case 12:
        return stream_input(FLAG_TWO_QUEUES, for_ever, ARRAY_SIZE(for_ever));
    default:
        return NULL;
    }
}
