/*
 * Mali CSF GPU: jobs of RUN_COMPUTE, written down to be dispatched again
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/lockable.h"
#include "capture.h"

#define PAGE        4096u
/* Bytes in a line of a page */
#define LINE        32u
#define REGS_LINE   8u

typedef struct Page {
    uint64_t va;
    bool read;
    bool written;
    bool executed;
    uint8_t before[PAGE];
} Page;

struct MaliShaderCapture {
    unsigned arch;
    unsigned as;
    uint64_t word;
    uint32_t regs[MALI_CSF_MAX_WORK_REGISTERS];
    /* Of what follows; pages by their address */
    QemuMutex lock;
    GTree *pages;
    bool cut_short;
};

static gint compare(gconstpointer a, gconstpointer b, gpointer opaque)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

MaliShaderCapture *mali_shader_capture_new(const MaliCsfWork *work,
                                           unsigned arch)
{
    MaliShaderCapture *capture = g_new0(MaliShaderCapture, 1);

    capture->arch = arch;
    capture->as = work->as;
    capture->word = work->word;
    memcpy(capture->regs, work->regs, sizeof(capture->regs));
    qemu_mutex_init(&capture->lock);
    /* A page begins with its address, the key. */
    capture->pages = g_tree_new_full(compare, NULL, NULL, g_free);
    return capture;
}

void mali_shader_capture_free(MaliShaderCapture *capture)
{
    if (capture) {
        g_tree_destroy(capture->pages);
        qemu_mutex_destroy(&capture->lock);
        g_free(capture);
    }
}

void mali_shader_capture_page(MaliShaderCapture *capture, uint64_t va,
                              MaliCsfMemAccess access, const void *host)
{
    Page *page;

    va &= -(uint64_t)PAGE;
    host = (const void *)((uintptr_t)host & -(uintptr_t)PAGE);
    QEMU_LOCK_GUARD(&capture->lock);
    page = g_tree_lookup(capture->pages, &va);
    if (!page) {
        if (g_tree_nnodes(capture->pages) >= MALI_SHADER_CAPTURE_MAX_PAGES) {
            capture->cut_short = true;
            return;
        }
        page = g_new0(Page, 1);
        page->va = va;
        memcpy(page->before, host, PAGE);
        g_tree_insert(capture->pages, &page->va, page);
    }
    page->executed |= access == MALI_CSF_MEM_EXECUTE;
    page->written |= access == MALI_CSF_MEM_WRITE ||
                     access == MALI_CSF_MEM_ATOMIC;
    page->read |= access == MALI_CSF_MEM_READ || access == MALI_CSF_MEM_ATOMIC;
}

/* The file */

typedef struct Writer {
    GString *text;
    const MaliCsfMemView *view;
    unsigned as;
} Writer;

static const uint8_t zeros[LINE];

/* Lines of @bytes that differ from @other, or, without one, are not zero */
static void write_lines(GString *text, const uint8_t *bytes,
                        const uint8_t *other)
{
    for (unsigned at = 0; at < PAGE; at += LINE) {
        if (!memcmp(bytes + at, other ? other + at : zeros, LINE)) {
            continue;
        }
        g_string_append_printf(text, " %03x ", at);
        for (unsigned i = 0; i < LINE; i++) {
            g_string_append_printf(text, "%02x", bytes[at + i]);
        }
        g_string_append_c(text, '\n');
    }
}

static gboolean write_page(gpointer key, gpointer value, gpointer opaque)
{
    const Page *page = value;
    Writer *w = opaque;

    g_string_append_printf(w->text, "page %" PRIx64 " %s%s%s\n", page->va,
                           page->read ? "r" : "", page->written ? "w" : "",
                           page->executed ? "x" : "");
    write_lines(w->text, page->before, NULL);
    return false;
}

/* As a walk finds it, whatever is locked; NULL: it is gone */
static const void *look(const MaliCsfMemView *view, unsigned as, uint64_t va)
{
    const MaliCsfTranslation *t = &view->spaces[as].translation;
    MaliCsfRamWindow *window;
    uint64_t descriptor;
    MaliCsfLeaf leaf;
    unsigned level;

    if (mali_csf_address_mode(t) != AS_ADRMODE_AARCH64_4K ||
        va >> mali_csf_va_bits(t) ||
        mali_csf_walk(view->ram, t, view->pa_bits, view->protected_mode, va,
                      &leaf, &level, &descriptor)) {
        return NULL;
    }
    return mali_csf_ram_map(view->ram, leaf.pa + (va - leaf.va), PAGE,
                            &window);
}

static gboolean write_after(gpointer key, gpointer value, gpointer opaque)
{
    const Page *page = value;
    Writer *w = opaque;
    const void *now = page->written ? look(w->view, w->as, page->va) : NULL;

    if (now) {
        g_string_append_printf(w->text, "after %" PRIx64 "\n", page->va);
        write_lines(w->text, now, page->before);
    }
    return false;
}

static void write_regs(GString *text, const uint32_t *regs)
{
    for (unsigned i = 0; i < MALI_CSF_MAX_WORK_REGISTERS; i += REGS_LINE) {
        g_string_append_printf(text, "r%u", i);
        for (unsigned j = 0; j < REGS_LINE; j++) {
            g_string_append_printf(text, " %08x", regs[i + j]);
        }
        g_string_append_c(text, '\n');
    }
}

static void write_end(GString *text, const MaliCsfWork *work)
{
    switch (work->end) {
    case MALI_CSF_WORK_DONE:
        g_string_append(text, "end done\n");
        break;
    case MALI_CSF_WORK_FAULTED:
        g_string_append_printf(text, "end fault %02x %x %" PRIx64 "\n",
                               work->fault.exception, work->fault.access,
                               work->fault.va);
        break;
    case MALI_CSF_WORK_EXCEPTION:
        g_string_append_printf(text, "end exception %02x %" PRIx64 "\n",
                               work->exception, work->info);
        break;
    default:
        g_string_append(text, "end unfinished\n");
        break;
    }
}

bool mali_shader_capture_write(MaliShaderCapture *capture, const char *folder,
                               unsigned number, const MaliCsfWork *work,
                               const MaliCsfMemView *view, Error **errp)
{
    g_autofree char *path = g_strdup_printf("%s/job-%04u.txt", folder, number);
    g_autoptr(GString) text = g_string_new("mali-csf-job 1\n");
    g_autoptr(GError) error = NULL;
    Writer w = { text, view, capture->as };

    g_string_append_printf(text, "arch %u\nword %016" PRIx64 "\n",
                           capture->arch, capture->word);
    write_regs(text, capture->regs);
    if (capture->cut_short) {
        g_string_append_printf(text, "cut-short\n");
    }
    g_tree_foreach(capture->pages, write_page, &w);
    write_end(text, work);
    g_tree_foreach(capture->pages, write_after, &w);
    mali_shader_capture_free(capture);
    if (!g_file_set_contents(path, text->str, text->len, &error)) {
        error_setg(errp, "%s", error->message);
        return false;
    }
    return true;
}
