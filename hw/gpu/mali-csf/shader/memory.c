/*
 * Mali CSF GPU: memory as a shader sees it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "descriptors.h"
#include "memory.h"

void mali_shader_pages_tell_written(MaliShaderPages *pages)
{
    for (unsigned i = 0; i < ARRAY_SIZE(pages->written); i++) {
        for (; pages->written[i]; pages->written[i] &= pages->written[i] - 1) {
            const MaliCsfSpan *span =
                &pages->span[64 * i + ctz64(pages->written[i])];

            mali_csf_ram_written(span->window, span->pa, MALI_SHADER_PAGE);
        }
    }
    if (unlikely(pages->written_once.window)) {
        mali_csf_ram_written(pages->written_once.window,
                             pages->written_once.pa,
                             pages->written_once_size);
        pages->written_once.window = NULL;
    }
}

void mali_shader_pages_drop(MaliShaderPages *pages)
{
    mali_shader_pages_tell_written(pages);
    pages->drops++;
    memset(pages->tag, 0, sizeof(pages->tag));
}

MaliShaderAccess mali_shader_refuse(MaliShaderMemory *memory,
                                    uint8_t exception, uint64_t va)
{
    memory->exception = exception;
    memory->fault = (MaliCsfFault) { .va = va };
    return MALI_SHADER_ACCESS_FAULTED;
}

static MaliShaderAccess access_result(MaliShaderMemory *memory,
                                      MaliCsfMemResult result)
{
    switch (result) {
    case MALI_CSF_MEM_DONE:
        return MALI_SHADER_ACCESS_DONE;
    case MALI_CSF_MEM_STALLED:
        return MALI_SHADER_ACCESS_STALLED;
    default:
        memory->exception = 0;
        return MALI_SHADER_ACCESS_FAULTED;
    }
}

static MaliShaderAccess local_at(MaliShaderMemory *memory, uint64_t va,
                                 unsigned size, MaliCsfSpan *span)
{
    *span = (MaliCsfSpan) { .host = mali_shader_local_at(memory, va, size) };
    if (span->host) {
        return MALI_SHADER_ACCESS_DONE;
    }
    if (va >> MALI_SHADER_TAG_SHIFT == MALI_SHADER_TAG_NOWHERE) {
        memset(memory->nowhere, 0, sizeof(memory->nowhere));
        span->host = memory->nowhere;
        return MALI_SHADER_ACCESS_DONE;
    }
    return mali_shader_refuse(memory, MALI_SHADER_ADDR_RANGE_FAULT, va);
}

static MaliShaderAccess exactly_at(MaliShaderMemory *memory, uint64_t va,
                                   unsigned size, MaliCsfMemAccess access,
                                   MaliCsfSpan *span)
{
    MaliCsfMemResult result = mali_csf_mem_span(memory->view, memory->as, va,
                                                size, access, span,
                                                &memory->fault);

    if (result == MALI_CSF_MEM_DONE && memory->capture) {
        mali_shader_capture_page(memory->capture, va, access, span->host);
    }
    if (result == MALI_CSF_MEM_DONE && mali_shader_is_store(access)) {
        memory->pages->written_once = *span;
        memory->pages->written_once_size = size;
    }
    return access_result(memory, result);
}

MaliShaderAccess mali_shader_at_slowly(MaliShaderMemory *memory, uint64_t va,
                                       unsigned size, MaliCsfMemAccess access,
                                       MaliCsfSpan *span)
{
    MaliCsfMemView *view = memory->view;
    MaliShaderPages *pages = memory->pages;
    unsigned offset = va % MALI_SHADER_PAGE;
    unsigned slot;
    MaliCsfSpan *kept;
    uint64_t tag;
    MaliCsfMemResult result;

    if (unlikely(mali_shader_is_local(va))) {
        return local_at(memory, va, size, span);
    }
    /* Once the view has seen what was put, no store is to be told any more. */
    mali_shader_pages_tell_written(pages);
    mali_csf_view_poll(view);
    if (unlikely(pages->seen != view->seen)) {
        mali_shader_pages_drop(pages);
        pages->seen = view->seen;
    }
    if (unlikely(view->injected) && mali_csf_view_injected(view)) {
        return exactly_at(memory, va, size, access, span);
    }
    tag = mali_shader_page_tag(va, memory->as, access);
    slot = mali_shader_page_slot(va, access);
    kept = &pages->span[slot];
    if (unlikely(pages->tag[slot] != tag)) {
        pages->tag[slot] = 0;
        result = mali_csf_mem_span(view, memory->as, va - offset,
                                   MALI_SHADER_PAGE, access,
                                   kept, &memory->fault);
        if (result != MALI_CSF_MEM_DONE) {
            /* With the address that was asked for */
            return exactly_at(memory, va, size, access, span);
        }
        if (unlikely(memory->capture)) {
            mali_shader_capture_page(memory->capture, va, access,
                                     kept->host);
        }
        /* What was put meanwhile, it has seen. */
        if (pages->seen == view->seen) {
            pages->tag[slot] = tag;
        }
    }
    if (mali_shader_is_store(access)) {
        pages->written[slot / 64] |= 1ull << slot % 64;
    }
    span->host = kept->host + offset;
    span->window = kept->window;
    span->pa = kept->pa + offset;
    return MALI_SHADER_ACCESS_DONE;
}

MaliShaderAccess mali_shader_load(MaliShaderMemory *memory, uint64_t va,
                                  unsigned size, void *bytes)
{
    unsigned first = MIN(size, mali_shader_left_in_page(va));
    MaliShaderAccess result;
    MaliCsfSpan span;

    result = mali_shader_at(memory, va, first, MALI_CSF_MEM_READ, &span);
    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    memcpy(bytes, span.host, first);
    if (first == size) {
        return result;
    }
    result = mali_shader_at(memory, va + first, size - first,
                            MALI_CSF_MEM_READ, &span);
    if (result == MALI_SHADER_ACCESS_DONE) {
        memcpy((uint8_t *)bytes + first, span.host, size - first);
    }
    return result;
}

static MaliShaderAccess store_in_page(MaliShaderMemory *memory, uint64_t va,
                                      unsigned size, const void *bytes)
{
    MaliCsfSpan span;
    MaliShaderAccess result = mali_shader_at(memory, va, size,
                                             MALI_CSF_MEM_WRITE, &span);

    if (result == MALI_SHADER_ACCESS_DONE) {
        memcpy(span.host, bytes, size);
    }
    return result;
}

MaliShaderAccess mali_shader_store(MaliShaderMemory *memory, uint64_t va,
                                   unsigned size, const void *bytes)
{
    unsigned first = MIN(size, mali_shader_left_in_page(va));
    MaliShaderAccess result;
    MaliCsfSpan span;

    if (likely(first == size)) {
        return store_in_page(memory, va, size, bytes);
    }
    /* Is the second page there?  It is seldom that it goes away then. */
    result = mali_shader_at(memory, va + first, size - first,
                            MALI_CSF_MEM_WRITE, &span);
    if (result == MALI_SHADER_ACCESS_DONE) {
        result = store_in_page(memory, va, first, bytes);
    }
    if (result == MALI_SHADER_ACCESS_DONE) {
        result = store_in_page(memory, va + first, size - first,
                               (const uint8_t *)bytes + first);
    }
    return result;
}
