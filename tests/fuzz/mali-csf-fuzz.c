/*
 * libFuzzer targets for the Arm Mali CSF GPU
 *
 * Those of libqos/mali-csf-fuzz.c, and one that the qtest protocol cannot
 * have: loading a saved state that was changed.  After each input of any of
 * them, what the device saves has to be what it loads.
 *
 * MALI_CSF_FUZZ_SEEDS names a folder: the inputs to start from are written
 * there.  The first byte of such a file is the first of the input.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/qdev-core.h"
#include "io/channel-buffer.h"
#include "migration/qemu-file.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-mali-csf.h"
#include "qobject/json-writer.h"
#include "qobject/qjson.h"
#include "qom/object.h"
#include "fuzz.h"
#include "tests/qtest/libqos/mali-csf-fuzz.h"
#include "tests/qtest/libqos/mali-csf-saved.h"

#define LOAD_NAME       "mali-csf-load"

static GString *command_line(FuzzTarget *t)
{
    g_autofree char *arguments = mali_csf_fuzz_arguments(t->opaque);
    GString *line = g_string_new("qemu-system-aarch64 -display none "
                                 "-accel qtest ");

    g_string_append(line, arguments);
    return line;
}

static void write_seeds(const QMaliCsfFuzzTarget *target)
{
    const char *folder = g_getenv("MALI_CSF_FUZZ_SEEDS");
    GByteArray *seed;

    for (unsigned n = 0; folder && (seed = target->seed(n)); n++) {
        g_autofree char *path = g_strdup_printf("%s/seed-%02u", folder, n);

        g_assert_true(g_file_set_contents(path, (char *)seed->data, seed->len,
                                          NULL));
        g_byte_array_unref(seed);
    }
}

static void check_saved(void);

static void fuzz(QTestState *s, const QMaliCsfFuzzTarget *target,
                 const unsigned char *data, size_t size)
{
    sigset_t alarm;

    /* QEMU's main loop blocks the signal that ends an input without end. */
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
    fuzz_reset(s);
    mali_csf_fuzz_run(target, s, data, size);
    check_saved();
}

#define TARGET(symbol, index) \
    static void symbol ## _seeds(void) \
    { \
        write_seeds(&mali_csf_fuzz_targets[index]); \
    } \
    static void symbol ## _fuzz(QTestState *s, const unsigned char *data, \
                                size_t size) \
    { \
        fuzz(s, &mali_csf_fuzz_targets[index], data, size); \
    }

TARGET(stream, 0)
TARGET(firmware, 1)
TARGET(registers, 2)
TARGET(resume, 3)

/* Load */

/* @description, if it is not NULL, receives QEMU's of the state. */
static GByteArray *save(DeviceState *dev, QDict **description)
{
    const VMStateDescription *vmsd = DEVICE_GET_CLASS(dev)->vmsd;
    QIOChannelBuffer *channel = qio_channel_buffer_new(64 * KiB);
    QEMUFile *file = qemu_file_new_output(QIO_CHANNEL(channel));
    g_autoptr(JSONWriter) json = json_writer_new(false);
    GByteArray *state = g_byte_array_new();

    json_writer_start_object(json, NULL);
    g_assert_cmpint(vmstate_save_state(file, vmsd, dev,
                                       description ? json : NULL), ==, 0);
    json_writer_end_object(json);
    /* Subsections are looked for behind the fields: never at the end. */
    qemu_put_be32(file, 0);
    qemu_fflush(file);
    g_byte_array_append(state, channel->data, channel->usage);
    qemu_fclose(file);
    object_unref(OBJECT(channel));
    if (description) {
        *description = qobject_to(QDict, qobject_from_json(
                                             json_writer_get(json), NULL));
    }
    return state;
}

static bool load(DeviceState *dev, const GByteArray *state)
{
    const VMStateDescription *vmsd = DEVICE_GET_CLASS(dev)->vmsd;
    QIOChannelBuffer *channel = qio_channel_buffer_new(state->len);
    QEMUFile *file;
    int result;

    memcpy(channel->data, state->data, state->len);
    channel->usage = state->len;
    file = qemu_file_new_input(QIO_CHANNEL(channel));
    result = vmstate_load_state(file, vmsd, dev, vmsd->version_id);
    qemu_fclose(file);
    object_unref(OBJECT(channel));
    return result == 0;
}

static DeviceState *device(void)
{
    return DEVICE(object_resolve_path(MALI_CSF_QOM_PATH, NULL));
}

/* What is saved of the device can be loaded, whatever the guest has done. */
static void check_saved(void)
{
    g_autoptr(GByteArray) state = save(device(), NULL);

    g_assert_true(load(device(), state));
}

/* Everything that a person may ask of the device */
static void ask(void)
{
    qapi_free_HumanReadableText(qmp_x_query_mali_csf(MALI_CSF_QOM_PATH,
                                                     &error_abort));
    qapi_free_MaliCsfInjectionInfoList(
        qmp_x_query_mali_csf_injections(MALI_CSF_QOM_PATH, &error_abort));
}

/* One that waits for its occasion, one that comes unasked, one that is late */
static void arm(QMaliCsf *gpu)
{
    MaliCsfInjectionRequest requests[] = {
        {
            .kind = MALI_CSF_INJECTION_KIND_ODD_FIELD,
            .has_field = true,
            .field = MALI_CSF_CONTROL_FIELD_STREAM_FEATURES,
            .has_slot = true,
            .slot = 1,
        }, {
            .kind = MALI_CSF_INJECTION_KIND_IRQ_SPURIOUS,
            .has_interrupt = true,
            .interrupt = MALI_CSF_INTERRUPT_MMU,
            .has_count = true,
            .count = 20,
        }, {
            .kind = MALI_CSF_INJECTION_KIND_PING_ACK,
            .has_delay_ns = true,
            .delay_ns = 50000,
        },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(requests); i++) {
        requests[i].path = (char *)MALI_CSF_QOM_PATH;
        qapi_free_MaliCsfInjectionInfo(qmp_mali_csf_inject(&requests[i],
                                                           &error_abort));
    }
    mali_csf_toggle(gpu, gpu->glb_in + GLB_REQ, gpu->glb_out + GLB_ACK,
                    GLB_PING);
    mali_csf_doorbell(gpu, 0);
    mali_csf_run(gpu, 5 * MALI_CSF_US);
}

static uint64_t take(const uint8_t **data, size_t *size, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && *size; i++) {
        value |= (uint64_t)*(*data)++ << (i * 8);
        (*size)--;
    }
    return value;
}

/* A number of no field: the state ends early */
#define CUT             0xffff
/* Seeds change each field in its turn: at least as many as there are */
#define LOAD_FIELDS     224

/* Edits: a field, which of its instances, and what its value is XORed with */
static void edit(GByteArray *state, GPtrArray *fields, const uint8_t *data,
                 size_t size)
{
    size_t length = state->len;

    while (size) {
        unsigned number = take(&data, &size, 2);
        unsigned instance = take(&data, &size, 2);
        const QMaliCsfField *field =
            g_ptr_array_index(fields, number % fields->len);
        uint8_t *p = state->data +
                     g_array_index(field->offsets, unsigned,
                                   instance % field->offsets->len);
        unsigned bytes = MIN(field->size, 8);

        if (number == CUT) {
            length = instance * 8 % state->len;
            continue;
        }
        p += field->size - bytes;
        mali_csf_saved_store(p, bytes, ldn_be_p(p, bytes) ^
                             take(&data, &size, bytes));
    }
    g_byte_array_set_size(state, length);
}

static void run_load(QMaliCsf *gpu, const uint8_t *data, size_t size)
{
    static GPtrArray *fields;
    static size_t fields_end;
    DeviceState *dev = device();
    g_autoptr(GByteArray) state = NULL;
    g_autoptr(QDict) description = NULL;

    qmp_mali_csf_inject_clear(MALI_CSF_QOM_PATH, false, 0, &error_abort);
    mali_csf_fuzz_busy(gpu);
    arm(gpu);
    state = save(dev, fields ? NULL : &description);
    if (!fields) {
        fields = mali_csf_saved_fields(description, state->data, 0,
                                       &fields_end);
    }
    g_assert_cmpuint(fields_end, ==, state->len - sizeof(uint32_t));
    g_assert_cmpuint(fields->len, <=, LOAD_FIELDS);
    /* As it is, it has to load, or no input would get any further. */
    g_assert_true(load(dev, state));
    edit(state, fields, data, size);
    load(dev, state);
    /* Whether it was loaded or not, the machine goes on. */
    ask();
    mali_csf_fuzz_go_on(gpu);
}

static GByteArray *seed_load(unsigned n)
{
    uint8_t bytes[12];

    if (n >= 2 * LOAD_FIELDS) {
        return NULL;
    }
    /* Of streams, one that runs and one that waits for memory of a heap */
    stw_le_p(bytes, n / 2);
    stw_le_p(bytes + 2, n & 1 ? 9 : 0);
    stq_le_p(bytes + 4, n & 1 ? UINT64_MAX : 0x80);
    return g_byte_array_append(g_byte_array_new(), bytes, sizeof(bytes));
}

static const QMaliCsfFuzzTarget load_target = {
    .name = LOAD_NAME,
    .description = "A saved state that was changed",
    .properties = "strict=report,x-endpoint-latency-ns=20000,"
                  "x-endpoint-heap-chunks=1",
    .max_size = 512,
    .run = run_load,
    .seed = seed_load,
};

static void load_seeds(void)
{
    write_seeds(&load_target);
}

static void load_fuzz(QTestState *s, const unsigned char *data, size_t size)
{
    fuzz(s, &load_target, data, size);
}

static void add_target(const QMaliCsfFuzzTarget *target,
                       void (*seeds)(void),
                       void (*run)(QTestState *, const unsigned char *,
                                   size_t))
{
    fuzz_add_target(&(FuzzTarget) {
        .name = target->name,
        .description = target->description,
        .get_init_cmdline = command_line,
        .pre_vm_init = seeds,
        .fuzz = run,
        .opaque = (void *)target,
    });
}

static void register_mali_csf_targets(void)
{
    add_target(&mali_csf_fuzz_targets[0], stream_seeds, stream_fuzz);
    add_target(&mali_csf_fuzz_targets[1], firmware_seeds, firmware_fuzz);
    add_target(&mali_csf_fuzz_targets[2], registers_seeds, registers_fuzz);
    add_target(&mali_csf_fuzz_targets[3], resume_seeds, resume_fuzz);
    add_target(&load_target, load_seeds, load_fuzz);
}

fuzz_target_init(register_mali_csf_targets);
