/*
 * Mali CSF GPU: guest RAM by physical address
 *
 * The windows are what virtio does for its rings: a MemoryRegionCache keeps
 * the region alive and knows how to complete a write.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "ram.h"
#include "../trace.h"

static void destroy_windows(gpointer data)
{
    GArray *windows = data;

    for (guint i = 0; i < windows->len; i++) {
        address_space_cache_destroy(
            &g_array_index(windows, MaliCsfRamWindow, i).cache);
    }
    g_array_free(windows, true);
}

static void ram_begin(MemoryListener *listener)
{
    MaliCsfRam *ram = container_of(listener, MaliCsfRam, listener);

    qatomic_set(&ram->built, NULL);
    g_ptr_array_add(ram->retired, ram->windows);
    ram->windows = g_array_new(false, false, sizeof(MaliCsfRamWindow));
    /*
     * At once if that can be, not at the next use: a cache holds on to regions
     * which may be about to be unplugged.
     */
    if (ram->changed(ram->opaque)) {
        mali_csf_ram_forget_retired(ram);
    }
}

static void add_window(MaliCsfRam *ram, hwaddr start, hwaddr end,
                       bool is_protected)
{
    MaliCsfRamWindow window = {
        .is_protected = is_protected,
        .base = start,
        .size = end - start,
    };

    if (start < end) {
        address_space_cache_init_empty(&window.cache);
        g_array_append_val(ram->windows, window);
    }
}

static void ram_region_addnop(MemoryListener *listener,
                              MemoryRegionSection *section)
{
    MaliCsfRam *ram = container_of(listener, MaliCsfRam, listener);
    hwaddr start = section->offset_within_address_space;
    hwaddr end, first, last;

    if (!memory_region_is_ram(section->mr) || section->readonly ||
        memory_region_is_rom(section->mr) ||
        memory_region_is_ram_device(section->mr)) {
        return;
    }
    /* RAM is never as large as the 128-bit sections that UINT64_MAX needs. */
    end = start + int128_get64(section->size);
    /* The part that is protected, or no byte at the end */
    first = ram->reserved->size ? ram->reserved->base : end;
    first = MIN(MAX(first, start), end);
    last = MIN(MAX(ram->reserved->base + ram->reserved->size, first), end);
    add_window(ram, start, first, false);
    add_window(ram, first, last, true);
    add_window(ram, last, end, false);
}

static void build_windows(MaliCsfRam *ram)
{
    for (guint i = 0; i < ram->windows->len; i++) {
        MaliCsfRamWindow *window =
            &g_array_index(ram->windows, MaliCsfRamWindow, i);
        int64_t size = address_space_cache_init(&window->cache, ram->as,
                                                window->base, window->size,
                                                true);

        window->size = window->cache.ptr && size > 0 ? size : 0;
        trace_mali_csf_ram_window(ram->trace_id, window->base, window->size);
    }
    qatomic_store_release(&ram->built, ram->windows);
}

static void ram_commit(MemoryListener *listener)
{
    MaliCsfRam *ram = container_of(listener, MaliCsfRam, listener);

    if (ram->shared && !ram->built) {
        build_windows(ram);
    }
}

void mali_csf_ram_share(MaliCsfRam *ram)
{
    ram->shared = true;
    ram_commit(&ram->listener);
}

void mali_csf_ram_forget_retired(MaliCsfRam *ram)
{
    g_ptr_array_set_size(ram->retired, 0);
}

void mali_csf_ram_init(MaliCsfRam *ram, const char *trace_id,
                       MaliCsfProtected *reserved,
                       bool (*changed)(void *opaque), void *opaque)
{
    ram->trace_id = trace_id;
    ram->as = mali_csf_protected_space(reserved);
    ram->reserved = reserved;
    ram->changed = changed;
    ram->opaque = opaque;
    ram->windows = g_array_new(false, false, sizeof(MaliCsfRamWindow));
    ram->retired = g_ptr_array_new_with_free_func(destroy_windows);
    ram->listener = (MemoryListener) {
        .name = "mali-csf",
        .priority = MEMORY_LISTENER_PRIORITY_DEV_BACKEND,
        .begin = ram_begin,
        .commit = ram_commit,
        .region_add = ram_region_addnop,
        .region_nop = ram_region_addnop,
    };
    memory_listener_register(&ram->listener, ram->as);
}

void mali_csf_ram_finalize(MaliCsfRam *ram)
{
    memory_listener_unregister(&ram->listener);
    g_ptr_array_free(ram->retired, true);
    destroy_windows(ram->windows);
    ram->windows = NULL;
    ram->built = NULL;
}

static GArray *windows_of(MaliCsfRam *ram)
{
    GArray *windows;

    while (unlikely(!(windows = qatomic_load_acquire(&ram->built)))) {
        if (bql_locked()) {
            build_windows(ram);
        } else {
            /* The main thread is changing the memory map. */
            g_usleep(10);
        }
    }
    return windows;
}

void *mali_csf_ram_map(MaliCsfRam *ram, hwaddr pa, hwaddr size,
                       MaliCsfRamWindow **window)
{
    GArray *windows = windows_of(ram);

    for (guint i = 0; i < windows->len; i++) {
        MaliCsfRamWindow *w = &g_array_index(windows, MaliCsfRamWindow, i);
        hwaddr offset = pa - w->base;

        if (offset < w->size && size <= w->size - offset) {
            *window = w;
            return (uint8_t *)w->cache.ptr + offset;
        }
    }
    return NULL;
}

void mali_csf_ram_written(MaliCsfRamWindow *window, hwaddr pa, hwaddr size)
{
    address_space_cache_invalidate(&window->cache, pa - window->base, size);
}
