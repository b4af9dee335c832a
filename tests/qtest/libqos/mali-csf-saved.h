/*
 * The fields of the Arm Mali CSF GPU in a saved state
 *
 * QEMU describes what it saves, in JSON: a field that is new is found without
 * a change here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QTEST_LIBQOS_MALI_CSF_SAVED_H
#define QTEST_LIBQOS_MALI_CSF_SAVED_H

#include "qobject/qdict.h"

typedef struct QMaliCsfField {
    /* Names from the device to the field, with dots; no indices */
    char *path;
    /* In bytes; the value is big-endian */
    unsigned size;
    /* Of every instance, from the start of the data (unsigned) */
    GArray *offsets;
} QMaliCsfField;

/**
 * mali_csf_saved_fields: every field, those of subsections included
 * @description: of the device
 * @data: what was saved
 * @start: where the device's fields begin in it
 * @end: receives where they end
 *
 * Returns an array of QMaliCsfField, in the order of the state, which is the
 * caller's.
 */
GPtrArray *mali_csf_saved_fields(QDict *description, const uint8_t *data,
                                 size_t start, size_t *end);

/* Put the @size lowest bytes of @value there; of more than 8, at the end */
void mali_csf_saved_store(uint8_t *p, unsigned size, uint64_t value);

#endif /* QTEST_LIBQOS_MALI_CSF_SAVED_H */
