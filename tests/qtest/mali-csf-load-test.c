/*
 * QTest for the Arm Mali CSF GPU: saved states that were changed
 *
 * A device with two groups at work is saved to a file.  Fields of its state
 * in that file are changed, and the file is loaded in another QEMU, which has
 * to refuse it or to run on: it must not die.  Where the fields are is read
 * from the description at the end of the file, so a field that is new is
 * found without a change here.
 *
 * MALI_CSF_LOAD_CASES sets how many files are tried, MALI_CSF_LOAD_SEED the
 * random numbers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "libqos/mali-csf-fuzz.h"

#define DEFAULT_CASES       30
#define DEVICE              "mali-csf"
/* migration/savevm.h */
#define VM_SECTION_FULL     0x04
#define VM_SUBSECTION       0x05
#define VM_VMDESCRIPTION    0x06
#define VM_SECTION_FOOTER   0x7e

typedef struct Field {
    /* Names from the device to the field, with dots; no indices */
    char *path;
    unsigned size;
    /* Of every instance, from the start of the file (unsigned) */
    GArray *offsets;
} Field;

typedef struct Saved {
    uint8_t *data;
    size_t size;
    /* Of the device's fields */
    size_t start;
    size_t end;
    GPtrArray *fields;
} Saved;

/* Where the fields are */

static void field_free(void *opaque)
{
    Field *field = opaque;

    g_free(field->path);
    g_array_unref(field->offsets);
    g_free(field);
}

static void add_field(Saved *saved, const char *path, unsigned offset,
                      unsigned size)
{
    Field *field;

    for (unsigned i = 0; i < saved->fields->len; i++) {
        field = g_ptr_array_index(saved->fields, i);
        if (g_str_equal(field->path, path)) {
            g_array_append_val(field->offsets, offset);
            return;
        }
    }
    field = g_new0(Field, 1);
    field->path = g_strdup(path);
    field->size = size;
    field->offsets = g_array_new(false, false, sizeof(unsigned));
    g_array_append_val(field->offsets, offset);
    g_ptr_array_add(saved->fields, field);
}

/* Returns the offset behind the structure */
static unsigned add_struct(Saved *saved, const char *path, unsigned offset,
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
                g_assert_cmpuint(add_struct(saved, name, offset,
                                            qdict_get_qdict(row, "struct")),
                                 ==, offset + size);
            } else if (size) {
                add_field(saved, name, offset, size);
            }
        }
    }
    subsections = qobject_to(QList, qdict_get(description, "subsections"));
    if (subsections) {
        QLIST_FOREACH_ENTRY(subsections, e) {
            QDict *row = qobject_to(QDict, qlist_entry_obj(e));
            const char *name = qdict_get_str(row, "vmsd_name");

            g_assert_cmpuint(saved->data[offset], ==, VM_SUBSECTION);
            /* Type, length of the name, name, version */
            offset = add_struct(saved, name, offset + 2 + strlen(name) + 4,
                                row);
        }
    }
    return offset;
}

static QDict *description_of(const Saved *saved)
{
    for (size_t at = saved->size - 5; at; at--) {
        if (saved->data[at] == VM_VMDESCRIPTION &&
            ldl_be_p(saved->data + at + 1) == saved->size - at - 5) {
            g_autofree char *text = g_strndup((char *)saved->data + at + 5,
                                              saved->size - at - 5);

            return qobject_to(QDict, qobject_from_json(text, NULL));
        }
    }
    g_assert_not_reached();
}

static void find_fields(Saved *saved)
{
    g_autofree char *name = NULL;
    QDict *description = description_of(saved);
    QDict *device = NULL;
    const QListEntry *e;
    size_t length;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(description, "devices"), e) {
        QDict *row = qobject_to(QDict, qlist_entry_obj(e));

        if (g_str_equal(qdict_get_str(row, "vmsd_name"), DEVICE)) {
            device = row;
        }
    }
    g_assert_nonnull(device);
    name = g_strdup(qdict_get_str(device, "name"));
    length = strlen(name);
    for (size_t at = saved->size - length; at > 6 && !saved->start; at--) {
        if (!memcmp(saved->data + at, name, length) &&
            saved->data[at - 1] == length &&
            saved->data[at - 6] == VM_SECTION_FULL) {
            /* Instance and version follow the name. */
            saved->start = at + length + 8;
            saved->end = add_struct(saved, "", saved->start, device);
            g_assert_cmpuint(saved->data[saved->end], ==, VM_SECTION_FOOTER);
            g_assert_cmpuint(ldl_be_p(saved->data + saved->end + 1), ==,
                             ldl_be_p(saved->data + at - 5));
        }
    }
    g_assert_cmpuint(saved->start, !=, 0);
    qobject_unref(description);
}

static const Field *find_field(const Saved *saved, const char *path)
{
    for (unsigned i = 0; i < saved->fields->len; i++) {
        const Field *field = g_ptr_array_index(saved->fields, i);

        if (g_str_equal(field->path, path)) {
            return field;
        }
    }
    g_test_message("the saved state has no field %s", path);
    g_assert_not_reached();
}

/* Save and load */

/* True if it is complete, false if it has failed */
static bool wait_migration(QTestState *qts)
{
    for (int i = 0; i < 6000; i++) {
        QDict *rsp = qtest_qmp(qts, "{'execute': 'query-migrate'}");
        QDict *ret = qdict_get_qdict(rsp, "return");
        g_autofree char *status = g_strdup(qdict_get_try_str(ret, "status"));

        qobject_unref(rsp);
        if (g_strcmp0(status, "completed") == 0) {
            return true;
        }
        if (g_strcmp0(status, "failed") == 0) {
            return false;
        }
        g_usleep(10000);
    }
    g_assert_not_reached();
}

/* @inject: an injection that is armed, JSON without a path; or NULL */
static void save(Saved *saved, const char *inject)
{
    g_autofree char *path = NULL;
    g_autofree char *uri = NULL;
    int fd = g_file_open_tmp("mali-csf-XXXXXX", &path, NULL);
    QMaliCsf gpu;

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    uri = g_strdup_printf("file:%s", path);
    mali_csf_init(&gpu, NULL);
    mali_csf_fuzz_busy(&gpu);
    if (inject) {
        QDict *args = qobject_to(QDict, qobject_from_json(inject,
                                                          &error_abort));

        qdict_put_str(args, "path", MALI_CSF_QOM_PATH);
        qtest_qmp_assert_success(gpu.qts, "{'execute': 'mali-csf-inject',"
                                 " 'arguments': %p}", args);
    }
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'migrate',"
                             " 'arguments': {'uri': %s}}", uri);
    g_assert_true(wait_migration(gpu.qts));
    mali_csf_quit(&gpu);
    *saved = (Saved) {
        .fields = g_ptr_array_new_with_free_func(field_free),
    };
    g_assert_true(g_file_get_contents(path, (char **)&saved->data,
                                      &saved->size, NULL));
    unlink(path);
    find_fields(saved);
}

static void saved_free(Saved *saved)
{
    g_ptr_array_unref(saved->fields);
    g_free(saved->data);
}

/* Whether the state was accepted; if so, it has run on for a while */
static bool load(const uint8_t *data, size_t size)
{
    g_autofree char *path = NULL;
    g_autofree char *uri = NULL;
    int fd = g_file_open_tmp("mali-csf-XXXXXX", &path, NULL);
    QMaliCsf gpu;
    bool accepted;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(qemu_write_full(fd, data, size), ==, size);
    close(fd);
    uri = g_strdup_printf("file:%s", path);
    mali_csf_init(&gpu, "-incoming defer");
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'migrate-incoming',"
                             " 'arguments': {'uri': %s,"
                             " 'exit-on-error': false}}", uri);
    accepted = wait_migration(gpu.qts);
    if (accepted) {
        mali_csf_fuzz_go_on(&gpu);
    }
    mali_csf_quit(&gpu);
    unlink(path);
    return accepted;
}

static void store(uint8_t *p, unsigned size, uint64_t value)
{
    /* Of all that is wider than a word, the last one */
    for (unsigned i = 0; i < MIN(size, 8); i++) {
        p[size - 1 - i] = value >> (i * 8);
    }
}

static void test_unchanged(void)
{
    Saved saved;

    save(&saved, NULL);
    g_assert_true(load(saved.data, saved.size));
    saved_free(&saved);
}

/* The first stream runs; the last one of its group was never started. */
#define RUNS        0
#define STOPPED     7
/* Of MaliCsfStreamState */
#define STATE_SHARED_WAIT   7

typedef struct RefusedTest {
    const char *path;
    uint64_t value;
    unsigned instance;
    /* A second field, if it takes two to be wrong */
    const char *also_path;
    uint64_t also_value;
} RefusedTest;

static void change(const Saved *saved, uint8_t *data, const char *path,
                   unsigned instance, uint64_t value)
{
    const Field *field = find_field(saved, path);

    g_assert_cmpuint(instance, <, field->offsets->len);
    store(data + g_array_index(field->offsets, unsigned, instance),
          field->size, value);
}

/* What cannot be loaded is refused, and not made to fit. */
static void test_refused(void)
{
    static const RefusedTest rows[] = {
        { "saved.gpu_id", 0x12345678 },
        { "mcu.status", MCU_STATUS_FATAL + 1 },
        { "engine.next", 1000 },
        { "engine.groups.as", 16 },
        { "engine.groups.streams.state", 100 },
        { "engine.groups.streams.depth", CS_CALL_STACK_DEPTH },
        { "engine.groups.streams.ring_base", 4 },
        { "engine.groups.streams.ring_size", 24 },
        { "engine.groups.streams.ring_size", 0 },
        { "engine.groups.streams.sb_endpoint", 200 },
        { "engine.groups.streams.sb_other", 200 },
        { "engine.groups.streams.frames.ip", 1 },
        { "engine.groups.streams.frames.start", 1 },
        { "engine.groups.streams.frames.end", 0 },
        /* START goes on in a state of RESUME only, and from STOPPED only. */
        { "engine.groups.streams.resumable", true, RUNS,
          "engine.groups.streams.resume_state", 1 },
        { "engine.groups.streams.resumable", true, STOPPED },
        { "engine.groups.streams.resumable", true, STOPPED,
          "engine.groups.streams.resume_state", STATE_SHARED_WAIT },
        { "engine.groups.streams.resumable", true, STOPPED,
          "engine.groups.streams.resume_state", 100 },
    };
    Saved saved;

    save(&saved, NULL);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        const RefusedTest *t = &rows[i];
        g_autofree uint8_t *data = g_memdup2(saved.data, saved.size);

        g_test_message("row %d: %s = 0x%" PRIx64, i, t->path, t->value);
        change(&saved, data, t->path, t->instance, t->value);
        if (t->also_path) {
            change(&saved, data, t->also_path, t->instance, t->also_value);
        }
        g_assert_false(load(data, saved.size));
    }
    saved_free(&saved);
}

/* In the order of MALI_CSF_INJECT_MEMBERS() */
enum {
    MEMBER_AS = 2, MEMBER_SLOT, MEMBER_STREAM, MEMBER_OPCODE = 7,
    MEMBER_INTERRUPT = 10, MEMBER_FIELD = 14, MEMBER_DATA = 16,
    MEMBER_SOURCE_ID = 18,
};

/* Members of an injection, which the device goes by and a query tells */
static void test_refused_injection(void)
{
    static const RefusedTest rows[] = {
        { "mali-csf/inject.inject.list.kind", 200 },
        { "mali-csf/inject.inject.list.member", 16, MEMBER_AS },
        { "mali-csf/inject.inject.list.member", 8, MEMBER_SLOT },
        { "mali-csf/inject.inject.list.member", 8, MEMBER_STREAM },
        { "mali-csf/inject.inject.list.member", 0x100, MEMBER_OPCODE },
        { "mali-csf/inject.inject.list.member", 3, MEMBER_INTERRUPT },
        { "mali-csf/inject.inject.list.member", 10, MEMBER_FIELD },
        { "mali-csf/inject.inject.list.member", 1 << 24, MEMBER_DATA },
        { "mali-csf/inject.inject.list.member", 0x10000,
          MEMBER_SOURCE_ID },
    };
    Saved saved;

    save(&saved, "{'kind': 'cs-fatal', 'count': 2, 'opcode': 255}");
    g_assert_true(load(saved.data, saved.size));
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        const RefusedTest *t = &rows[i];
        g_autofree uint8_t *data = g_memdup2(saved.data, saved.size);

        g_test_message("%s, %u", t->path, t->instance);
        change(&saved, data, t->path, t->instance, t->value);
        g_assert_false(load(data, saved.size));
    }
    saved_free(&saved);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = g_getenv(name);

    return text ? g_ascii_strtoull(text, NULL, 0) : otherwise;
}

static void test_random(void)
{
    static const uint64_t extremes[] = {
        0, 1, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0x7fffffff, 0x80000000,
        0xffffffff, INT64_MAX, 1ull << 63, UINT64_MAX,
    };
    unsigned cases = env_number("MALI_CSF_LOAD_CASES", DEFAULT_CASES);
    uint32_t seed = env_number("MALI_CSF_LOAD_SEED", g_random_int());
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    unsigned accepted = 0;
    unsigned first;
    Saved saved;

    save(&saved, NULL);
    first = g_rand_int_range(rand, 0, saved.fields->len);
    g_test_message("MALI_CSF_LOAD_SEED=%u, %u fields of %zu bytes", seed,
                   saved.fields->len, saved.end - saved.start);
    for (unsigned n = 0; n < cases; n++) {
        g_autofree uint8_t *data = g_memdup2(saved.data, saved.size);
        g_autoptr(GString) what = g_string_new(NULL);

        /* Each field in its turn, one in four cases any bytes instead */
        for (int i = g_rand_int_range(rand, 1, 4); i && n % 4 == 3; i--) {
            size_t at = g_rand_int_range(rand, saved.start, saved.end);

            data[at] = g_rand_int(rand);
            g_string_append_printf(what, "byte %zu = 0x%x, ",
                                   at - saved.start, data[at]);
        }
        if (n % 4 != 3) {
            const Field *field =
                g_ptr_array_index(saved.fields,
                                  (first + n - n / 4) % saved.fields->len);
            unsigned i = g_rand_int_range(rand, 0, field->offsets->len);
            uint64_t value = extremes[g_rand_int_range(rand, 0,
                                                       ARRAY_SIZE(extremes))];

            if (g_rand_boolean(rand)) {
                i = MIN(i, 1);
            }
            store(data + g_array_index(field->offsets, unsigned, i),
                  field->size, value);
            g_string_append_printf(what, "%s[%u] = 0x%" PRIx64, field->path,
                                   i, value);
        }
        g_test_message("case %u: %s", n, what->str);
        accepted += load(data, saved.size);
    }
    g_test_message("%u cases, %u refused", cases, cases - accepted);
    saved_free(&saved);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/mali-csf/load/unchanged", test_unchanged);
    qtest_add_func("/mali-csf/load/refused", test_refused);
    qtest_add_func("/mali-csf/load/refused-injection",
                   test_refused_injection);
    qtest_add_func("/mali-csf/load/random", test_random);

    return g_test_run();
}
