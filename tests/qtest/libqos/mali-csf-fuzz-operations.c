/*
 * Fuzz targets for the Arm Mali CSF GPU: operations on registers and memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "mali-csf-fuzz-bed.h"

/* Operations: one byte says which, the rest are its operands */

typedef enum Operation {
    OP_STEP,
    OP_WRITE_REGISTER,
    OP_READ_REGISTER,
    OP_WRITE_MEMORY,
    OP_CHANGE_WORD,
    OP_DOORBELL,
    OP_SUBMIT,
    OP_GROUP,
    OP_QUEUE_REQUEST,
    OP_GLOBAL_REQUEST,
    OP_AS_COMMAND,
    OP_AS_SET_UP,
    OP_GPU_COMMAND,
    OP_ACKNOWLEDGE,
    /* Append only: recorded inputs have these numbers. */
    OP_GRANT,
    OP_COUNT,
    OP_PROTECTED,
    NUM_OPERATIONS,
} Operation;

/* What an operation on memory may reach */
static QMaliCsfBuffer bed_buffer(FuzzBed *bed, unsigned which)
{
    QMaliCsf *gpu = bed->gpu;
    QMaliCsfGroup *group = &bed->group[which >> 4 & 1];
    QMaliCsfQueue *queue = &group->queue[which >> 5 & 1];
    const QMaliCsfBuffer buffers[] = {
        { .pa = gpu->shared_pa, .size = FW_SHARED_SIZE },
        { .pa = gpu->glb_in, .size = 0x100 },
        { .pa = gpu->csg_in[which >> 4 & 7], .size = CSG_INPUT_SIZE },
        { .pa = gpu->cs_in[which >> 4 & 7][which >> 7], .size = CS_INPUT_SIZE },
        queue->ring,
        queue->input,
        queue->output,
        group->suspend,
        bed->code,
        bed->data,
        { .pa = bed->vm.root, .size = MALI_CSF_PAGE },
        { .pa = gpu->mcu_vm.root, .size = MALI_CSF_PAGE },
        { .pa = MALI_CSF_RAM_FREE, .size = ARENA_SIZE },
        bed->heap,
        bed->chunk[which >> 4 & 1],
        group->protm_suspend,
    };
    QMaliCsfBuffer buffer = buffers[(which & 15) % ARRAY_SIZE(buffers)];

    if (!buffer.pa || !buffer.size) {
        /* There is no such thing before the boot. */
        buffer = bed->data;
    }
    return buffer;
}

static uint64_t take_address(FuzzBed *bed, FuzzInput *input, unsigned length)
{
    QMaliCsfBuffer buffer = bed_buffer(bed, fuzz_take(input, 1));
    uint32_t offset = fuzz_take(input, 2) * 4;

    return buffer.pa + offset % (buffer.size - length);
}

static uint32_t take_register(FuzzInput *input)
{
    unsigned block = fuzz_take(input, 1);
    uint32_t offset = fuzz_take(input, 2);

    switch (block & 7) {
    case 0:
        return offset % MALI_CSF_BLOCK_SIZE & ~3;
    case 1:
        return MALI_CSF_JOB_CONTROL_BASE + (offset & 0x1c);
    case 2:
        return MALI_CSF_MMU_BASE + (offset & 0x1c);
    case 3:
        return MALI_CSF_MMU_BASE + MALI_CSF_MMU_AS_BASE +
               (offset & (16 * MALI_CSF_MMU_AS_SIZE - 4));
    case 4:
        return MALI_CSF_DOORBELL_BASE + (offset & 63) * MALI_CSF_DOORBELL_SIZE;
    case 5:
        return A_MCU_CONTROL + (offset & 4);
    case 6:
        return MALI_CSF_USER_BASE + (offset & 0xfffc);
    default:
        return offset * 32 & ~3;
    }
}

static void write_memory(FuzzBed *bed, FuzzInput *input)
{
    uint8_t bytes[64];
    unsigned count = fuzz_take(input, 1) % sizeof(bytes) + 1;
    uint64_t pa = take_address(bed, input, count);

    for (unsigned i = 0; i < count; i++) {
        bytes[i] = fuzz_take(input, 1);
    }
    qtest_memwrite(bed->gpu->qts, pa, bytes, count);
}

static void submit(FuzzBed *bed, FuzzInput *input)
{
    unsigned which = fuzz_take(input, 1);
    QMaliCsfQueue *queue = &bed->group[which & 1].queue[which >> 1 & 1];
    uint64_t words[ENTRY_WORDS + 16];
    unsigned count = fuzz_take(input, 1) % 16 + 1;
    unsigned n = which & 4 ? fuzz_entry_words(bed, words) : 0;

    for (unsigned i = 0; i < count; i++) {
        words[n++] = fuzz_take(input, 8);
    }
    mali_csf_queue_submit(queue, words, n);
}

static void change_group(FuzzBed *bed, FuzzInput *input)
{
    unsigned which = fuzz_take(input, 1);
    QMaliCsfGroup *group = &bed->group[which & 1];
    unsigned slot = which >> 1 & 7;

    if (!bed->gpu->group_num) {
        return;
    }
    slot %= bed->gpu->group_num;
    if (which & 0x80) {
        group->slot = slot;
    }
    fuzz_request(group, fuzz_take(input, 1) & CSG_STATE_MASK, slot);
}

/* Make request words differ from what is acknowledged, and ring */
static void queue_request(FuzzBed *bed, FuzzInput *input)
{
    QMaliCsf *gpu = bed->gpu;
    unsigned which = fuzz_take(input, 1);
    unsigned slot = which >> 4 & 7;
    unsigned cs = which & 7;
    uint32_t mask = fuzz_take(input, 4);

    if (!gpu->group_num) {
        return;
    }
    slot %= gpu->group_num;
    mali_csf_toggle(gpu, gpu->cs_in[slot][cs] + CS_REQ,
                    gpu->cs_out[slot][cs] + CS_ACK, mask);
    mali_csf_toggle(gpu, gpu->csg_in[slot] + CSG_DB_REQ,
                    gpu->csg_out[slot] + CSG_DB_ACK, 1u << cs);
    if (which & 8) {
        mali_csf_toggle(gpu, gpu->csg_in[slot] + CSG_REQ,
                        gpu->csg_out[slot] + CSG_ACK, fuzz_take(input, 4));
    }
    mali_csf_csg_ring(gpu, slot);
}

static void global_request(FuzzBed *bed, FuzzInput *input)
{
    QMaliCsf *gpu = bed->gpu;
    uint32_t mask = fuzz_take(input, 4);

    if (gpu->glb_in) {
        fuzz_toggle_global(gpu, mask);
    }
}

/* What the driver does in group_process_tiler_oom(), right or wrong */
static void grant(FuzzBed *bed, FuzzInput *input)
{
    unsigned which = fuzz_take(input, 1);
    QMaliCsfQueue *queue = &bed->group[which & 1].queue[which >> 1 & 1];
    uint64_t first = fuzz_chunk_name(bed, fuzz_take(input, 1));
    uint64_t last = first;

    if (!bed->gpu->group_num) {
        return;
    }
    if (which & 4) {
        last = fuzz_chunk_name(bed, fuzz_take(input, 1));
    }
    fuzz_set_grant(queue, first, last);
    mali_csf_queue_ack_event(queue, CS_TILER_OOM);
}

/* Counters on, off, or a sample, with a ring that may be none */
static void count(FuzzBed *bed, FuzzInput *input)
{
    static const uint32_t masks[] = {
        GLB_PRFCNT_FW_EN, GLB_PRFCNT_CSG_EN, GLB_PRFCNT_CSF_EN,
        GLB_PRFCNT_TILER_EN, GLB_PRFCNT_MMU_L2_EN, GLB_PRFCNT_SHADER_EN,
        GLB_PRFCNT_CSG_SELECT,
    };
    QMaliCsf *gpu = bed->gpu;
    unsigned which = fuzz_take(input, 1);
    uint64_t in = gpu->glb_in;

    if (!in) {
        return;
    }
    if (which & 1) {
        qtest_writel(gpu->qts, in + GLB_PRFCNT_CONFIG, fuzz_take(input, 2));
        qtest_writel(gpu->qts, in + GLB_PRFCNT_JASID,
                     which & 2 ? fuzz_take(input, 1) : 1);
        qtest_writeq(gpu->qts, in + GLB_PRFCNT_BASE,
                     which & 4 ? fuzz_take(input, 8) : bed->perfcnt.va);
        for (unsigned i = 0; i < ARRAY_SIZE(masks); i++) {
            qtest_writel(gpu->qts, in + masks[i],
                         which & 8 ? fuzz_take(input, 4) : ~0u);
        }
    }
    if (which & 16) {
        qtest_writel(gpu->qts, in + GLB_PRFCNT_EXTRACT, fuzz_take(input, 4));
    }
    fuzz_toggle_global(gpu, which & 32 ? GLB_PERFCNT_SAMPLE : GLB_PERFCNT_EN);
}

/* Protected mode, for streams that were told of it or not */
static void enter_protected(FuzzBed *bed, FuzzInput *input)
{
    unsigned which = fuzz_take(input, 1);
    QMaliCsf *gpu = bed->gpu;

    if (!gpu->group_num) {
        return;
    }
    if (which & 4) {
        mali_csf_queue_ack_event(&bed->group[which & 1].queue[which >> 1 & 1],
                                 CS_PROTM_PENDING);
        fuzz_bed_run(bed, 20 * MALI_CSF_US);
    }
    fuzz_toggle_global(gpu, GLB_PROTM_ENTER);
}

static void set_up_as(FuzzBed *bed, FuzzInput *input)
{
    static const uint64_t modes[] = {
        MALI_CSF_TRANSCFG, AS_ADRMODE_UNMAPPED, AS_ADRMODE_IDENTITY,
        AS_ADRMODE_AARCH64_64K,
    };
    unsigned which = fuzz_take(input, 1);
    uint64_t root = which & 0x10 ? bed->gpu->mcu_vm.root : bed->vm.root;
    uint64_t transcfg = modes[which >> 5 & 3];

    if (which & 0x80) {
        transcfg ^= fuzz_take(input, 5);
    }
    fuzz_as_set_up(bed->gpu, which & 15, root, transcfg);
}

static void send_as_command(FuzzBed *bed, FuzzInput *input)
{
    unsigned which = fuzz_take(input, 1);
    unsigned as = which & 15;
    uint64_t lockaddr = fuzz_take(input, 1);

    if (which & 0x80) {
        lockaddr |= fuzz_take(input, 6) << 8;
    } else if (which & 0x40) {
        lockaddr |= FW_SHARED_START;
    } else {
        lockaddr |= DATA_VA;
    }
    mali_csf_writeq(bed->gpu, mali_csf_as_reg(as, A_AS_LOCKADDR_LO),
                    lockaddr);
    fuzz_as_command(bed->gpu, as, which & 0x20 ? AS_COMMAND_UNLOCK
                    : AS_COMMAND_LOCK);
}

static void acknowledge(FuzzBed *bed)
{
    if (!bed->gpu->group_num) {
        return;
    }
    mali_csf_ack_events(bed->gpu);
    for (unsigned i = 0; i < NUM_GROUPS; i++) {
        fuzz_ack_queues(&bed->group[i]);
    }
}

static void do_operation(FuzzBed *bed, FuzzInput *input)
{
    QMaliCsf *gpu = bed->gpu;
    unsigned operation = fuzz_take(input, 1) % NUM_OPERATIONS;
    uint64_t address;
    uint32_t offset;

    switch (operation) {
    case OP_STEP:
        fuzz_bed_run(bed, MALI_CSF_US << fuzz_take(input, 1) % 9);
        break;
    case OP_WRITE_REGISTER:
        offset = take_register(input);
        mali_csf_writel(gpu, offset, fuzz_take(input, 4));
        break;
    case OP_READ_REGISTER:
        offset = take_register(input);
        if (fuzz_take(input, 1) & 1) {
            qtest_readq(gpu->qts, MALI_CSF_BASE + (offset & ~7));
        } else {
            mali_csf_readl(gpu, offset);
        }
        break;
    case OP_WRITE_MEMORY:
        write_memory(bed, input);
        break;
    case OP_CHANGE_WORD:
        address = take_address(bed, input, 8);
        qtest_writel(gpu->qts, address,
                     qtest_readl(gpu->qts, address) ^ fuzz_take(input, 4));
        break;
    case OP_DOORBELL:
        mali_csf_doorbell(gpu, fuzz_take(input, 1) & 63);
        break;
    case OP_SUBMIT:
        submit(bed, input);
        break;
    case OP_GROUP:
        change_group(bed, input);
        break;
    case OP_QUEUE_REQUEST:
        queue_request(bed, input);
        break;
    case OP_GLOBAL_REQUEST:
        global_request(bed, input);
        break;
    case OP_AS_COMMAND:
        send_as_command(bed, input);
        break;
    case OP_AS_SET_UP:
        set_up_as(bed, input);
        break;
    case OP_GPU_COMMAND:
        mali_csf_writel(gpu, A_GPU_COMMAND, fuzz_take(input, 2));
        break;
    case OP_ACKNOWLEDGE:
        acknowledge(bed);
        break;
    case OP_GRANT:
        grant(bed, input);
        break;
    case OP_COUNT:
        count(bed, input);
        break;
    case OP_PROTECTED:
        enter_protected(bed, input);
        break;
    }
}

static void run_operations(FuzzBed *bed, const uint8_t *data, size_t size)
{
    FuzzInput input = { data, size };

    while (input.size) {
        do_operation(bed, &input);
    }
    /* What the last ones have started */
    bed->time_left = MALI_CSF_MS;
    fuzz_bed_run(bed, bed->time_left);
}

/* The firmware interface: booted, one group on its slot */

void fuzz_run_firmware(QMaliCsf *gpu, const uint8_t *data, size_t size)
{
    FuzzBed bed;

    fuzz_bed_init(&bed, gpu);
    fuzz_bed_boot(&bed);
    mali_csf_group_start(&bed.group[0], 0);
    run_operations(&bed, data, size);
}

static void put_step(GByteArray *a, unsigned shift)
{
    fuzz_put(a, 1, OP_STEP);
    fuzz_put(a, 1, shift);
}

static void put_group(GByteArray *a, unsigned group, unsigned slot,
                      unsigned state)
{
    fuzz_put(a, 1, OP_GROUP);
    fuzz_put(a, 1, group | slot << 1);
    fuzz_put(a, 1, state);
    put_step(a, 4);
}

static void put_submit(GByteArray *a, unsigned which, const uint64_t *words,
                       unsigned count)
{
    fuzz_put(a, 1, OP_SUBMIT);
    fuzz_put(a, 1, which | 4);
    fuzz_put(a, 1, count - 1);
    for (unsigned i = 0; i < count; i++) {
        fuzz_put(a, 8, words[i]);
    }
    put_step(a, 6);
}

static void put_global(GByteArray *a, uint32_t mask)
{
    fuzz_put(a, 1, OP_GLOBAL_REQUEST);
    fuzz_put(a, 4, mask);
    put_step(a, 4);
}

static void put_grant(GByteArray *a, unsigned which, unsigned first,
                      unsigned last)
{
    fuzz_put(a, 1, OP_GRANT);
    fuzz_put(a, 1, which);
    fuzz_put(a, 1, first);
    if (which & 4) {
        fuzz_put(a, 1, last);
    }
    put_step(a, 5);
}

static void put_count(GByteArray *a, unsigned which, unsigned slots,
                      uint32_t extract)
{
    fuzz_put(a, 1, OP_COUNT);
    fuzz_put(a, 1, which);
    if (which & 1) {
        fuzz_put(a, 2, slots);
    }
    if (which & 16) {
        fuzz_put(a, 4, extract);
    }
    put_step(a, 5);
}

static void put_protected(GByteArray *a, unsigned which)
{
    fuzz_put(a, 1, OP_PROTECTED);
    fuzz_put(a, 1, which);
    put_step(a, 6);
}

static void put_register(GByteArray *a, unsigned block, unsigned offset,
                         uint32_t value)
{
    fuzz_put(a, 1, OP_WRITE_REGISTER);
    fuzz_put(a, 1, block);
    fuzz_put(a, 2, offset);
    fuzz_put(a, 4, value);
}

static void put_as(GByteArray *a, unsigned which, unsigned size)
{
    fuzz_put(a, 1, OP_AS_COMMAND);
    fuzz_put(a, 1, which);
    fuzz_put(a, 1, size);
}

GByteArray *fuzz_seed_firmware(unsigned n)
{
    const uint64_t wait[] = {
        cs_sync_wait(CS_OP_SYNC_WAIT64, 16, 14, CS_COND_GE, 0),
    };
    const uint64_t kick[] = {
        cs_sync(CS_OP_SYNC_ADD64, 16, 14, CS_SYNC_SCOPE_SYSTEM, 0, 0, 0),
        cs_opcode(CS_OP_RUN_COMPUTE),
        cs_wait(0xff),
    };
    const uint64_t bad[] = {
        cs_store_multiple(0, 1, 4, 0),
        cs_opcode(0xff),
    };
    const uint64_t draw[] = {
        cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 2, 10),
        cs_heap_operation(CS_HEAP_VT_STARTED, 0, 0),
        cs_opcode(CS_OP_RUN_IDVS),
        cs_opcode(CS_OP_FINISH_TILING),
        cs_wait(0xff),
    };
    const uint64_t protected[] = {
        cs_prot_region(2),
        cs_store_multiple(26, 1, 0, 0),
        cs_opcode(CS_OP_RUN_COMPUTE),
        cs_wait(0xff),
    };
    GByteArray *a = g_byte_array_new();

    switch (n) {
    case 0:
        /* Two groups, one waits for the other */
        put_submit(a, 0, wait, ARRAY_SIZE(wait));
        put_group(a, 1, 1, CSG_STATE_START);
        put_submit(a, 1, kick, ARRAY_SIZE(kick));
        fuzz_put(a, 1, OP_ACKNOWLEDGE);
        put_step(a, 8);
        return a;
    case 1:
        /* Off the slot and on another one */
        put_submit(a, 0, wait, ARRAY_SIZE(wait));
        put_group(a, 0, 0, CSG_STATE_SUSPEND);
        put_group(a, 0, 3, CSG_STATE_RESUME);
        put_submit(a, 2, kick, ARRAY_SIZE(kick));
        put_group(a, 0, 3, CSG_STATE_TERMINATE);
        return a;
    case 2:
        /* Every request of the global interface, then halt and boot */
        put_global(a, GLB_PING);
        put_global(a, GLB_CFG_PROGRESS_TIMER | GLB_CFG_ALLOC_EN |
                   GLB_CFG_POWEROFF_TIMER);
        put_global(a, GLB_PERFCNT_EN);
        put_global(a, GLB_PERFCNT_SAMPLE);
        put_global(a, GLB_PROTM_ENTER | GLB_FWCFG_UPDATE | GLB_COUNTER_EN);
        put_global(a, GLB_IDLE_EN);
        put_global(a, GLB_HALT);
        put_register(a, 5, 0, MCU_CONTROL_DISABLE);
        put_register(a, 5, 0, MCU_CONTROL_AUTO);
        put_step(a, 8);
        put_group(a, 0, 0, CSG_STATE_START);
        return a;
    case 3:
        /* Faults, and a pass that finds its section locked */
        put_submit(a, 0, bad, 1);
        fuzz_put(a, 1, OP_AS_SET_UP);
        fuzz_put(a, 1, 1);
        put_submit(a, 2, bad + 1, 1);
        put_as(a, 0x40, 15);
        put_global(a, GLB_PING);
        put_as(a, 0x60, 15);
        fuzz_put(a, 1, OP_QUEUE_REQUEST);
        fuzz_put(a, 1, 8);
        fuzz_put(a, 4, CS_EVENT_FAULT | CS_EVENT_FATAL | CS_TILER_OOM);
        fuzz_put(a, 4, CSG_STATUS_UPDATE | CSG_EP_CFG);
        put_step(a, 5);
        return a;
    case 4:
        /* Words of the interface changed under it */
        for (unsigned i = 0; i < 8; i++) {
            fuzz_put(a, 1, OP_CHANGE_WORD);
            fuzz_put(a, 1, 3);
            fuzz_put(a, 2, (CS_BASE + i * 8) / 4);
            fuzz_put(a, 4, 1u << (i * 4));
        }
        put_group(a, 0, 0, CSG_STATE_TERMINATE);
        put_group(a, 0, 0, CSG_STATE_START);
        fuzz_put(a, 1, OP_DOORBELL);
        fuzz_put(a, 1, 1);
        put_step(a, 6);
        return a;
    case 5:
        /* A heap: memory is given, refused, given where none is or can be */
        put_submit(a, 0, draw, ARRAY_SIZE(draw));
        put_grant(a, 0, 5, 5);
        put_submit(a, 0, draw, ARRAY_SIZE(draw));
        put_grant(a, 0, 0, 0);
        put_grant(a, 0, 13, 5);
        put_submit(a, 0, draw, ARRAY_SIZE(draw));
        put_grant(a, 0, 4, 4);
        put_submit(a, 0, draw, ARRAY_SIZE(draw));
        put_grant(a, 4, 1, 2);
        put_group(a, 0, 0, CSG_STATE_SUSPEND);
        put_group(a, 0, 1, CSG_STATE_RESUME);
        put_grant(a, 4, 3, 5);
        return a;
    case 6:
        /* Counters: a ring of two samples that is full, and then none */
        put_count(a, 1, 2, 0);
        for (unsigned i = 0; i < 3; i++) {
            put_submit(a, 0, kick, ARRAY_SIZE(kick));
            put_count(a, 32, 0, 0);
        }
        put_count(a, 16 | 32, 0, 2);
        put_count(a, 0, 0, 0);
        put_count(a, 1, 0, 0);
        put_count(a, 32, 0, 0);
        fuzz_put(a, 1, OP_ACKNOWLEDGE);
        return a;
    case 7:
        /* Protected mode, and a suspend and a reset in it */
        put_submit(a, 0, protected, ARRAY_SIZE(protected));
        put_protected(a, 4);
        put_submit(a, 0, protected, ARRAY_SIZE(protected));
        put_group(a, 0, 0, CSG_STATE_SUSPEND);
        put_group(a, 0, 2, CSG_STATE_RESUME);
        put_protected(a, 4);
        put_submit(a, 0, protected, ARRAY_SIZE(protected));
        put_protected(a, 4);
        fuzz_put(a, 1, OP_GPU_COMMAND);
        fuzz_put(a, 2, GPU_COMMAND_RESET | GPU_RESET_SOFT << 8);
        put_step(a, 8);
        return a;
    default:
        g_byte_array_unref(a);
        return NULL;
    }
}

/* The registers, from cold; the tables are there, nothing uses them yet */

void fuzz_run_registers(QMaliCsf *gpu, const uint8_t *data, size_t size)
{
    FuzzBed bed;

    fuzz_bed_init(&bed, gpu);
    mali_csf_vm_init(gpu, &gpu->mcu_vm, 0);
    gpu->shared_pa = mali_csf_vm_alloc_at(&gpu->mcu_vm, FW_SHARED_START,
                                          FW_SHARED_SIZE, 0).pa;
    gpu->mcu_vm.next_va = FW_SHARED_START + FW_SHARED_SIZE;
    gpu->suspend_size = MALI_CSF_PAGE;
    gpu->protm_suspend_size = MALI_CSF_PAGE;
    fuzz_bed_groups(&bed);
    run_operations(&bed, data, size);
}

GByteArray *fuzz_seed_registers(unsigned n)
{
    GByteArray *a = g_byte_array_new();

    switch (n) {
    case 0:
        /* Power, address space, microcontroller, and off again */
        put_register(a, 0, A_L2_PWRON_LO, 1);
        put_step(a, 6);
        fuzz_put(a, 1, OP_AS_SET_UP);
        fuzz_put(a, 1, 0x10);
        put_register(a, 5, 0, MCU_CONTROL_AUTO);
        put_step(a, 8);
        put_register(a, 1, MALI_CSF_INT_CLEAR, ~0u);
        put_register(a, 0, A_SHADER_PWRON_LO, 1);
        put_step(a, 4);
        put_register(a, 5, 0, MCU_CONTROL_DISABLE);
        put_register(a, 0, A_L2_PWROFF_LO, 1);
        return a;
    case 1:
        /* Commands */
        for (unsigned code = 0; code <= GPU_COMMAND_FLUSH_PA_RANGE; code++) {
            fuzz_put(a, 1, OP_GPU_COMMAND);
            fuzz_put(a, 2, code | 1 << 8);
            put_step(a, 4);
        }
        return a;
    case 2:
        /* Regions of every size, one after the other, and every command */
        for (unsigned size = 10; size < 64; size += 3) {
            put_as(a, 1, size);
            put_register(a, 3, MALI_CSF_MMU_AS_SIZE + A_AS_COMMAND, size % 7);
            put_step(a, 3);
            put_as(a, 0x21, 0);
        }
        return a;
    case 3:
        /* Everything that can be read */
        for (unsigned offset = 0; offset < MALI_CSF_BLOCK_SIZE; offset += 64) {
            fuzz_put(a, 1, OP_READ_REGISTER);
            fuzz_put(a, 1, 0);
            fuzz_put(a, 2, offset);
            fuzz_put(a, 1, 1);
        }
        return a;
    case 4:
        /* Translations of every mode */
        for (unsigned which = 0; which < 256; which += 32) {
            fuzz_put(a, 1, OP_AS_SET_UP);
            fuzz_put(a, 1, which);
            if (which & 0x80) {
                fuzz_put(a, 5, 0x3f << 6);
            }
            put_register(a, 5, 0, MCU_CONTROL_AUTO);
            put_step(a, 6);
            put_register(a, 5, 0, MCU_CONTROL_DISABLE);
        }
        return a;
    case 5:
        /* More registers that are unknown than the model counts each of */
        for (unsigned offset = 0; offset < 300; offset++) {
            fuzz_put(a, 1, OP_READ_REGISTER);
            fuzz_put(a, 1, 6);
            fuzz_put(a, 2, offset * 4);
            fuzz_put(a, 1, 0);
        }
        return a;
    default:
        g_byte_array_unref(a);
        return NULL;
    }
}
