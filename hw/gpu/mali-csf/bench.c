/*
 * Mali CSF GPU: a test device that measures the model from inside QEMU
 *
 * With -device mali-csf-bench,gpu=PATH a qtest sets what is to be measured
 * as properties, writes the name of a row to "run", and reads how long it
 * took.  Each row checks what it computed, so that a wrong result is not
 * taken for a fast one.  With account=on the register blocks of the GPU are
 * covered by regions that pass accesses on and add up the time which the
 * device spends on them, and likewise for slices and firmware passes.
 *
 * All times are of the host's monotonic clock, in nanoseconds, but for those
 * named p99, which are of the thread's own.  They are for people only: nothing
 * that a guest sees depends on them.
 *
 * Not measured: the time from the guest's instruction to the device and
 * back; accesses between the blocks, where the GPU has no registers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/bitops.h"
#include "hw/core/qdev-properties.h"
#include "compat.h"
#include "device.h"

#define TYPE_MALI_CSF_BENCH "mali-csf-bench"
OBJECT_DECLARE_SIMPLE_TYPE(MaliCsfBench, MALI_CSF_BENCH)

/* Bytes of the loads; a page and a word further each time */
#define LOAD_STRIDE         4100
/* Loads that stand against one load with a walk of four levels */
#define LOADS_PER_WALK      4
/* Instructions of a stream that is run in a bare switch */
#define MAX_CODE            512
/* Slices and passes of which each has its own time */
#define MAX_LAST            4096

/* One of the GPU's blocks, and the region that covers it */
typedef struct MaliCsfBenchBlock {
    MemoryRegion cover;
    MemoryRegion *block;
    MaliCsfBench *bench;
} MaliCsfBenchBlock;

/* One of the GPU's timers, with a callback that looks at the clock */
typedef struct MaliCsfBenchTimer {
    QEMUTimerCB *cb;
    void *opaque;
    uint64_t ns;
    uint64_t count;
    /* Of the last ones, in any order: of the CPU, where @ns is of the clock */
    uint64_t last[MAX_LAST];
} MaliCsfBenchTimer;

struct MaliCsfBench {
    DeviceState parent_obj;

    MaliCsfState *gpu;
    bool account;

    /* What a row works on: an address space, and addresses in it */
    uint64_t as;
    uint64_t va;
    uint64_t pa;
    uint64_t size;
    uint64_t count;

    /* Of the last row: the model, what it is held against, instructions */
    uint64_t ns;
    uint64_t reference_ns;
    uint64_t instructions;

    GPtrArray *blocks;
    uint64_t accesses;
    uint64_t access_ns;
    MaliCsfBenchTimer slices;
    MaliCsfBenchTimer passes;
};

/* Rows */

static bool load_failed(MaliCsfMemResult result, uint64_t va, Error **errp)
{
    if (result == MALI_CSF_MEM_DONE) {
        return false;
    }
    error_setg(errp, "no load at 0x%" PRIx64 ": result %d", va, result);
    return true;
}

static bool check_sums(uint64_t sum, uint64_t expected, Error **errp)
{
    if (sum != expected) {
        error_setg(errp, "sum of the loads 0x%" PRIx64 ", expected 0x%" PRIx64,
                   sum, expected);
    }
    return sum == expected;
}

static bool check_size(MaliCsfBench *b, Error **errp)
{
    if (!is_power_of_2(b->size) || b->as >= MALI_CSF_MAX_AS || (b->va & 3) ||
        (b->pa & 3)) {
        error_setg(errp, "size is no power of 2, or an address is not aligned");
        return false;
    }
    return true;
}

/* Where the load number @i lies, in a range of b->size bytes */
static uint64_t load_offset(const MaliCsfBench *b, uint64_t i)
{
    return i * LOAD_STRIDE & (b->size - 1) & ~(uint64_t)3;
}

static bool gpu_loads(MaliCsfBench *b, uint64_t *sum, Error **errp)
{
    for (uint64_t i = 0; i < b->count; i++) {
        uint64_t va = b->va + load_offset(b, i);
        MaliCsfMemResult result;
        MaliCsfFault fault;
        uint32_t value;

        result = mali_csf_mem_load32(&b->gpu->view, b->as, va, &value, &fault);
        if (load_failed(result, va, errp)) {
            return false;
        }
        *sum += value;
    }
    return true;
}

/* Loads by way of the TLB against those of a device that has no MMU */
static void row_load_hit(MaliCsfBench *b, Error **errp)
{
    uint64_t sum = 0, expected = 0;
    int64_t start, middle;

    if (!check_size(b, errp)) {
        return;
    }
    start = get_clock();
    if (!gpu_loads(b, &sum, errp)) {
        return;
    }
    middle = get_clock();
    for (uint64_t i = 0; i < b->count; i++) {
        expected += address_space_ldl_le(&address_space_memory,
                                         b->pa + load_offset(b, i),
                                         MEMTXATTRS_UNSPECIFIED, NULL);
    }
    b->reference_ns = get_clock() - middle;
    b->ns = middle - start;
    check_sums(sum, expected, errp);
}

/* The same, where b->size is more than the TLB holds, against several */
static void row_load_miss(MaliCsfBench *b, Error **errp)
{
    uint64_t sum = 0, expected = 0;
    int64_t start, middle;

    if (!check_size(b, errp)) {
        return;
    }
    start = get_clock();
    if (!gpu_loads(b, &sum, errp)) {
        return;
    }
    middle = get_clock();
    for (uint64_t i = 0; i < b->count; i++) {
        hwaddr pa = b->pa + load_offset(b, i);

        expected += address_space_ldl_le(&address_space_memory, pa,
                                         MEMTXATTRS_UNSPECIFIED, NULL);
        for (unsigned n = 1; n < LOADS_PER_WALK; n++) {
            /* In the same cache line, to the advantage of the reference */
            address_space_ldl_le(&address_space_memory, pa ^ n * 4,
                                 MEMTXATTRS_UNSPECIFIED, NULL);
        }
    }
    b->reference_ns = get_clock() - middle;
    b->ns = middle - start;
    check_sums(sum, expected, errp);
}

/* Registers of MMU_CONTROL, as the guest accesses them */
static void write_register(MaliCsfBench *b, hwaddr offset, uint32_t value)
{
    memory_region_dispatch_write(&b->gpu->mmu.control, offset, value,
                                 MO_32 | MO_LE, MEMTXATTRS_UNSPECIFIED);
}

static uint32_t read_register(MaliCsfBench *b, hwaddr offset)
{
    uint64_t value = 0;

    memory_region_dispatch_read(&b->gpu->mmu.control, offset, &value,
                                MO_32 | MO_LE, MEMTXATTRS_UNSPECIFIED);
    return value;
}

/* LOCK and UNLOCK, with the register accesses of panthor; va is LOCKADDR */
static void row_lock(MaliCsfBench *b, Error **errp)
{
    hwaddr base = MALI_CSF_MMU_AS_BASE + b->as * MALI_CSF_MMU_AS_SIZE;
    int64_t start = get_clock();

    if (b->as >= MALI_CSF_MAX_AS) {
        error_setg(errp, "no such address space");
        return;
    }
    for (uint64_t i = 0; i < b->count; i++) {
        uint32_t status = read_register(b, base + A_AS_STATUS);

        write_register(b, base + A_AS_LOCKADDR_LO, b->va);
        write_register(b, base + A_AS_LOCKADDR_HI, b->va >> 32);
        write_register(b, base + A_AS_COMMAND, AS_COMMAND_LOCK);
        if (!b->gpu->mmu.as[b->as].locked) {
            error_setg(errp, "the region is not locked");
            return;
        }
        status |= read_register(b, base + A_AS_STATUS);
        write_register(b, base + A_AS_COMMAND, AS_COMMAND_UNLOCK);
        status |= read_register(b, base + A_AS_STATUS);
        if (status || b->gpu->mmu.as[b->as].locked) {
            error_setg(errp, "the region is not unlocked at once");
            return;
        }
    }
    b->ns = get_clock() - start;
}

static void row_slice(MaliCsfBench *b, Error **errp)
{
    uint64_t before = b->gpu->engine.instructions;
    int64_t start = get_clock();

    for (uint64_t i = 0; i < b->count; i++) {
        mali_csf_engine_slice(b->gpu);
    }
    b->ns = get_clock() - start;
    b->instructions = b->gpu->engine.instructions - before;
    if (!b->instructions) {
        error_setg(errp, "no stream is ready");
    }
}

typedef struct Decoded {
    uint8_t opcode;
    uint8_t dst;
    uint8_t src;
    uint8_t condition;
    int32_t imm;
} Decoded;

static bool decode(const uint64_t *words, Decoded *code, unsigned count,
                   Error **errp)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t word = le64_to_cpu(words[i]);

        code[i] = (Decoded) {
            .opcode = word >> CS_OPCODE_SHIFT,
            .dst = extract64(word, 48, 8),
            .src = extract64(word, 40, 8),
            .condition = extract64(word, 28, 3),
            .imm = word,
        };
        switch (code[i].opcode) {
        case CS_OP_MOVE32:
        case CS_OP_ADD_IMM32:
            break;
        case CS_OP_BRANCH:
            code[i].imm = (int16_t)word;
            if ((int64_t)i + 1 + code[i].imm < 0 ||
                (int64_t)i + 1 + code[i].imm >= count) {
                error_setg(errp, "the branch %u leaves the code", i);
                return false;
            }
            break;
        default:
            error_setg(errp, "the bare switch does not know the opcode %u",
                       code[i].opcode);
            return false;
        }
        if (code[i].dst >= MALI_CSF_MAX_WORK_REGISTERS ||
            code[i].src >= MALI_CSF_MAX_WORK_REGISTERS) {
            error_setg(errp, "no such register");
            return false;
        }
    }
    /* So the next two can do without a check of their own. */
    if (!count || code[count - 1].opcode != CS_OP_BRANCH ||
        code[count - 1].condition != CS_COND_ALWAYS) {
        error_setg(errp, "the code does not end in a branch");
        return false;
    }
    return true;
}

/* The least that any interpreter has to do */
static unsigned bare_switch(const Decoded *code, unsigned pc, uint32_t *regs,
                            uint64_t steps)
{
    while (steps--) {
        const Decoded *d = &code[pc++];
        bool taken;

        switch (d->opcode) {
        case CS_OP_MOVE32:
            regs[d->dst] = d->imm;
            break;
        case CS_OP_ADD_IMM32:
            regs[d->dst] = regs[d->src] + d->imm;
            break;
        case CS_OP_BRANCH:
            switch (d->condition) {
            case CS_COND_LE:
                taken = (int32_t)regs[d->src] <= 0;
                break;
            case CS_COND_GT:
                taken = (int32_t)regs[d->src] > 0;
                break;
            case CS_COND_EQ:
                taken = regs[d->src] == 0;
                break;
            case CS_COND_NE:
                taken = regs[d->src] != 0;
                break;
            case CS_COND_LT:
                taken = (int32_t)regs[d->src] < 0;
                break;
            case CS_COND_GE:
                taken = (int32_t)regs[d->src] >= 0;
                break;
            default:
                taken = true;
                break;
            }
            if (taken) {
                pc += d->imm;
            }
            break;
        }
    }
    return pc;
}

/*
 * Slices of the stream 0 of slot 0, which is in a buffer of b->size bytes at
 * b->va, against a bare switch over the same instructions.  Both begin with
 * the same registers, and have to end with the same ones.
 */
static void row_switch(MaliCsfBench *b, Error **errp)
{
    const MaliCsfStream *stream = &b->gpu->engine.groups[0].streams[0];
    unsigned count = b->size / 8;
    uint64_t words[MAX_CODE];
    Decoded code[MAX_CODE];
    uint32_t regs[MALI_CSF_MAX_WORK_REGISTERS];
    MaliCsfMemResult result;
    MaliCsfFault fault;
    uint64_t pc;
    int64_t start;

    if (b->as >= MALI_CSF_MAX_AS || !count || count > MAX_CODE) {
        error_setg(errp, "no such address space, or code of a wrong size");
        return;
    }
    result = mali_csf_mem_read(&b->gpu->view, b->as, b->va, words, count * 8,
                               &fault);
    if (load_failed(result, b->va, errp) ||
        !decode(words, code, count, errp)) {
        return;
    }
    pc = (mali_csf_stream_ip(stream) - b->va) / 8;
    if (pc >= count) {
        error_setg(errp, "the stream is not in that buffer");
        return;
    }
    memcpy(regs, stream->regs, sizeof(regs));
    row_slice(b, errp);
    if (*errp) {
        return;
    }
    start = get_clock();
    pc = bare_switch(code, pc, regs, b->instructions);
    b->reference_ns = get_clock() - start;
    if (memcmp(regs, stream->regs, sizeof(regs)) ||
        mali_csf_stream_ip(stream) != b->va + pc * 8) {
        error_setg(errp, "the stream and the bare switch do not agree");
    }
}

/* Slices and passes are counted anew */
static void row_forget(MaliCsfBench *b, Error **errp)
{
    b->slices.ns = b->slices.count = 0;
    b->passes.ns = b->passes.count = 0;
}

static const struct {
    const char *name;
    void (*run)(MaliCsfBench *b, Error **errp);
} rows[] = {
    { "forget", row_forget },
    { "load-hit", row_load_hit },
    { "load-miss", row_load_miss },
    { "lock", row_lock },
    { "slice", row_slice },
    { "switch", row_switch },
};

static void set_run(Object *obj, const char *value, Error **errp)
{
    ERRP_GUARD();
    MaliCsfBench *b = MALI_CSF_BENCH(obj);

    b->ns = 0;
    b->reference_ns = 0;
    b->instructions = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (!strcmp(value, rows[i].name)) {
            rows[i].run(b, errp);
            return;
        }
    }
    error_setg(errp, "unknown row '%s'", value);
}

/* Account */

static MemTxResult cover_read(void *opaque, hwaddr offset, uint64_t *value,
                              unsigned size, MemTxAttrs attrs)
{
    MaliCsfBenchBlock *block = opaque;
    int64_t start = get_clock();
    MemTxResult result;

    result = memory_region_dispatch_read(block->block, offset, value,
                                         size_memop(size) | MO_LE, attrs);
    block->bench->access_ns += get_clock() - start;
    block->bench->accesses++;
    return result;
}

static MemTxResult cover_write(void *opaque, hwaddr offset, uint64_t value,
                               unsigned size, MemTxAttrs attrs)
{
    MaliCsfBenchBlock *block = opaque;
    int64_t start = get_clock();
    MemTxResult result;

    result = memory_region_dispatch_write(block->block, offset, value,
                                          size_memop(size) | MO_LE, attrs);
    block->bench->access_ns += get_clock() - start;
    block->bench->accesses++;
    return result;
}

static const MemoryRegionOps cover_ops = {
    .read_with_attrs = cover_read,
    .write_with_attrs = cover_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 4,
        .max_access_size = 8,
    },
    .impl = {
        .min_access_size = 4,
        .max_access_size = 8,
    },
};

static void cover_blocks(MaliCsfBench *b)
{
    MemoryRegion *mr;

    QTAILQ_FOREACH(mr, &b->gpu->aperture.subregions, subregions_link) {
        MaliCsfBenchBlock *block = g_new0(MaliCsfBenchBlock, 1);

        block->bench = b;
        block->block = mr;
        memory_region_init_io(&block->cover, OBJECT(b), &cover_ops, block,
                              "mali-csf-bench", memory_region_size(mr));
        g_ptr_array_add(b->blocks, block);
    }
    for (guint i = 0; i < b->blocks->len; i++) {
        MaliCsfBenchBlock *block = g_ptr_array_index(b->blocks, i);

        memory_region_add_subregion_overlap(&b->gpu->aperture,
                                            block->block->addr,
                                            &block->cover, 1);
    }
}

/* What the host's scheduler does to this thread is not the device's work. */
static int64_t cpu_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * NANOSECONDS_PER_SECOND + ts.tv_nsec;
}

static void timed_cb(void *opaque)
{
    MaliCsfBenchTimer *t = opaque;
    int64_t start = get_clock();
    int64_t cpu_start = cpu_clock();

    t->cb(t->opaque);
    t->last[t->count++ % MAX_LAST] = cpu_clock() - cpu_start;
    t->ns += get_clock() - start;
}

static int compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The time that all but one in a hundred of the last ones took at most */
static void get_p99(Object *obj, Visitor *v, const char *name, void *opaque,
                    Error **errp)
{
    const MaliCsfBenchTimer *t = opaque;
    unsigned count = MIN(t->count, MAX_LAST);
    g_autofree uint64_t *sorted = g_memdup2(t->last,
                                            count * sizeof(*sorted));
    uint64_t ns = 0;

    if (count) {
        qsort(sorted, count, sizeof(*sorted), compare_ns);
        ns = sorted[(count - 1) * 99 / 100];
    }
    visit_type_uint64(v, name, &ns, errp);
}

static void account_timer(MaliCsfBenchTimer *t, QEMUTimer *timer)
{
    t->cb = timer->cb;
    t->opaque = timer->opaque;
    timer->cb = timed_cb;
    timer->opaque = t;
}

static void mali_csf_bench_realize(DeviceState *dev, Error **errp)
{
    MaliCsfBench *b = MALI_CSF_BENCH(dev);

    if (!b->gpu || !DEVICE(b->gpu)->realized) {
        error_setg(errp, "gpu= is not the path of a %s before it",
                   TYPE_MALI_CSF);
        return;
    }
    b->blocks = g_ptr_array_new();
    if (b->account) {
        cover_blocks(b);
        account_timer(&b->slices, b->gpu->engine.slice_timer);
        account_timer(&b->passes, b->gpu->mcu.pass_timer);
    }
}

static void mali_csf_bench_instance_init(Object *obj)
{
    MaliCsfBench *b = MALI_CSF_BENCH(obj);
    const struct {
        const char *name;
        uint64_t *value;
        ObjectPropertyFlags flags;
    } numbers[] = {
        { "as", &b->as, OBJ_PROP_FLAG_READWRITE },
        { "va", &b->va, OBJ_PROP_FLAG_READWRITE },
        { "pa", &b->pa, OBJ_PROP_FLAG_READWRITE },
        { "size", &b->size, OBJ_PROP_FLAG_READWRITE },
        { "count", &b->count, OBJ_PROP_FLAG_READWRITE },
        { "ns", &b->ns, OBJ_PROP_FLAG_READ },
        { "reference-ns", &b->reference_ns, OBJ_PROP_FLAG_READ },
        { "instructions", &b->instructions, OBJ_PROP_FLAG_READ },
        { "accesses", &b->accesses, OBJ_PROP_FLAG_READ },
        { "access-ns", &b->access_ns, OBJ_PROP_FLAG_READ },
        { "slices", &b->slices.count, OBJ_PROP_FLAG_READ },
        { "slice-ns", &b->slices.ns, OBJ_PROP_FLAG_READ },
        { "passes", &b->passes.count, OBJ_PROP_FLAG_READ },
        { "pass-ns", &b->passes.ns, OBJ_PROP_FLAG_READ },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        object_property_add_uint64_ptr(obj, numbers[i].name,
                                       numbers[i].value, numbers[i].flags);
    }
    object_property_add(obj, "slice-p99-ns", "uint64", get_p99, NULL, NULL,
                        &b->slices);
    object_property_add(obj, "pass-p99-ns", "uint64", get_p99, NULL, NULL,
                        &b->passes);
}

static const Property mali_csf_bench_properties[] = {
    DEFINE_PROP_LINK("gpu", MaliCsfBench, gpu, TYPE_MALI_CSF, MaliCsfState *),
    DEFINE_PROP_BOOL("account", MaliCsfBench, account, false),
};

static void mali_csf_bench_class_init(ObjectClass *klass,
                                      MaliCsfClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->desc = "Measures a mali-csf GPU";
    dc->realize = mali_csf_bench_realize;
    dc->user_creatable = true;
    /* What it has laid over the GPU stays there. */
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, mali_csf_bench_properties);
    object_class_property_add_str(klass, "run", NULL, set_run);
    object_class_property_set_description(klass, "run",
        "the name of what to measure now");
}

static const TypeInfo mali_csf_bench_types[] = {
    {
        .name = TYPE_MALI_CSF_BENCH,
        .parent = TYPE_DEVICE,
        .instance_size = sizeof(MaliCsfBench),
        .instance_init = mali_csf_bench_instance_init,
        .class_init = mali_csf_bench_class_init,
    },
};

DEFINE_TYPES(mali_csf_bench_types)
