/*
 * Fuzz targets for the Arm Mali CSF GPU: what a string of bytes does to it
 *
 * Two drivers share the targets and their inputs: libFuzzer in QEMU's own
 * process (tests/fuzz/mali-csf-fuzz.c), and random mutation through the
 * qtest socket (tests/qtest/mali-csf-fuzz-test.c).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QTEST_LIBQOS_MALI_CSF_FUZZ_H
#define QTEST_LIBQOS_MALI_CSF_FUZZ_H

#include "mali-csf.h"

typedef struct QMaliCsfFuzzTarget {
    const char *name;
    const char *description;
    /* Properties of the device besides model, as -device takes them */
    const char *properties;
    /* Bytes, beyond which an input changes nothing */
    size_t max_size;
    /* Bytes that belong together: words of a stream, 1 for operations */
    unsigned unit;
    /* Byte of a unit that says what the rest of it means */
    unsigned selector;
    /* Called after mali_csf_attach() */
    void (*run)(QMaliCsf *gpu, const uint8_t *data, size_t size);
    /* Input number @n to start from, NULL if there is none */
    GByteArray *(*seed)(unsigned n);
} QMaliCsfFuzzTarget;

/* The last one has no name. */
extern const QMaliCsfFuzzTarget mali_csf_fuzz_targets[];

/* By name; NULL if there is none */
const QMaliCsfFuzzTarget *mali_csf_fuzz_find(const char *name);

/*
 * Arguments of the machine.  The model is that of the environment variable
 * MALI_CSF_FUZZ_MODEL.  The caller frees it.
 */
char *mali_csf_fuzz_arguments(const QMaliCsfFuzzTarget *target);

/* Run an input on a machine that was just reset */
void mali_csf_fuzz_run(const QMaliCsfFuzzTarget *target, QTestState *qts,
                       const uint8_t *data, size_t size);

/* Groups at work in every way, for targets that fuzz something else of it */
void mali_csf_fuzz_busy(QMaliCsf *gpu);
/* Do what a driver does about events and faults, then run on, twice */
void mali_csf_fuzz_go_on(QMaliCsf *gpu);

#endif /* QTEST_LIBQOS_MALI_CSF_FUZZ_H */
