/*
 * libFuzzer targets for the Arm Mali CSF GPU
 *
 * Those of libqos/mali-csf-fuzz.c, and one that the qtest protocol cannot
 * have: loading a saved state that was changed.
 *
 * MALI_CSF_FUZZ_SEEDS names a folder: the inputs to start from are written
 * there.  The first byte of such a file is the first of the input.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/qdev-core.h"
#include "io/channel-buffer.h"
#include "migration/qemu-file.h"
#include "migration/vmstate.h"
#include "qom/object.h"
#include "fuzz.h"
#include "tests/qtest/libqos/mali-csf-fuzz.h"

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

static GByteArray *save(DeviceState *dev)
{
    const VMStateDescription *vmsd = DEVICE_GET_CLASS(dev)->vmsd;
    QIOChannelBuffer *channel = qio_channel_buffer_new(64 * KiB);
    QEMUFile *file = qemu_file_new_output(QIO_CHANNEL(channel));
    GByteArray *state = g_byte_array_new();

    g_assert_cmpint(vmstate_save_state(file, vmsd, dev, NULL), ==, 0);
    /* Subsections are looked for behind the fields: never at the end. */
    qemu_put_be32(file, 0);
    qemu_fflush(file);
    g_byte_array_append(state, channel->data, channel->usage);
    qemu_fclose(file);
    object_unref(OBJECT(channel));
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

static uint8_t take(const uint8_t **data, size_t *size)
{
    if (!*size) {
        return 0;
    }
    (*size)--;
    return *(*data)++;
}

/* Timers; and what has to be as it is in the device that loads it */
static bool is_fixed(const VMStateField *field)
{
    return field->flags & VMS_POINTER ||
           field->info == &vmstate_info_uint32_equal ||
           field->info == &vmstate_info_uint64_equal;
}

/* Fields that hold a number, those of structures within included */
static unsigned count_fields(const VMStateDescription *vmsd)
{
    unsigned count = 0;

    for (const VMStateField *field = vmsd->fields; field->name; field++) {
        if (field->flags & VMS_STRUCT && !is_fixed(field)) {
            count += count_fields(field->vmsd);
        } else if (!is_fixed(field)) {
            count++;
        }
    }
    return count;
}

/* Change field @index; a byte chooses the element of each array around it */
static void edit(const VMStateDescription *vmsd, uint8_t *base,
                 unsigned index, const uint8_t **data, size_t *size)
{
    for (const VMStateField *field = vmsd->fields; field->name; field++) {
        unsigned count = field->flags & VMS_STRUCT ? count_fields(field->vmsd)
                                                   : 1;

        if (is_fixed(field)) {
            continue;
        }
        if (index >= count) {
            index -= count;
            continue;
        }
        base += field->offset;
        if (field->flags & VMS_ARRAY) {
            base += take(data, size) % field->num * field->size;
        }
        if (field->flags & VMS_STRUCT) {
            edit(field->vmsd, base, index, data, size);
        } else if (field->info == &vmstate_info_bool) {
            *base = take(data, size) & 1;
        } else {
            for (size_t i = 0; i < field->size; i++) {
                base[i] ^= take(data, size);
            }
        }
        return;
    }
}

static void run_load(QMaliCsf *gpu, const uint8_t *data, size_t size)
{
    DeviceState *dev = DEVICE(object_resolve_path(MALI_CSF_QOM_PATH, NULL));
    g_autoptr(GByteArray) state = NULL;

    mali_csf_fuzz_busy(gpu);
    /* As it is, it has to load, or no input would get any further. */
    state = save(dev);
    g_assert_true(load(dev, state));
    g_byte_array_unref(g_steal_pointer(&state));
    while (size) {
        const VMStateDescription *vmsd = DEVICE_GET_CLASS(dev)->vmsd;
        unsigned index = take(&data, &size);

        index |= take(&data, &size) << 8;
        edit(vmsd, (uint8_t *)dev, index % count_fields(vmsd), &data, &size);
    }
    state = save(dev);
    if (load(dev, state)) {
        mali_csf_fuzz_go_on(gpu);
    }
}

static GByteArray *seed_load(unsigned n)
{
    /* A field each, of the first group and its first stream if it has some */
    const uint8_t bytes[] = { n, 0, 0, 0, 0x80, 1, 0, 0 };

    return n <= UINT8_MAX ? g_byte_array_append(g_byte_array_new(), bytes,
                                                sizeof(bytes)) : NULL;
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
