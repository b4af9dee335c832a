/*
 * Fuzz targets for the Arm Mali CSF GPU
 *
 * An input never makes the target itself fail: everything that is checked
 * belongs to the set-up, which is the same for all inputs.  What counts is
 * that QEMU survives, and soon answers.
 *
 * Not reset between inputs: RAM outside the arena, where a stream or a page
 * table that an input has made may have written.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "mali-csf-fuzz.h"

/* Zeroed before each input; the set-up takes its memory from here */
#define ARENA_SIZE      (1 * MiB)
/* Virtual time that one input may use */
#define INPUT_NS        (4 * MALI_CSF_MS)

#define DATA_VA         0x40000000ull
#define READ_ONLY_VA    0x40010000ull
#define LOCKED_VA       0x40020000ull
#define UNMAPPED_VA     0x40030000ull
#define ENTRY_WORDS     32
/* Register pair that has the tiler context, and its place */
#define TILER_REG       40
#define TILER_OFFSET    0x400
/* Words of an input that the ring has room for besides */
#define RING_WORDS      400
#define CODE_WORDS      1024
#define PERFCNT_VA      0x40040000ull
#define PERFCNT_SIZE    (2 * MALI_CSF_PAGE)
#define NUM_CHUNKS      2
#define NUM_GROUPS      2
#define NUM_QUEUES      2

/* Bits of the first byte of the targets "stream" and "resume" */
#define FLAG_IN_RING    (1 << 0)
#define FLAG_SUSPEND    (1 << 1)
#define FLAG_LOCK       (1 << 2)
#define FLAG_TWO_QUEUES (1 << 3)
#define FLAG_TERMINATE  (1 << 4)
/* Of "stream": chunks are granted, PROTM_ENTER comes; of "resume": below */
#define FLAG_GRANT      (1 << 5)
#define FLAG_REPLACE    (1 << 5)

typedef struct Bed {
    QMaliCsf *gpu;
    QMaliCsfVm vm;
    QMaliCsfGroup group[NUM_GROUPS];
    QMaliCsfBuffer data;
    QMaliCsfBuffer read_only;
    QMaliCsfBuffer locked;
    QMaliCsfBuffer code;
    /* Contexts of a tiler heap and of a tiler, on a page together; chunks */
    QMaliCsfBuffer heap;
    QMaliCsfBuffer chunk[NUM_CHUNKS];
    QMaliCsfBuffer perfcnt;
    int64_t time_left;
} Bed;

/* Input */

typedef struct Input {
    const uint8_t *data;
    size_t size;
} Input;

/* Little-endian, zero behind the end */
static uint64_t take(Input *input, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && input->size; i++) {
        value |= (uint64_t)*input->data++ << (i * 8);
        input->size--;
    }
    return value;
}

static void put(GByteArray *array, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t byte = value >> (i * 8);

        g_byte_array_append(array, &byte, 1);
    }
}

/* Set-up */

static void bed_init(Bed *bed, QMaliCsf *gpu)
{
    *bed = (Bed) { .gpu = gpu, .time_left = INPUT_NS };
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

static void bed_groups(Bed *bed)
{
    for (unsigned i = 0; i < NUM_GROUPS; i++) {
        mali_csf_group_init(&bed->vm, &bed->group[i], NUM_QUEUES);
    }
}

static void bed_boot(Bed *bed)
{
    mali_csf_mcu_prepare(bed->gpu);
    mali_csf_mcu_boot(bed->gpu);
    mali_csf_global_init(bed->gpu);
    mali_csf_vm_enable(&bed->vm);
    bed_groups(bed);
}

static void bed_run(Bed *bed, int64_t ns)
{
    ns = MIN(ns, bed->time_left);
    bed->time_left -= ns;
    if (ns) {
        mali_csf_run(bed->gpu, ns);
    }
}

/* Addresses and numbers in registers, so that a stream can do something */
static unsigned entry_words(Bed *bed, uint64_t words[ENTRY_WORDS])
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
static uint64_t chunk_name(Bed *bed, unsigned which)
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
static void set_grant(QMaliCsfQueue *queue, uint64_t first, uint64_t last)
{
    QMaliCsf *gpu = queue->group->gpu;
    uint64_t in = gpu->cs_in[queue->group->slot][queue->index];

    qtest_writeq(gpu->qts, in + CS_TILER_HEAP_START, first);
    qtest_writeq(gpu->qts, in + CS_TILER_HEAP_END, last);
}

/* Whatever it is that the host is told, it has seen it */
static void ack_queues(QMaliCsfGroup *group)
{
    for (unsigned i = 0; i < group->num_queues; i++) {
        mali_csf_queue_ack_event(&group->queue[i], CS_EVT_MASK);
    }
}

static void toggle_global(QMaliCsf *gpu, uint32_t mask)
{
    mali_csf_toggle(gpu, gpu->glb_in + GLB_REQ, gpu->glb_out + GLB_ACK, mask);
    mali_csf_doorbell(gpu, 0);
}

/* The commands as they are, since nobody may wait for them */
static void as_command(QMaliCsf *gpu, unsigned as, uint32_t command)
{
    mali_csf_writel(gpu, mali_csf_as_reg(as, A_AS_COMMAND), command);
}

static void as_set_up(QMaliCsf *gpu, unsigned as, uint64_t root,
                      uint64_t transcfg)
{
    mali_csf_writeq(gpu, mali_csf_as_reg(as, A_AS_TRANSTAB_LO), root);
    mali_csf_writeq(gpu, mali_csf_as_reg(as, A_AS_MEMATTR_LO),
                    MALI_CSF_MEMATTR);
    mali_csf_writeq(gpu, mali_csf_as_reg(as, A_AS_TRANSCFG_LO), transcfg);
    as_command(gpu, as, AS_COMMAND_UPDATE);
}

/* Let streams that hang in an MMU fault try again */
static void retry_faults(Bed *bed)
{
    mali_csf_writel(bed->gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR, ~0u);
    as_set_up(bed->gpu, 1, bed->vm.root, MALI_CSF_TRANSCFG);
}

static void request(QMaliCsfGroup *group, uint32_t state, unsigned slot)
{
    if (state == CSG_STATE_START || state == CSG_STATE_RESUME) {
        mali_csf_group_program(group, slot);
    }
    mali_csf_group_request(group, state);
}

static void set_words(QMaliCsf *gpu, uint64_t pa, const uint8_t *data,
                      size_t words)
{
    if (words) {
        qtest_memwrite(gpu->qts, pa, data, words * 8);
    }
}

/* A stream: each 8 bytes are an instruction */

static void run_stream(QMaliCsf *gpu, const uint8_t *data, size_t size)
{
    Input input = { data, size };
    unsigned flags = take(&input, 1);
    QMaliCsfGroup *group;
    uint64_t words[ENTRY_WORDS + RING_WORDS];
    size_t count = input.size / 8;
    unsigned n;
    Bed bed;

    bed_init(&bed, gpu);
    bed_boot(&bed);
    group = &bed.group[0];
    mali_csf_group_start(group, 0);

    n = entry_words(&bed, words);
    if (flags & FLAG_IN_RING) {
        for (size_t i = 0; i < MIN(count, RING_WORDS); i++) {
            words[n++] = take(&input, 8);
        }
    } else {
        count = MIN(count, CODE_WORDS);
        set_words(gpu, bed.code.pa, input.data, count);
        words[n++] = cs_move32(20, count * 8);
        words[n++] = cs_call(2, 20);
    }
    if (flags & FLAG_LOCK) {
        mali_csf_lock(gpu, 1, mali_csf_pack_region(LOCKED_VA, MALI_CSF_PAGE));
    }
    for (unsigned i = 0; i < (flags & FLAG_TWO_QUEUES ? 2 : 1); i++) {
        mali_csf_queue_submit(&group->queue[i], words, n);
    }
    bed_run(&bed, 200 * MALI_CSF_US);
    if (flags & FLAG_SUSPEND) {
        request(group, CSG_STATE_SUSPEND, 0);
        bed_run(&bed, 20 * MALI_CSF_US);
        request(group, CSG_STATE_RESUME, 2);
        bed_run(&bed, 100 * MALI_CSF_US);
    }
    for (unsigned i = 0; i < 3; i++) {
        if (i == 1) {
            as_command(gpu, 1, AS_COMMAND_UNLOCK);
        }
        if (flags & FLAG_GRANT) {
            set_grant(&group->queue[0], chunk_name(&bed, 5 + i * 8),
                      chunk_name(&bed, 5 + i * 8));
        }
        ack_queues(group);
        if (flags & FLAG_GRANT) {
            toggle_global(gpu, GLB_PROTM_ENTER);
        }
        retry_faults(&bed);
        bed_run(&bed, 200 * MALI_CSF_US);
    }
    mali_csf_ack_events(gpu);
    request(group, flags & FLAG_TERMINATE ? CSG_STATE_TERMINATE
                                          : CSG_STATE_SUSPEND, 0);
    bed_run(&bed, 50 * MALI_CSF_US);
}

static GByteArray *stream_input(unsigned flags, const uint64_t *words,
                                unsigned count)
{
    GByteArray *array = g_byte_array_new();

    put(array, 1, flags);
    for (unsigned i = 0; i < count; i++) {
        put(array, 8, words[i]);
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

static GByteArray *seed_stream(unsigned n)
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
static QMaliCsfBuffer bed_buffer(Bed *bed, unsigned which)
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

static uint64_t take_address(Bed *bed, Input *input, unsigned length)
{
    QMaliCsfBuffer buffer = bed_buffer(bed, take(input, 1));
    uint32_t offset = take(input, 2) * 4;

    return buffer.pa + offset % (buffer.size - length);
}

static uint32_t take_register(Input *input)
{
    unsigned block = take(input, 1);
    uint32_t offset = take(input, 2);

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

static void write_memory(Bed *bed, Input *input)
{
    uint8_t bytes[64];
    unsigned count = take(input, 1) % sizeof(bytes) + 1;
    uint64_t pa = take_address(bed, input, count);

    for (unsigned i = 0; i < count; i++) {
        bytes[i] = take(input, 1);
    }
    qtest_memwrite(bed->gpu->qts, pa, bytes, count);
}

static void submit(Bed *bed, Input *input)
{
    unsigned which = take(input, 1);
    QMaliCsfQueue *queue = &bed->group[which & 1].queue[which >> 1 & 1];
    uint64_t words[ENTRY_WORDS + 16];
    unsigned count = take(input, 1) % 16 + 1;
    unsigned n = which & 4 ? entry_words(bed, words) : 0;

    for (unsigned i = 0; i < count; i++) {
        words[n++] = take(input, 8);
    }
    mali_csf_queue_submit(queue, words, n);
}

static void change_group(Bed *bed, Input *input)
{
    unsigned which = take(input, 1);
    QMaliCsfGroup *group = &bed->group[which & 1];
    unsigned slot = which >> 1 & 7;

    if (!bed->gpu->group_num) {
        return;
    }
    slot %= bed->gpu->group_num;
    if (which & 0x80) {
        group->slot = slot;
    }
    request(group, take(input, 1) & CSG_STATE_MASK, slot);
}

/* Make request words differ from what is acknowledged, and ring */
static void queue_request(Bed *bed, Input *input)
{
    QMaliCsf *gpu = bed->gpu;
    unsigned which = take(input, 1);
    unsigned slot = which >> 4 & 7;
    unsigned cs = which & 7;
    uint32_t mask = take(input, 4);

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
                        gpu->csg_out[slot] + CSG_ACK, take(input, 4));
    }
    mali_csf_csg_ring(gpu, slot);
}

static void global_request(Bed *bed, Input *input)
{
    QMaliCsf *gpu = bed->gpu;
    uint32_t mask = take(input, 4);

    if (gpu->glb_in) {
        toggle_global(gpu, mask);
    }
}

/* What the driver does in group_process_tiler_oom(), right or wrong */
static void grant(Bed *bed, Input *input)
{
    unsigned which = take(input, 1);
    QMaliCsfQueue *queue = &bed->group[which & 1].queue[which >> 1 & 1];
    uint64_t first = chunk_name(bed, take(input, 1));

    if (!bed->gpu->group_num) {
        return;
    }
    set_grant(queue, first, which & 4 ? chunk_name(bed, take(input, 1))
                                      : first);
    mali_csf_queue_ack_event(queue, CS_TILER_OOM);
}

/* Counters on, off, or a sample, with a ring that may be none */
static void count(Bed *bed, Input *input)
{
    static const uint32_t masks[] = {
        GLB_PRFCNT_FW_EN, GLB_PRFCNT_CSG_EN, GLB_PRFCNT_CSF_EN,
        GLB_PRFCNT_TILER_EN, GLB_PRFCNT_MMU_L2_EN, GLB_PRFCNT_SHADER_EN,
        GLB_PRFCNT_CSG_SELECT,
    };
    QMaliCsf *gpu = bed->gpu;
    unsigned which = take(input, 1);
    uint64_t in = gpu->glb_in;

    if (!in) {
        return;
    }
    if (which & 1) {
        qtest_writel(gpu->qts, in + GLB_PRFCNT_CONFIG, take(input, 2));
        qtest_writel(gpu->qts, in + GLB_PRFCNT_JASID,
                     which & 2 ? take(input, 1) : 1);
        qtest_writeq(gpu->qts, in + GLB_PRFCNT_BASE,
                     which & 4 ? take(input, 8) : bed->perfcnt.va);
        for (unsigned i = 0; i < ARRAY_SIZE(masks); i++) {
            qtest_writel(gpu->qts, in + masks[i],
                         which & 8 ? take(input, 4) : ~0u);
        }
    }
    if (which & 16) {
        qtest_writel(gpu->qts, in + GLB_PRFCNT_EXTRACT, take(input, 4));
    }
    toggle_global(gpu, which & 32 ? GLB_PERFCNT_SAMPLE : GLB_PERFCNT_EN);
}

/* Protected mode, for streams that were told of it or not */
static void enter_protected(Bed *bed, Input *input)
{
    unsigned which = take(input, 1);
    QMaliCsf *gpu = bed->gpu;

    if (!gpu->group_num) {
        return;
    }
    if (which & 4) {
        mali_csf_queue_ack_event(&bed->group[which & 1].queue[which >> 1 & 1],
                                 CS_PROTM_PENDING);
        bed_run(bed, 20 * MALI_CSF_US);
    }
    toggle_global(gpu, GLB_PROTM_ENTER);
}

static void set_up_as(Bed *bed, Input *input)
{
    static const uint64_t modes[] = {
        MALI_CSF_TRANSCFG, AS_ADRMODE_UNMAPPED, AS_ADRMODE_IDENTITY,
        AS_ADRMODE_AARCH64_64K,
    };
    unsigned which = take(input, 1);
    uint64_t root = which & 0x10 ? bed->gpu->mcu_vm.root : bed->vm.root;
    uint64_t transcfg = modes[which >> 5 & 3];

    if (which & 0x80) {
        transcfg ^= take(input, 5);
    }
    as_set_up(bed->gpu, which & 15, root, transcfg);
}

static void send_as_command(Bed *bed, Input *input)
{
    unsigned which = take(input, 1);
    unsigned as = which & 15;
    uint64_t lockaddr = take(input, 1);

    if (which & 0x80) {
        lockaddr |= take(input, 6) << 8;
    } else if (which & 0x40) {
        lockaddr |= FW_SHARED_START;
    } else {
        lockaddr |= DATA_VA;
    }
    mali_csf_writeq(bed->gpu, mali_csf_as_reg(as, A_AS_LOCKADDR_LO),
                    lockaddr);
    as_command(bed->gpu, as, which & 0x20 ? AS_COMMAND_UNLOCK
                                          : AS_COMMAND_LOCK);
}

static void acknowledge(Bed *bed)
{
    if (!bed->gpu->group_num) {
        return;
    }
    mali_csf_ack_events(bed->gpu);
    for (unsigned i = 0; i < NUM_GROUPS; i++) {
        ack_queues(&bed->group[i]);
    }
}

static void do_operation(Bed *bed, Input *input)
{
    QMaliCsf *gpu = bed->gpu;
    unsigned operation = take(input, 1) % NUM_OPERATIONS;
    uint64_t address;
    uint32_t offset;

    switch (operation) {
    case OP_STEP:
        bed_run(bed, MALI_CSF_US << take(input, 1) % 9);
        break;
    case OP_WRITE_REGISTER:
        offset = take_register(input);
        mali_csf_writel(gpu, offset, take(input, 4));
        break;
    case OP_READ_REGISTER:
        offset = take_register(input);
        if (take(input, 1) & 1) {
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
                     qtest_readl(gpu->qts, address) ^ take(input, 4));
        break;
    case OP_DOORBELL:
        mali_csf_doorbell(gpu, take(input, 1) & 63);
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
        mali_csf_writel(gpu, A_GPU_COMMAND, take(input, 2));
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

static void run_operations(Bed *bed, const uint8_t *data, size_t size)
{
    Input input = { data, size };

    while (input.size) {
        do_operation(bed, &input);
    }
    /* What the last ones have started */
    bed->time_left = MALI_CSF_MS;
    bed_run(bed, bed->time_left);
}

/* The firmware interface: booted, one group on its slot */

static void run_firmware(QMaliCsf *gpu, const uint8_t *data, size_t size)
{
    Bed bed;

    bed_init(&bed, gpu);
    bed_boot(&bed);
    mali_csf_group_start(&bed.group[0], 0);
    run_operations(&bed, data, size);
}

static void put_step(GByteArray *a, unsigned shift)
{
    put(a, 1, OP_STEP);
    put(a, 1, shift);
}

static void put_group(GByteArray *a, unsigned group, unsigned slot,
                      unsigned state)
{
    put(a, 1, OP_GROUP);
    put(a, 1, group | slot << 1);
    put(a, 1, state);
    put_step(a, 4);
}

static void put_submit(GByteArray *a, unsigned which, const uint64_t *words,
                       unsigned count)
{
    put(a, 1, OP_SUBMIT);
    put(a, 1, which | 4);
    put(a, 1, count - 1);
    for (unsigned i = 0; i < count; i++) {
        put(a, 8, words[i]);
    }
    put_step(a, 6);
}

static void put_global(GByteArray *a, uint32_t mask)
{
    put(a, 1, OP_GLOBAL_REQUEST);
    put(a, 4, mask);
    put_step(a, 4);
}

static void put_grant(GByteArray *a, unsigned which, unsigned first,
                      unsigned last)
{
    put(a, 1, OP_GRANT);
    put(a, 1, which);
    put(a, 1, first);
    if (which & 4) {
        put(a, 1, last);
    }
    put_step(a, 5);
}

static void put_count(GByteArray *a, unsigned which, unsigned slots,
                      uint32_t extract)
{
    put(a, 1, OP_COUNT);
    put(a, 1, which);
    if (which & 1) {
        put(a, 2, slots);
    }
    if (which & 16) {
        put(a, 4, extract);
    }
    put_step(a, 5);
}

static void put_protected(GByteArray *a, unsigned which)
{
    put(a, 1, OP_PROTECTED);
    put(a, 1, which);
    put_step(a, 6);
}

static void put_register(GByteArray *a, unsigned block, unsigned offset,
                         uint32_t value)
{
    put(a, 1, OP_WRITE_REGISTER);
    put(a, 1, block);
    put(a, 2, offset);
    put(a, 4, value);
}

static void put_as(GByteArray *a, unsigned which, unsigned size)
{
    put(a, 1, OP_AS_COMMAND);
    put(a, 1, which);
    put(a, 1, size);
}

static GByteArray *seed_firmware(unsigned n)
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
        put(a, 1, OP_ACKNOWLEDGE);
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
        put(a, 1, OP_AS_SET_UP);
        put(a, 1, 1);
        put_submit(a, 2, bad + 1, 1);
        put_as(a, 0x40, 15);
        put_global(a, GLB_PING);
        put_as(a, 0x60, 15);
        put(a, 1, OP_QUEUE_REQUEST);
        put(a, 1, 8);
        put(a, 4, CS_EVENT_FAULT | CS_EVENT_FATAL | CS_TILER_OOM);
        put(a, 4, CSG_STATUS_UPDATE | CSG_EP_CFG);
        put_step(a, 5);
        return a;
    case 4:
        /* Words of the interface changed under it */
        for (unsigned i = 0; i < 8; i++) {
            put(a, 1, OP_CHANGE_WORD);
            put(a, 1, 3);
            put(a, 2, (CS_BASE + i * 8) / 4);
            put(a, 4, 1u << (i * 4));
        }
        put_group(a, 0, 0, CSG_STATE_TERMINATE);
        put_group(a, 0, 0, CSG_STATE_START);
        put(a, 1, OP_DOORBELL);
        put(a, 1, 1);
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
        put(a, 1, OP_ACKNOWLEDGE);
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
        put(a, 1, OP_GPU_COMMAND);
        put(a, 2, GPU_COMMAND_RESET | GPU_RESET_SOFT << 8);
        put_step(a, 8);
        return a;
    default:
        g_byte_array_unref(a);
        return NULL;
    }
}

/* The registers, from cold; the tables are there, nothing uses them yet */

static void run_registers(QMaliCsf *gpu, const uint8_t *data, size_t size)
{
    Bed bed;

    bed_init(&bed, gpu);
    mali_csf_vm_init(gpu, &gpu->mcu_vm, 0);
    gpu->shared_pa = mali_csf_vm_alloc_at(&gpu->mcu_vm, FW_SHARED_START,
                                          FW_SHARED_SIZE, 0).pa;
    gpu->mcu_vm.next_va = FW_SHARED_START + FW_SHARED_SIZE;
    gpu->suspend_size = MALI_CSF_PAGE;
    gpu->protm_suspend_size = MALI_CSF_PAGE;
    bed_groups(&bed);
    run_operations(&bed, data, size);
}

static GByteArray *seed_registers(unsigned n)
{
    GByteArray *a = g_byte_array_new();

    switch (n) {
    case 0:
        /* Power, address space, microcontroller, and off again */
        put_register(a, 0, A_L2_PWRON_LO, 1);
        put_step(a, 6);
        put(a, 1, OP_AS_SET_UP);
        put(a, 1, 0x10);
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
            put(a, 1, OP_GPU_COMMAND);
            put(a, 2, code | 1 << 8);
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
            put(a, 1, OP_READ_REGISTER);
            put(a, 1, 0);
            put(a, 2, offset);
            put(a, 1, 1);
        }
        return a;
    case 4:
        /* Translations of every mode */
        for (unsigned which = 0; which < 256; which += 32) {
            put(a, 1, OP_AS_SET_UP);
            put(a, 1, which);
            if (which & 0x80) {
                put(a, 5, 0x3f << 6);
            }
            put_register(a, 5, 0, MCU_CONTROL_AUTO);
            put_step(a, 6);
            put_register(a, 5, 0, MCU_CONTROL_DISABLE);
        }
        return a;
    case 5:
        /* More registers that are unknown than the model counts each of */
        for (unsigned offset = 0; offset < 300; offset++) {
            put(a, 1, OP_READ_REGISTER);
            put(a, 1, 6);
            put(a, 2, offset * 4);
            put(a, 1, 0);
        }
        return a;
    default:
        g_byte_array_unref(a);
        return NULL;
    }
}

/* A suspend buffer with bits flipped, then RESUME */

static void busy_groups(Bed *bed)
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
    unsigned n = entry_words(bed, words);

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

static void run_resume(QMaliCsf *gpu, const uint8_t *data, size_t size)
{
    Input input = { data, size };
    unsigned flags = take(&input, 1);
    QMaliCsfGroup *group;
    g_autofree uint8_t *saved = NULL;
    Bed bed;

    bed_init(&bed, gpu);
    bed_boot(&bed);
    busy_groups(&bed);
    group = &bed.group[flags & FLAG_TWO_QUEUES ? 1 : 0];
    mali_csf_group_suspend(group);

    saved = g_malloc(group->suspend.size);
    qtest_memread(gpu->qts, group->suspend.pa, saved, group->suspend.size);
    if (flags & FLAG_REPLACE) {
        memset(saved, 0, group->suspend.size);
    }
    while (input.size) {
        /* An edit: where, how many bytes, what they are XORed with */
        unsigned at = take(&input, 2) % group->suspend.size;
        unsigned count = take(&input, 1) % 8 + 1;

        for (; count && at < group->suspend.size; count--, at++) {
            saved[at] ^= take(&input, 1);
        }
    }
    qtest_memwrite(gpu->qts, group->suspend.pa, saved, group->suspend.size);

    request(group, CSG_STATE_RESUME, flags & FLAG_IN_RING ? 3 : 0);
    bed_run(&bed, 100 * MALI_CSF_US);
    ack_queues(group);
    retry_faults(&bed);
    bed_run(&bed, 100 * MALI_CSF_US);
    mali_csf_ack_events(gpu);
    if (flags & FLAG_SUSPEND) {
        request(group, CSG_STATE_SUSPEND, 0);
        bed_run(&bed, 20 * MALI_CSF_US);
        request(group, CSG_STATE_RESUME, 2);
        bed_run(&bed, 100 * MALI_CSF_US);
    }
    request(group, flags & FLAG_TERMINATE ? CSG_STATE_TERMINATE
                                          : CSG_STATE_SUSPEND, 0);
    bed_run(&bed, 20 * MALI_CSF_US);
}

/*
 * Of a suspend buffer, words that are changed: the header and the state of the
 * first stream, then as many behind its registers and frames (cs/saved.c)
 */
#define SUSPEND_WORDS   64
#define SUSPEND_BEHIND  0x3e0

static unsigned suspend_offset(unsigned word)
{
    return word < SUSPEND_WORDS / 2 ? word * 4 :
           SUSPEND_BEHIND + (word - SUSPEND_WORDS / 2) * 4;
}

static GByteArray *seed_resume(unsigned n)
{
    /* Nothing; then of a word a bit, the lowest byte, all */
    static const uint8_t flags[] = {
        0, FLAG_SUSPEND, FLAG_TWO_QUEUES | FLAG_SUSPEND,
        FLAG_IN_RING | FLAG_TERMINATE,
    };
    const uint32_t changes[] = { n & 1 ? 1 : 1 << n % 31, 0x80, UINT32_MAX };
    GByteArray *a;

    if (n >= ARRAY_SIZE(changes) * SUSPEND_WORDS) {
        return NULL;
    }
    a = g_byte_array_new();
    put(a, 1, flags[n % ARRAY_SIZE(flags)]);
    if (n >= ARRAY_SIZE(flags)) {
        put(a, 2, suspend_offset(n % SUSPEND_WORDS));
        put(a, 1, 3);
        put(a, 4, changes[n / SUSPEND_WORDS]);
    }
    return a;
}

void mali_csf_fuzz_busy(QMaliCsf *gpu)
{
    Bed bed;

    bed_init(&bed, gpu);
    bed_boot(&bed);
    busy_groups(&bed);
}

void mali_csf_fuzz_go_on(QMaliCsf *gpu)
{
    for (unsigned i = 0; i < 2; i++) {
        mali_csf_run(gpu, 200 * MALI_CSF_US);
        mali_csf_ack_events(gpu);
        mali_csf_writel(gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR, ~0u);
        as_command(gpu, 0, AS_COMMAND_UNLOCK);
        as_command(gpu, 1, AS_COMMAND_UPDATE);
        for (unsigned page = 0; page < 4; page++) {
            mali_csf_doorbell(gpu, page);
        }
    }
    mali_csf_run(gpu, 200 * MALI_CSF_US);
}

/* Latencies, so that there is something between the start and the end */
const QMaliCsfFuzzTarget mali_csf_fuzz_targets[] = {
    {
        .name = "mali-csf-stream",
        .description = "Instructions, in a buffer or in the ring",
        .properties = "strict=report,x-endpoint-latency-ns=20000,"
                      "x-endpoint-heap-chunks=1",
        .max_size = 1 + 256 * 8,
        .unit = 8,
        .selector = 7,
        .run = run_stream,
        .seed = seed_stream,
    },
    {
        .name = "mali-csf-firmware",
        .description = "Shared memory, requests and doorbells, booted",
        .properties = "strict=report,x-fw-latency-ns=2000,"
                      "x-endpoint-latency-ns=20000,"
                      "x-endpoint-heap-chunks=1",
        .max_size = 2048,
        .unit = 1,
        .run = run_firmware,
        .seed = seed_firmware,
    },
    {
        .name = "mali-csf-registers",
        .description = "Every register, from cold",
        .properties = "strict=report,x-as-latency-ns=3000,"
                      "x-flush-latency-ns=3000",
        .max_size = 2048,
        .unit = 1,
        .run = run_registers,
        .seed = seed_registers,
    },
    {
        .name = "mali-csf-resume",
        .description = "RESUME from a suspend buffer that was changed",
        .properties = "strict=off,x-endpoint-heap-chunks=1",
        .max_size = 4096,
        .unit = 1,
        .run = run_resume,
        .seed = seed_resume,
    },
    { },
};

const QMaliCsfFuzzTarget *mali_csf_fuzz_find(const char *name)
{
    const QMaliCsfFuzzTarget *target;

    for (target = mali_csf_fuzz_targets; target->name; target++) {
        if (g_str_equal(target->name, name)) {
            return target;
        }
    }
    return NULL;
}

char *mali_csf_fuzz_arguments(const QMaliCsfFuzzTarget *target)
{
    const char *model = g_getenv("MALI_CSF_FUZZ_MODEL");

    return g_strdup_printf("-M virt -cpu cortex-a57 -m %" PRIu64 "M -net none "
                           "-device mali-csf,id=gpu,model=%s,%s",
                           (uint64_t)MALI_CSF_RAM_SIZE / MiB,
                           model ? model : "g610", target->properties);
}

void mali_csf_fuzz_run(const QMaliCsfFuzzTarget *target, QTestState *qts,
                       const uint8_t *data, size_t size)
{
    static const uint8_t zeroes[64 * KiB];
    QMaliCsf gpu;

    mali_csf_attach(&gpu, qts);
    for (unsigned i = 0; i < ARENA_SIZE; i += sizeof(zeroes)) {
        qtest_bufwrite(qts, MALI_CSF_RAM_FREE + i, zeroes, sizeof(zeroes));
    }
    target->run(&gpu, data, MIN(size, target->max_size));
    g_assert_cmphex(gpu.next_pa, <=, MALI_CSF_RAM_FREE + ARENA_SIZE);
}
