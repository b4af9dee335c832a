/*
 * Mali CSF GPU: address spaces, locked regions, and the one way in which
 * the rest of the model reaches guest memory
 *
 * What a driver sees of the registers is in panthor_mmu.c of Linux 6.12 and
 * 7.3.  Silicon is not documented as to when it drops cached translations:
 * here it does so as rarely as those drivers can live with, so that one
 * which relies on more is caught.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "qemu/log.h"
#include "hw/gpu/mali-csf/gpu-regs.h"
#include "migration/vmstate.h"
#include "../device.h"
#include "../trace.h"

#define PAGE_SIZE_4K 4096u

/* Bytes of one page, by physical and by host address */
typedef struct MaliCsfSpan {
    uint8_t *host;
    MaliCsfRamWindow *window;
    hwaddr pa;
} MaliCsfSpan;

static unsigned va_width(MaliCsfState *s)
{
    return FIELD_EX32(s->model->mmu_features, MMU_FEATURES, VA_BITS);
}

static unsigned pa_width(MaliCsfState *s)
{
    return FIELD_EX32(s->model->mmu_features, MMU_FEATURES, PA_BITS);
}

static unsigned adrmode(const MaliCsfTranslation *t)
{
    return FIELD_EX64(t->transcfg, AS_TRANSCFG_LO, ADRMODE);
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

/* Find the part of the leaf around @va that one window has */
static void attach_host(MaliCsfState *s, MaliCsfTlbEntry *entry, uint64_t va)
{
    const MaliCsfLeaf *leaf = &entry->leaf;
    hwaddr pa = leaf->pa + (va - leaf->va);
    hwaddr first, end;
    uint8_t *host;

    entry->host_size = 0;
    host = mali_csf_ram_map(&s->mmu.ram, pa, 1, &entry->window);
    if (!host) {
        return;
    }
    first = MAX(leaf->pa, entry->window->base);
    end = MIN(leaf->pa + leaf->size,
              entry->window->base + entry->window->size);
    entry->host = host - (pa - first);
    entry->host_va = leaf->va + (first - leaf->pa);
    entry->host_size = end - first;
}

/* Walk, and cache the leaf if @access may use it or lacks permission only */
static MaliCsfMemResult walk(MaliCsfState *s, unsigned as, uint64_t va,
                             MaliCsfMemAccess access, MaliCsfTlbEntry **entry,
                             MaliCsfFault *fault)
{
    MaliCsfMmu *mmu = &s->mmu;
    MaliCsfLeaf leaf;
    unsigned level;
    uint64_t descriptor;
    uint8_t exception;

    exception = mali_csf_walk(&mmu->ram, &mmu->as[as].active, pa_width(s), va,
                              &leaf, &level, &descriptor);
    trace_mali_csf_walk(as, va, level, descriptor);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_tlb_fill(s, as, va, descriptor, level);
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
    *entry = mali_csf_tlb_insert(&mmu->tlb, as, &leaf);
    return MALI_CSF_MEM_DONE;
}

/* The modes that use no table, and those that fault whatever the VA is */
static MaliCsfMemResult translate_other_mode(MaliCsfState *s, unsigned as,
                                             uint64_t va, uint64_t size,
                                             MaliCsfMemAccess access,
                                             MaliCsfSpan *span,
                                             MaliCsfFault *fault)
{
    if (adrmode(&s->mmu.as[as].active) != AS_ADRMODE_IDENTITY) {
        return fail(MALI_CSF_MEM_FAULTED, AS_FAULT_TRANSLATION_UNMAPPED, va,
                    access, fault);
    }
    if (va >> pa_width(s)) {
        return fail(MALI_CSF_MEM_FAULTED, AS_FAULT_ADDRESS_SIZE_OUT, va,
                    access, fault);
    }
    span->pa = va;
    span->host = mali_csf_ram_map(&s->mmu.ram, va, size, &span->window);
    if (!span->host) {
        return fail(MALI_CSF_MEM_BUS_ERROR, AS_FAULT_GPU_BUS, va, access,
                    fault);
    }
    return MALI_CSF_MEM_DONE;
}

/* True if somebody asked for a fault of this access; then it has one */
static bool injected_fault(MaliCsfState *s, unsigned as, uint64_t va,
                           uint64_t size, MaliCsfMemAccess access,
                           MaliCsfFault *fault, MaliCsfMemResult *result)
{
    bool bus_error = false;
    uint8_t exception = mali_csf_inject_access(s, as, va, size, &bus_error);

    if (!exception) {
        return false;
    }
    *result = fail(bus_error ? MALI_CSF_MEM_BUS_ERROR : MALI_CSF_MEM_FAULTED,
                   exception, va, access, fault);
    return true;
}

/* @size bytes at @va, all of which are in one page of 4 KiB, unlocked */
static inline MaliCsfMemResult translate(MaliCsfState *s, unsigned as,
                                         uint64_t va, uint64_t size,
                                         MaliCsfMemAccess access,
                                         MaliCsfSpan *span,
                                         MaliCsfFault *fault)
{
    MaliCsfMmu *mmu = &s->mmu;
    const MaliCsfTranslation *t = &mmu->as[as].active;
    MaliCsfMemResult result;
    MaliCsfTlbEntry *entry;
    uint64_t offset;

    if (mali_csf_injected(&s->inject, MALI_CSF_INJECT_ACCESSES) &&
        injected_fault(s, as, va, size, access, fault, &result)) {
        return result;
    }
    if (unlikely(adrmode(t) != AS_ADRMODE_AARCH64_4K)) {
        return translate_other_mode(s, as, va, size, access, span, fault);
    }
    if (unlikely(va >> mali_csf_va_bits(t))) {
        return fail(MALI_CSF_MEM_FAULTED, AS_FAULT_ADDRESS_SIZE_IN, va,
                    access, fault);
    }

    entry = mali_csf_tlb_lookup(&mmu->tlb, as, va);
    if (likely(entry)) {
        mmu->tlb_hits++;
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_tlb_hit(s, as, va, &entry->leaf);
        }
    } else {
        mmu->tlb_misses++;
        result = walk(s, as, va, access, &entry, fault);
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
        attach_host(s, entry, va);
        offset = va - entry->host_va;
        if (offset >= entry->host_size || size > entry->host_size - offset) {
            return fail(MALI_CSF_MEM_BUS_ERROR, AS_FAULT_GPU_BUS, va, access,
                        fault);
        }
    }
    if (mali_csf_strict(&s->checker) && access != MALI_CSF_MEM_READ &&
        access != MALI_CSF_MEM_EXECUTE) {
        mali_csf_check_store(s, as, va, entry->leaf.pa +
                             (va - entry->leaf.va), size,
                             entry->leaf.descriptor);
    }
    span->host = entry->host + offset;
    span->window = entry->window;
    span->pa = entry->leaf.pa + (va - entry->leaf.va);
    return MALI_CSF_MEM_DONE;
}

bool mali_csf_mmu_locked(MaliCsfState *s, unsigned as, uint64_t va,
                         uint64_t size)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    uint64_t last = va + (size - 1);

    if (!space->locked || s->mmu.ignore_locks || !size) {
        return false;
    }
    if (last < va) {
        last = UINT64_MAX;
    }
    return va <= space->lock_last && last >= space->lock_start;
}

bool mali_csf_mmu_unmapped(MaliCsfState *s, unsigned as)
{
    switch (adrmode(&s->mmu.as[as].active)) {
    case AS_ADRMODE_IDENTITY:
    case AS_ADRMODE_AARCH64_4K:
    case AS_ADRMODE_AARCH64_64K:
        return false;
    default:
        /* Reserved modes are taken for it. */
        return true;
    }
}

/* Accesses */

static uint64_t left_in_page(uint64_t va, uint64_t size)
{
    return MIN(size, PAGE_SIZE_4K - va % PAGE_SIZE_4K);
}

/* An access of 4 or 8 bytes */
static inline MaliCsfMemResult translate_word(MaliCsfState *s, unsigned as,
                                              uint64_t va, unsigned size,
                                              MaliCsfMemAccess access,
                                              MaliCsfSpan *span,
                                              MaliCsfFault *fault)
{
    if (unlikely(s->mmu.as[as].locked) &&
        mali_csf_mmu_locked(s, as, va, size)) {
        return MALI_CSF_MEM_STALLED;
    }
    /* FAULTSTATUS has no code for it; whoever calls with it is wrong. */
    if (unlikely(va % size)) {
        return fail(MALI_CSF_MEM_BUS_ERROR, AS_FAULT_GPU_BUS, va, access,
                    fault);
    }
    return translate(s, as, va, size, access, span, fault);
}

MaliCsfMemResult mali_csf_mem_load32(MaliCsfState *s, unsigned as,
                                     uint64_t va, uint32_t *value,
                                     MaliCsfFault *fault)
{
    MaliCsfSpan span;
    MaliCsfMemResult result = translate_word(s, as, va, sizeof(*value),
                                             MALI_CSF_MEM_READ, &span, fault);

    if (likely(result == MALI_CSF_MEM_DONE)) {
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_load(s, as, va, span.pa, span.host,
                                sizeof(*value));
        }
        *value = le32_to_cpu(qatomic_read((uint32_t *)span.host));
    }
    return result;
}

MaliCsfMemResult mali_csf_mem_load64(MaliCsfState *s, unsigned as,
                                     uint64_t va, uint64_t *value,
                                     MaliCsfFault *fault)
{
    MaliCsfSpan span;
    MaliCsfMemResult result = translate_word(s, as, va, sizeof(*value),
                                             MALI_CSF_MEM_READ, &span, fault);

    if (likely(result == MALI_CSF_MEM_DONE)) {
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_load(s, as, va, span.pa, span.host,
                                sizeof(*value));
        }
        *value = le64_to_cpu(qatomic_read((uint64_t *)span.host));
    }
    return result;
}

MaliCsfMemResult mali_csf_mem_store32(MaliCsfState *s, unsigned as,
                                      uint64_t va, uint32_t value,
                                      MaliCsfFault *fault)
{
    MaliCsfSpan span;
    MaliCsfMemResult result = translate_word(s, as, va, sizeof(value),
                                             MALI_CSF_MEM_WRITE, &span, fault);

    if (likely(result == MALI_CSF_MEM_DONE)) {
        qatomic_set((uint32_t *)span.host, cpu_to_le32(value));
        mali_csf_ram_written(span.window, span.pa, sizeof(value));
    }
    return result;
}

MaliCsfMemResult mali_csf_mem_store64(MaliCsfState *s, unsigned as,
                                      uint64_t va, uint64_t value,
                                      MaliCsfFault *fault)
{
    MaliCsfSpan span;
    MaliCsfMemResult result = translate_word(s, as, va, sizeof(value),
                                             MALI_CSF_MEM_WRITE, &span, fault);

    if (likely(result == MALI_CSF_MEM_DONE)) {
        qatomic_set((uint64_t *)span.host, cpu_to_le64(value));
        mali_csf_ram_written(span.window, span.pa, sizeof(value));
    }
    return result;
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

MaliCsfMemResult mali_csf_mem_add32(MaliCsfState *s, unsigned as, uint64_t va,
                                    uint32_t value, MaliCsfFault *fault)
{
    MaliCsfSpan span;
    MaliCsfMemResult result = translate_word(s, as, va, sizeof(value),
                                             MALI_CSF_MEM_ATOMIC, &span,
                                             fault);

    if (likely(result == MALI_CSF_MEM_DONE)) {
        add32((uint32_t *)span.host, value);
        mali_csf_ram_written(span.window, span.pa, sizeof(value));
    }
    return result;
}

MaliCsfMemResult mali_csf_mem_add64(MaliCsfState *s, unsigned as, uint64_t va,
                                    uint64_t value, MaliCsfFault *fault)
{
    MaliCsfSpan span;
    MaliCsfMemResult result = translate_word(s, as, va, sizeof(value),
                                             MALI_CSF_MEM_ATOMIC, &span,
                                             fault);

    if (likely(result == MALI_CSF_MEM_DONE)) {
        add64((uint64_t *)span.host, value);
        mali_csf_ram_written(span.window, span.pa, sizeof(value));
    }
    return result;
}

/* @spans has one element for each page, or is NULL */
static MaliCsfMemResult translate_pages(MaliCsfState *s, unsigned as,
                                        uint64_t va, uint64_t size,
                                        MaliCsfMemAccess access,
                                        MaliCsfSpan *spans,
                                        MaliCsfFault *fault)
{
    if (mali_csf_mmu_locked(s, as, va, size)) {
        return MALI_CSF_MEM_STALLED;
    }
    while (size) {
        uint64_t n = left_in_page(va, size);
        MaliCsfSpan span;
        MaliCsfMemResult result = translate(s, as, va, n, access, &span,
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

MaliCsfMemResult mali_csf_mem_probe(MaliCsfState *s, unsigned as, uint64_t va,
                                    uint64_t size, MaliCsfMemAccess access,
                                    MaliCsfFault *fault)
{
    return translate_pages(s, as, va, size, access, NULL, fault);
}

/*
 * Enough for a suspend buffer.  Every page is translated before the first
 * byte is copied, and once only: between two translations of a page the
 * guest may edit its tables.
 */
#define SPANS_ON_STACK 8

MaliCsfMemResult mali_csf_mem_read(MaliCsfState *s, unsigned as, uint64_t va,
                                   void *buf, uint64_t size,
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
    result = translate_pages(s, as, va, size, MALI_CSF_MEM_READ, spans,
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

MaliCsfMemResult mali_csf_mem_write(MaliCsfState *s, unsigned as, uint64_t va,
                                    const void *buf, uint64_t size,
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
    result = translate_pages(s, as, va, size, MALI_CSF_MEM_WRITE, spans,
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

MaliCsfMemResult mali_csf_mem_map(MaliCsfState *s, unsigned as, uint64_t va,
                                  const void **host, uint64_t *size,
                                  MaliCsfFault *fault)
{
    MaliCsfSpan span;
    MaliCsfMemResult result;

    /* A locked region is made of whole pages. */
    if (mali_csf_mmu_locked(s, as, va, 1)) {
        return MALI_CSF_MEM_STALLED;
    }
    /* The caller will not ask again for the rest of the page. */
    if (mali_csf_injected(&s->inject, MALI_CSF_INJECT_ACCESSES) &&
        injected_fault(s, as, va, left_in_page(va, PAGE_SIZE_4K),
                       MALI_CSF_MEM_READ, fault, &result)) {
        return result;
    }
    result = translate(s, as, va, 1, MALI_CSF_MEM_READ, &span, fault);
    if (result == MALI_CSF_MEM_DONE) {
        hwaddr left = span.window->base + span.window->size - span.pa;

        *host = span.host;
        *size = MIN(left, PAGE_SIZE_4K - va % PAGE_SIZE_4K);
    }
    return result;
}

bool mali_csf_mmu_next_leaf(MaliCsfState *s, unsigned as, uint64_t va,
                            unsigned *steps, MaliCsfLeaf *leaf)
{
    const MaliCsfTranslation *t = &s->mmu.as[as].active;
    uint64_t descriptor;
    unsigned level;

    if (adrmode(t) != AS_ADRMODE_AARCH64_4K) {
        return false;
    }
    while (*steps && !(va >> mali_csf_va_bits(t))) {
        (*steps)--;
        if (!mali_csf_walk(&s->mmu.ram, t, pa_width(s), va, leaf, &level,
                           &descriptor)) {
            return true;
        }
        va = ROUND_UP(va + 1, 1ull << mali_csf_level_shift(level));
    }
    return false;
}

bool mali_csf_mmu_peek(MaliCsfState *s, unsigned as, uint64_t va,
                       unsigned size, uint64_t *value)
{
    const MaliCsfTranslation *t = &s->mmu.as[as].active;
    MaliCsfRamWindow *window;
    uint64_t descriptor;
    MaliCsfLeaf leaf;
    unsigned level;
    hwaddr pa = va;
    void *host;

    if (va % size) {
        return false;
    }
    if (adrmode(t) == AS_ADRMODE_AARCH64_4K) {
        if (va >> mali_csf_va_bits(t) ||
            mali_csf_walk(&s->mmu.ram, t, pa_width(s), va, &leaf, &level,
                          &descriptor)) {
            return false;
        }
        pa = leaf.pa + (va - leaf.va);
    } else if (adrmode(t) != AS_ADRMODE_IDENTITY) {
        return false;
    }
    host = mali_csf_ram_map(&s->mmu.ram, pa, size, &window);
    if (!host) {
        return false;
    }
    *value = size == 4 ? le32_to_cpu(qatomic_read((uint32_t *)host))
                       : le64_to_cpu(qatomic_read((uint64_t *)host));
    return true;
}

/* Reports */

void mali_csf_mmu_stalled(MaliCsfState *s, unsigned as, uint64_t va)
{
    s->mmu.stalls++;
    /* The first byte that is locked, if that is not the first one */
    trace_mali_csf_as_stall(as, MAX(va, s->mmu.as[as].lock_start));
}

void mali_csf_mmu_report_fault(MaliCsfState *s, unsigned as,
                               const MaliCsfFault *fault)
{
    MaliCsfAddressSpace *space = &s->mmu.as[as];
    uint32_t status = 0;

    status = FIELD_DP32(status, AS_FAULTSTATUS, EXCEPTION_TYPE,
                        fault->exception);
    status = FIELD_DP32(status, AS_FAULTSTATUS, ACCESS_TYPE, fault->access);
    s->mmu.faults++;
    trace_mali_csf_as_fault(as, fault->va, status);
    if (s->mmu.protected_mode(s)) {
        mali_csf_irq_raise(&s->gpu.irq, R_GPU_INT_PROTECTED_FAULT_MASK);
        return;
    }
    if (space->fault_latched ||
        (s->mmu.irq.rawstat & MALI_CSF_MMU_INT_FAULT(as))) {
        return;
    }
    space->fault_latched = true;
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_fault(s, as);
    }
    space->faultstatus = status;
    space->faultaddress = fault->va;
    mali_csf_irq_raise(&s->mmu.irq, MALI_CSF_MMU_INT_FAULT(as));
}

/* Who waits is told */

void mali_csf_mmu_add_listener(MaliCsfState *s, MaliCsfMmuListener *listener)
{
    QTAILQ_INSERT_TAIL(&s->mmu.listeners, listener, next);
}

static void tell_released(MaliCsfState *s, unsigned as)
{
    MaliCsfMmuListener *listener;

    QTAILQ_FOREACH(listener, &s->mmu.listeners, next) {
        listener->released(listener->opaque, as);
    }
}

static void tell_updated(MaliCsfState *s, unsigned as)
{
    MaliCsfMmuListener *listener;

    QTAILQ_FOREACH(listener, &s->mmu.listeners, next) {
        listener->updated(listener->opaque, as);
    }
}

static void tell_unmapped(MaliCsfState *s, unsigned as)
{
    MaliCsfMmuListener *listener;

    QTAILQ_FOREACH(listener, &s->mmu.listeners, next) {
        listener->unmapped(listener->opaque, as);
    }
}

/* What drops cached translations: one function for each reason */

static void tlb_unlock(MaliCsfState *s, unsigned as, uint64_t start,
                       uint64_t last)
{
    unsigned n = mali_csf_tlb_drop_range(&s->mmu.tlb, as, start, last);

    trace_mali_csf_tlb_unlock(as, start, last, n);
}

static void tlb_flush_pt(MaliCsfState *s, unsigned as, uint64_t start,
                         uint64_t last)
{
    unsigned n = mali_csf_tlb_drop_range(&s->mmu.tlb, as, start, last);

    trace_mali_csf_tlb_flush_pt(as, start, last, n);
}

static void tlb_flush_mem(MaliCsfState *s, unsigned as, uint64_t start,
                          uint64_t last)
{
    unsigned n = mali_csf_tlb_drop_range(&s->mmu.tlb, as, start, last);

    trace_mali_csf_tlb_flush_mem(as, start, last, n);
}

static void tlb_reset(MaliCsfState *s)
{
    trace_mali_csf_tlb_reset(mali_csf_tlb_drop_all(&s->mmu.tlb));
}

void mali_csf_mmu_flush_caches(MaliCsfState *s)
{
    trace_mali_csf_tlb_flush_caches(mali_csf_tlb_drop_all(&s->mmu.tlb));
}

void mali_csf_mmu_l2_off(MaliCsfState *s)
{
    trace_mali_csf_tlb_l2_off(mali_csf_tlb_drop_all(&s->mmu.tlb));
}

/* Commands */

/*
 * The region that LOCKADDR names; base bits below its size do not count.  Nor
 * does FLUSH_SKIP_LEVELS, which allows the GPU to keep translations: the model
 * drops those of all levels.
 */
static void lockaddr_region(MaliCsfState *s, const MaliCsfAddressSpace *space,
                            uint64_t *start, uint64_t *last)
{
    unsigned size = FIELD_EX64(space->lockaddr, AS_LOCKADDR_LO, SIZE);
    uint64_t mask;

    if (size >= va_width(s) - 1) {
        *start = 0;
        *last = UINT64_MAX;
        return;
    }
    mask = (2ull << MAX(size, AS_LOCKADDR_SIZE_MIN)) - 1;
    *start = space->lockaddr & AS_LOCKADDR_BASE_MASK & ~mask;
    *last = *start | mask;
}

static void command_nop(MaliCsfState *s, unsigned as)
{
}

static void command_update(MaliCsfState *s, unsigned as)
{
    MaliCsfAddressSpace *space = &s->mmu.as[as];

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_update(s, as);
    }
    space->active = (MaliCsfTranslation) {
        .transtab = space->transtab,
        .transcfg = space->transcfg,
        .memattr = space->memattr,
    };
    trace_mali_csf_as_update(as, space->transtab, space->transcfg);

    switch (adrmode(&space->active)) {
    case AS_ADRMODE_UNMAPPED:
    case AS_ADRMODE_IDENTITY:
    case AS_ADRMODE_AARCH64_4K:
        break;
    case AS_ADRMODE_AARCH64_64K:
        qemu_log_mask(LOG_UNIMP, "%s: AS %u: 64 KiB granule\n", __func__, as);
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR,
                      "%s: AS %u: TRANSCFG 0x%" PRIx64 ": reserved mode\n",
                      __func__, as, space->transcfg);
        break;
    }
    if (FIELD_EX64(space->transcfg, AS_TRANSCFG_LO, OUTA_BITS)) {
        qemu_log_mask(LOG_UNIMP, "%s: AS %u: TRANSCFG.OUTA_BITS\n", __func__,
                      as);
    }
    if (space->locked) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "%s: AS %u: UPDATE while a region is locked\n",
                      __func__, as);
        space->locked = false;
    }
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_updated(s, as);
    }

    if (mali_csf_mmu_unmapped(s, as)) {
        tell_unmapped(s, as);
    } else {
        space->fault_latched = false;
        tell_updated(s, as);
    }
}

/* Accesses are never under way here, so the lock is held at once. */
static void command_lock(MaliCsfState *s, unsigned as)
{
    MaliCsfAddressSpace *space = &s->mmu.as[as];
    uint64_t start, last;
    bool released;

    lockaddr_region(s, space, &start, &last);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_lock(s, as, start, last);
    }
    released = space->locked &&
               (space->lock_start < start || space->lock_last > last);
    space->locked = true;
    space->lock_start = start;
    space->lock_last = last;
    trace_mali_csf_as_lock(as, start, last);
    /* What only the old region covered may go on. */
    if (released) {
        tell_released(s, as);
    }
}

static void release_lock(MaliCsfState *s, unsigned as)
{
    s->mmu.as[as].locked = false;
    tell_released(s, as);
}

/* Nothing is held after as_disable() in panthor_mmu.c, which is no mistake */
static void command_unlock(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_unlock(s, as);
    }
    if (space->locked) {
        tlb_unlock(s, as, space->lock_start, space->lock_last);
    }
    release_lock(s, as);
}

static void command_flush_pt(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_flush_pt(s, as);
    }
    if (space->locked) {
        tlb_flush_pt(s, as, space->lock_start, space->lock_last);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: AS %u: no region is locked\n",
                      __func__, as);
    }
    release_lock(s, as);
}

static void command_flush_mem(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_flush_mem(s, as);
    }
    if (space->locked) {
        tlb_flush_mem(s, as, space->lock_start, space->lock_last);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: AS %u: no region is locked\n",
                      __func__, as);
    }
    release_lock(s, as);
}

static const struct {
    const char *name;
    void (*execute)(MaliCsfState *s, unsigned as);
} as_commands[] = {
    [AS_COMMAND_NOP] = { "NOP", command_nop },
    [AS_COMMAND_UPDATE] = { "UPDATE", command_update },
    [AS_COMMAND_LOCK] = { "LOCK", command_lock },
    [AS_COMMAND_UNLOCK] = { "UNLOCK", command_unlock },
    [AS_COMMAND_FLUSH_PT] = { "FLUSH_PT", command_flush_pt },
    [AS_COMMAND_FLUSH_MEM] = { "FLUSH_MEM", command_flush_mem },
};

static void as_command_execute(MaliCsfState *s, unsigned as, uint32_t value)
{
    unsigned code = FIELD_EX32(value, AS_COMMAND, CODE);
    uint64_t lockaddr = s->mmu.as[as].lockaddr;

    if (code < ARRAY_SIZE(as_commands)) {
        trace_mali_csf_as_command(as, as_commands[code].name, lockaddr);
        as_commands[code].execute(s, as);
    } else {
        trace_mali_csf_as_command(as, "UNKNOWN", lockaddr);
        qemu_log_mask(LOG_GUEST_ERROR, "%s: AS %u: unknown command %u\n",
                      __func__, as, code);
    }
    mali_csf_irq_raise(&s->mmu.irq, MALI_CSF_MMU_INT_DONE(as));
}

static void arm_command_timer(MaliCsfState *s)
{
    int64_t next = INT64_MAX;

    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        if (s->mmu.as[as].command_end >= 0) {
            next = MIN(next, s->mmu.as[as].command_end);
        }
    }
    if (next == INT64_MAX) {
        timer_del(s->mmu.command_timer);
    } else {
        timer_mod(s->mmu.command_timer, next);
    }
}

static void command_waits(MaliCsfAddressSpace *space)
{
    space->command_waits = true;
    space->command_end = INT64_MAX;
}

void mali_csf_mmu_protm_over(MaliCsfState *s)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAddressSpace *space = &s->mmu.as[as];

        if (space->command_waits) {
            space->command_waits = false;
            space->command_end = now + MIN(s->mmu.latency_ns,
                                           MALI_CSF_LATENCY_MAX_NS);
        }
    }
    arm_command_timer(s);
}

static void command_timer(void *opaque)
{
    MaliCsfState *s = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAddressSpace *space = &s->mmu.as[as];

        if (space->command_end >= 0 && space->command_end <= now) {
            if (s->mmu.protected_mode(s)) {
                command_waits(space);
                continue;
            }
            space->command_end = -1;
            as_command_execute(s, as, space->command);
        }
    }
    arm_command_timer(s);
}

/* Done when this returns, unless x-as-latency-ns says that it takes time */
static void as_command(MaliCsfState *s, unsigned as, uint32_t value)
{
    MaliCsfAddressSpace *space = &s->mmu.as[as];
    const MaliCsfArmed *injection;

    if (space->command_end >= 0) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: AS %u: command %" PRIu32
                      " while %" PRIu32 " is active\n", __func__, as, value,
                      space->command);
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_busy_command(s, as, value);
        }
        return;
    }
    injection = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_AS_COMMAND,
                                     &(MaliCsfOccasion) {
        .as = as,
        .command = FIELD_EX32(value, AS_COMMAND, CODE),
    });
    if (injection) {
        /* Without a delay it never ends. */
        space->command = value;
        space->command_end = injection->delay_ns ?
                             qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                             MIN(injection->delay_ns,
                                 MALI_CSF_LATENCY_MAX_NS) : INT64_MAX;
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_duration(s, injection->delay_ns ?: UINT64_MAX);
        }
        arm_command_timer(s);
        return;
    }
    if (s->mmu.protected_mode(s)) {
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_protected_command(s, as, value);
        }
        space->command = value;
        command_waits(space);
        return;
    }
    if (!s->mmu.latency_ns) {
        as_command_execute(s, as, value);
        return;
    }
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_duration(s, s->mmu.latency_ns);
    }
    space->command = value;
    space->command_end = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                         MIN(s->mmu.latency_ns, MALI_CSF_LATENCY_MAX_NS);
    arm_command_timer(s);
}

static uint32_t as_status(const MaliCsfAddressSpace *space)
{
    return FIELD_DP32(0, AS_STATUS, AS_ACTIVE, space->command_end >= 0);
}

/* Registers */

typedef enum MaliCsfAsRegKind {
    AS_REG_UNMODELLED,
    AS_REG_ZERO,
    AS_REG_READ_ONLY,
    AS_REG_STORAGE,
    AS_REG_COMMAND,
    AS_REG_STATUS,
} MaliCsfAsRegKind;

typedef struct MaliCsfAsReg {
    const char *name;
    MaliCsfAsRegKind kind;
    /* Member of MaliCsfAddressSpace, which is of @size bytes */
    uint8_t field;
    uint8_t size;
} MaliCsfAsReg;

#define AS_ROW(label, reg_kind, member) \
    { \
        .name = label, \
        .kind = reg_kind, \
        .field = offsetof(MaliCsfAddressSpace, member), \
        .size = sizeof_field(MaliCsfAddressSpace, member), \
    }

QEMU_BUILD_BUG_ON(sizeof(MaliCsfAddressSpace) > UINT8_MAX);

static const MaliCsfAsReg as_regs[MALI_CSF_MMU_AS_SIZE / 4] = {
    [R_AS_TRANSTAB_LO ... R_AS_TRANSTAB_HI] =
        AS_ROW("AS_TRANSTAB", AS_REG_STORAGE, transtab),
    [R_AS_MEMATTR_LO ... R_AS_MEMATTR_HI] =
        AS_ROW("AS_MEMATTR", AS_REG_STORAGE, memattr),
    [R_AS_LOCKADDR_LO ... R_AS_LOCKADDR_HI] =
        AS_ROW("AS_LOCKADDR", AS_REG_STORAGE, lockaddr),
    [R_AS_COMMAND] = { .name = "AS_COMMAND", .kind = AS_REG_COMMAND },
    [R_AS_FAULTSTATUS] =
        AS_ROW("AS_FAULTSTATUS", AS_REG_READ_ONLY, faultstatus),
    [R_AS_FAULTADDRESS_LO ... R_AS_FAULTADDRESS_HI] =
        AS_ROW("AS_FAULTADDRESS", AS_REG_READ_ONLY, faultaddress),
    [R_AS_STATUS] = { .name = "AS_STATUS", .kind = AS_REG_STATUS },
    [R_AS_TRANSCFG_LO ... R_AS_TRANSCFG_HI] =
        AS_ROW("AS_TRANSCFG", AS_REG_STORAGE, transcfg),
    [R_AS_FAULTEXTRA_LO ... R_AS_FAULTEXTRA_HI] = {
        .name = "AS_FAULTEXTRA", .kind = AS_REG_ZERO,
    },
};

/* Bit of a 64-bit register that bit 0 of the word at @offset is */
static unsigned as_reg_shift(hwaddr offset)
{
    return offset & 4 ? 32 : 0;
}

static uint32_t as_reg_get(const MaliCsfAddressSpace *space,
                           const MaliCsfAsReg *reg, hwaddr offset)
{
    const void *field = (const uint8_t *)space + reg->field;

    if (reg->size == sizeof(uint32_t)) {
        return *(const uint32_t *)field;
    }
    return *(const uint64_t *)field >> as_reg_shift(offset);
}

/* All storage is 64 bits wide. */
static void as_reg_set(MaliCsfAddressSpace *space, const MaliCsfAsReg *reg,
                       hwaddr offset, uint32_t value)
{
    uint64_t *field = (uint64_t *)((uint8_t *)space + reg->field);

    *field = deposit64(*field, as_reg_shift(offset), 32, value);
}

/* The register at @offset of the block, or NULL if it is not of any space */
static const MaliCsfAsReg *find_as_reg(hwaddr offset, unsigned *as)
{
    const MaliCsfAsReg *reg;

    if (offset < MALI_CSF_MMU_AS_BASE) {
        return NULL;
    }
    *as = (offset - MALI_CSF_MMU_AS_BASE) / MALI_CSF_MMU_AS_SIZE;
    if (*as >= MALI_CSF_MAX_AS) {
        return NULL;
    }
    reg = &as_regs[offset % MALI_CSF_MMU_AS_SIZE / 4];
    return reg->kind == AS_REG_UNMODELLED ? NULL : reg;
}

const char *mali_csf_mmu_register_name(uint32_t offset, unsigned *as)
{
    const MaliCsfAsReg *reg = find_as_reg(offset, as);

    return reg ? reg->name : NULL;
}

static bool as_present(MaliCsfState *s, unsigned as)
{
    return s->model->as_present & 1u << as;
}

static uint64_t mmu_read(void *opaque, hwaddr offset, unsigned size)
{
    MaliCsfState *s = opaque;
    const MaliCsfAsReg *reg;
    uint32_t value = 0;
    unsigned as;

    mali_csf_spin_read(&s->spin, MALI_CSF_MMU_BASE + offset);
    if (offset < MALI_CSF_MMU_INT + MALI_CSF_INT_SIZE) {
        value = mali_csf_irq_read(&s->mmu.irq, offset - MALI_CSF_MMU_INT);
    } else {
        reg = find_as_reg(offset, &as);
        if (!reg) {
            mali_csf_unmodelled_read(&s->unmodelled,
                                     MALI_CSF_MMU_BASE + offset);
        } else if (as_present(s, as) && (reg->kind == AS_REG_READ_ONLY ||
                                         reg->kind == AS_REG_STORAGE)) {
            value = as_reg_get(&s->mmu.as[as], reg, offset);
        } else if (as_present(s, as) && reg->kind == AS_REG_STATUS) {
            value = as_status(&s->mmu.as[as]);
        }
    }
    trace_mali_csf_reg_read("mmu", offset, value);
    return value;
}

static void mmu_write(void *opaque, hwaddr offset, uint64_t data,
                      unsigned size)
{
    MaliCsfState *s = opaque;
    const MaliCsfAsReg *reg;
    uint32_t value = data;
    unsigned as;

    mali_csf_spin_write(&s->spin);
    trace_mali_csf_reg_write("mmu", offset, value);
    if (offset < MALI_CSF_MMU_INT + MALI_CSF_INT_SIZE) {
        mali_csf_irq_write(&s->mmu.irq, offset - MALI_CSF_MMU_INT, value);
        return;
    }
    reg = find_as_reg(offset, &as);
    if (!reg) {
        mali_csf_unmodelled_write(&s->unmodelled, MALI_CSF_MMU_BASE + offset,
                                  value);
        return;
    }
    if (!as_present(s, as)) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: %s of AS %u, which is absent\n",
                      __func__, reg->name, as);
        return;
    }
    switch (reg->kind) {
    case AS_REG_STORAGE:
        as_reg_set(&s->mmu.as[as], reg, offset, value);
        break;
    case AS_REG_COMMAND:
        as_command(s, as, value);
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "%s: AS %u: %s is read-only\n",
                      __func__, as, reg->name);
        break;
    }
}

static const MemoryRegionOps mmu_ops = {
    .read = mmu_read,
    .write = mmu_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 4,
        .max_access_size = 8,
    },
    .impl = {
        .min_access_size = 4,
        .max_access_size = 4,
    },
};

void mali_csf_mmu_set_ignore_locks(MaliCsfState *s, bool ignore)
{
    s->mmu.ignore_locks = ignore;
    trace_mali_csf_ignore_locks(ignore);
    if (!ignore) {
        return;
    }
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        if (s->mmu.as[as].locked) {
            tell_released(s, as);
        }
    }
}

/* Life cycle */

static void memory_map_changed(void *opaque)
{
    MaliCsfState *s = opaque;

    mali_csf_tlb_forget_host(&s->mmu.tlb);
}

void mali_csf_mmu_init(MaliCsfState *s, MemoryRegion *container,
                       bool (*protected_mode)(MaliCsfState *s))
{
    QTAILQ_INIT(&s->mmu.listeners);
    s->mmu.protected_mode = protected_mode;
    mali_csf_irq_init(s, &s->mmu.irq, "mmu", MALI_CSF_IRQ_MMU);
    memory_region_init_io(&s->mmu_control, OBJECT(s), &mmu_ops, s,
                          "mali-csf-mmu", MALI_CSF_BLOCK_SIZE);
    memory_region_add_subregion(container, MALI_CSF_MMU_BASE,
                                &s->mmu_control);
    s->mmu.command_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, command_timer, s);
    mali_csf_ram_init(&s->mmu.ram, &address_space_memory, memory_map_changed,
                      s);
}

void mali_csf_mmu_finalize(MaliCsfState *s)
{
    timer_free(s->mmu.command_timer);
    mali_csf_ram_finalize(&s->mmu.ram);
}

static void reset_address_spaces(MaliCsfMmu *mmu)
{
    timer_del(mmu->command_timer);
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        mmu->as[as] = (MaliCsfAddressSpace) {
            .transcfg = AS_ADRMODE_UNMAPPED,
            .active.transcfg = AS_ADRMODE_UNMAPPED,
            .command_end = -1,
        };
    }
}

void mali_csf_mmu_reset_enter(MaliCsfState *s)
{
    MaliCsfMmu *mmu = &s->mmu;

    mali_csf_irq_reset_enter(&mmu->irq);
    reset_address_spaces(mmu);
    memset(&mmu->tlb, 0, sizeof(mmu->tlb));
    mmu->tlb_hits = 0;
    mmu->tlb_misses = 0;
    mmu->stalls = 0;
    mmu->faults = 0;
}

void mali_csf_mmu_reset_hold(MaliCsfState *s)
{
    mali_csf_irq_update(&s->mmu.irq);
}

void mali_csf_mmu_gpu_reset(MaliCsfState *s)
{
    reset_address_spaces(&s->mmu);
    tlb_reset(s);
    mali_csf_irq_set_rawstat(&s->mmu.irq, 0);
}

int mali_csf_mmu_post_load(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        const MaliCsfAddressSpace *space = &s->mmu.as[as];

        if ((space->locked && space->lock_start > space->lock_last) ||
            (space->command_waits && space->command_end != INT64_MAX)) {
            return -EINVAL;
        }
    }
    memset(&s->mmu.tlb, 0, sizeof(s->mmu.tlb));
    arm_command_timer(s);
    mali_csf_irq_update(&s->mmu.irq);
    return 0;
}

static const VMStateDescription vmstate_mali_csf_translation = {
    .name = "mali-csf-translation",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(transtab, MaliCsfTranslation),
        VMSTATE_UINT64(transcfg, MaliCsfTranslation),
        VMSTATE_UINT64(memattr, MaliCsfTranslation),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_mali_csf_address_space = {
    .name = "mali-csf-address-space",
    .version_id = 2,
    .minimum_version_id = 2,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(transtab, MaliCsfAddressSpace),
        VMSTATE_UINT64(memattr, MaliCsfAddressSpace),
        VMSTATE_UINT64(transcfg, MaliCsfAddressSpace),
        VMSTATE_UINT64(lockaddr, MaliCsfAddressSpace),
        VMSTATE_UINT32(command, MaliCsfAddressSpace),
        VMSTATE_INT64(command_end, MaliCsfAddressSpace),
        VMSTATE_BOOL(command_waits, MaliCsfAddressSpace),
        VMSTATE_STRUCT(active, MaliCsfAddressSpace, 1,
                       vmstate_mali_csf_translation, MaliCsfTranslation),
        VMSTATE_BOOL(locked, MaliCsfAddressSpace),
        VMSTATE_UINT64(lock_start, MaliCsfAddressSpace),
        VMSTATE_UINT64(lock_last, MaliCsfAddressSpace),
        VMSTATE_BOOL(fault_latched, MaliCsfAddressSpace),
        VMSTATE_UINT32(faultstatus, MaliCsfAddressSpace),
        VMSTATE_UINT64(faultaddress, MaliCsfAddressSpace),
        VMSTATE_END_OF_LIST()
    },
};

const VMStateDescription vmstate_mali_csf_mmu = {
    .name = "mali-csf-mmu",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(irq, MaliCsfMmu, 1, vmstate_mali_csf_irq, MaliCsfIrq),
        VMSTATE_STRUCT_ARRAY(as, MaliCsfMmu, MALI_CSF_MAX_AS, 1,
                             vmstate_mali_csf_address_space,
                             MaliCsfAddressSpace),
        VMSTATE_END_OF_LIST()
    },
};
