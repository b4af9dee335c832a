/*
 * Fuzz targets for the Arm Mali CSF GPU
 *
 * An input never makes the target itself fail: everything that is checked
 * belongs to the set-up, which is the same for all inputs.  What counts is
 * that QEMU survives, and soon answers.
 *
 * Not reset between inputs: RAM outside the arena, where a stream or a page
 * table that an input has made may have written.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "mali-csf-fuzz-bed.h"

/* Latencies, so that there is something between the start and the end */
const QMaliCsfFuzzTarget mali_csf_fuzz_targets[] = {
    {
        .name = "mali-csf-stream",
        .description = "Instructions, in a buffer or in the ring",
        .properties = "strict=report,x-endpoint-latency-ns=20000,"
                      "x-endpoint-heap-chunks=1",
        .max_size = 1 + 256 * 8,
        .unit = 8,
        .selector = 7,
        .run = fuzz_run_stream,
        .seed = fuzz_seed_stream,
    },
    {
        .name = "mali-csf-firmware",
        .description = "Shared memory, requests and doorbells, booted",
        .properties = "strict=report,x-fw-latency-ns=2000,"
                      "x-endpoint-latency-ns=20000,"
                      "x-endpoint-heap-chunks=1",
        .max_size = 2048,
        .unit = 1,
        .run = fuzz_run_firmware,
        .seed = fuzz_seed_firmware,
    },
    {
        .name = "mali-csf-registers",
        .description = "Every register, from cold",
        .properties = "strict=report,x-as-latency-ns=3000,"
                      "x-flush-latency-ns=3000",
        .max_size = 2048,
        .unit = 1,
        .run = fuzz_run_registers,
        .seed = fuzz_seed_registers,
    },
    {
        .name = "mali-csf-resume",
        .description = "RESUME from a suspend buffer that was changed",
        .properties = "strict=off,x-endpoint-heap-chunks=1",
        .max_size = 4096,
        .unit = 1,
        .run = fuzz_run_resume,
        .seed = fuzz_seed_resume,
    },
    { },
};

const QMaliCsfFuzzTarget *mali_csf_fuzz_find(const char *name)
{
    const QMaliCsfFuzzTarget *target;

    for (target = mali_csf_fuzz_targets; target->name; target++) {
        if (g_str_equal(target->name, name)) {
            return target;
        }
    }
    return NULL;
}

char *mali_csf_fuzz_arguments(const QMaliCsfFuzzTarget *target)
{
    const char *model = g_getenv("MALI_CSF_FUZZ_MODEL");

    return g_strdup_printf("-M virt -cpu cortex-a57 -m %" PRIu64 "M -net none "
                           "-device mali-csf,id=gpu,model=%s,%s",
                           (uint64_t)MALI_CSF_RAM_SIZE / MiB,
                           model ? model : "g610", target->properties);
}

void mali_csf_fuzz_run(const QMaliCsfFuzzTarget *target, QTestState *qts,
                       const uint8_t *data, size_t size)
{
    static const uint8_t zeroes[64 * KiB];
    QMaliCsf gpu;

    mali_csf_attach(&gpu, qts);
    for (unsigned i = 0; i < ARENA_SIZE; i += sizeof(zeroes)) {
        qtest_bufwrite(qts, MALI_CSF_RAM_FREE + i, zeroes, sizeof(zeroes));
    }
    target->run(&gpu, data, MIN(size, target->max_size));
    g_assert_cmphex(gpu.next_pa, <=, MALI_CSF_RAM_FREE + ARENA_SIZE);
}
