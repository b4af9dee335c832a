/*
 * What the fuzz targets of the Arm Mali CSF GPU have in common: an input, and a
 * GPU with groups, memory and a heap for it to change
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QTEST_LIBQOS_MALI_CSF_FUZZ_BED_H
#define QTEST_LIBQOS_MALI_CSF_FUZZ_BED_H

#include "mali-csf-fuzz.h"

/* Zeroed before each input; the set-up takes its memory from here */
#define ARENA_SIZE      (1 * MiB)
/* Virtual time that one input may use */
#define INPUT_NS        (4 * MALI_CSF_MS)

#define DATA_VA         0x40000000ull
#define READ_ONLY_VA    0x40010000ull
#define LOCKED_VA       0x40020000ull
#define UNMAPPED_VA     0x40030000ull
#define ENTRY_WORDS     32
/* Register pair that has the tiler context, and its place */
#define TILER_REG       40
#define TILER_OFFSET    0x400
/* Words of an input that the ring has room for besides */
#define RING_WORDS      400
#define CODE_WORDS      1024
#define PERFCNT_VA      0x40040000ull
#define PERFCNT_SIZE    (2 * MALI_CSF_PAGE)
#define NUM_CHUNKS      2
#define NUM_GROUPS      2
#define NUM_QUEUES      2

/* Bits of the first byte of the targets "stream" and "resume" */
#define FLAG_IN_RING    (1 << 0)
#define FLAG_SUSPEND    (1 << 1)
#define FLAG_LOCK       (1 << 2)
#define FLAG_TWO_QUEUES (1 << 3)
#define FLAG_TERMINATE  (1 << 4)
/* Of "stream": chunks are granted, PROTM_ENTER comes; of "resume": below */
#define FLAG_GRANT      (1 << 5)
#define FLAG_REPLACE    (1 << 5)

typedef struct FuzzBed {
    QMaliCsf *gpu;
    QMaliCsfVm vm;
    QMaliCsfGroup group[NUM_GROUPS];
    QMaliCsfBuffer data;
    QMaliCsfBuffer read_only;
    QMaliCsfBuffer locked;
    QMaliCsfBuffer code;
    /* Contexts of a tiler heap and of a tiler, on a page together; chunks */
    QMaliCsfBuffer heap;
    QMaliCsfBuffer chunk[NUM_CHUNKS];
    QMaliCsfBuffer perfcnt;
    int64_t time_left;
} FuzzBed;

typedef struct FuzzInput {
    const uint8_t *data;
    size_t size;
} FuzzInput;

/* Little-endian, zero behind the end */
uint64_t fuzz_take(FuzzInput *input, unsigned bytes);
void fuzz_put(GByteArray *array, unsigned bytes, uint64_t value);
void fuzz_bed_init(FuzzBed *bed, QMaliCsf *gpu);
void fuzz_bed_groups(FuzzBed *bed);
void fuzz_bed_boot(FuzzBed *bed);
void fuzz_bed_run(FuzzBed *bed, int64_t ns);
/* Addresses and numbers in registers, so that a stream can do something */
unsigned fuzz_entry_words(FuzzBed *bed, uint64_t words[ENTRY_WORDS]);
/* Memory for a heap, as the driver names a chunk, or something else */
uint64_t fuzz_chunk_name(FuzzBed *bed, unsigned which);
/* What is granted when the stream asks, if it does */
void fuzz_set_grant(QMaliCsfQueue *queue, uint64_t first, uint64_t last);
/* Whatever it is that the host is told, it has seen it */
void fuzz_ack_queues(QMaliCsfGroup *group);
void fuzz_toggle_global(QMaliCsf *gpu, uint32_t mask);
/* The commands as they are, since nobody may wait for them */
void fuzz_as_command(QMaliCsf *gpu, unsigned as, uint32_t command);
void fuzz_as_set_up(QMaliCsf *gpu, unsigned as, uint64_t root,
                    uint64_t transcfg);
/* Let streams that hang in an MMU fault try again */
void fuzz_retry_faults(FuzzBed *bed);
void fuzz_request(QMaliCsfGroup *group, uint32_t state, unsigned slot);
void fuzz_set_words(QMaliCsf *gpu, uint64_t pa, const uint8_t *data,
                    size_t words);
void fuzz_bed_busy(FuzzBed *bed);

/* Of the targets, see mali_csf_fuzz_targets[] */

void fuzz_run_stream(QMaliCsf *gpu, const uint8_t *data, size_t size);
GByteArray *fuzz_seed_stream(unsigned n);
void fuzz_run_firmware(QMaliCsf *gpu, const uint8_t *data, size_t size);
GByteArray *fuzz_seed_firmware(unsigned n);
void fuzz_run_registers(QMaliCsf *gpu, const uint8_t *data, size_t size);
GByteArray *fuzz_seed_registers(unsigned n);
void fuzz_run_resume(QMaliCsf *gpu, const uint8_t *data, size_t size);
GByteArray *fuzz_seed_resume(unsigned n);

#endif /* QTEST_LIBQOS_MALI_CSF_FUZZ_BED_H */
