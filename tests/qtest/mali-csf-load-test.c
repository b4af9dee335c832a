/*
 * QTest for the Arm Mali CSF GPU: saved states that were changed
 *
 * A device with two groups at work and injections armed is saved.  Fields of
 * its state are changed, or it ends in front of one, and it is loaded, which
 * is refused or not.  The machine goes on in any case: with the state, or with
 * a device as after reset.  It is asked for what it has, runs, is reset, saved,
 * and loads the state as it was.  Where the fields are is read from QEMU's
 * description of a migration file, so a field that is new is found without a
 * change here.
 *
 * MALI_CSF_LOAD_CASES sets how many states are tried, MALI_CSF_LOAD_SEED the
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
#include "libqos/mali-csf-saved.h"

#define DEFAULT_CASES       30
#define DEVICE              "mali-csf"
/* migration/savevm.h */
#define VM_SECTION_FULL     0x04
#define VM_VMDESCRIPTION    0x06
#define VM_SECTION_FOOTER   0x7e

typedef struct Saved {
    uint8_t *data;
    size_t size;
    /* Of the section, and where the device's fields are in it */
    char *name;
    size_t start;
    size_t end;
    GPtrArray *fields;
} Saved;

/* Where the fields are */

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

/* Where the fields of the device @name begin in its section, or 0 */
static size_t find_section(const uint8_t *data, size_t size, const char *name)
{
    size_t length = strlen(name);

    for (size_t at = size - length; at > 6; at--) {
        if (!memcmp(data + at, name, length) && data[at - 1] == length &&
            data[at - 6] == VM_SECTION_FULL) {
            /* Instance and version follow the name. */
            return at + length + 8;
        }
    }
    return 0;
}

static void find_fields(Saved *saved)
{
    QDict *description = description_of(saved);
    QDict *device = NULL;
    const QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(description, "devices"), e) {
        QDict *row = qobject_to(QDict, qlist_entry_obj(e));

        if (g_str_equal(qdict_get_str(row, "vmsd_name"), DEVICE)) {
            device = row;
        }
    }
    g_assert_nonnull(device);
    saved->name = g_strdup(qdict_get_str(device, "name"));
    saved->start = find_section(saved->data, saved->size, saved->name);
    g_assert_cmpuint(saved->start, !=, 0);
    saved->fields = mali_csf_saved_fields(device, saved->data, saved->start,
                                          &saved->end);
    g_assert_cmpuint(saved->data[saved->end], ==, VM_SECTION_FOOTER);
    qobject_unref(description);
}

static const QMaliCsfField *find_field(const Saved *saved, const char *path)
{
    for (unsigned i = 0; i < saved->fields->len; i++) {
        const QMaliCsfField *field = g_ptr_array_index(saved->fields, i);

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

/* One that waits for its occasion, one that completes late */
static void arm(QMaliCsf *gpu)
{
    qtest_qmp_assert_success(gpu->qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'kind': 'odd-field',"
                             " 'field': 'stream-features'}}",
                             MALI_CSF_QOM_PATH);
    qtest_qmp_assert_success(gpu->qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'kind': 'ping-ack',"
                             " 'delay-ns': 5000000}}", MALI_CSF_QOM_PATH);
    mali_csf_toggle(gpu, gpu->glb_in + GLB_REQ,
                    gpu->glb_out + GLB_ACK, GLB_PING);
    mali_csf_doorbell(gpu, 0);
    mali_csf_run(gpu, 5 * MALI_CSF_US);
}

/*
 * @inject: an injection that is armed, JSON without a path; or NULL, which
 * arms some
 */
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
    } else {
        arm(&gpu);
    }
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'migrate',"
                             " 'arguments': {'uri': %s}}", uri);
    g_assert_true(wait_migration(gpu.qts));
    mali_csf_quit(&gpu);
    *saved = (Saved) { };
    g_assert_true(g_file_get_contents(path, (char **)&saved->data,
                                      &saved->size, NULL));
    unlink(path);
    find_fields(saved);
}

static void saved_free(Saved *saved)
{
    g_ptr_array_unref(saved->fields);
    g_free(saved->name);
    g_free(saved->data);
}

/* What "info mali-csf" prints; the caller frees it */
static char *ask(QMaliCsf *gpu)
{
    QDict *response;
    char *text;

    response = qtest_qmp(gpu->qts, "{'execute': 'x-query-mali-csf',"
                         " 'arguments': {'path': %s}}", MALI_CSF_QOM_PATH);
    text = g_strdup(qdict_get_str(qdict_get_qdict(response, "return"),
                                  "human-readable-text"));
    qobject_unref(response);
    qtest_qmp_assert_success(gpu->qts,
                             "{'execute': 'x-query-mali-csf-injections',"
                             " 'arguments': {'path': %s}}",
                             MALI_CSF_QOM_PATH);
    return text;
}

/* The device is as after reset: no firmware, no group, no space, lines low */
static void assert_reset(QMaliCsf *gpu)
{
    g_autofree char *text = ask(gpu);

    g_assert_nonnull(strstr(text, "microcontroller: disabled"));
    g_assert_nonnull(strstr(text, "power: L2 0x0"));
    g_assert_null(strstr(text, "stream 0"));
    g_assert_null(strstr(text, "granule"));
    g_assert_null(strstr(text, "line high"));
    g_assert_cmphex(mali_csf_readl(gpu, A_MCU_STATUS), ==,
                    MCU_STATUS_DISABLED);
    g_assert_cmphex(mali_csf_readl(gpu, MALI_CSF_JOB_CONTROL_BASE +
                                   MALI_CSF_INT_MASK), ==, 0);
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
    } else {
        assert_reset(&gpu);
        qtest_system_reset(gpu.qts);
        assert_reset(&gpu);
    }
    mali_csf_quit(&gpu);
    unlink(path);
    return accepted;
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
    const QMaliCsfField *field = find_field(saved, path);

    g_assert_cmpuint(instance, <, field->offsets->len);
    mali_csf_saved_store(data + g_array_index(field->offsets, unsigned,
                                              instance),
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
        { "engine.groups.streams.config.ring_base", 4 },
        { "engine.groups.streams.config.ring_size", 24 },
        { "engine.groups.streams.config.ring_size", 0 },
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
        /* Protected mode: on the way to it, in it, kept in it */
        { "mcu.fw.protm_leave", 3 },
        { "mcu.fw.protm_enter_at", 0 },
        { "mcu.fw.protm_entering", true, 0, "mcu.fw.protm_leave", 1 },
        { "mcu.fw.protm_entering", true, 0, "engine.protected_mode", true },
        { "mcu.fw.protm_leave", 1 },
        { "mcu.fw.protm_forced", true },
        { "engine.protm_quiet", true },
        { "mcu.fw.protected_va", FW_SHARED_START },
        { "mcu.fw.protected_size", FW_PROTECTED_MAX + 1 },
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
        { "mali-csf/inject.inject.list.member", 200, MEMBER_INTERRUPT },
        { "mali-csf/inject.inject.list.member", 200, MEMBER_FIELD },
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

/*
 * Loads in a machine that goes on, whatever came of them
 */

typedef struct Machine {
    QMaliCsf gpu;
    /* An image with a snapshot of groups at work, and where our fields are */
    char *path;
    int fd;
    size_t start;
    uint8_t *good;
    size_t size;
} Machine;

static void wait_job(QTestState *qts, const char *id)
{
    for (int i = 0; i < 6000; i++) {
        QDict *response = qtest_qmp(qts, "{'execute': 'query-jobs'}");
        QDict *job = qobject_to(QDict, qlist_peek(qdict_get_qlist(response,
                                                                  "return")));
        bool done = g_str_equal(qdict_get_str(job, "status"), "concluded");

        g_assert_null(qdict_get(job, "error"));
        qobject_unref(response);
        if (done) {
            qtest_qmp_assert_success(qts, "{'execute': 'job-dismiss',"
                                     " 'arguments': {'id': %s}}", id);
            return;
        }
        g_usleep(10000);
    }
    g_assert_not_reached();
}

/* An empty image, for snapshots; its clusters are larger than our section */
static void add_image(Machine *m)
{
    QTestState *qts = m->gpu.qts;

    m->fd = g_file_open_tmp("mali-csf-XXXXXX", &m->path, NULL);
    g_assert_cmpint(m->fd, >=, 0);
    qtest_qmp_assert_success(qts, "{'execute': 'blockdev-add', 'arguments':"
                             " {'driver': 'file', 'node-name': 'file',"
                             " 'filename': %s}}", m->path);
    qtest_qmp_assert_success(qts, "{'execute': 'blockdev-create', 'arguments':"
                             " {'job-id': 'create', 'options':"
                             " {'driver': 'qcow2', 'file': 'file',"
                             " 'size': 1048576, 'cluster-size': 2097152}}}");
    wait_job(qts, "create");
    qtest_qmp_assert_success(qts, "{'execute': 'blockdev-add', 'arguments':"
                             " {'driver': 'qcow2', 'node-name': 'image',"
                             " 'file': 'file'}}");
}

/* Load the snapshot with @data for our fields; whether it was accepted */
static bool load_snapshot(Machine *m, const uint8_t *data)
{
    g_autofree char *said = NULL;

    g_assert_cmpint(pwrite(m->fd, data, m->size, m->start), ==, m->size);
    said = qtest_hmp(m->gpu.qts, "loadvm good");
    return !*said;
}

static void stop(Machine *m)
{
    qtest_qmp_assert_success(m->gpu.qts, "{'execute': 'stop'}");
}

static void cont(Machine *m)
{
    qtest_qmp_assert_success(m->gpu.qts, "{'execute': 'cont'}");
}

static void machine_init(Machine *m, const Saved *saved)
{
    g_autofree char *said = NULL;
    g_autofree char *image = NULL;
    size_t size;

    mali_csf_init(&m->gpu, NULL);
    add_image(m);
    mali_csf_fuzz_busy(&m->gpu);
    arm(&m->gpu);
    said = qtest_hmp(m->gpu.qts, "savevm good");
    g_assert_cmpstr(said, ==, "");
    stop(m);
    g_assert_true(g_file_get_contents(m->path, &image, &size, NULL));
    m->start = find_section((uint8_t *)image, size, saved->name);
    g_assert_cmpuint(m->start, !=, 0);
    m->size = saved->end - saved->start;
    g_assert_cmphex((uint8_t)image[m->start + m->size], ==,
                    VM_SECTION_FOOTER);
    m->good = g_memdup2(image + m->start, m->size);
}

static void machine_quit(Machine *m)
{
    mali_csf_quit(&m->gpu);
    close(m->fd);
    unlink(m->path);
    g_free(m->path);
    g_free(m->good);
}

static uint64_t executed(Machine *m)
{
    return mali_csf_number(&m->gpu, "instruction-count");
}

/*
 * Go on after a load, then load the good state, which has to work.  Between two
 * loads a machine has to run: the flash memory of "virt" frees what the first
 * one has registered when it runs, and would free it twice.
 */
static void go_on(Machine *m, bool accepted, bool reset)
{
    g_autofree char *text = NULL;
    g_autofree char *said = NULL;
    uint64_t before;

    if (!accepted) {
        assert_reset(&m->gpu);
    }
    if (reset) {
        qtest_system_reset(m->gpu.qts);
        assert_reset(&m->gpu);
    }
    g_free(ask(&m->gpu));
    cont(m);
    mali_csf_fuzz_go_on(&m->gpu);
    said = qtest_hmp(m->gpu.qts, "savevm other");
    g_assert_cmpstr(said, ==, "");
    stop(m);

    g_assert_true(load_snapshot(m, m->good));
    text = ask(&m->gpu);
    g_assert_nonnull(strstr(text, "microcontroller: enabled"));
    g_assert_nonnull(strstr(text, "slot 1: address space 1"));
    g_assert_nonnull(strstr(text, "ping-ack will complete late"));
    before = executed(m);
    cont(m);
    mali_csf_run(&m->gpu, 200 * MALI_CSF_US);
    stop(m);
    g_assert_cmpuint(executed(m), >, before);
}

static bool refused(Machine *m, const uint8_t *data, bool reset)
{
    bool accepted = load_snapshot(m, data);

    go_on(m, accepted, reset);
    return !accepted;
}

/* What made trouble once, in a machine that goes on */
static void test_reported(void)
{
    static const RefusedTest rows[] = {
        { "engine.groups.streams.depth", 200 },
        { "mali-csf/inject.inject.count", 256 },
        { "mali-csf/inject.inject.list.member", 200, MEMBER_FIELD },
        { "mali-csf/inject.inject.list.kind", 200 },
        { "mali-csf/inject.inject.late.kind", 200 },
        { "engine.groups.streams.config.user_input", 4 },
        { "engine.groups.streams.config.user_output", 4 },
        { "engine.groups.streams.wait.sync.va", 4 },
        { "engine.groups.streams.wait.sync.condition", 7 },
        { "engine.groups.streams.wait.progress.cs", 200 },
        { "engine.groups.streams.wait.shared_entry", 200 },
        { "engine.groups.streams.wait.resource.kinds", 8 },
        { "engine.groups.streams.wait.sync.va", 8, RUNS,
          "engine.groups.streams.wait.sync.is_64bit", 1 },
        { "engine.groups.streams.work_end", INT64_MAX },
        { "engine.groups.streams.tiler.context_va", 8, 9 },
        { "engine.slice_due", INT64_MAX },
        { "engine.not_before", INT64_MAX },
        { "clock.cycle_count_origin", 1ull << 63 },
    };
    Saved saved;
    Machine m;

    save(&saved, NULL);
    machine_init(&m, &saved);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree uint8_t *data = g_memdup2(m.good, m.size);

        g_test_message("%s", rows[i].path);
        change(&saved, data - saved.start, rows[i].path, rows[i].instance,
               rows[i].value);
        if (rows[i].also_path) {
            change(&saved, data - saved.start, rows[i].also_path,
                   rows[i].instance, rows[i].also_value);
        }
        g_assert_true(refused(&m, data, i & 1));
    }
    machine_quit(&m);
    saved_free(&saved);
}

/* What a guest can bring about: it is not refused, and harms nobody. */
static void test_accepted(void)
{
    static const RefusedTest rows[] = {
        /* Of a trace buffer that is none */
        { "engine.groups.streams.config.trace.event_size", 14 },
        { "engine.groups.streams.config.trace.offset_va", 4 },
        /* It has just left the frame of its protected region. */
        { "engine.groups.streams.protm_depth", 5 },
        { "engine.groups.streams.extract", 4 },
        { "engine.groups.as", 15 },
        { "mmu.as.command_end", INT64_MAX },
        { "mcu.pass_due", 0 },
    };
    Saved saved;
    Machine m;

    save(&saved, NULL);
    machine_init(&m, &saved);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree uint8_t *data = g_memdup2(m.good, m.size);

        g_test_message("%s", rows[i].path);
        change(&saved, data - saved.start, rows[i].path, rows[i].instance,
               rows[i].value);
        g_assert_false(refused(&m, data, i & 1));
    }
    machine_quit(&m);
    saved_free(&saved);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = g_getenv(name);

    return text ? g_ascii_strtoull(text, NULL, 0) : otherwise;
}

/* A state that ends in front of a field, one for each of so many cases */
static void test_cut(void)
{
    unsigned cases = env_number("MALI_CSF_LOAD_CASES", DEFAULT_CASES) / 5;
    uint32_t seed = env_number("MALI_CSF_LOAD_SEED", g_random_int());
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    unsigned first;
    Saved saved;

    save(&saved, NULL);
    first = g_rand_int_range(rand, 0, saved.fields->len);
    g_test_message("MALI_CSF_LOAD_SEED=%u", seed);
    for (unsigned n = 0; n < cases; n++) {
        /* Apart as far as so many can be */
        unsigned i = first + n * MAX(saved.fields->len / MAX(cases, 1), 1);
        const QMaliCsfField *field =
            g_ptr_array_index(saved.fields, i % saved.fields->len);

        g_test_message("%s", field->path);
        g_assert_false(load(saved.data, g_array_index(field->offsets, unsigned,
                                                      0)));
    }
    saved_free(&saved);
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
    Machine m;

    save(&saved, NULL);
    machine_init(&m, &saved);
    first = g_rand_int_range(rand, 0, saved.fields->len);
    g_test_message("MALI_CSF_LOAD_SEED=%u, %u fields of %zu bytes", seed,
                   saved.fields->len, saved.end - saved.start);
    for (unsigned n = 0; n < cases; n++) {
        g_autofree uint8_t *data = g_memdup2(m.good, m.size);
        g_autoptr(GString) what = g_string_new(NULL);

        /* Each field in its turn, one in four cases any bytes instead */
        for (int i = g_rand_int_range(rand, 1, 4); i && n % 4 == 3; i--) {
            size_t at = g_rand_int_range(rand, 0, m.size);

            data[at] = g_rand_int(rand);
            g_string_append_printf(what, "byte %zu = 0x%x, ", at, data[at]);
        }
        if (n % 4 != 3) {
            const QMaliCsfField *field =
                g_ptr_array_index(saved.fields,
                                  (first + n - n / 4) % saved.fields->len);
            unsigned i = g_rand_int_range(rand, 0, field->offsets->len);
            uint64_t value = extremes[g_rand_int_range(rand, 0,
                                                       ARRAY_SIZE(extremes))];

            if (g_rand_boolean(rand)) {
                i = MIN(i, 1);
            }
            mali_csf_saved_store(data - saved.start +
                                 g_array_index(field->offsets, unsigned, i),
                                 field->size, value);
            g_string_append_printf(what, "%s[%u] = 0x%" PRIx64, field->path,
                                   i, value);
        }
        g_test_message("case %u: %s", n, what->str);
        accepted += !refused(&m, data, g_rand_boolean(rand));
    }
    g_test_message("%u cases, %u refused", cases, cases - accepted);
    machine_quit(&m);
    saved_free(&saved);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/mali-csf/load/unchanged", test_unchanged);
    qtest_add_func("/mali-csf/load/refused", test_refused);
    qtest_add_func("/mali-csf/load/refused-injection",
                   test_refused_injection);
    qtest_add_func("/mali-csf/load/reported", test_reported);
    qtest_add_func("/mali-csf/load/accepted", test_accepted);
    qtest_add_func("/mali-csf/load/cut", test_cut);
    qtest_add_func("/mali-csf/load/random", test_random);

    return g_test_run();
}
