/*
 * Mali shader cores: execution of a group of lanes
 *
 * Lanes that are at the same instruction form a part.  The part with the lowest
 * program counter runs, and takes in what it meets: compilers put blocks in the
 * order of the source, so lanes that have parted meet again where the branches
 * of the source join.  A part that spins for what another one has to do would
 * wait for ever; after some branches backward the others get a turn.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif
#include "alu.h"
#include "exec.h"

/* Branches backward after which other parts get a turn, and how long that is */
#define MAX_SPINS       64
#define TURN            1024

#define LANE(i)         (UINT64_C(1) << (i))
#define ALL_LANES       UINT64_MAX

static const MaliShaderAlu *used_alu;

#ifdef __x86_64__
/* Not by __builtin_cpu_supports(): clang 14 does not know the name. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           has_f16c();
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

static bool always(void)
{
    return true;
}

/* The best first */
static const struct {
    const MaliShaderAlu *alu;
    bool (*is_there)(void);
} builds[] = {
#ifdef __x86_64__
    { &mali_shader_alu_avx512, has_avx512 },
    { &mali_shader_alu_avx2, has_avx2 },
#endif
    { &mali_shader_alu_generic, always },
};

/* NULL: this host does not have it */
static const MaliShaderAlu *find_alu(const char *name)
{
#ifdef __x86_64__
    __builtin_cpu_init();
#endif
    for (unsigned i = 0; i < sizeof(builds) / sizeof(builds[0]); i++) {
        if ((!name || !strcmp(name, builds[i].alu->name)) &&
            builds[i].is_there()) {
            return builds[i].alu;
        }
    }
    return NULL;
}

bool mali_shader_use(const char *name)
{
    const MaliShaderAlu *alu = find_alu(name);

    used_alu = alu ? alu : used_alu;
    return alu;
}

static const MaliShaderAlu *get_alu(void)
{
    /* Any thread finds the same, so it does not matter who is first. */
    const MaliShaderAlu *alu = __atomic_load_n(&used_alu, __ATOMIC_RELAXED);

    if (!alu) {
        alu = find_alu(NULL);
        __atomic_store_n(&used_alu, alu, __ATOMIC_RELAXED);
    }
    return alu;
}

const char *mali_shader_used(void)
{
    return get_alu()->name;
}

bool mali_shader_is_modelled(unsigned id)
{
    switch (mali_shader_encodings[id].kind) {
    case MALI_SHADER_ALU:
    case MALI_SHADER_CROSS_LANE:
        return mali_shader_alu_generic.fn[id];
    case MALI_SHADER_INVALID:
        return false;
    default:
        return true;
    }
}

/* The run of one group: what is kept in locals */
typedef struct GroupRun {
    MaliShaderGroup *group;
    const MaliShaderAlu *alu;
    MaliShaderAluContext ctx;
    /* The part that runs, which is not in group->parts meanwhile */
    uint64_t pc;
    uint64_t lanes;
    unsigned warps;
    /* Program counter of the next part that it may meet */
    uint64_t next;
    const MaliShaderOp *op;
    bool stopped;
    MaliShaderResult result;
} GroupRun;

static unsigned count_warps(uint64_t lanes)
{
    unsigned warps = 0;

    for (; lanes; lanes >>= MALI_SHADER_WARP) {
        warps += !!(lanes & 0xffff);
    }
    return warps;
}

static void set_lanes(GroupRun *run, uint64_t lanes)
{
    run->lanes = lanes;
    run->ctx.lanes = lanes;
    run->warps = count_warps(lanes);
}

/* The first part with a program counter of @pc or above */
static unsigned first_from(const MaliShaderGroup *group, uint64_t pc)
{
    unsigned i = 0;

    while (i < group->num_parts && group->parts[i].pc < pc) {
        i++;
    }
    return i;
}

/* Puts lanes among the parts.  Returns the index of the part they are in */
static unsigned push(MaliShaderGroup *group, uint64_t pc, uint64_t lanes)
{
    unsigned i = first_from(group, pc), j;

    if (i < group->num_parts && group->parts[i].pc == pc) {
        group->parts[i].lanes |= lanes;
        return i;
    }
    for (j = group->num_parts++; j > i; j--) {
        group->parts[j] = group->parts[j - 1];
    }
    group->parts[i] = (MaliShaderPart) { pc, lanes };
    return i;
}

static MaliShaderPart take(MaliShaderGroup *group, unsigned index)
{
    MaliShaderPart part = group->parts[index];

    group->num_parts--;
    memmove(&group->parts[index], &group->parts[index + 1],
            (group->num_parts - index) * sizeof(part));
    return part;
}

/* Takes in the part at the program counter, and finds the next one to meet */
static void meet(GroupRun *run)
{
    MaliShaderGroup *group = run->group;
    unsigned i = first_from(group, run->pc);

    if (i < group->num_parts && group->parts[i].pc == run->pc) {
        set_lanes(run, run->lanes | take(group, i).lanes);
        group->spins = 0;
    }
    run->next = i < group->num_parts ? group->parts[i].pc : UINT64_MAX;
}

static void stop(GroupRun *run, MaliShaderResult result)
{
    run->result = result;
    run->stopped = true;
}

static void fault(GroupRun *run, uint8_t exception)
{
    run->group->fault.exception = exception;
    run->group->fault.pc = run->pc;
    run->group->fault.word = run->op ? run->op->word : 0;
    stop(run, MALI_SHADER_FAULTED);
}

static void fill_fixed(GroupRun *run)
{
    MaliShaderGroup *group = run->group;
    unsigned count, i = group->filled;
    const MaliShaderFixed *fixed =
        mali_shader_program_fixed(group->program, &count);

    while (i < count) {
        const MaliShaderFixed *row = &fixed[i];
        bool wide = row->prepare & MALI_SHADER_PREPARE_WIDE;
        uint32_t *slot = group->slots[MALI_SHADER_SLOT_FIXED + i];

        for (unsigned part = 0; part <= wide; part++) {
            MaliShaderSlot value;
            uint32_t number = part ? 0 : row->value;

            if (row->is_uniform) {
                number = row->value + part < group->num_uniforms ?
                         group->uniforms[row->value + part] : 0;
            }
            for (unsigned l = 0; l < MALI_SHADER_LANES; l++) {
                value[l] = number;
            }
            run->alu->prepare(wide ? 0 : row->prepare, value,
                              slot + part * MALI_SHADER_LANES);
        }
        i += 1 + wide;
    }
    group->filled = count;
}

/* Finds the instruction at the program counter */
static void fetch(GroupRun *run)
{
    unsigned count;

    run->op = NULL;
    if (run->pc % 8) {
        fault(run, MALI_SHADER_INSTR_INVALID_PC);
        return;
    }
    switch (mali_shader_program_at(run->group->program, run->pc, &run->op)) {
    case MALI_SHADER_ACCESS_DONE:
        mali_shader_program_fixed(run->group->program, &count);
        if (run->group->filled != count) {
            fill_fixed(run);
        }
        return;
    case MALI_SHADER_ACCESS_STALLED:
        stop(run, MALI_SHADER_STALLED);
        return;
    default:
        fault(run, 0);
        return;
    }
}

static void set_pc_slots(GroupRun *run)
{
    uint32_t *slot = run->group->slots[MALI_SHADER_SLOT_PROGRAM_COUNTER];

    /* That of the next instruction: branches count from there, too. */
    for (unsigned i = 0; i < MALI_SHADER_LANES; i++) {
        slot[i] = run->pc + 8;
        slot[i + MALI_SHADER_LANES] = (run->pc + 8) >> 32;
    }
}

static void finish_alu(GroupRun *run, const MaliShaderOp *op, uint32_t *out)
{
    uint32_t *dst = run->group->slots[op->dst];

    if (op->clamp) {
        run->alu->clamp(op->clamp, op->clamp_halves, out);
    }
    if (op->destination == MALI_SHADER_NARROW_DESTINATION) {
        run->alu->narrow(run->ctx.flush_f16, out);
    } else if (op->destination == MALI_SHADER_WHOLE_DESTINATION &&
               op->dst_mask == 0xffff0000) {
        for (unsigned i = 0; i < MALI_SHADER_LANES; i++) {
            out[i] <<= 16;
        }
    }
    run->alu->merge(run->lanes, op->dst_mask, out, dst);
    if (op->destination == MALI_SHADER_PAIR_DESTINATION) {
        run->alu->merge(run->lanes, op->dst_mask, out + MALI_SHADER_LANES,
                        dst + MALI_SHADER_LANES);
    }
}

static void slow_alu(GroupRun *run, const MaliShaderOp *op, MaliShaderAluFn *fn)
{
    const uint32_t *src[4] = { 0 };

    if (op->reads_pc) {
        set_pc_slots(run);
    }
    for (unsigned i = 0; i < op->num_src; i++) {
        src[i] = run->group->slots[op->src[i]];
        if (op->prepare[i]) {
            run->alu->prepare(op->prepare[i], src[i],
                              run->group->prepared[i][0]);
            src[i] = run->group->prepared[i][0];
        }
    }
    fn(&run->ctx, op, src[0], src[1], src[2], src[3], run->group->out[0]);
    finish_alu(run, op, run->group->out[0]);
}

static void execute_alu(GroupRun *run, const MaliShaderOp *op)
{
    MaliShaderAluFn *fn = run->alu->fn[op->id];
    MaliShaderSlot *slots = run->group->slots;

    if (!fn) {
        fault(run, MALI_SHADER_INSTR_INVALID_ENC);
    } else if (op->is_plain && run->lanes == ALL_LANES) {
        fn(&run->ctx, op, slots[op->src[0]], slots[op->src[1]],
           slots[op->src[2]], slots[op->src[3]], slots[op->dst]);
    } else {
        slow_alu(run, op, fn);
    }
}

static void execute_message(GroupRun *run, const MaliShaderOp *op)
{
    MaliShaderGroup *group = run->group;
    MaliShaderMessage message = group->ops->message[op->family];
    uint64_t rest = run->lanes & ~group->done, before = group->done;

    if (!message) {
        fault(run, MALI_SHADER_INSTR_INVALID_ENC);
        return;
    }
    if (op->reads_pc) {
        set_pc_slots(run);
    }
    group->fault.exception = 0;
    group->done = 0;
    switch (rest ? message(group, op, rest) : MALI_SHADER_ACCESS_DONE) {
    case MALI_SHADER_ACCESS_DONE:
        group->done = 0;
        break;
    case MALI_SHADER_ACCESS_STALLED:
        group->done |= before;
        stop(run, MALI_SHADER_STALLED);
        break;
    default:
        group->done |= before;
        fault(run, group->fault.exception);
        break;
    }
}

/* Goes to another address.  True: the part goes on */
static bool jump(GroupRun *run, uint64_t pc)
{
    MaliShaderGroup *group = run->group;
    bool lower = false;

    if (pc <= run->pc && group->num_parts) {
        group->spins++;
    }
    run->pc = pc;
    meet(run);
    if (!group->turn) {
        lower = group->num_parts && group->parts[0].pc < run->pc;
    }
    return !lower && group->spins < MAX_SPINS;
}

/* Returns false if another part is to run now */
static bool execute_branch(GroupRun *run, const MaliShaderOp *op)
{
    const uint32_t *src = run->group->slots[op->src[0]];
    uint64_t taken;

    if (op->reads_pc) {
        set_pc_slots(run);
    }
    taken = run->alu->nonzero(MALI_SHADER_FIELD_COMBINE(op->word), src);
    if (MALI_SHADER_FIELD_EQ(op->word)) {
        taken = ~taken;
    }
    taken &= run->lanes;
    if (!taken) {
        return jump(run, run->pc + 8);
    }
    if (taken != run->lanes) {
        push(run->group, run->pc + 8, run->lanes & ~taken);
        set_lanes(run, taken);
    }
    return jump(run, op->target);
}

static void wait_at_barrier(GroupRun *run)
{
    MaliShaderGroup *group = run->group;

    group->waiting[group->num_waiting++] =
        (MaliShaderPart) { run->pc + 8, run->lanes };
    set_lanes(run, 0);
}

/* Returns true if the part goes on at the instruction behind it */
static bool execute(GroupRun *run)
{
    const MaliShaderOp *op = run->op;
    MaliShaderCounts *counts = &run->group->counts;
    bool goes_on = true;

    switch (op->kind) {
    case MALI_SHADER_ALU:
    case MALI_SHADER_CROSS_LANE:
        execute_alu(run, op);
        break;
    case MALI_SHADER_NOP:
        break;
    case MALI_SHADER_MESSAGE:
        execute_message(run, op);
        break;
    case MALI_SHADER_BRANCH:
        goes_on = false;
        break;
    case MALI_SHADER_BARRIER:
        if (op->flow != MALI_SHADER_FLOW_END) {
            wait_at_barrier(run);
        }
        break;
    default:
        fault(run, MALI_SHADER_INSTR_INVALID_ENC);
        break;
    }
    if (!run->stopped) {
        counts->instructions += run->warps;
        counts->by_unit[op->unit] += run->warps;
        if (op->flow == MALI_SHADER_FLOW_END) {
            set_lanes(run, 0);
        }
    }
    return goes_on;
}

/* The part that runs next: the lowest one, or in a turn another */
static unsigned choose(MaliShaderGroup *group)
{
    if (group->spins >= MAX_SPINS && group->num_parts > 1) {
        group->spins = 0;
        group->turn = TURN;
        return 1 + group->turns++ % (group->num_parts - 1);
    }
    return 0;
}

/* Steps over the instruction.  False: the part has no lanes left */
static bool advance(GroupRun *run)
{
    MaliShaderGroup *group = run->group;

    if (!run->lanes) {
        group->turn = 0;
        return false;
    }
    run->pc += 8;
    run->op++;
    if (run->pc == run->next) {
        meet(run);
    }
    if (run->pc % (8 * MALI_SHADER_BLOCK) == 0) {
        fetch(run);
    }
    return true;
}

/* Branches that go on need the instruction there. */
static bool step(GroupRun *run)
{
    MaliShaderGroup *group = run->group;

    if (execute(run)) {
        return run->stopped || advance(run);
    }
    if (!run->lanes || !execute_branch(run, run->op)) {
        group->turn = 0;
        return false;
    }
    fetch(run);
    return true;
}

/* Runs one part until it stops, or another one is to run */
static void run_part(GroupRun *run, unsigned *budget)
{
    MaliShaderGroup *group = run->group;
    MaliShaderPart part = take(group, group->current);

    run->pc = part.pc;
    set_lanes(run, part.lanes);
    meet(run);
    fetch(run);
    while (!run->stopped) {
        if (!*budget) {
            stop(run, MALI_SHADER_BUDGET);
            break;
        }
        (*budget)--;
        if (!step(run)) {
            break;
        }
        if (group->turn && --group->turn == 0) {
            break;
        }
    }
    group->current = 0;
    if (run->lanes) {
        group->current = push(group, run->pc, run->lanes);
    }
}

MaliShaderResult mali_shader_group_run(MaliShaderGroup *group,
                                       unsigned *budget)
{
    GroupRun run = {
        .group = group,
        .alu = get_alu(),
        .ctx.flush_f32 = group->flush_f32,
        .ctx.flush_f16 = group->flush_f16,
    };

    while (group->num_parts && !run.stopped) {
        run_part(&run, budget);
        if (!run.stopped) {
            group->current = choose(group);
        }
    }
    if (run.stopped) {
        return run.result;
    }
    return group->num_waiting ? MALI_SHADER_AT_BARRIER : MALI_SHADER_DONE;
}

void mali_shader_group_release(MaliShaderGroup *group)
{
    for (unsigned i = 0; i < group->num_waiting; i++) {
        push(group, group->waiting[i].pc, group->waiting[i].lanes);
    }
    group->num_waiting = 0;
    group->current = 0;
}

uint64_t mali_shader_group_live(const MaliShaderGroup *group)
{
    uint64_t lanes = 0;

    for (unsigned i = 0; i < group->num_parts; i++) {
        lanes |= group->parts[i].lanes;
    }
    for (unsigned i = 0; i < group->num_waiting; i++) {
        lanes |= group->waiting[i].lanes;
    }
    return lanes;
}

void mali_shader_group_bind(MaliShaderGroup *group, MaliShaderProgram *program,
                            const MaliShaderOps *ops, void *opaque,
                            const uint32_t *uniforms, unsigned num_uniforms)
{
    /* Fixed slots are filled as they are needed, and most are not. */
    memset(group->slots, 0, MALI_SHADER_SLOT_FIXED * sizeof(*group->slots));
    memset(group->slots + MALI_SHADER_SLOTS, 0,
           sizeof(*group) - sizeof(group->slots));
    for (unsigned i = 0; i < MALI_SHADER_LANES; i++) {
        group->slots[MALI_SHADER_SLOT_LANE_ID][i] = i % MALI_SHADER_WARP;
    }
    group->program = program;
    group->ops = ops;
    group->opaque = opaque;
    group->uniforms = uniforms;
    group->num_uniforms = num_uniforms;
}

/* Registers that an earlier one may have written to, many at a time */
static void zero_written(MaliShaderGroup *group)
{
    const uint8_t *written = mali_shader_program_written(group->program);
    unsigned first = 0;

    for (unsigned i = 0; i <= MALI_SHADER_SLOT_SPECIAL; i++) {
        if (i == MALI_SHADER_SLOT_SPECIAL || !written[i]) {
            if (i > first) {
                memset(group->slots[first], 0,
                       (i - first) * sizeof(MaliShaderSlot));
            }
            first = i + 1;
        }
    }
}

void mali_shader_group_start(MaliShaderGroup *group, uint64_t pc,
                             uint64_t lanes)
{
    zero_written(group);
    group->num_parts = 0;
    group->num_waiting = 0;
    group->current = 0;
    group->done = 0;
    group->spins = 0;
    group->turn = 0;
    group->turns = 0;
    memset(&group->fault, 0, sizeof(group->fault));
    if (lanes) {
        push(group, pc, lanes);
    }
}
