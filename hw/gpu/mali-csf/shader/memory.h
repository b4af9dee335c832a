/*
 * Mali CSF GPU: memory as a shader sees it
 *
 * An address of 64 bits names memory of the job's address space, or, by a tag
 * in its uppermost bits, local memory of a thread or of a workgroup.  The
 * latter is the host's own: a job says in a descriptor where in guest memory
 * it could be, but nobody else looks there, and this way no other context ever
 * sees what was left in it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_MEMORY_H
#define HW_GPU_MALI_CSF_SHADER_MEMORY_H

#include "../mmu/view.h"
#include "capture.h"
#include "decode.h"
#include "page-slot.h"

/*
 * Bits 48 to 63 of an address of local memory, the offset is in the low 32.
 * Nobody's own address space has such an address; a shader that goes below the
 * start borrows from the tag, and comes to none of the two.
 */
#define MALI_SHADER_TAG_SHIFT   48
#define MALI_SHADER_TAG_THREAD  0xff10ull
#define MALI_SHADER_TAG_GROUP   0xff20ull

/* An address of nothing: what is loaded is zero, what is stored is lost */
#define MALI_SHADER_TAG_NOWHERE 0xff30ull
#define MALI_SHADER_NOWHERE     (MALI_SHADER_TAG_NOWHERE << \
                                 MALI_SHADER_TAG_SHIFT)
/* The most bytes of one access of a super-warp */
#define MALI_SHADER_MAX_RUN     1024

/* The most bytes of one access of a lane */
#define MALI_SHADER_MAX_ACCESS  16

/* Translations at hand, of one thread; none outlives a change of its view */
typedef struct MaliShaderPages {
    /* view->seen when they were made; how often all were forgotten */
    uint32_t seen;
    unsigned drops;
    /* Page, address space and kind of access, see below; 0: none */
    uint64_t tag[MALI_SHADER_NUM_PAGES];
    MaliCsfSpan span[MALI_SHADER_NUM_PAGES];
    /*
     * Bit by bit, those that were stored to since that was last told.  And one
     * that is not kept, likewise; without a window there is none.
     */
    uint64_t written[MALI_SHADER_NUM_PAGES / 64];
    MaliCsfSpan written_once;
    unsigned written_once_size;
} MaliShaderPages;

typedef struct MaliShaderLocal {
    uint8_t *bytes;
    uint32_t size;
} MaliShaderLocal;

typedef struct MaliShaderMemory {
    /* The view and the translations of the thread that makes the accesses */
    MaliCsfMemView *view;
    MaliShaderPages *pages;
    unsigned as;
    /* What is accessed is noted there; or NULL */
    MaliShaderCapture *capture;
    /* Local memory of all threads, and of all workgroups, at hand */
    MaliShaderLocal thread;
    MaliShaderLocal group;

    /*
     * Of the last access that was FAULTED: an exception of CS_FAULT, or 0 and
     * what the MMU knows.
     */
    uint8_t exception;
    MaliCsfFault fault;

    /* What stands for nothing */
    uint8_t nowhere[MALI_SHADER_MAX_RUN];
} MaliShaderMemory;

/*
 * What was stored to is marked dirty, and code that vCPUs have of it dropped,
 * page by page, and late: at the end of a thread's turn at the latest, and
 * before its view sees what was put to it, so before a command of the driver or
 * the job is over.
 */
void mali_shader_pages_tell_written(MaliShaderPages *pages);
/* Forget all translations, which may be of another view */
void mali_shader_pages_drop(MaliShaderPages *pages);

/* What is in a place of the pages */
static inline uint64_t mali_shader_page_tag(uint64_t va, unsigned as,
                                            MaliCsfMemAccess access)
{
    QEMU_BUILD_BUG_ON(MALI_CSF_MAX_AS > 16);
    return (va & -(uint64_t)MALI_SHADER_PAGE) | as << 4 |
           (unsigned)access << 1 | 1;
}

static inline bool mali_shader_is_local(uint64_t va)
{
    return va >> MALI_SHADER_TAG_SHIFT;
}

/*
 * Host address of @size bytes of local memory at @va; NULL if they are not all
 * in it, or @va names something else.  Nobody but the unit's thread has it.
 */
static inline uint8_t *mali_shader_local_at(const MaliShaderMemory *memory,
                                            uint64_t va, unsigned size)
{
    uint64_t tag = va >> MALI_SHADER_TAG_SHIFT;
    uint32_t offset = va;
    const MaliShaderLocal *local;

    if (tag == MALI_SHADER_TAG_GROUP) {
        local = &memory->group;
    } else if (tag == MALI_SHADER_TAG_THREAD) {
        local = &memory->thread;
    } else {
        return NULL;
    }
    if (offset > local->size || size > local->size - offset) {
        return NULL;
    }
    return local->bytes + offset;
}

/*
 * Bytes from @va to the end of its page; an access of no more than so many is
 * one of mali_shader_at().
 */
static inline unsigned mali_shader_left_in_page(uint64_t va)
{
    return MALI_SHADER_PAGE - va % MALI_SHADER_PAGE;
}

/* What mali_shader_at() does with what is not at hand */
MaliShaderAccess mali_shader_at_slowly(MaliShaderMemory *memory, uint64_t va,
                                       unsigned size, MaliCsfMemAccess access,
                                       MaliCsfSpan *span);

static inline bool mali_shader_is_store(MaliCsfMemAccess access)
{
    return access == MALI_CSF_MEM_WRITE || access == MALI_CSF_MEM_ATOMIC;
}

/**
 * mali_shader_at: host address of @size bytes at @va
 * @span: on DONE, good until the next access of @memory; of local memory, it
 *        has no window
 *
 * The bytes are in one page.  Of an access that stores, the page is taken for
 * written.
 */
static inline MaliShaderAccess mali_shader_at(MaliShaderMemory *memory,
                                              uint64_t va, unsigned size,
                                              MaliCsfMemAccess access,
                                              MaliCsfSpan *span)
{
    MaliShaderPages *pages = memory->pages;
    unsigned slot = mali_shader_page_slot(va, access);
    const MaliCsfSpan *kept = &pages->span[slot];

    if (unlikely(pages->tag[slot] !=
                 mali_shader_page_tag(va, memory->as, access) ||
                 qatomic_read(&memory->view->put) != pages->seen ||
                 memory->view->injected)) {
        return mali_shader_at_slowly(memory, va, size, access, span);
    }
    if (mali_shader_is_store(access)) {
        pages->written[slot / 64] |= 1ull << slot % 64;
    }
    span->host = kept->host + va % MALI_SHADER_PAGE;
    span->window = kept->window;
    span->pa = kept->pa + va % MALI_SHADER_PAGE;
    return MALI_SHADER_ACCESS_DONE;
}

/*
 * At most MALI_SHADER_MAX_ACCESS bytes, wherever they are.  A store that is not
 * DONE had no effect that doing it again would not have.
 */
MaliShaderAccess mali_shader_load(MaliShaderMemory *memory, uint64_t va,
                                  unsigned size, void *bytes);
MaliShaderAccess mali_shader_store(MaliShaderMemory *memory, uint64_t va,
                                   unsigned size, const void *bytes);

/* An access that is wrong in itself; returns FAULTED */
MaliShaderAccess mali_shader_refuse(MaliShaderMemory *memory,
                                    uint8_t exception, uint64_t va);

#endif /* HW_GPU_MALI_CSF_SHADER_MEMORY_H */
