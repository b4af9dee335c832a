/*
 * Mali CSF GPU: the checker's notes about user space, and what it does not
 * tell the caches
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "../device.h"

/* Lines that loads are remembered of, each in its place */
#define MAX_LINES                   65536
#define LINE_SIZE                   64

/* As L2 has it since it was filled.  In pieces that are loaded whole. */
struct MaliCsfLine {
    uint64_t number;
    uint64_t generation;
    uint64_t words[LINE_SIZE / sizeof(uint64_t)];
};

void mali_csf_user_drop_lines(MaliCsfState *s)
{
    s->checker.user.generation++;
}

/* Where the line of @pa is, if it is there */
static MaliCsfLine *line_place(MaliCsfState *s, hwaddr pa)
{
    return &s->checker.user.lines[pa / LINE_SIZE % MAX_LINES];
}

static bool has_line(MaliCsfState *s, const MaliCsfLine *line, hwaddr pa)
{
    return line->number == pa / LINE_SIZE &&
           line->generation == s->checker.user.generation;
}

static void fill_line(MaliCsfState *s, MaliCsfLine *line, hwaddr pa,
                      const void *host)
{
    line->number = pa / LINE_SIZE;
    line->generation = s->checker.user.generation;
    host = (const uint8_t *)host - pa % LINE_SIZE;
    for (unsigned i = 0; i < ARRAY_SIZE(line->words); i++) {
        line->words[i] = qatomic_read((const uint64_t *)host + i);
    }
}

/* What the GPU stores it has; the rest of the line is forgotten. */
void mali_csf_user_stored(MaliCsfState *s, hwaddr pa, uint64_t size)
{
    hwaddr end = ROUND_UP(pa + size, LINE_SIZE);

    if (!s->checker.user.lines) {
        return;
    }
    for (hwaddr at = ROUND_DOWN(pa, LINE_SIZE); at < end; at += LINE_SIZE) {
        MaliCsfLine *line = line_place(s, at);

        if (has_line(s, line, at)) {
            line->generation = 0;
        }
    }
}

void mali_csf_check_load(MaliCsfState *s, unsigned as, uint64_t va,
                         hwaddr pa, const void *host, unsigned size)
{
    MaliCsfUserCheck *user = &s->checker.user;
    const MaliCsfTlbEntry *entry;
    uint64_t before = 0, now = 0;
    MaliCsfLine *line;

    if (!user->notes) {
        return;
    }
    entry = mali_csf_tlb_lookup(&s->view.tlb, as, va);
    if (!entry || !mali_csf_held_in_cache(s, as, entry->leaf.descriptor)) {
        return;
    }
    if (!user->lines) {
        user->lines = g_new0(MaliCsfLine, MAX_LINES);
    }
    line = line_place(s, pa);
    if (!has_line(s, line, pa)) {
        fill_line(s, line, pa, host);
        return;
    }
    memcpy(&before, (const uint8_t *)line->words + pa % LINE_SIZE, size);
    memcpy(&now, host, size);
    if (before != now) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_NOTE_USER_STALE_LOAD,
            .as = as,
            .start = va,
            .last = va + size - 1,
            .expected = le64_to_cpu(before),
            .seen = le64_to_cpu(now),
        });
        fill_line(s, line, pa, host);
    }
}

void mali_csf_check_register(MaliCsfState *s, unsigned as, uint64_t va,
                             unsigned entry, unsigned reg)
{
    mali_csf_report(s, &(MaliCsfFinding) {
        .id = MALI_CSF_NOTE_REGISTER_BEFORE_WAIT,
        .as = as,
        .start = va,
        .last = va + sizeof(uint64_t) - 1,
        .expected = entry,
        .seen = reg,
    });
}

void mali_csf_check_flush_done(MaliCsfState *s, uint32_t modes)
{
    /* Of L2; what is only cleaned stays in it. */
    if (modes & GPU_CACHE_INVALIDATE) {
        mali_csf_user_drop_lines(s);
    }
}

void mali_csf_user_forget(MaliCsfState *s)
{
    g_clear_pointer(&s->checker.user.lines, g_free);
    /* Not that of a line of 0s */
    s->checker.user.generation = 1;
}
