/*
 * Mali CSF GPU: a view of guest memory through the GPU's address spaces
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "../device.h"
#include "../trace.h"
#include "uses.h"

#define PAGE_SIZE_4K 4096u

void mali_csf_view_init(MaliCsfMemView *view, MaliCsfRam *ram,
                        unsigned pa_bits, MaliCsfState *watched_by)
{
    view->ram = ram;
    view->pa_bits = pa_bits;
    view->watched_by = watched_by;
    view->injected_by = watched_by;
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        view->spaces[as].translation.transcfg = AS_ADRMODE_UNMAPPED;
    }
}

bool mali_csf_view_injected(const MaliCsfMemView *view)
{
    const MaliCsfState *s = view->injected_by;

    return s && mali_csf_injected(&s->inject, MALI_CSF_INJECT_ACCESSES);
}

bool mali_csf_view_locked(const MaliCsfMemView *view, unsigned as,
                          uint64_t va, uint64_t size)
{
    const MaliCsfViewSpace *space = &view->spaces[as];
    uint64_t last = va + (size - 1);

    if (!space->locked || view->ignore_locks || !size) {
        return false;
    }
    if (last < va) {
        last = UINT64_MAX;
    }
    return va <= space->lock_last && last >= space->lock_start;
}

bool mali_csf_view_set_protected(MaliCsfMemView *view, bool protected_mode)
{
    bool before = view->protected_mode;

    view->protected_mode = protected_mode;
    return before;
}

/* Translation */

static MaliCsfMemResult fail(MaliCsfMemResult result, uint8_t exception,
                             uint64_t va, MaliCsfMemAccess access,
                             MaliCsfFault *fault)
{
    *fault = (MaliCsfFault) {
        .va = va,
        .exception = exception,
        .access = access,
    };
    return result;
}

static bool is_store(MaliCsfMemAccess access)
{
    return access != MALI_CSF_MEM_READ && access != MALI_CSF_MEM_EXECUTE;
}

static bool permits(const MaliCsfLeaf *leaf, MaliCsfMemAccess access)
{
    switch (access) {
    case MALI_CSF_MEM_READ:
        return true;
    case MALI_CSF_MEM_EXECUTE:
        return leaf->executable;
    default:
        return leaf->writable;
    }
}

/*
 * Who watches is told: of the main thread's view at once, of that of another
 * thread later
 */

static inline bool is_watched(const MaliCsfMemView *view)
{
    const MaliCsfState *s = view->watched_by;

    return (s && mali_csf_strict(&s->checker)) || unlikely(view->uses);
}

static void tell_fill(MaliCsfMemView *view, unsigned as, uint64_t va,
                      uint64_t descriptor, unsigned level)
{
    if (!view->uses) {
        mali_csf_check_tlb_fill(view->watched_by, as, va, descriptor, level);
        return;
    }
    mali_csf_uses_note(view->uses, &(MaliCsfUse) {
        .kind = MALI_CSF_USE_FILL,
        .as = as,
        .va = va,
        .translation = view->spaces[as].translation,
        .descriptor = descriptor,
        .level = level,
    });
}

static void tell_hit(MaliCsfMemView *view, unsigned as, uint64_t va,
                     const MaliCsfLeaf *leaf)
{
    MaliCsfLeaf live;
    MaliCsfUse use = {
        .kind = MALI_CSF_USE_HIT,
        .as = as,
        .va = va,
        .translation = view->spaces[as].translation,
        .leaf = *leaf,
    };

    if (!view->uses) {
        mali_csf_check_tlb_hit(view->watched_by, as, va, leaf);
        return;
    }
    use.exception = mali_csf_walk(view->ram, &use.translation, view->pa_bits,
                                  view->protected_mode, va, &live, &use.level,
                                  &use.descriptor);
    mali_csf_uses_note(view->uses, &use);
}

static void tell_store(MaliCsfMemView *view, unsigned as, uint64_t va,
                       uint64_t size, const MaliCsfLeaf *leaf)
{
    hwaddr pa = leaf->pa + (va - leaf->va);

    if (!view->uses) {
        mali_csf_check_store(view->watched_by, as, va, pa, size,
                             leaf->descriptor);
        return;
    }
    mali_csf_uses_note(view->uses, &(MaliCsfUse) {
        .kind = MALI_CSF_USE_STORE,
        .as = as,
        .va = va,
        .translation = view->spaces[as].translation,
        .descriptor = leaf->descriptor,
        .pa = pa,
        .size = size,
    });
}

/* Walk, and cache the leaf if @access may use it or lacks permission only */
static MaliCsfMemResult walk(MaliCsfMemView *view, unsigned as, uint64_t va,
                             MaliCsfMemAccess access, MaliCsfTlbEntry **entry,
                             MaliCsfFault *fault)
{
    MaliCsfLeaf leaf;
    unsigned level;
    uint64_t descriptor;
    uint8_t exception;

    exception = mali_csf_walk(view->ram, &view->spaces[as].translation,
                              view->pa_bits, view->protected_mode, va, &leaf,
                              &level, &descriptor);
    trace_mali_csf_walk(view->ram->trace_id, as, va, level, descriptor);
    if (is_watched(view)) {
        tell_fill(view, as, va, descriptor, level);
    }
    if (exception) {
        return fail(MALI_CSF_MEM_FAULTED, exception, va, access, fault);
    }
    if (leaf.attribute_fault) {
        exception = permits(&leaf, access) ? AS_FAULT_MEMORY_ATTRIBUTE
                                           : AS_FAULT_PERMISSION;
        return fail(MALI_CSF_MEM_FAULTED, exception + level, va, access,
                    fault);
    }
    *entry = mali_csf_tlb_insert(&view->tlb, as, &leaf);
    return MALI_CSF_MEM_DONE;
}

/* The modes that use no table, and those that fault whatever the VA is */
static MaliCsfMemResult translate_other_mode(MaliCsfMemView *view, unsigned as,
                                             uint64_t va, uint64_t size,
                                             MaliCsfMemAccess access,
                                             MaliCsfSpan *span,
                                             MaliCsfFault *fault)
{
    if (mali_csf_address_mode(&view->spaces[as].translation) !=
        AS_ADRMODE_IDENTITY) {
        return fail(MALI_CSF_MEM_FAULTED, AS_FAULT_TRANSLATION_UNMAPPED, va,
                    access, fault);
    }
    if (va >> view->pa_bits) {
        return fail(MALI_CSF_MEM_FAULTED, AS_FAULT_ADDRESS_SIZE_OUT, va,
                    access, fault);
    }
    span->pa = va;
    span->host = mali_csf_ram_map(view->ram, va, size, &span->window);
    if (!span->host ||
        !mali_csf_ram_allows(view->ram, span->window, view->protected_mode,
                             is_store(access))) {
        return fail(MALI_CSF_MEM_BUS_ERROR, AS_FAULT_GPU_BUS, va, access,
                    fault);
    }
    return MALI_CSF_MEM_DONE;
}

/* True if a fault of this access was asked for; then it has one */
static bool injected_fault(MaliCsfMemView *view, unsigned as, uint64_t va,
                           uint64_t size, MaliCsfMemAccess access,
                           MaliCsfFault *fault, MaliCsfMemResult *result)
{
    static const struct {
        MaliCsfInjectionKind kind;
        MaliCsfMemResult result;
    } kinds[] = {
        { MALI_CSF_INJECTION_KIND_TRANSLATION_FAULT, MALI_CSF_MEM_FAULTED },
        { MALI_CSF_INJECTION_KIND_PERMISSION_FAULT, MALI_CSF_MEM_FAULTED },
        { MALI_CSF_INJECTION_KIND_ACCESS_FLAG_FAULT, MALI_CSF_MEM_FAULTED },
        { MALI_CSF_INJECTION_KIND_BUS_ERROR, MALI_CSF_MEM_BUS_ERROR },
    };
    MaliCsfOccasion occasion = { .address_space = as, .va = va, .size = size };

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        MaliCsfArmed met;

        if (mali_csf_inject_meet_in_thread(view->injected_by, kinds[i].kind,
                                           &occasion, &met)) {
            *result = fail(kinds[i].result, met.exception, va, access, fault);
            fault->source_id = met.source_id;
            return true;
        }
    }
    return false;
}

/* @size bytes at @va, all of which are in one page of 4 KiB, unlocked */
static inline MaliCsfMemResult translate(MaliCsfMemView *view, unsigned as,
                                         uint64_t va, uint64_t size,
                                         MaliCsfMemAccess access,
                                         MaliCsfSpan *span,
                                         MaliCsfFault *fault)
{
    const MaliCsfTranslation *t = &view->spaces[as].translation;
    MaliCsfMemResult result;
    MaliCsfTlbEntry *entry;
    uint64_t offset;

    if (mali_csf_view_injected(view) &&
        injected_fault(view, as, va, size, access, fault, &result)) {
        return result;
    }
    if (unlikely(mali_csf_address_mode(t) != AS_ADRMODE_AARCH64_4K)) {
        return translate_other_mode(view, as, va, size, access, span, fault);
    }
    if (unlikely(va >> mali_csf_va_bits(t))) {
        return fail(MALI_CSF_MEM_FAULTED, AS_FAULT_ADDRESS_SIZE_IN, va,
                    access, fault);
    }

    entry = mali_csf_tlb_lookup(&view->tlb, as, va);
    if (likely(entry)) {
        view->tlb_hits++;
        if (is_watched(view)) {
            tell_hit(view, as, va, &entry->leaf);
        }
    } else {
        view->tlb_misses++;
        result = walk(view, as, va, access, &entry, fault);
        if (result != MALI_CSF_MEM_DONE) {
            return result;
        }
    }
    if (unlikely(!permits(&entry->leaf, access))) {
        return fail(MALI_CSF_MEM_FAULTED,
                    AS_FAULT_PERMISSION + entry->leaf.level, va, access,
                    fault);
    }

    offset = va - entry->host_va;
    if (unlikely(offset >= entry->host_size ||
                 size > entry->host_size - offset)) {
        mali_csf_tlb_attach(entry, view->ram, va);
        offset = va - entry->host_va;
        if (offset >= entry->host_size || size > entry->host_size - offset) {
            return fail(MALI_CSF_MEM_BUS_ERROR, AS_FAULT_GPU_BUS, va, access,
                        fault);
        }
    }
    if (unlikely(!mali_csf_ram_allows(view->ram, entry->window,
                                      view->protected_mode,
                                      is_store(access)))) {
        return fail(MALI_CSF_MEM_BUS_ERROR, AS_FAULT_GPU_BUS, va, access,
                    fault);
    }
    if (is_watched(view) && is_store(access)) {
        tell_store(view, as, va, size, &entry->leaf);
    }
    span->host = entry->host + offset;
    span->window = entry->window;
    span->pa = entry->leaf.pa + (va - entry->leaf.va);
    return MALI_CSF_MEM_DONE;
}

/* Accesses */

static uint64_t left_in_page(uint64_t va, uint64_t size)
{
    return MIN(size, PAGE_SIZE_4K - va % PAGE_SIZE_4K);
}

/* An access of 4 or 8 bytes */
static inline MaliCsfMemResult translate_word(MaliCsfMemView *view, unsigned as,
                                              uint64_t va, unsigned size,
                                              MaliCsfMemAccess access,
                                              MaliCsfSpan *span,
                                              MaliCsfFault *fault)
{
    mali_csf_view_poll(view);
    if (unlikely(view->spaces[as].locked) &&
        mali_csf_view_locked(view, as, va, size)) {
        return MALI_CSF_MEM_STALLED;
    }
    /* FAULTSTATUS has no code for it; a caller with it is wrong. */
    if (unlikely(va % size)) {
        return fail(MALI_CSF_MEM_BUS_ERROR, AS_FAULT_GPU_BUS, va, access,
                    fault);
    }
    return translate(view, as, va, size, access, span, fault);
}

/* Who watches is told of a load, before the word is read */
static inline void loaded(MaliCsfMemView *view, unsigned as, uint64_t va,
                          const MaliCsfSpan *span, unsigned size)
{
    MaliCsfState *s = view->watched_by;

    if (s && mali_csf_strict(&s->checker)) {
        mali_csf_check_load(s, as, va, span->pa, span->host, size);
    }
}

static void add32(uint32_t *p, uint32_t value)
{
#if HOST_BIG_ENDIAN
    uint32_t old = qatomic_read(p);
    uint32_t seen;

    while ((seen = qatomic_cmpxchg(p, old,
                                   bswap32(bswap32(old) + value))) != old) {
        old = seen;
    }
#else
    qatomic_fetch_add(p, value);
#endif
}

static void add64(uint64_t *p, uint64_t value)
{
#if HOST_BIG_ENDIAN
    uint64_t old = qatomic_read(p);
    uint64_t seen;

    while ((seen = qatomic_cmpxchg(p, old,
                                   bswap64(bswap64(old) + value))) != old) {
        old = seen;
    }
#else
    qatomic_fetch_add(p, value);
#endif
}

#define DEFINE_LOAD(bits, type) \
MaliCsfMemResult mali_csf_mem_load##bits(MaliCsfMemView *view, unsigned as, \
                                         uint64_t va, type *value, \
                                         MaliCsfFault *fault) \
{ \
    MaliCsfSpan span; \
    MaliCsfMemResult result = translate_word(view, as, va, sizeof(*value), \
                                             MALI_CSF_MEM_READ, &span, \
                                             fault); \
\
    if (likely(result == MALI_CSF_MEM_DONE)) { \
        loaded(view, as, va, &span, sizeof(*value)); \
        *value = le##bits##_to_cpu(qatomic_read((type *)span.host)); \
    } \
    return result; \
}

#define DEFINE_STORE(bits, type) \
MaliCsfMemResult mali_csf_mem_store##bits(MaliCsfMemView *view, unsigned as, \
                                          uint64_t va, type value, \
                                          MaliCsfFault *fault) \
{ \
    MaliCsfSpan span; \
    MaliCsfMemResult result = translate_word(view, as, va, sizeof(value), \
                                             MALI_CSF_MEM_WRITE, &span, \
                                             fault); \
\
    if (likely(result == MALI_CSF_MEM_DONE)) { \
        qatomic_set((type *)span.host, cpu_to_le##bits(value)); \
        mali_csf_ram_written(span.window, span.pa, sizeof(value)); \
    } \
    return result; \
}

#define DEFINE_ADD(bits, type) \
MaliCsfMemResult mali_csf_mem_add##bits(MaliCsfMemView *view, unsigned as, \
                                        uint64_t va, type value, \
                                        MaliCsfFault *fault) \
{ \
    MaliCsfSpan span; \
    MaliCsfMemResult result = translate_word(view, as, va, sizeof(value), \
                                             MALI_CSF_MEM_ATOMIC, &span, \
                                             fault); \
\
    if (likely(result == MALI_CSF_MEM_DONE)) { \
        add##bits((type *)span.host, value); \
        mali_csf_ram_written(span.window, span.pa, sizeof(value)); \
    } \
    return result; \
}

DEFINE_LOAD(32, uint32_t)
DEFINE_LOAD(64, uint64_t)
DEFINE_STORE(32, uint32_t)
DEFINE_STORE(64, uint64_t)
DEFINE_ADD(32, uint32_t)
DEFINE_ADD(64, uint64_t)

/* @spans has one element for each page, or is NULL */
static MaliCsfMemResult translate_pages(MaliCsfMemView *view, unsigned as,
                                        uint64_t va, uint64_t size,
                                        MaliCsfMemAccess access,
                                        MaliCsfSpan *spans,
                                        MaliCsfFault *fault)
{
    mali_csf_view_poll(view);
    if (mali_csf_view_locked(view, as, va, size)) {
        return MALI_CSF_MEM_STALLED;
    }
    while (size) {
        uint64_t n = left_in_page(va, size);
        MaliCsfSpan span;
        MaliCsfMemResult result = translate(view, as, va, n, access, &span,
                                            fault);

        if (result != MALI_CSF_MEM_DONE) {
            return result;
        }
        if (spans) {
            *spans++ = span;
        }
        va += n;
        size -= n;
    }
    return MALI_CSF_MEM_DONE;
}

MaliCsfMemResult mali_csf_mem_probe(MaliCsfMemView *view, unsigned as,
                                    uint64_t va, uint64_t size,
                                    MaliCsfMemAccess access,
                                    MaliCsfFault *fault)
{
    return translate_pages(view, as, va, size, access, NULL, fault);
}

MaliCsfMemResult mali_csf_mem_span(MaliCsfMemView *view, unsigned as,
                                   uint64_t va, uint64_t size,
                                   MaliCsfMemAccess access,
                                   MaliCsfSpan *span, MaliCsfFault *fault)
{
    return translate_pages(view, as, va, size, access, span, fault);
}

/*
 * Enough for a suspend buffer.  Every page is translated before the first
 * byte is copied, and once only: between two translations of a page the
 * guest may edit its tables.
 */
#define SPANS_ON_STACK 8

MaliCsfMemResult mali_csf_mem_read(MaliCsfMemView *view, unsigned as,
                                   uint64_t va, void *buf, uint64_t size,
                                   MaliCsfFault *fault)
{
    MaliCsfSpan on_stack[SPANS_ON_STACK];
    g_autofree MaliCsfSpan *on_heap = NULL;
    MaliCsfSpan *spans = on_stack;
    uint64_t max_pages = size / PAGE_SIZE_4K + 2;
    MaliCsfMemResult result;

    if (max_pages > SPANS_ON_STACK) {
        spans = on_heap = g_new(MaliCsfSpan, max_pages);
    }
    result = translate_pages(view, as, va, size, MALI_CSF_MEM_READ, spans,
                             fault);
    if (result != MALI_CSF_MEM_DONE) {
        return result;
    }
    for (uint8_t *p = buf; size; spans++) {
        uint64_t n = left_in_page(va, size);

        memcpy(p, spans->host, n);
        p += n;
        va += n;
        size -= n;
    }
    return MALI_CSF_MEM_DONE;
}

MaliCsfMemResult mali_csf_mem_write(MaliCsfMemView *view, unsigned as,
                                    uint64_t va, const void *buf,
                                    uint64_t size, MaliCsfFault *fault)
{
    MaliCsfSpan on_stack[SPANS_ON_STACK];
    g_autofree MaliCsfSpan *on_heap = NULL;
    MaliCsfSpan *spans = on_stack;
    uint64_t max_pages = size / PAGE_SIZE_4K + 2;
    MaliCsfMemResult result;

    if (max_pages > SPANS_ON_STACK) {
        spans = on_heap = g_new(MaliCsfSpan, max_pages);
    }
    result = translate_pages(view, as, va, size, MALI_CSF_MEM_WRITE, spans,
                             fault);
    if (result != MALI_CSF_MEM_DONE) {
        return result;
    }
    for (const uint8_t *p = buf; size; spans++) {
        uint64_t n = left_in_page(va, size);

        memcpy(spans->host, p, n);
        mali_csf_ram_written(spans->window, spans->pa, n);
        p += n;
        va += n;
        size -= n;
    }
    return MALI_CSF_MEM_DONE;
}

MaliCsfMemResult mali_csf_mem_map(MaliCsfMemView *view, unsigned as,
                                  uint64_t va, const void **host,
                                  uint64_t *size, MaliCsfFault *fault)
{
    MaliCsfSpan span;
    MaliCsfMemResult result;

    mali_csf_view_poll(view);
    /* A locked region is made of whole pages. */
    if (mali_csf_view_locked(view, as, va, 1)) {
        return MALI_CSF_MEM_STALLED;
    }
    /* The caller will not ask again for the rest of the page. */
    if (mali_csf_view_injected(view) &&
        injected_fault(view, as, va, left_in_page(va, PAGE_SIZE_4K),
                       MALI_CSF_MEM_READ, fault, &result)) {
        return result;
    }
    result = translate(view, as, va, 1, MALI_CSF_MEM_READ, &span, fault);
    if (result == MALI_CSF_MEM_DONE) {
        hwaddr left = span.window->base + span.window->size - span.pa;

        *host = span.host;
        *size = MIN(left, PAGE_SIZE_4K - va % PAGE_SIZE_4K);
    }
    return result;
}

/* Views of threads */

void mali_csf_view_take_over(MaliCsfMemView *view)
{
    MaliCsfViewChanges *changes = &view->changes;

    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        if (changes->spaces & 1u << as) {
            view->spaces[as] = changes->space[as];
        }
    }
    if (changes->drop_all) {
        mali_csf_tlb_drop_all(&view->tlb);
    }
    for (unsigned i = 0; i < changes->num_drops; i++) {
        mali_csf_tlb_drop_range(&view->tlb, changes->drops[i].as,
                                changes->drops[i].start,
                                changes->drops[i].last);
    }
    if (changes->forget_host) {
        mali_csf_tlb_forget_host(&view->tlb);
    }
    view->ignore_locks = changes->ignore_locks;
    view->injected = changes->injected;
    view->protected_mode = changes->protected_mode;
    changes->spaces = 0;
    changes->num_drops = 0;
    changes->drop_all = false;
    changes->forget_host = false;
    if (view->seen != view->put) {
        view->seen = view->put;
        if (qatomic_fetch_dec(&view->views->unseen) == 1) {
            qemu_bh_schedule(view->views->settled_bh);
        }
    }
}

void mali_csf_view_see(MaliCsfMemView *view)
{
    QEMU_LOCK_GUARD(&view->lock);
    mali_csf_view_take_over(view);
}

void mali_csf_view_enter(MaliCsfMemView *view)
{
    QEMU_LOCK_GUARD(&view->lock);
    view->entered = true;
}

void mali_csf_view_leave(MaliCsfMemView *view)
{
    QEMU_LOCK_GUARD(&view->lock);
    mali_csf_view_take_over(view);
    view->entered = false;
}

void mali_csf_view_join(MaliCsfViews *views, MaliCsfMemView *view)
{
    const MaliCsfMemView *main = views->main;

    mali_csf_view_init(view, main->ram, main->pa_bits, NULL);
    memcpy(view->spaces, main->spaces, sizeof(view->spaces));
    view->ignore_locks = main->ignore_locks;
    view->changes.ignore_locks = main->ignore_locks;
    view->injected_by = main->injected_by;
    view->injected = mali_csf_view_injected(view);
    view->changes.injected = view->injected;
    if (main->watched_by && mali_csf_strict(&main->watched_by->checker)) {
        view->uses = mali_csf_uses_new(main->watched_by);
    }
    view->protected_mode = main->protected_mode;
    view->changes.protected_mode = main->protected_mode;
    view->views = views;
    qemu_mutex_init(&view->lock);
    mali_csf_ram_share(view->ram);
    QLIST_INSERT_HEAD(&views->threads, view, next);
}

void mali_csf_view_part(MaliCsfMemView *view)
{
    assert(!view->entered);
    QLIST_REMOVE(view, next);
    qemu_mutex_destroy(&view->lock);
    g_clear_pointer(&view->uses, mali_csf_uses_free);
    view->views = NULL;
}
