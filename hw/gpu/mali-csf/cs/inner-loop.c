/*
 * Mali CSF GPU: the inner loop of the command streams
 *
 * Between two accesses a stream moves constants, adds and branches.  While
 * such instructions follow each other in one page, they are executed here,
 * with the page, the registers and the limits at hand.  The first one that
 * is anything else, names a register that there is not, or branches out of
 * the page is left to the caller, untouched: it does everything, these
 * included, in the way of instructions.c, and is the only one to report.
 *
 * Each word is read from the guest's memory when its turn comes, as there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "instructions.h"

/* Words of the page around the one that the stream is at */
typedef struct Run {
    const uint64_t *first;
    const uint64_t *here;
    const uint64_t *end;
} Run;

/* Those of the page, of the frame, and before the ring wraps around */
static Run find_run(const MaliCsfExec *exec, const MaliCsfFrame *frame)
{
    const MaliCsfStream *stream = exec->stream;
    uint64_t before = exec->va - exec->fetch_va;
    uint64_t after = exec->fetch_size - before;
    const uint64_t *here = (const uint64_t *)(exec->fetch_host + before);

    if (stream->depth == 0) {
        uint64_t offset = frame->ip & (stream->config.ring_size - 1);

        before = MIN(before, offset);
        after = MIN(after, stream->config.ring_size - offset);
    }
    before = MIN(before, frame->ip - mali_csf_frame_start(stream));
    after = MIN(after, frame->end - frame->ip);
    return (Run) {
        .first = here - before / 8,
        .here = here,
        .end = here + after / 8,
    };
}

unsigned mali_csf_run_inner(MaliCsfExec *exec, unsigned max)
{
    MaliCsfStream *stream = exec->stream;
    MaliCsfFrame *frame = &stream->frames[stream->depth];
    const MaliCsfDispatch *dispatch = exec->s->engine.dispatch;
    const unsigned registers = exec->s->model->work_registers;
    uint32_t *regs = stream->regs;
    const Run run = find_run(exec, frame);
    const uint64_t *at = run.here;
    unsigned left = max;

    while (left && at < run.end) {
        uint64_t word = le64_to_cpu(qatomic_read(at));
        const uint64_t *next = at + 1;
        unsigned dst, src;

        switch (word >> CS_OPCODE_SHIFT) {
        case CS_OP_NOP:
            break;
        case CS_OP_MOVE48:
            dst = FIELD_EX64(word, CS_MOVE48, DST);
            if (dst >= registers || (dst & 1)) {
                goto out;
            }
            regs[dst] = word;
            regs[dst + 1] = FIELD_EX64(word, CS_MOVE48, VALUE) >> 32;
            break;
        case CS_OP_MOVE32:
            dst = FIELD_EX64(word, CS_MOVE32, DST);
            if (dst >= registers) {
                goto out;
            }
            regs[dst] = word;
            break;
        case CS_OP_ADD_IMM32:
            word &= dispatch[CS_OP_ADD_IMM32].fields;
            dst = FIELD_EX64(word, CS_ADD_IMM32, DST);
            src = FIELD_EX64(word, CS_ADD_IMM32, SRC);
            /* Architecture 13 has other operations beside this one. */
            if (dst >= registers || src >= registers ||
                FIELD_EX64(word, CS_ARITH_IMM32, OP)) {
                goto out;
            }
            regs[dst] = regs[src] + (uint32_t)word;
            break;
        case CS_OP_BRANCH:
            word &= dispatch[CS_OP_BRANCH].fields;
            src = FIELD_EX64(word, CS_BRANCH, SRC);
            if (src >= registers || !mali_csf_branch_known(word)) {
                goto out;
            }
            if (mali_csf_branch_taken(word, regs[src])) {
                next += FIELD_SEX64(word, CS_BRANCH, OFFSET);
                if (next < run.first || next >= run.end) {
                    goto out;
                }
            }
            break;
        default:
            goto out;
        }
        at = next;
        left--;
    }
out:
    frame->ip += (at - run.here) * 8;
    return max - left;
}
