/*
 * Mali CSF GPU: tiler heaps
 *
 * A heap's chunks are memory of the host's; its context, 32 bytes in the
 * group's address space, is the firmware's.  docs/specs/mali-csf.rst has the
 * layout that the model gives it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_HEAP_H
#define HW_GPU_MALI_CSF_CS_HEAP_H


typedef struct MaliCsfSaved MaliCsfSaved;
typedef struct MaliCsfState MaliCsfState;
typedef struct MaliCsfGroup MaliCsfGroup;
typedef struct MaliCsfStream MaliCsfStream;

/* Of x-endpoint-heap-chunks: what is above counts as this */
#define MALI_CSF_HEAP_CHUNKS_MAX    4096

/* Work of a stream that the tiler cannot begin before it has memory */
typedef struct MaliCsfTiler {
    /* Chunks that it still needs; 0: there is no such work */
    uint32_t chunks;
    /* The work */
    uint8_t opcode;
    uint8_t scoreboard;
    uint64_t heap_va;
    /* The tiler context that takes up the chunks, or 0 */
    uint64_t context_va;

    /* The host is to be asked, with these counters; was asked; refused */
    bool wanted;
    bool asked;
    bool refused;
    /* An injection has the heap found empty until the driver answers */
    bool starved;
    uint32_t vt_start;
    uint32_t vt_end;
    uint32_t frag_end;
    /* Chunks that the host gave and the heap does not have yet, or 0 */
    uint64_t grant_first;
    uint64_t grant_last;
    /* An access faulted, and where: nothing moves before UPDATE */
    bool faulted;
    uint64_t fault_va;
} MaliCsfTiler;

extern const MaliCsfSaved mali_csf_tiler_saved;

/*
 * Hold work of the tiler, of the instruction @word, back until there is memory
 * for it, if the model was told that it needs any.  False if it may begin now.
 * The stream must have no other work that is held back.
 */
bool mali_csf_heap_hold(MaliCsfState *s, unsigned csg, unsigned cs,
                        uint64_t word, unsigned scoreboard);

/*
 * A firmware pass begins and ends.  What it moves of all free lists together
 * is bounded, and streams share that: a list may have no end.  Returns how
 * many chunks were moved; @more: some have to wait for the next pass.
 */
void mali_csf_heap_pass_begins(MaliCsfState *s);
unsigned mali_csf_heap_pass_ends(MaliCsfState *s, bool *more);

/*
 * Try to go on with what is held back: part of every firmware pass, in which
 * alone the tiler touches memory.
 */
void mali_csf_heap_poll(MaliCsfState *s, unsigned csg, unsigned cs);

/* The host is asked for memory now. */
void mali_csf_heap_asked(MaliCsfStream *stream);

/* The host's answer: a list of chunks, or 0 */
void mali_csf_heap_answer(MaliCsfState *s, unsigned csg, unsigned cs,
                          uint64_t first, uint64_t last);

/*
 * A heap that is out of memory and got none calls the exception handler of a
 * stream of its group, which is one that has named this heap and has set a
 * handler.  @stream is one of @group.
 */

/* Is the stream's exception handler to be entered before it goes on? */
bool mali_csf_heap_handler_due(const MaliCsfGroup *group,
                               const MaliCsfStream *stream);
void mali_csf_heap_handler_enter(MaliCsfStream *stream);
/* The stream has come to the end of its handler */
void mali_csf_heap_handler_done(MaliCsfGroup *group, MaliCsfStream *stream);

/* UPDATE: what faulted is tried again, or ends the stream, if true */
void mali_csf_heap_as_updated(MaliCsfState *s, unsigned csg, unsigned cs);
bool mali_csf_heap_as_unmapped(MaliCsfState *s, unsigned csg, unsigned cs);

#endif /* HW_GPU_MALI_CSF_CS_HEAP_H */
