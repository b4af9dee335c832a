/*
 * Fuzz targets for the Arm Mali CSF GPU: the set-up
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "mali-csf-fuzz-bed.h"

/* Little-endian, zero behind the end */
uint64_t fuzz_take(FuzzInput *input, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && input->size; i++) {
        value |= (uint64_t)*input->data++ << (i * 8);
        input->size--;
    }
    return value;
}

void fuzz_put(GByteArray *array, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t byte = value >> (i * 8);

        g_byte_array_append(array, &byte, 1);
    }
}

void fuzz_bed_init(FuzzBed *bed, QMaliCsf *gpu)
{
    *bed = (FuzzBed) { .gpu = gpu, .time_left = INPUT_NS };
    mali_csf_vm_init(gpu, &bed->vm, 1);
    bed->code = mali_csf_vm_alloc(&bed->vm, CODE_WORDS * 8);
    bed->data = mali_csf_vm_alloc_at(&bed->vm, DATA_VA, 2 * MALI_CSF_PAGE, 0);
    bed->read_only = mali_csf_vm_alloc_at(&bed->vm, READ_ONLY_VA,
                                          MALI_CSF_PAGE,
                                          MALI_CSF_PTE_AP_RDONLY);
    bed->locked = mali_csf_vm_alloc_at(&bed->vm, LOCKED_VA, MALI_CSF_PAGE, 0);
    bed->heap = mali_csf_vm_alloc(&bed->vm, MALI_CSF_PAGE);
    for (unsigned i = 0; i < NUM_CHUNKS; i++) {
        bed->chunk[i] = mali_csf_vm_alloc(&bed->vm, MALI_CSF_PAGE);
    }
    bed->perfcnt = mali_csf_vm_alloc_at(&bed->vm, PERFCNT_VA, PERFCNT_SIZE, 0);
}

void fuzz_bed_groups(FuzzBed *bed)
{
    for (unsigned i = 0; i < NUM_GROUPS; i++) {
        mali_csf_group_init(&bed->vm, &bed->group[i], NUM_QUEUES);
    }
}

void fuzz_bed_boot(FuzzBed *bed)
{
    mali_csf_mcu_prepare(bed->gpu);
    mali_csf_mcu_boot(bed->gpu);
    mali_csf_global_init(bed->gpu);
    mali_csf_vm_enable(&bed->vm);
    fuzz_bed_groups(bed);
}

void fuzz_bed_run(FuzzBed *bed, int64_t ns)
{
    ns = MIN(ns, bed->time_left);
    bed->time_left -= ns;
    if (ns) {
        mali_csf_run(bed->gpu, ns);
    }
}

/* Addresses and numbers in registers, so that a stream can do something */
unsigned fuzz_entry_words(FuzzBed *bed, uint64_t words[ENTRY_WORDS])
{
    unsigned n = 0;

    words[n++] = cs_move48(0, bed->data.va);
    words[n++] = cs_move48(2, bed->code.va);
    words[n++] = cs_move48(4, UNMAPPED_VA);
    words[n++] = cs_move48(6, bed->read_only.va);
    words[n++] = cs_move48(8, bed->locked.va);
    words[n++] = cs_move48(10, 8);
    words[n++] = cs_move48(12, bed->data.va + 0xffc);
    words[n++] = cs_move48(14, 1);
    words[n++] = cs_move48(16, bed->data.va + 0x100);
    words[n++] = cs_move32(18, -1);
    words[n++] = cs_move48(22, bed->heap.va);
    words[n++] = cs_heap_set(22);
    words[n++] = cs_move48(TILER_REG, bed->heap.va + TILER_OFFSET);
    return n;
}

/* Memory for a heap, as the driver names a chunk, or something else */
uint64_t fuzz_chunk_name(FuzzBed *bed, unsigned which)
{
    switch (which & 7) {
    case 0:
        return 0;
    case 1:
        return UNMAPPED_VA | 1;
    case 2:
        return bed->read_only.va | 1;
    case 3:
        return bed->locked.va | 1;
    case 4:
        return ~0ull;
    default:
        return bed->chunk[which >> 3 & 1].va | 1;
    }
}

/* What is granted when the stream asks, if it does */
void fuzz_set_grant(QMaliCsfQueue *queue, uint64_t first, uint64_t last)
{
    QMaliCsf *gpu = queue->group->gpu;
    uint64_t in = gpu->cs_in[queue->group->slot][queue->index];

    qtest_writeq(gpu->qts, in + CS_TILER_HEAP_START, first);
    qtest_writeq(gpu->qts, in + CS_TILER_HEAP_END, last);
}

/* Whatever it is that the host is told, it has seen it */
void fuzz_ack_queues(QMaliCsfGroup *group)
{
    for (unsigned i = 0; i < group->num_queues; i++) {
        mali_csf_queue_ack_event(&group->queue[i], CS_EVT_MASK);
    }
}

void fuzz_toggle_global(QMaliCsf *gpu, uint32_t mask)
{
    mali_csf_toggle(gpu, gpu->glb_in + GLB_REQ, gpu->glb_out + GLB_ACK, mask);
    mali_csf_doorbell(gpu, 0);
}

/* The commands as they are, since nobody may wait for them */
void fuzz_as_command(QMaliCsf *gpu, unsigned as, uint32_t command)
{
    mali_csf_writel(gpu, mali_csf_as_reg(as, A_AS_COMMAND), command);
}

void fuzz_as_set_up(QMaliCsf *gpu, unsigned as, uint64_t root,
                    uint64_t transcfg)
{
    mali_csf_writeq(gpu, mali_csf_as_reg(as, A_AS_TRANSTAB_LO), root);
    mali_csf_writeq(gpu, mali_csf_as_reg(as, A_AS_MEMATTR_LO),
                    MALI_CSF_MEMATTR);
    mali_csf_writeq(gpu, mali_csf_as_reg(as, A_AS_TRANSCFG_LO), transcfg);
    fuzz_as_command(gpu, as, AS_COMMAND_UPDATE);
}

/* Let streams that hang in an MMU fault try again */
void fuzz_retry_faults(FuzzBed *bed)
{
    mali_csf_writel(bed->gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR, ~0u);
    fuzz_as_set_up(bed->gpu, 1, bed->vm.root, MALI_CSF_TRANSCFG);
}

void fuzz_request(QMaliCsfGroup *group, uint32_t state, unsigned slot)
{
    if (state == CSG_STATE_START || state == CSG_STATE_RESUME) {
        mali_csf_group_program(group, slot);
    }
    mali_csf_group_request(group, state);
}

void fuzz_set_words(QMaliCsf *gpu, uint64_t pa, const uint8_t *data,
                    size_t words)
{
    if (words) {
        qtest_memwrite(gpu->qts, pa, data, words * 8);
    }
}

void fuzz_bed_busy(FuzzBed *bed)
{
    const uint64_t loop[] = {
        cs_add_imm32(26, 26, 1),
        cs_store_multiple(26, 1, 0, 0),
        cs_opcode(CS_OP_RUN_COMPUTE),
        cs_branch(CS_COND_NE, 10, -4),
    };
    const uint64_t wait[] = {
        cs_store_multiple(0, 1, 12, 2),
        cs_sync_wait(CS_OP_SYNC_WAIT64, 16, 14, CS_COND_GE, 0),
    };
    /* Waits for memory of a heap, with an instruction that is deferred */
    const uint64_t draw[] = {
        cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 2, 10),
        cs_set_sb_entry(2, 0),
        cs_opcode(CS_OP_RUN_FULLSCREEN),
        cs_sync(CS_OP_SYNC_ADD64, 16, 14, CS_SYNC_SCOPE_CSG, 0, 1 << 2, 3),
        cs_wait(1 << 3),
    };
    uint64_t words[ENTRY_WORDS + ARRAY_SIZE(draw)];
    unsigned n = fuzz_entry_words(bed, words);

    qtest_memwrite(bed->gpu->qts, bed->code.pa, loop, sizeof(loop));
    words[n] = cs_move32(20, sizeof(loop));
    words[n + 1] = cs_call(2, 20);
    mali_csf_group_start(&bed->group[0], 0);
    mali_csf_queue_submit(&bed->group[0].queue[0], words, n + 2);
    memcpy(words + n, wait + 1, sizeof(wait[1]));
    mali_csf_queue_submit(&bed->group[0].queue[1], words, n + 1);
    mali_csf_group_start(&bed->group[1], 1);
    memcpy(words + n, wait, sizeof(wait));
    mali_csf_queue_submit(&bed->group[1].queue[0], words, n + 2);
    memcpy(words + n, draw, sizeof(draw));
    mali_csf_queue_submit(&bed->group[1].queue[1], words,
                          n + ARRAY_SIZE(draw));
    mali_csf_run(bed->gpu, 60 * MALI_CSF_US);
}

void mali_csf_fuzz_busy(QMaliCsf *gpu)
{
    FuzzBed bed;

    fuzz_bed_init(&bed, gpu);
    fuzz_bed_boot(&bed);
    fuzz_bed_busy(&bed);
}

void mali_csf_fuzz_go_on(QMaliCsf *gpu)
{
    for (unsigned i = 0; i < 2; i++) {
        mali_csf_run(gpu, 200 * MALI_CSF_US);
        mali_csf_ack_events(gpu);
        mali_csf_writel(gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR, ~0u);
        fuzz_as_command(gpu, 0, AS_COMMAND_UNLOCK);
        fuzz_as_command(gpu, 1, AS_COMMAND_UPDATE);
        for (unsigned page = 0; page < 4; page++) {
            mali_csf_doorbell(gpu, page);
        }
    }
    mali_csf_run(gpu, 200 * MALI_CSF_US);
}
