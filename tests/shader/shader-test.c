/*
 * Tests of the shader cores: encodings, arithmetic, control flow
 *
 *   shader-test VECTORS CAPTURED [-p PATH]   TAP of all tests, or of one
 *   shader-test --bench                      operations per second
 *
 * VECTORS is what vectors.py makes, CAPTURED lists words of real programs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "disas.h"
#include "exec.h"
#include "page-slot.h"

#define BASE        UINT64_C(0x7fff00001000)
#define MAX_WORDS   256

static const char *vectors_path, *captured_path;
static bool failed;

#define CHECK(condition, ...) \
do { \
    if (!(condition)) { \
        printf("# %s:%d: %s:", __FILE__, __LINE__, #condition); \
        printf(" " __VA_ARGS__); \
        printf("\n"); \
        failed = true; \
    } \
} while (0)

static uint64_t random_state = 1;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

/* A machine with one group and one program, whose code is words[] at BASE */

typedef struct Machine {
    MaliShaderGroup *group;
    MaliShaderProgram *program;
    MaliShaderOps ops;
    uint64_t words[MAX_WORDS];
    unsigned num_words;
    uint32_t uniforms[MALI_SHADER_MAX_UNIFORMS];
    /* What the next fetch, and messages to lanes of the mask, come to */
    MaliShaderAccess fetch_result;
    MaliShaderAccess message_result;
    uint64_t refused;
    unsigned messages[MALI_SHADER_LANES];
    uint32_t memory[64];
} Machine;

static MaliShaderAccess fetch(void *opaque, uint64_t pc, unsigned count,
                              uint64_t *words)
{
    Machine *m = opaque;

    for (unsigned i = 0; i < count; i++) {
        uint64_t index = (pc - BASE) / 8 + i;

        words[i] = index < m->num_words ? m->words[index] : UINT64_MAX;
    }
    return m->fetch_result;
}

static Machine *machine_new(unsigned arch)
{
    Machine *m = calloc(1, sizeof(*m));

    m->group = aligned_alloc(64, sizeof(*m->group));
    /* All of it is forgotten when a program is bound. */
    memset(m->group, 0xa5, sizeof(*m->group));
    m->program = mali_shader_program_new(arch, fetch, m);
    for (unsigned i = 0; i < MALI_SHADER_MAX_UNIFORMS; i++) {
        m->uniforms[i] = (i * 0x9e3779b1u) ^ 0x3f800000;
    }
    mali_shader_group_bind(m->group, m->program, &m->ops, m, m->uniforms,
                           MALI_SHADER_MAX_UNIFORMS);
    return m;
}

static void machine_free(Machine *m)
{
    mali_shader_program_free(m->program);
    free(m->group);
    free(m);
}

static void code(Machine *m, uint64_t word)
{
    m->words[m->num_words++] = word;
}

static MaliShaderResult run(Machine *m, unsigned budget)
{
    return mali_shader_group_run(m->group, &budget);
}

/* Words.  Sources are bytes: registers, or one of these */
#define UNIFORM(n)      (0x80 | (n))
#define CONSTANT(n)     (0xc0 | (n))
#define SPECIAL(n)      (0xe0 | (n))
#define ZERO            CONSTANT(0)
#define END             (UINT64_C(15) << 59)
#define RECONVERGE      (UINT64_C(10) << 59)

static uint64_t insn(unsigned opcode, unsigned dst, unsigned a, unsigned b,
                     unsigned c)
{
    return (uint64_t)opcode << 48 | UINT64_C(0xc0) << 40 |
           (uint64_t)dst << 40 | (uint64_t)c << 16 | b << 8 | a;
}

static uint64_t nop(void)
{
    return insn(0, 0, 0, 0, 0);
}

static uint64_t mov(unsigned dst, unsigned a)
{
    return insn(0x91, dst, a, 0, 0);
}

static uint64_t iadd(unsigned dst, unsigned a, unsigned b)
{
    return insn(0xa0, dst, a, b, 0);
}

static uint64_t iadd_imm(unsigned dst, unsigned a, uint32_t imm)
{
    return insn(0x110, dst, a, 0, 0) | (uint64_t)imm << 8;
}

/* Unsigned comparison, 0 or 1: eq 0, gt 1, ge 2, ne 3, lt 4, le 5 */
static uint64_t icmp(unsigned cmp, unsigned dst, unsigned a, unsigned b)
{
    return insn(0xf0, dst, a, b, ZERO) | (uint64_t)cmp << 32;
}

/* @offset counts from the next instruction */
static uint64_t branch(unsigned a, int offset)
{
    return (UINT64_C(0x01f) << 48) | UINT64_C(0xc0) << 40 |
           ((uint64_t)offset & 0x7ffffff) << 8 | a | RECONVERGE;
}

static uint64_t branch_eq(unsigned a, int offset)
{
    return branch(a, offset) | UINT64_C(1) << 36;
}

static uint64_t barrier(void)
{
    return UINT64_C(0x045) << 48 | UINT64_C(0xc0) << 40 | UINT64_C(7) << 30;
}

static uint64_t load(unsigned dst, unsigned address)
{
    return UINT64_C(0x060) << 48 | UINT64_C(0x80) << 40 |
           (uint64_t)dst << 40 | UINT64_C(1) << 33 | 3 << 27 | address;
}

static void check_lanes(Machine *m, unsigned reg,
                        uint32_t (*expected)(unsigned), const char *what)
{
    for (unsigned l = 0; l < MALI_SHADER_LANES; l++) {
        uint32_t got = m->group->slots[reg][l];

        CHECK(got == expected(l), "%s: lane %u: %u, not %u", what, l, got,
              expected(l));
    }
}

/* Encodings */

static uint64_t random_word(const MaliShaderEncoding *row)
{
    return (random64() & ~row->mask) | row->match;
}

static unsigned arch_of(const MaliShaderEncoding *row)
{
    return row->first_arch <= 10 && row->last_arch >= 10 ? 10
                                                         : row->first_arch;
}

static void test_round_trip(void)
{
    MaliShaderPiece pieces[MALI_SHADER_MAX_PIECES];

    for (unsigned i = 0; i < MALI_SHADER_NUM_OPS; i++) {
        const MaliShaderEncoding *row = &mali_shader_encodings[i];

        for (unsigned j = 0; j < 500; j++) {
            uint64_t word = random_word(row), back;
            unsigned count = mali_shader_split(row, word, pieces);

            back = mali_shader_assemble(row, pieces, count);
            CHECK(mali_shader_find(arch_of(row), word) == row, "%s",
                  row->name);
            CHECK(back == word, "%s: %016" PRIx64 " comes back as %016" PRIx64,
                  row->name, word, back);
        }
    }
}

/* Two words that differ in one bit have different texts. */
static void test_text(void)
{
    char text[MALI_SHADER_DISAS_MAX], other[MALI_SHADER_DISAS_MAX];

    for (unsigned i = 0; i < MALI_SHADER_NUM_OPS; i++) {
        const MaliShaderEncoding *row = &mali_shader_encodings[i];

        for (unsigned j = 0; j < 50; j++) {
            uint64_t word = random_word(row);
            uint64_t bit = UINT64_C(1) << (random64() % 64);

            mali_shader_disassemble(text, arch_of(row), word);
            mali_shader_disassemble(other, arch_of(row), word ^ bit);
            CHECK(strcmp(text, other), "%016" PRIx64 " and bit %" PRIx64
                  " are both %s", word, bit, text);
            CHECK(strlen(text) < MALI_SHADER_DISAS_MAX - 1, "%s", text);
        }
    }
    mali_shader_disassemble(text, 10, UINT64_MAX);
    CHECK(!strcmp(text, ".word 0xffffffffffffffff"), "%s", text);
}

/* Words of programs that Mesa has made, and their text, by architecture */
static void test_captured(void)
{
    FILE *file = fopen(captured_path, "r");
    char line[512], text[MALI_SHADER_DISAS_MAX];
    unsigned count = 0;

    CHECK(file != NULL, "%s", captured_path);
    while (file && fgets(line, sizeof(line), file)) {
        uint64_t word;
        int at;

        if (sscanf(line, "%" SCNx64 " %n", &word, &at) != 1) {
            continue;
        }
        line[strcspn(line, "\n")] = 0;
        mali_shader_disassemble(text, 10, word);
        CHECK(!strcmp(text, line + at), "%016" PRIx64 " is %s, not %s", word,
              text, line + at);
        CHECK(mali_shader_find(10, word) &&
              mali_shader_is_modelled(mali_shader_find(10, word) -
                                      mali_shader_encodings), "%s", text);
        count++;
    }
    CHECK(count > 300, "%u words", count);
    if (file) {
        fclose(file);
    }
}

/* Vectors */

#define MAX_NAME    63
#define REGISTERS   8

typedef struct Vector {
    uint64_t word;
    uint64_t lanes;
    unsigned arch;
    unsigned flags;
    unsigned ulp;
    char name[MAX_NAME + 1];
    uint32_t sources[REGISTERS][MALI_SHADER_LANES];
    uint32_t before[2][MALI_SHADER_LANES];
    uint32_t after[2][MALI_SHADER_LANES];
} Vector;

static bool read_vector(FILE *file, Vector *v)
{
    unsigned char small[4];

    if (fread(&v->word, 8, 1, file) != 1 || fread(&v->lanes, 8, 1, file) != 1 ||
        fread(small, 4, 1, file) != 1 || small[3] > MAX_NAME ||
        fread(v->name, small[3], 1, file) != 1 ||
        fread(v->sources, sizeof(v->sources), 1, file) != 1 ||
        fread(v->before, sizeof(v->before), 1, file) != 1 ||
        fread(v->after, sizeof(v->after), 1, file) != 1) {
        return false;
    }
    v->arch = small[0];
    v->flags = small[1];
    v->ulp = small[2];
    v->name[small[3]] = 0;
    return true;
}

static void run_vector(const Vector *v, uint32_t out[2][MALI_SHADER_LANES])
{
    Machine *m = machine_new(v->arch);

    code(m, v->word);
    code(m, nop() | END);
    mali_shader_group_start(m->group, BASE, v->lanes);
    m->group->flush_f32 = v->flags & 1;
    m->group->flush_f16 = v->flags & 2;
    memcpy(m->group->slots, v->sources, sizeof(v->sources));
    memcpy(m->group->slots[REGISTERS], v->before, sizeof(v->before));
    CHECK(run(m, 100) == MALI_SHADER_DONE, "%s %016" PRIx64, v->name, v->word);
    memcpy(out, m->group->slots[REGISTERS], sizeof(v->after));
    machine_free(m);
}

/* Units in the last place between two floats, of f16 in both halves */
static bool is_near(const Vector *v, uint32_t x, uint32_t y)
{
    bool halves = strstr(v->name, "f16");
    int64_t low, high = 0;

    if (halves) {
        low = (int64_t)(x & 0xffff) - (y & 0xffff);
        high = (int64_t)(x >> 16) - (y >> 16);
    } else {
        low = (int64_t)x - y;
    }
    return low <= v->ulp && low >= -(int64_t)v->ulp && high <= v->ulp &&
           high >= -(int64_t)v->ulp;
}

static unsigned check_vector(const Vector *v)
{
    uint32_t out[2][MALI_SHADER_LANES];
    char text[MALI_SHADER_DISAS_MAX];
    unsigned active = 0;

    run_vector(v, out);
    for (unsigned l = 0; l < MALI_SHADER_LANES; l++) {
        active += v->lanes >> l & 1;
        if (!is_near(v, out[0][l], v->after[0][l]) ||
            out[1][l] != v->after[1][l]) {
            mali_shader_disassemble(text, v->arch, v->word);
            CHECK(false, "%s (%016" PRIx64 ", flags %u): lane %u: of %08x %08x "
                  "%08x %08x is %08x:%08x, not %08x:%08x", text, v->word,
                  v->flags, l, v->sources[0][l], v->sources[2][l],
                  v->sources[4][l], v->sources[6][l], out[1][l], out[0][l],
                  v->after[1][l], v->after[0][l]);
            break;
        }
    }
    return active;
}

static void for_each_vector(void (*function)(const Vector *v, void *opaque),
                            void *opaque)
{
    FILE *file = fopen(vectors_path, "rb");
    Vector *v = calloc(1, sizeof(*v));

    CHECK(file != NULL, "%s", vectors_path);
    while (file && read_vector(file, v)) {
        function(v, opaque);
    }
    if (file) {
        fclose(file);
    }
    free(v);
}

static void count_vector(const Vector *v, void *opaque)
{
    unsigned *sets = opaque;
    const MaliShaderEncoding *row = mali_shader_find(v->arch, v->word);

    CHECK(row && !strcmp(row->name, v->name), "%s", v->name);
    if (row) {
        sets[row - mali_shader_encodings] += check_vector(v);
    }
}

/* Names that real programs use */
static bool is_seen(const char *name)
{
    FILE *file = fopen(captured_path, "r");
    size_t length = strlen(name);
    bool seen = false;
    char line[512];

    while (file && !seen && fgets(line, sizeof(line), file)) {
        const char *at = strchr(line, ' ');

        seen = at && !strncmp(at + 1, name, length) &&
               strchr(". \n", at[1 + length]);
    }
    if (file) {
        fclose(file);
    }
    return seen;
}

static void test_vectors(void)
{
    static unsigned sets[MALI_SHADER_NUM_OPS];
    unsigned modelled = 0, tested = 0, unseen = 0, messages = 0;

    memset(sets, 0, sizeof(sets));
    for_each_vector(count_vector, sets);
    for (unsigned i = 0; i < MALI_SHADER_NUM_OPS; i++) {
        const MaliShaderEncoding *row = &mali_shader_encodings[i];

        if (row->kind == MALI_SHADER_MESSAGE) {
            messages++;
        } else if (mali_shader_is_modelled(i)) {
            modelled++;
            tested += sets[i] >= 200;
            if (row->kind == MALI_SHADER_ALU ||
                row->kind == MALI_SHADER_CROSS_LANE) {
                CHECK(sets[i] >= 200, "%s: %u sets of operands", row->name,
                      sets[i]);
                if (!is_seen(row->name)) {
                    unseen++;
                }
            }
        }
    }
    printf("# encodings: %u, of which %u are messages; computed here: %u; with "
           "vectors: %u; of those not in any captured program: %u\n",
           MALI_SHADER_NUM_OPS, messages, modelled, tested, unseen);
}

static void compare_builds(const Vector *v, void *opaque)
{
    static const char *const names[] = { "generic", "avx2", "avx512" };
    uint32_t first[2][MALI_SHADER_LANES], out[2][MALI_SHADER_LANES];
    unsigned *builds = opaque, count = 0;

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!mali_shader_use(names[i])) {
            continue;
        }
        run_vector(v, count ? out : first);
        CHECK(!count || !memcmp(first, out, sizeof(out)), "%s %016" PRIx64
              " differs with %s", v->name, v->word, names[i]);
        count++;
    }
    *builds = count;
    mali_shader_use(NULL);
}

static void test_builds(void)
{
    unsigned builds = 0;

    for_each_vector(compare_builds, &builds);
    printf("# builds compared: %u; used: %s\n", builds, mali_shader_used());
    CHECK(builds >= 1, "no build");
}

/* Control flow */

static uint32_t three_times(unsigned lane)
{
    return 3 * (lane % 16);
}

/* Each lane goes round as often as its number says. */
static void test_loop(void)
{
    Machine *m = machine_new(10);

    code(m, mov(0, SPECIAL(2)) | UINT64_C(3) << 57);
    code(m, branch_eq(0, 3));
    code(m, iadd_imm(1, 1, 3));
    code(m, iadd_imm(0, 0, -1));
    code(m, branch(0, -3));
    /* All of them are here again. */
    code(m, iadd_imm(2, 2, 1));
    code(m, insn(0x95, 3, CONSTANT(1), 0, 0) | UINT64_C(3) << 36 | END);
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    CHECK(run(m, 1000) == MALI_SHADER_DONE);
    check_lanes(m, 1, three_times, "loop");
    for (unsigned l = 0; l < MALI_SHADER_LANES; l++) {
        CHECK(m->group->slots[2][l] == 1);
        CHECK(m->group->slots[3][l] == 0xffff, "lanes %x",
              m->group->slots[3][l]);
    }
    machine_free(m);
}

/* Four registers, whatever the instruction says of their number */
static MaliShaderAccess four_message(MaliShaderGroup *group,
                                     const MaliShaderOp *op, uint64_t lanes)
{
    for (unsigned i = 0; i < 4; i++) {
        memset(group->slots[op->write_first + i], 0x5a,
               sizeof(group->slots[0]));
    }
    return MALI_SHADER_ACCESS_DONE;
}

/* Who begins after another one finds nothing of it in registers. */
static void test_again(void)
{
    Machine *m = machine_new(10);

    m->ops.message[MALI_SHADER_FAMILY_LOAD] = four_message;
    code(m, iadd_imm(1, 1, 3));
    code(m, iadd_imm(62, 62, 3));
    code(m, load(20, 4));
    code(m, load(63, 4) | END);
    for (unsigned round = 0; round < 3; round++) {
        mali_shader_group_start(m->group, BASE, UINT64_MAX);
        for (unsigned i = 0; i < MALI_SHADER_SLOT_SPECIAL; i++) {
            CHECK(!m->group->slots[i][0] &&
                  !m->group->slots[i][MALI_SHADER_LANES - 1],
                  "round %u: slot %u", round, i);
        }
        CHECK(run(m, 1000) == MALI_SHADER_DONE);
        CHECK(m->group->slots[1][7] == 3 && m->group->slots[62][8] == 3);
    }
    machine_free(m);
}

static uint32_t two_sides(unsigned lane)
{
    return lane % 16 < 5 ? 100 : 200;
}

/* Both sides of a branch, then together again */
static void test_if_else(void)
{
    Machine *m = machine_new(10);
    uint64_t before;

    code(m, mov(0, SPECIAL(2)) | UINT64_C(3) << 57);
    code(m, iadd_imm(5, ZERO, 5));
    code(m, icmp(4, 1, 0, 5));
    code(m, branch_eq(1, 2));
    code(m, iadd_imm(2, ZERO, 100));
    code(m, branch_eq(ZERO, 1));
    code(m, iadd_imm(2, ZERO, 200));
    code(m, iadd_imm(3, 3, 1) | END);
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    before = m->group->counts.instructions;
    CHECK(run(m, 1000) == MALI_SHADER_DONE);
    check_lanes(m, 2, two_sides, "if");
    /* What is behind the join is executed once. */
    CHECK(m->group->counts.instructions - before == 4 * 8, "%" PRIu64,
          m->group->counts.instructions - before);
    machine_free(m);
}

/*
 * Lane 0 of each warp waits for what lane 15 writes once it has been round many
 * times; lane 15 is further on, so it is never the lowest.
 */
static MaliShaderAccess flag_message(MaliShaderGroup *group,
                                     const MaliShaderOp *op, uint64_t lanes)
{
    Machine *m = group->opaque;

    for (unsigned l = 0; l < MALI_SHADER_LANES; l++) {
        if (lanes >> l & 1) {
            if (op->family == MALI_SHADER_FAMILY_STORE) {
                m->memory[0] = 1;
            } else {
                group->slots[op->write_first][l] = m->memory[0];
            }
        }
    }
    return MALI_SHADER_ACCESS_DONE;
}

static void test_fairness(void)
{
    Machine *m = machine_new(10);

    m->ops.message[MALI_SHADER_FAMILY_LOAD] = flag_message;
    m->ops.message[MALI_SHADER_FAMILY_STORE] = flag_message;
    code(m, icmp(3, 1, SPECIAL(2), CONSTANT(0)) | UINT64_C(3) << 57);
    code(m, branch(1, 3));
    code(m, load(2, 4));
    code(m, branch_eq(2, -2));
    code(m, branch_eq(ZERO, 5));
    code(m, iadd_imm(3, ZERO, 5000));
    code(m, iadd_imm(3, 3, -1));
    code(m, branch(3, -2));
    code(m, UINT64_C(0x061) << 48 | UINT64_C(0x40) << 40 |
            UINT64_C(1) << 33 | 3 << 27 | 4);
    code(m, nop());
    code(m, iadd_imm(6, 6, 1) | END);
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    CHECK(run(m, 200000) == MALI_SHADER_DONE, "starved");
    for (unsigned l = 0; l < MALI_SHADER_LANES; l++) {
        CHECK(m->group->slots[6][l] == 1, "lane %u", l);
    }
    machine_free(m);
}

static void test_budget(void)
{
    Machine *m = machine_new(10);
    unsigned budget = 1000;

    code(m, iadd_imm(0, 0, 1));
    code(m, branch_eq(ZERO, -2));
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    CHECK(mali_shader_group_run(m->group, &budget) == MALI_SHADER_BUDGET);
    CHECK(budget == 0, "%u", budget);
    CHECK(m->group->slots[0][63] == 500, "%u", m->group->slots[0][63]);
    CHECK(run(m, 3) == MALI_SHADER_BUDGET);
    CHECK(m->group->slots[0][0] == 502, "%u", m->group->slots[0][0]);
    CHECK(mali_shader_group_live(m->group) == UINT64_MAX);
    machine_free(m);
}

/* In any pieces it comes to the same. */
static void test_slices(void)
{
    for (unsigned slice = 1; slice < 20; slice++) {
        Machine *m = machine_new(10);
        MaliShaderResult result;
        unsigned pieces = 0;

        code(m, mov(0, SPECIAL(2)) | UINT64_C(3) << 57);
        code(m, branch_eq(0, 3));
        code(m, iadd_imm(1, 1, 3));
        code(m, iadd_imm(0, 0, -1));
        code(m, branch(0, -3));
        code(m, iadd_imm(2, 2, 1) | END);
        mali_shader_group_start(m->group, BASE, UINT64_MAX);
        do {
            result = run(m, slice);
        } while (result == MALI_SHADER_BUDGET && ++pieces < 1000);
        CHECK(result == MALI_SHADER_DONE);
        check_lanes(m, 1, three_times, "slices");
        machine_free(m);
    }
}

static uint32_t after_barrier(unsigned lane)
{
    return lane % 16 < 5 ? 2 : 1;
}

/* Lanes come to a barrier one part after the other, and go on together. */
static void test_barrier(void)
{
    Machine *m = machine_new(10);

    code(m, mov(0, SPECIAL(2)) | UINT64_C(3) << 57);
    code(m, iadd_imm(5, ZERO, 5));
    code(m, icmp(4, 1, 0, 5));
    code(m, branch_eq(1, 1));
    code(m, iadd_imm(2, 2, 1));
    code(m, barrier());
    code(m, iadd_imm(2, 2, 1));
    code(m, barrier() | END);
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    CHECK(run(m, 1000) == MALI_SHADER_AT_BARRIER);
    CHECK(m->group->slots[2][0] == 1 && m->group->slots[2][15] == 0);
    CHECK(run(m, 1000) == MALI_SHADER_AT_BARRIER, "went on by itself");
    mali_shader_group_release(m->group);
    CHECK(run(m, 1000) == MALI_SHADER_DONE);
    check_lanes(m, 2, after_barrier, "barrier");
    machine_free(m);
}

/* A barrier that some lanes never come to, since they have ended */
static void test_barrier_ended(void)
{
    Machine *m = machine_new(10);

    code(m, mov(0, SPECIAL(2)) | UINT64_C(3) << 57);
    code(m, branch_eq(0, 2));
    code(m, barrier());
    code(m, iadd_imm(2, 2, 1) | END);
    code(m, nop() | END);
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    CHECK(run(m, 1000) == MALI_SHADER_AT_BARRIER);
    CHECK(mali_shader_group_live(m->group) == UINT64_C(0xfffefffefffefffe));
    mali_shader_group_release(m->group);
    CHECK(run(m, 1000) == MALI_SHADER_DONE);
    CHECK(m->group->slots[2][0] == 0 && m->group->slots[2][1] == 1);
    machine_free(m);
}

/* Messages */

static MaliShaderAccess counting_message(MaliShaderGroup *group,
                                         const MaliShaderOp *op,
                                         uint64_t lanes)
{
    Machine *m = group->opaque;
    uint64_t done = m->message_result == MALI_SHADER_ACCESS_DONE
                    ? lanes : lanes & ~m->refused;

    for (unsigned l = 0; l < MALI_SHADER_LANES; l++) {
        if (done >> l & 1) {
            m->messages[l]++;
            group->slots[op->write_first][l] += op->imm + 1;
        }
    }
    if (done == lanes) {
        return MALI_SHADER_ACCESS_DONE;
    }
    group->done = done;
    return m->message_result;
}

static void test_stall(void)
{
    Machine *m = machine_new(10);
    uint64_t lanes = UINT64_C(0xf0f0ffff12345678);

    m->ops.message[MALI_SHADER_FAMILY_LOAD] = counting_message;
    code(m, load(0, 2));
    code(m, iadd_imm(1, 1, 1) | END);
    mali_shader_group_start(m->group, BASE, lanes);
    m->message_result = MALI_SHADER_ACCESS_STALLED;
    for (m->refused = UINT64_MAX << 3; m->refused; m->refused <<= 7) {
        CHECK(run(m, 100) == MALI_SHADER_STALLED || !(m->refused & lanes));
        CHECK(m->group->slots[1][3] == 0, "went on");
    }
    m->message_result = MALI_SHADER_ACCESS_DONE;
    CHECK(run(m, 100) == MALI_SHADER_DONE);
    for (unsigned l = 0; l < MALI_SHADER_LANES; l++) {
        CHECK(m->messages[l] == (lanes >> l & 1), "lane %u: %u times", l,
              m->messages[l]);
        CHECK(m->group->slots[1][l] == (lanes >> l & 1));
    }
    machine_free(m);
}

static void test_message_fault(void)
{
    Machine *m = machine_new(10);

    m->ops.message[MALI_SHADER_FAMILY_LOAD] = counting_message;
    code(m, nop());
    code(m, load(0, 2) | END);
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    m->message_result = MALI_SHADER_ACCESS_FAULTED;
    m->refused = UINT64_MAX;
    CHECK(run(m, 100) == MALI_SHADER_FAULTED);
    CHECK(m->group->fault.pc == BASE + 8, "%" PRIx64, m->group->fault.pc);
    CHECK(m->group->fault.exception == 0);
    machine_free(m);
}

/* A fetch that stalls is repeated, one that faults is told. */
static void test_fetch(void)
{
    Machine *m = machine_new(10);

    code(m, iadd_imm(0, 0, 1) | END);
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    m->fetch_result = MALI_SHADER_ACCESS_STALLED;
    CHECK(run(m, 100) == MALI_SHADER_STALLED);
    CHECK(run(m, 100) == MALI_SHADER_STALLED);
    m->fetch_result = MALI_SHADER_ACCESS_DONE;
    CHECK(run(m, 100) == MALI_SHADER_DONE);
    CHECK(m->group->slots[0][9] == 1);
    mali_shader_group_start(m->group, BASE + 0x100000, UINT64_MAX);
    m->fetch_result = MALI_SHADER_ACCESS_FAULTED;
    CHECK(run(m, 100) == MALI_SHADER_FAULTED);
    CHECK(m->group->fault.pc == BASE + 0x100000);
    CHECK(m->group->fault.exception == 0);
    machine_free(m);
}

/* Words that are no instruction, and what else ends in a fault */

static void check_invalid(unsigned arch, uint64_t word, const char *what)
{
    Machine *m = machine_new(arch);

    word |= word & END ? 0 : END;
    code(m, nop());
    code(m, word);
    code(m, nop() | END);
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    CHECK(run(m, 100) == MALI_SHADER_FAULTED, "%s", what);
    CHECK(m->group->fault.exception == MALI_SHADER_INSTR_INVALID_ENC, "%s",
          what);
    CHECK(m->group->fault.pc == BASE + 8, "%s", what);
    CHECK(m->group->fault.word == word, "%s", what);
    machine_free(m);
}

static void test_invalid(void)
{
    check_invalid(10, UINT64_C(0x1ff) << 48, "an opcode that is none");
    check_invalid(10, nop() | UINT64_C(1) << 63, "bit 63");
    check_invalid(10, nop() | UINT64_C(11) << 59, "flow");
    check_invalid(10, iadd(0, 0, 0) | UINT64_C(1) << 36, "widening 1");
    check_invalid(10, iadd(0, SPECIAL(0), 0), "a special that is none");
    check_invalid(10, iadd(0, 0, 0) & ~(UINT64_C(3) << 46), "no half");
    check_invalid(10, icmp(6, 0, 0, 0), "an integer comparison that is none");
    check_invalid(10, insn(0x118, 0, 0, 0, 0), "AND_IMM of architecture 10");
    check_invalid(11, insn(0xaa, 0, 0, 0, 0), "v4s8 of architecture 11");
    check_invalid(10, load(0, 0), "a message that nobody takes");
    check_invalid(10, insn(0x9c, 0, 0, 0, 14), "FRCP_APPROX");
    check_invalid(10, insn(0xa0, 0, 0, 0, 15) | 4 << 26 | UINT64_C(2) << 32,
                  "CLPER.accumulate");
}

static void test_bad_pc(void)
{
    Machine *m = machine_new(10);

    code(m, nop());
    mali_shader_group_start(m->group, BASE + 4, UINT64_MAX);
    CHECK(run(m, 100) == MALI_SHADER_FAULTED);
    CHECK(m->group->fault.exception == MALI_SHADER_INSTR_INVALID_PC);
    machine_free(m);
}

/* Behind the last register there is room for all that can be named. */
static void test_bounds(void)
{
    Machine *m = machine_new(10);
    uint32_t special;

    m->ops.message[MALI_SHADER_FAMILY_LOAD] = counting_message;
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    special = m->group->slots[MALI_SHADER_SLOT_LANE_ID][5];
    /* IADD.u64 of r63, and a load of 7 registers from r63 on */
    code(m, insn(0x1a3, 63, 63, 63, 0));
    code(m, load(63, 63) | UINT64_C(7) << 33);
    code(m, branch_eq(ZERO, -0x4000000));
    CHECK(run(m, 100) == MALI_SHADER_FAULTED);
    CHECK(m->group->fault.exception == MALI_SHADER_INSTR_INVALID_ENC);
    CHECK(m->group->fault.pc == BASE + 24 - UINT64_C(0x20000000));
    CHECK(m->group->slots[MALI_SHADER_SLOT_LANE_ID][5] == special);
    machine_free(m);
}

static uint32_t expected_pc(unsigned lane)
{
    return lane == 64 ? 0 : (uint32_t)(BASE + 8);
}

static uint32_t lane_number(unsigned lane)
{
    return lane % 16;
}

static uint32_t zero(unsigned lane)
{
    return lane - lane;
}

static void test_specials(void)
{
    Machine *m = machine_new(10);

    mali_shader_group_bind(m->group, m->program, &m->ops, m, m->uniforms, 10);
    code(m, mov(0, SPECIAL(30)) | UINT64_C(3) << 57);
    code(m, mov(1, SPECIAL(2)) | UINT64_C(3) << 57);
    code(m, mov(2, UNIFORM(9)));
    code(m, mov(3, UNIFORM(10)));
    code(m, mov(4, UNIFORM(1)) | UINT64_C(1) << 57);
    code(m, mov(5, SPECIAL(6)) | UINT64_C(1) << 57 | END);
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    m->group->slots[MALI_SHADER_SLOT_WORKGROUP_LOCAL_POINTER][7] = 77;
    CHECK(run(m, 100) == MALI_SHADER_DONE);
    check_lanes(m, 0, expected_pc, "program counter");
    check_lanes(m, 1, lane_number, "lane id");
    CHECK(m->group->slots[2][3] == m->uniforms[9]);
    check_lanes(m, 3, zero, "uniform beyond the last");
    check_lanes(m, 4, zero, "uniform of page 1");
    CHECK(m->group->slots[5][7] == 77 && m->group->slots[5][8] == 0);
    machine_free(m);
}

/* Constant 21 is another one from architecture 11 on. */
static void test_constants(void)
{
    for (unsigned arch = 10; arch <= 11; arch++) {
        Machine *m = machine_new(arch);

        code(m, mov(0, CONSTANT(21)) | END);
        mali_shader_group_start(m->group, BASE, UINT64_MAX);
        CHECK(run(m, 100) == MALI_SHADER_DONE);
        CHECK(m->group->slots[0][0] == (arch == 10 ? 0 : 0x272428e0));
        machine_free(m);
    }
}

/* More constants with modifiers than there are slots for */
static void test_many_constants(void)
{
    Machine *m = machine_new(10);

    for (unsigned i = 0; i < MAX_WORDS - 1; i++) {
        uint64_t page = i >> 6;

        code(m, insn(0xb4, 0, UNIFORM(i & 63), UNIFORM((i + 1) & 63),
                     UNIFORM((i + 2) & 63)) | page << 57 | UINT64_C(1) << 32 |
                ((uint64_t)(4 + i % 4)) << 26 | UINT64_C(1) << 35 |
                (uint64_t)(2 + i % 6) << 36);
    }
    code(m, nop() | END);
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    CHECK(run(m, 1000) == MALI_SHADER_DONE);
    machine_free(m);
}

/* Anything may be executed; nothing is reached that is not there. */
static MaliShaderAccess any_message(MaliShaderGroup *group,
                                    const MaliShaderOp *op, uint64_t lanes)
{
    CHECK(lanes != 0);
    CHECK(op->write_first + op->write_count <=
          MALI_SHADER_REGISTERS + MALI_SHADER_PAD);
    CHECK(op->read_first + op->read_count <=
          MALI_SHADER_REGISTERS + MALI_SHADER_PAD);
    for (unsigned i = 0; i < op->num_src; i++) {
        CHECK(op->src[i] + 1 < MALI_SHADER_SLOTS);
    }
    for (unsigned i = 0; i < op->write_count; i++) {
        group->slots[op->write_first + i][random64() % 64] = random64();
    }
    return random64() % 8 ? MALI_SHADER_ACCESS_DONE
                          : MALI_SHADER_ACCESS_STALLED;
}

static void fuzz_program(unsigned arch)
{
    Machine *m = machine_new(arch);
    char text[MALI_SHADER_DISAS_MAX];

    for (unsigned i = 0; i < MALI_SHADER_NUM_FAMILIES; i++) {
        m->ops.message[i] = any_message;
    }
    for (unsigned i = 0; i < MAX_WORDS; i++) {
        uint64_t word = random64();

        if (random64() % 8) {
            word = random_word(&mali_shader_encodings[random64() %
                                                      MALI_SHADER_NUM_OPS]);
        }
        if (random64() % 4) {
            word &= ~(UINT64_C(15) << 59);
        }
        mali_shader_disassemble(text, arch, word);
        code(m, word);
    }
    for (unsigned i = 0; i < 20; i++) {
        mali_shader_group_start(m->group, BASE + 8 * (random64() % MAX_WORDS),
                                random64());
        for (unsigned j = 0; j < 5; j++) {
            if (run(m, 200) == MALI_SHADER_AT_BARRIER) {
                mali_shader_group_release(m->group);
            }
        }
    }
    machine_free(m);
}

static void test_fuzz(void)
{
    for (unsigned i = 0; i < 200; i++) {
        fuzz_program(10 + i % 5);
    }
}

/* Translations at hand */

#define LOADS       2
#define STORES      3

/* Places of the pages that are taken already; *@seen is brought up to date */
static unsigned taken(bool *seen, uint64_t va, unsigned access)
{
    unsigned slot = mali_shader_page_slot(va, access);
    bool before = seen[slot];

    CHECK(slot < MALI_SHADER_NUM_PAGES, "place %u", slot);
    seen[slot] = true;
    return before;
}

/* Arrays at distances of powers of two, all at the same index; and one array */
static void test_page_slots(void)
{
    for (uint64_t page = 0x7ffff0000; page < 0x7ffff0400; page++) {
        bool of_one[MALI_SHADER_NUM_PAGES] = { };
        unsigned again = 0;

        for (unsigned shift = 0; shift <= 20; shift++) {
            bool seen[MALI_SHADER_NUM_PAGES] = { };

            for (uint64_t i = 0; i < 4; i++) {
                uint64_t va = (page + (i << shift)) * MALI_SHADER_PAGE;

                CHECK(!taken(seen, va, LOADS) && !taken(seen, va, STORES),
                      "page 0x%" PRIx64 " of array %" PRIu64 ", 2^%u apart",
                      page, i, shift);
            }
        }
        for (unsigned i = 0; i < 64; i++) {
            again += taken(of_one, (page + i) * MALI_SHADER_PAGE, LOADS);
        }
        CHECK(again <= 16, "%u of 64 pages from 0x%" PRIx64 " on", again, page);
    }
}

typedef struct Test {
    const char *path;
    void (*function)(void);
} Test;

static const Test tests[] = {
    { "/mali-shader/isa/round-trip", test_round_trip },
    { "/mali-shader/isa/text", test_text },
    { "/mali-shader/isa/captured", test_captured },
    { "/mali-shader/alu/vectors", test_vectors },
    { "/mali-shader/alu/builds", test_builds },
    { "/mali-shader/flow/loop", test_loop },
    { "/mali-shader/flow/again", test_again },
    { "/mali-shader/flow/if-else", test_if_else },
    { "/mali-shader/flow/fairness", test_fairness },
    { "/mali-shader/flow/budget", test_budget },
    { "/mali-shader/flow/slices", test_slices },
    { "/mali-shader/flow/barrier", test_barrier },
    { "/mali-shader/flow/barrier-ended", test_barrier_ended },
    { "/mali-shader/message/stall", test_stall },
    { "/mali-shader/message/fault", test_message_fault },
    { "/mali-shader/fault/fetch", test_fetch },
    { "/mali-shader/fault/invalid", test_invalid },
    { "/mali-shader/fault/pc", test_bad_pc },
    { "/mali-shader/operands/bounds", test_bounds },
    { "/mali-shader/operands/specials", test_specials },
    { "/mali-shader/operands/constants", test_constants },
    { "/mali-shader/operands/many", test_many_constants },
    { "/mali-shader/memory/page-slots", test_page_slots },
    { "/mali-shader/fuzz", test_fuzz },
};

#define NUM_TESTS   (sizeof(tests) / sizeof(tests[0]))

/* A loop of FMA, IADD and LSHIFT_AND, with 1 branch in 13 instructions */
static void bench(const char *name)
{
    Machine *m = machine_new(10);
    unsigned budget = 10000000;
    struct timespec begin, end;
    double seconds;

    if (!mali_shader_use(name)) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        code(m, insn(0xb2, 0, 1, 2, 0));
        code(m, iadd(2, 2, 3));
        code(m, insn(0xb4, 4, 4, ZERO, 5) | UINT64_C(1) << 32 | 4 << 26);
    }
    code(m, branch_eq(ZERO, -13));
    mali_shader_group_start(m->group, BASE, UINT64_MAX);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    mali_shader_group_run(m->group, &budget);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    seconds = end.tv_sec - begin.tv_sec +
              (end.tv_nsec - begin.tv_nsec) * 1e-9;
    printf("%s: %.2f G lane-operations per second of one thread\n", name,
           10000000.0 * MALI_SHADER_LANES / seconds / 1e9);
    machine_free(m);
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    unsigned ran = 0;
    bool bad = false;

    if (argc == 2 && !strcmp(argv[1], "--bench")) {
        bench("generic");
        bench("avx2");
        bench("avx512");
        return 0;
    }
    if (argc != 3 && !(argc == 5 && !strcmp(argv[3], "-p"))) {
        fprintf(stderr, "usage: shader-test VECTORS CAPTURED [-p PATH]\n"
                        "       shader-test --bench\n");
        return 2;
    }
    vectors_path = argv[1];
    captured_path = argv[2];
    only = argc == 5 ? argv[4] : NULL;
    for (unsigned i = 0; i < NUM_TESTS; i++) {
        if (only && strcmp(only, tests[i].path)) {
            continue;
        }
        failed = false;
        tests[i].function();
        printf("%s %u %s\n", failed ? "not ok" : "ok", ++ran, tests[i].path);
        bad |= failed;
    }
    if (!ran) {
        fprintf(stderr, "shader-test: there is no test %s\n", only);
        return 2;
    }
    printf("1..%u\n", ran);
    return bad;
}
