/*
 * QTest for the Arm Mali CSF GPU: random inputs of the fuzz targets
 *
 * What libFuzzer does with coverage and sanitizers ("make fuzz"), this does
 * by plain mutation of the same inputs, with the ordinary build, for a few
 * seconds.  MALI_CSF_FUZZ_SECONDS sets the time for each target,
 * MALI_CSF_FUZZ_SEED the random numbers.  The input at hand is kept in the
 * file that is named at the start, so an input that ends QEMU is there; with
 * MALI_CSF_FUZZ_INPUT=file that input is all that runs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-fuzz.h"

#define DEFAULT_SECONDS     15
/* Wall-clock time after which an input counts as a loop without end */
#define INPUT_SECONDS       60
#define MAX_MUTATIONS       8
/* fw/suspend.c, of a buffer with which RESUME does not go on */
#define REFUSED             "not a suspend buffer of ours"

static int64_t env_number(const char *name, int64_t otherwise)
{
    const char *text = g_getenv(name);

    return text && *text ? g_ascii_strtoll(text, NULL, 0) : otherwise;
}

static uint8_t random_byte(GRand *rand)
{
    static const uint8_t favourites[] = { 0, 1, 0x7f, 0x80, 0xff };

    return g_rand_boolean(rand) ? g_rand_int(rand) :
           favourites[g_rand_int_range(rand, 0, ARRAY_SIZE(favourites))];
}

/* A range of whole units that lies in @array; its length may be 0 */
static void random_range(GRand *rand, const GByteArray *array, unsigned unit,
                         unsigned *start, unsigned *length)
{
    unsigned units = array->len / unit;

    *start = units ? g_rand_int_range(rand, 0, units) : 0;
    *length = MIN(units - *start, (unsigned)g_rand_int_range(rand, 0, 9));
    *start *= unit;
    *length *= unit;
}

static void insert(GByteArray *array, unsigned at, const uint8_t *bytes,
                   unsigned count)
{
    g_autofree uint8_t *tail = g_memdup2(array->data + at, array->len - at);
    unsigned left = array->len - at;

    g_byte_array_set_size(array, at);
    g_byte_array_append(array, bytes, count);
    g_byte_array_append(array, tail, left);
}

static void mutate(GRand *rand, const QMaliCsfFuzzTarget *target,
                   GByteArray *array, const GByteArray *other)
{
    unsigned start, length, at;
    g_autofree uint8_t *copy = NULL;

    if (!array->len) {
        g_byte_array_set_size(array, 1);
        array->data[0] = random_byte(rand);
    }
    at = g_rand_int_range(rand, 0, array->len);
    random_range(rand, array, target->unit, &start, &length);
    switch (g_rand_int_range(rand, 0, 7)) {
    case 0:
        array->data[at] ^= 1u << g_rand_int_range(rand, 0, 8);
        break;
    case 1:
        array->data[at] = random_byte(rand);
        break;
    case 2:
        /* Another instruction, with the same operands */
        at = MIN(array->len - 1, start + target->selector);
        array->data[at] = g_rand_int_range(rand, 0, 64);
        break;
    case 3:
        g_byte_array_remove_range(array, start, length);
        break;
    case 4:
        copy = g_memdup2(array->data + start, length);
        insert(array, start, copy, length);
        break;
    case 5:
        random_range(rand, other, target->unit, &start, &length);
        at -= at % target->unit;
        insert(array, at, other->data + start, length);
        break;
    case 6:
        for (unsigned i = 0; i < length; i++) {
            array->data[start + i] = random_byte(rand);
        }
        break;
    }
    if (array->len > target->max_size) {
        g_byte_array_set_size(array, target->max_size);
    }
}

static void run_input(const QMaliCsfFuzzTarget *target, QTestState *qts,
                      const uint8_t *data, size_t size)
{
    alarm(INPUT_SECONDS);
    qtest_system_reset(qts);
    mali_csf_fuzz_run(target, qts, data, size);
    alarm(0);
}

static void test_target(const void *opaque)
{
    const QMaliCsfFuzzTarget *target = opaque;
    g_autofree char *arguments = mali_csf_fuzz_arguments(target);
    g_autofree char *path = NULL;
    g_autoptr(GPtrArray) corpus =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    g_autoptr(GRand) rand = NULL;
    uint32_t seed = env_number("MALI_CSF_FUZZ_SEED", g_random_int());
    int64_t end = g_get_monotonic_time() + G_USEC_PER_SEC *
                  env_number("MALI_CSF_FUZZ_SECONDS", DEFAULT_SECONDS);
    QTestState *qts = qtest_init(arguments);
    GByteArray *input;
    unsigned runs = 0;
    int fd = g_file_open_tmp("mali-csf-fuzz-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_test_message("MALI_CSF_FUZZ_SEED=%u; if QEMU dies, its last input is "
                   "MALI_CSF_FUZZ_INPUT=%s", seed, path);
    rand = g_rand_new_with_seed(seed);
    while ((input = target->seed(corpus->len))) {
        g_ptr_array_add(corpus, input);
    }
    while (runs < corpus->len || g_get_monotonic_time() < end) {
        g_autoptr(GByteArray) mutant = g_byte_array_new();
        bool whole = runs < corpus->len;

        /* First the seeds as they are */
        input = g_ptr_array_index(corpus, whole ? runs : (unsigned)
                                  g_rand_int_range(rand, 0, corpus->len));
        g_byte_array_append(mutant, input->data, input->len);
        for (int i = g_rand_int_range(rand, 1, MAX_MUTATIONS + 1);
             i && !whole; i--) {
            mutate(rand, target, mutant, g_ptr_array_index(corpus,
                   g_rand_int_range(rand, 0, corpus->len)));
        }
        g_assert_cmpint(ftruncate(fd, 0), ==, 0);
        g_assert_cmpint(pwrite(fd, mutant->data, mutant->len, 0), ==,
                        mutant->len);
        run_input(target, qts, mutant->data, mutant->len);
        runs++;
    }
    g_test_message("%u inputs", runs);
    qtest_quit(qts);
    close(fd);
    unlink(path);
}

/* The one input of MALI_CSF_FUZZ_INPUT */
static void test_input(const void *opaque)
{
    const QMaliCsfFuzzTarget *target = opaque;
    g_autofree char *arguments = mali_csf_fuzz_arguments(target);
    g_autofree char *data = NULL;
    QTestState *qts = qtest_init(arguments);
    size_t size;

    g_assert_true(g_file_get_contents(g_getenv("MALI_CSF_FUZZ_INPUT"), &data,
                                      &size, NULL));
    run_input(target, qts, (uint8_t *)data, size);
    qtest_quit(qts);
}

/* What QEMU logs of the guest's errors meanwhile; the caller frees it */
static char *run_logged(const QMaliCsfFuzzTarget *target,
                        const GByteArray *input)
{
    g_autofree char *arguments = mali_csf_fuzz_arguments(target);
    g_autofree char *path = NULL;
    char *said;
    int fd = g_file_open_tmp("mali-csf-fuzz-XXXXXX", &path, NULL);
    QTestState *qts;

    g_assert_cmpint(fd, >=, 0);
    qts = qtest_initf("%s -d guest_errors -D %s", arguments, path);
    run_input(target, qts, input->data, input->len);
    qtest_quit(qts);
    g_assert_true(g_file_get_contents(path, &said, NULL, NULL));
    close(fd);
    unlink(path);
    return said;
}

/* A file of tests/fuzz/seeds, beside the folder of this file's source */
static char *recorded(const char *name)
{
    g_autofree char *source = realpath(__FILE__, NULL);
    g_autofree char *folder = NULL;

    g_assert(source);
    folder = g_path_get_dirname(source);
    return g_build_filename(folder, "..", "fuzz", "seeds", name, NULL);
}

/* A line's bytes in hex, behind its name; NULL of a line without */
static GByteArray *recorded_input(const char *line)
{
    const char *hex = strchr(line, ' ');
    GByteArray *array;

    if (!hex) {
        return NULL;
    }
    array = g_byte_array_new();
    for (hex++; hex[0] && hex[1]; hex += 2) {
        uint8_t byte = g_ascii_xdigit_value(hex[0]) << 4 |
                       g_ascii_xdigit_value(hex[1]);

        g_byte_array_append(array, &byte, 1);
    }
    return array;
}

/*
 * The recorded suspend buffers are such that the device goes on with them: one
 * of another layout is refused as a whole, and no change of it gets further.
 */
static void test_recorded(void)
{
    const QMaliCsfFuzzTarget *target = mali_csf_fuzz_find("mali-csf-resume");
    g_autofree char *path = recorded(target->name);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned inputs = 0;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        g_autoptr(GByteArray) input = recorded_input(lines[i]);

        if (input) {
            g_autofree char *said = run_logged(target, input);

            if (strstr(said, REFUSED)) {
                g_test_message("line %u: %s", i + 1, said);
                g_test_fail();
            }
            inputs++;
        }
    }
    g_assert_cmpuint(inputs, >, 0);
}

int main(int argc, char **argv)
{
    const QMaliCsfFuzzTarget *target;

    g_test_init(&argc, &argv, NULL);
    for (target = mali_csf_fuzz_targets; target->name; target++) {
        g_autofree char *path = g_strdup_printf("/mali-csf/fuzz/%s",
                                                target->name);

        qtest_add_data_func(path, target, g_getenv("MALI_CSF_FUZZ_INPUT") ?
                            test_input : test_target);
    }
    qtest_add_func("/mali-csf/fuzz/recorded", test_recorded);
    return g_test_run();
}
