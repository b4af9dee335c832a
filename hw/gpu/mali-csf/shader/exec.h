/*
 * Mali shader cores: execution of a group of lanes
 *
 * A group is up to 64 lanes, four warps, of one program.  It runs until its
 * lanes have ended, or something is to be done by the caller.  It knows neither
 * memory nor descriptors: messages go to functions of the caller.
 *
 * Needs nothing of QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_EXEC_H
#define HW_GPU_MALI_CSF_SHADER_EXEC_H

#include "decode.h"

typedef struct MaliShaderGroup MaliShaderGroup;

/* A value of each lane */
typedef uint32_t MaliShaderSlot[MALI_SHADER_LANES]
    __attribute__((aligned(64)));

/*
 * A message.  @lanes, not empty, are those that it is for: bit l is lane l.
 *
 * Sources are group->slots[op->src[i]][lane], and op->src[i] + 1 for the upper
 * half of one of 64 bits; MALI_SHADER_FIELD_*(op->word) are the modifiers,
 * op->imm the offset.  What is stored is in slots read_first to read_first +
 * read_count - 1; what is loaded goes to those from write_first on, in @lanes
 * only.
 *
 * Returns DONE when it is done for all @lanes.  On STALLED or FAULTED, it has
 * set group->done to those that it is done for, which must not be asked of it
 * again; the others had no effect at all.  The group then stays where it is.
 * When it is run again the message is repeated for the rest.  A FAULTED one has
 * set what of group->fault it knows.
 */
typedef MaliShaderAccess (*MaliShaderMessage)(MaliShaderGroup *group,
                                              const MaliShaderOp *op,
                                              uint64_t lanes);

typedef struct MaliShaderOps {
    /* By MALI_SHADER_FAMILY_*; NULL: not modelled, INSTR_INVALID_ENC */
    MaliShaderMessage message[MALI_SHADER_NUM_FAMILIES];
} MaliShaderOps;

/* What the group waits for, or why it has stopped */
typedef enum MaliShaderResult {
    /* All lanes have ended */
    MALI_SHADER_DONE,
    /* It has executed as many instructions as it was allowed to */
    MALI_SHADER_BUDGET,
    /* All lanes that have not ended are at a barrier */
    MALI_SHADER_AT_BARRIER,
    /* A message, or the fetch of an instruction, stalled */
    MALI_SHADER_STALLED,
    /* group->fault has what; the group cannot go on */
    MALI_SHADER_FAULTED,
} MaliShaderResult;

/* CS_FAULT exceptions that execution itself raises; messages have others */
#define MALI_SHADER_INSTR_INVALID_PC    0x50
#define MALI_SHADER_INSTR_INVALID_ENC   0x51
#define MALI_SHADER_INSTR_BARRIER_FAULT 0x55

typedef struct MaliShaderFault {
    /* 0: the access faulted, and who made it knows more */
    uint8_t exception;
    /* Where, and what is there */
    uint64_t pc;
    uint64_t word;
} MaliShaderFault;

/* Lanes that are at the same instruction */
typedef struct MaliShaderPart {
    uint64_t pc;
    uint64_t lanes;
} MaliShaderPart;

/* How often the instructions of each unit were executed, in warps */
typedef struct MaliShaderCounts {
    uint64_t instructions;
    uint64_t by_unit[MALI_SHADER_NUM_UNITS];
} MaliShaderCounts;

struct MaliShaderGroup {
    MaliShaderSlot slots[MALI_SHADER_SLOTS];

    MaliShaderProgram *program;
    const MaliShaderOps *ops;
    /* The caller's own */
    void *opaque;

    /* u0, u1...; what is beyond is read as 0.  They stay where they are */
    const uint32_t *uniforms;
    unsigned num_uniforms;
    /* Of the shader program descriptor: subnormals of f32, of f16 are zeros */
    bool flush_f32;
    bool flush_f16;

    /* Lanes that run, in the order of their pc; no two parts have the same */
    MaliShaderPart parts[MALI_SHADER_LANES];
    unsigned num_parts;
    /* The part that goes on first */
    unsigned current;
    /* Lanes at a barrier, with the pc to go on at */
    MaliShaderPart waiting[MALI_SHADER_LANES];
    unsigned num_waiting;
    /* Lanes of that part for which its message is done already */
    uint64_t done;

    MaliShaderFault fault;
    MaliShaderCounts counts;

    /*
     * The executor's.  How many fixed slots have their values; branches
     * backward since another part ran; instructions left of the turn of a part
     * that is not the lowest; how many turns there were
     */
    unsigned filled;
    unsigned spins;
    unsigned turn;
    unsigned turns;
    /*
     * Sources that are prepared, and a result before it is: here, since QEMU's
     * builds fill arrays on the stack with zeros at each call.
     */
    MaliShaderSlot prepared[4][2];
    MaliShaderSlot out[2];
};

/*
 * @group is for @program from now on, with these uniforms: all that was in it
 * is forgotten.  The caller has allocated it, aligned to 64 bytes.
 */
void mali_shader_group_bind(MaliShaderGroup *group, MaliShaderProgram *program,
                            const MaliShaderOps *ops, void *opaque,
                            const uint32_t *uniforms, unsigned num_uniforms);

/*
 * Begins at @pc with these @lanes, which may be none.  The caller fills in
 * registers that are preloaded, and specials: what no instruction has written
 * to is as the caller left it, or zero; other registers are zero.
 */
void mali_shader_group_start(MaliShaderGroup *group, uint64_t pc,
                             uint64_t lanes);

/*
 * Executes at most @budget instructions, fewer by what is left of it.  May be
 * called again after BUDGET and STALLED; after AT_BARRIER once
 * mali_shader_group_release() has let the lanes go on.  The caller's
 * floating-point environment is FE_DFL_ENV.
 */
MaliShaderResult mali_shader_group_run(MaliShaderGroup *group,
                                       unsigned *budget);
void mali_shader_group_release(MaliShaderGroup *group);

/* Lanes that have not ended */
uint64_t mali_shader_group_live(const MaliShaderGroup *group);

/* The executor knows what the instruction does, or hands it to the ops */
bool mali_shader_is_modelled(unsigned id);

/*
 * The build of the arithmetic that is used: "generic", "avx2", "avx512"; NULL
 * is the best.  Returns false if this host does not have it.
 */
bool mali_shader_use(const char *name);
const char *mali_shader_used(void);

#endif /* HW_GPU_MALI_CSF_SHADER_EXEC_H */
