/*
 * The fields of the Arm Mali CSF GPU in a saved state
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qlist.h"
#include "mali-csf-saved.h"

/* migration/savevm.h */
#define VM_SUBSECTION   0x05

typedef struct Walk {
    GPtrArray *fields;
    /* By path */
    GHashTable *found;
    const uint8_t *data;
} Walk;

static void field_free(void *opaque)
{
    QMaliCsfField *field = opaque;

    g_free(field->path);
    g_array_unref(field->offsets);
    g_free(field);
}

static void add_field(Walk *walk, const char *path, unsigned offset,
                      unsigned size)
{
    QMaliCsfField *field = g_hash_table_lookup(walk->found, path);

    if (!field) {
        field = g_new0(QMaliCsfField, 1);
        field->path = g_strdup(path);
        field->size = size;
        field->offsets = g_array_new(false, false, sizeof(unsigned));
        g_ptr_array_add(walk->fields, field);
        g_hash_table_insert(walk->found, field->path, field);
    }
    g_array_append_val(field->offsets, offset);
}

/* Returns the offset behind the structure */
static unsigned add_struct(Walk *walk, const char *path, unsigned offset,
                           QDict *description)
{
    const QListEntry *e;
    QList *subsections;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(description, "fields"), e) {
        QDict *row = qobject_to(QDict, qlist_entry_obj(e));
        int64_t count = qdict_get_try_int(row, "array_len", 1);
        unsigned size = qdict_get_int(row, "size");
        g_autofree char *name =
            g_strdup_printf("%s%s%s", path, *path ? "." : "",
                            qdict_get_str(row, "name"));

        for (int64_t i = 0; i < count; i++, offset += size) {
            if (qdict_haskey(row, "struct")) {
                g_assert_cmpuint(add_struct(walk, name, offset,
                                            qdict_get_qdict(row, "struct")),
                                 ==, offset + size);
            } else if (size) {
                add_field(walk, name, offset, size);
            }
        }
    }
    subsections = qobject_to(QList, qdict_get(description, "subsections"));
    if (subsections) {
        QLIST_FOREACH_ENTRY(subsections, e) {
            QDict *row = qobject_to(QDict, qlist_entry_obj(e));
            const char *name = qdict_get_str(row, "vmsd_name");

            g_assert_cmpuint(walk->data[offset], ==, VM_SUBSECTION);
            /* Type, length of the name, name, version */
            offset = add_struct(walk, name, offset + 2 + strlen(name) + 4,
                                row);
        }
    }
    return offset;
}

GPtrArray *mali_csf_saved_fields(QDict *description, const uint8_t *data,
                                 size_t start, size_t *end)
{
    Walk walk = {
        .fields = g_ptr_array_new_with_free_func(field_free),
        .found = g_hash_table_new(g_str_hash, g_str_equal),
        .data = data,
    };

    *end = add_struct(&walk, "", start, description);
    g_hash_table_unref(walk.found);
    return walk.fields;
}

void mali_csf_saved_store(uint8_t *p, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < MIN(size, 8); i++) {
        p[size - 1 - i] = value >> (i * 8);
    }
}
