/*
 * devfreq: the rate of the core clock, which the driver sets
 *
 * With opps= of the device there are operating points to choose from.  The
 * driver's governor is bound to one after the other, and the GPU's own cycle
 * counter has to agree with it; then it is left to itself, with streams that
 * run and without.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define DEVFREQ         "/sys/class/devfreq"
#define MAX_OPPS        16
#define HZ_PER_MHZ      1000000u

#define JOB_TIMEOUT_MS  4000
/* Between two readings of the cycle counter */
#define MEASURE_MS      100
/* The governor looks every 50 ms */
#define GOVERNOR_MS     3000

static PanthorDev dev;
static char folder[320];

static int read_file(const char *name, char *text, size_t size)
{
    char path[400];
    ssize_t got;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    got = read(fd, text, size - 1);
    close(fd);
    if (got < 0) {
        return -errno;
    }
    text[got] = '\0';
    return 0;
}

static int write_number(const char *name, uint64_t value)
{
    char path[400];
    int fd, ret;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ret = dprintf(fd, "%" PRIu64 "\n", value) < 0 ? -errno : 0;
    close(fd);
    return ret;
}

/* Numbers with one of the separators between, or behind; returns how many */
static unsigned parse(const char *text, const char *separators, uint64_t unit,
                      uint64_t *numbers)
{
    unsigned count = 0;
    char *end;

    while (*text && count < MAX_OPPS) {
        uint64_t value = strtoull(text, &end, 10);

        if (end == text) {
            break;
        }
        numbers[count++] = value * unit;
        text = end + strspn(end, separators);
    }
    return count;
}

static uint64_t current_hz(void)
{
    char text[64];
    uint64_t hz = 0;

    TAP_MUST(read_file("cur_freq", text, sizeof(text)));
    parse(text, "\n", 1, &hz);
    return hz;
}

/* Bind the governor to a range; the order is that of a range that is valid */
static int set_range(uint64_t lowest, uint64_t highest, uint64_t all_highest)
{
    return write_number("max_freq", all_highest) ?:
           write_number("min_freq", lowest) ?:
           write_number("max_freq", highest);
}

/* The GPU's cycles, and ticks of the CPU's counter at the same moment */
static void read_cycles(PanthorContext *ctx, uint64_t *cycles,
                        uint64_t *ticks)
{
    Stream s;

    ctx->code.used = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(0, panthor_data_va(0)));
    stream_emit(&s, cs_store_state(0, 0, CS_STATE_TIMESTAMP, 0,
                                   STREAM_SB_LOAD_STORE));
    stream_emit(&s, cs_store_state(0, 8, CS_STATE_CYCLE_COUNT, 0,
                                   STREAM_SB_LOAD_STORE));
    stream_emit(&s, cs_wait(1u << STREAM_SB_LOAD_STORE));
    stream_end(&s);
    TAP_MUST(panthor_run_stream(ctx, 0, &s, JOB_TIMEOUT_MS));
    *ticks = ((volatile uint64_t *)ctx->data)[0];
    *cycles = ((volatile uint64_t *)ctx->data)[1];
}

static uint64_t measure_hz(PanthorContext *ctx)
{
    uint64_t cycles[2], ticks[2], hz;

    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
    read_cycles(ctx, &cycles[0], &ticks[0]);
    kernel_sleep_ms(MEASURE_MS);
    read_cycles(ctx, &cycles[1], &ticks[1]);
    return (double)(cycles[1] - cycles[0]) * hz / (ticks[1] - ticks[0]);
}

static bool wait_for(uint64_t hz)
{
    uint64_t deadline = kernel_now_ns() + GOVERNOR_MS * 1000000ull;

    while (current_hz() != hz) {
        if (kernel_now_ns() > deadline) {
            tap_diag("cur_freq is %" PRIu64, current_hz());
            return false;
        }
        kernel_sleep_ms(20);
    }
    return true;
}

/* What the device was told is what the driver offers. */
static void test_list(const uint64_t *hz, unsigned count)
{
    uint64_t asked[MAX_OPPS];
    char text[256];
    unsigned number;

    if (host_request(text, sizeof(text), "qom-get opps")) {
        tap_skip(host_error(), "the operating points are those of the device");
        return;
    }
    number = parse(text + strspn(text, "\""), ":\"", HZ_PER_MHZ, asked);
    tap_ok(number == count && !memcmp(asked, hz, count * sizeof(*hz)),
           "the operating points are those of the device: %s", text);
}

static void test_rates(PanthorContext *ctx, const uint64_t *hz,
                       unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t measured;

        TAP_MUST(set_range(hz[i], hz[i], hz[count - 1]));
        tap_ok(wait_for(hz[i]), "%" PRIu64 " MHz: the driver chooses it",
               hz[i] / HZ_PER_MHZ);
        measured = measure_hz(ctx);
        tap_diag("cycles at %" PRIu64 " Hz", measured);
        tap_ok(measured > hz[i] / 100 * 98 && measured < hz[i] / 100 * 102,
               "%" PRIu64 " MHz: the GPU's cycles agree",
               hz[i] / HZ_PER_MHZ);
    }
    TAP_MUST(set_range(hz[0], hz[count - 1], hz[count - 1]));
}

static void test_governor(PanthorContext *ctx, const uint64_t *hz,
                          unsigned count)
{
    tap_ok(wait_for(hz[0]), "nothing runs: the lowest rate");
    panthor_submit_spin(ctx);
    tap_ok(wait_for(hz[count - 1]), "a stream runs: the highest rate");
    TAP_MUST(panthor_end_spin(ctx, JOB_TIMEOUT_MS));
    tap_ok(wait_for(hz[0]), "it has ended: the lowest rate");
}

int main(int argc, char **argv)
{
    uint64_t hz[MAX_OPPS];
    PanthorContext ctx;
    char text[256], name[64];
    unsigned count;

    tap_start(argc, argv, NULL, "Changes the rate of the GPU's clock.");
    TAP_MUST(panthor_open(&dev));
    TAP_MUST(module_device_name(&dev, name, sizeof(name)));
    snprintf(folder, sizeof(folder), DEVFREQ "/%s", name);
    TAP_MUST(read_file("available_frequencies", text, sizeof(text)));
    count = parse(text, " \n", 1, hz);
    if (count < 2) {
        tap_skip("one operating point; MODEL=g610,opps=300:600:1000 has more",
                 "the rate of the clock");
        panthor_close(&dev);
        return tap_end();
    }
    panthor_context_init(&ctx, &dev, 1);
    /* Asleep it has no cycles. */
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    TAP_MUST(panthor_forbid_suspend(&dev, true));
    test_list(hz, count);
    test_rates(&ctx, hz, count);
    test_governor(&ctx, hz, count);
    TAP_MUST(panthor_forbid_suspend(&dev, false));
    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
