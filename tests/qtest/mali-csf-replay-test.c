/*
 * QTest for shader cores of the Arm Mali CSF GPU: jobs that Mesa made
 *
 * tests/shader/jobs has registers, descriptors and code of jobs, as an
 * unmodified Mesa gave them to the model.  Each is put to where it was and
 * dispatched.  All have to come to their end, and what those do of which that
 * is known without Mesa (fill, copy, saxpy, sgemm) is compared with what C
 * makes of the same data.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <math.h>
#include "libqos/mali-csf-job.h"

#define PATIENCE_US     (60 * G_USEC_PER_SEC)
#define STEP_US         200
#define MAX_BLOBS       16
#define MAX_BUFFERS     8
/* What a pointer among the uniforms is given, and a buffer at most */
#define DATA_SIZE       0x40000ull

/* Bytes that a job names, by address */
typedef struct Blob {
    char name[8];
    uint64_t va;
    GArray *words;
} Blob;

typedef struct Job {
    unsigned arch;
    uint64_t word;
    uint32_t regs[96];
    Blob blobs[MAX_BLOBS];
    unsigned num_blobs;
    /* Of the buffer descriptors, in their order */
    struct {
        uint64_t va;
        uint32_t size;
    } buffers[MAX_BUFFERS];
    unsigned num_buffers;
} Job;

typedef struct Replay {
    QMaliCsfBench b;
    /* Physical address of each page that is mapped, by its number */
    GHashTable *pages;
} Replay;

static uint64_t page_of(Replay *r, uint64_t va)
{
    uint64_t number = va / MALI_CSF_PAGE;
    gpointer pa = g_hash_table_lookup(r->pages, GSIZE_TO_POINTER(number));

    if (!pa) {
        uint64_t new = mali_csf_alloc(&r->b.gpu, MALI_CSF_PAGE,
                                      MALI_CSF_PAGE);

        mali_csf_set_pte(&r->b.vm, number * MALI_CSF_PAGE, 3,
                         mali_csf_leaf(new, 3, MALI_CSF_PTE_XN));
        pa = GSIZE_TO_POINTER(new);
        g_hash_table_insert(r->pages, GSIZE_TO_POINTER(number), pa);
    }
    return GPOINTER_TO_SIZE(pa) + va % MALI_CSF_PAGE;
}

static void put(Replay *r, uint64_t va, uint32_t value)
{
    qtest_writel(r->b.gpu.qts, page_of(r, va), value);
}

static uint32_t get(Replay *r, uint64_t va)
{
    return qtest_readl(r->b.gpu.qts, page_of(r, va));
}

static float get_float(Replay *r, uint64_t va)
{
    uint32_t bits = get(r, va);
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void map(Replay *r, uint64_t va, uint64_t size)
{
    for (uint64_t i = 0; i < size; i += MALI_CSF_PAGE) {
        page_of(r, va + i);
    }
    page_of(r, va + size - 1);
}

static const Blob *find(const Job *job, const char *name)
{
    for (unsigned i = 0; i < job->num_blobs; i++) {
        if (!strcmp(job->blobs[i].name, name)) {
            return &job->blobs[i];
        }
    }
    return NULL;
}

static uint32_t word(const Blob *blob, unsigned i)
{
    return i < blob->words->len ? g_array_index(blob->words, uint32_t, i) : 0;
}

static uint64_t pair(const Blob *blob, unsigned i)
{
    return word(blob, i) | (uint64_t)word(blob, i + 1) << 32;
}

/* Reading the file */

static void read_words(const char *text, GArray *words, uint32_t *regs,
                       unsigned first)
{
    for (unsigned i = 0; *text; i++) {
        char *end;
        uint32_t value = g_ascii_strtoull(text, &end, 16);

        if (end == text) {
            break;
        }
        if (words) {
            g_array_append_val(words, value);
        } else {
            g_assert_cmpint(first + i, <, 96);
            regs[first + i] = value;
        }
        text = end;
    }
}

/* Lines of one job, up to END */
static void read_line(Job *job, const char *line)
{
    char name[8];
    unsigned first, flags;
    uint64_t va;

    if (line[0] == 'J') {
        g_assert_cmpint(sscanf(line, "JOB op 4 arch %u as %*u csg %*u cs %*u "
                               "ip %*x word %" SCNx64, &job->arch,
                               &job->word), ==, 2);
    } else if (sscanf(line, "  r%u ", &first) == 1) {
        read_words(strchr(line, 'r') + 4, NULL, job->regs, first);
    } else if (!strncmp(line, "    ", 4)) {
        g_assert_cmpint(job->num_blobs, >, 0);
        read_words(line, job->blobs[job->num_blobs - 1].words, NULL, 0);
    } else if (sscanf(line, "  %7s flags %x %" SCNx64, name, &flags, &va) ==
               3 || sscanf(line, "  %7s %" SCNx64, name, &va) == 2) {
        Blob *blob = &job->blobs[job->num_blobs++];

        g_assert_cmpint(job->num_blobs, <=, MAX_BLOBS);
        g_strlcpy(blob->name, name, sizeof(blob->name));
        blob->va = va;
        blob->words = g_array_new(false, false, sizeof(uint32_t));
    }
}

static void free_job(Job *job)
{
    for (unsigned i = 0; i < job->num_blobs; i++) {
        g_array_free(job->blobs[i].words, true);
    }
}

/* Memory of a job */

static bool is_pointer(uint64_t value)
{
    return !(value & 3) && ((value >> 32 == 0x7fff) ||
                            (value >= 0xff000000 && value < 1ull << 32));
}

static void put_blobs(Replay *r, Job *job)
{
    for (unsigned i = 0; i < job->num_blobs; i++) {
        const Blob *blob = &job->blobs[i];

        for (unsigned j = 0; j < blob->words->len; j++) {
            put(r, blob->va + 4 * j, word(blob, j));
        }
    }
}

/* Buffers, and what uniforms and textures point to */
static void map_data(Replay *r, Job *job)
{
    const Blob *uniforms = find(job, "FAU");

    for (unsigned i = 0; uniforms && i + 1 < uniforms->words->len; i++) {
        if (is_pointer(pair(uniforms, i))) {
            map(r, pair(uniforms, i), DATA_SIZE);
        }
    }
    for (unsigned i = 0; i < job->num_blobs; i++) {
        const Blob *blob = &job->blobs[i];

        for (unsigned j = 0; !strncmp(blob->name, "TABLE", 5) &&
                             j < blob->words->len; j += 8) {
            if ((word(blob, j) & 0xff) == 0x19) {
                g_assert_cmpint(job->num_buffers, <, MAX_BUFFERS);
                job->buffers[job->num_buffers].va = pair(blob, j + 2);
                job->buffers[job->num_buffers].size = word(blob, j + 1);
                map(r, pair(blob, j + 2), MIN(word(blob, j + 1), DATA_SIZE));
                job->num_buffers++;
            } else if ((word(blob, j) & 0xf) == 2) {
                /* No planes: its pixels are zero */
                map(r, pair(blob, j + 4), MALI_CSF_PAGE);
            }
        }
    }
}

/* Small numbers, which float holds exactly */
static void put_floats(Replay *r, uint64_t va, unsigned count, unsigned seed)
{
    for (unsigned i = 0; i < count; i++) {
        float value = (int)((i * 7 + seed) % 61) - 30;
        uint32_t bits;

        memcpy(&bits, &value, sizeof(bits));
        put(r, va + 4 * i, bits);
    }
}

static void set_code(Replay *r, const Job *job)
{
    const Blob *code = find(job, "CODE");

    for (uint64_t at = code->va & ~(MALI_CSF_PAGE - 1);
         at < code->va + 4 * code->words->len; at += MALI_CSF_PAGE) {
        mali_csf_set_pte(&r->b.vm, at, 3,
                         mali_csf_leaf(page_of(r, at), 3,
                                       MALI_CSF_PTE_AP_RDONLY));
    }
}

/*
 * To its end.  False: code that the capture has cut short, at the first
 * instruction with .end, is not there when it is branched over.
 */
static bool dispatch(Replay *r, const Job *job)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    uint64_t done = r->b.out.pa;

    submit_captured(&r->b, job->regs, 40, job->word);
    while (qtest_readl(r->b.gpu.qts, done) != MARK) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_assert(!mali_csf_queue_event(r->b.queue, CS_EVENT_FAULT));
        if (mali_csf_queue_event(r->b.queue, CS_EVENT_FATAL)) {
            const Blob *code = find(job, "CODE");
            uint64_t behind = code->va + 4 * code->words->len;

            mali_csf_assert_fault(&r->b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                                  AS_ACCESS_EXECUTE,
                                  ROUND_UP(behind, MALI_CSF_PAGE));
            return false;
        }
        mali_csf_run(&r->b.gpu, STEP_US * MALI_CSF_US);
    }
    return true;
}

/* What is known of a job, by its uniforms */

/* Where 26.2.6 or 25.0.7 has the address; 0: it is none that fills */
static uint64_t filled(const Blob *fau)
{
    if (fau->words->len == 12 && word(fau, 8) == 0x12345678 &&
        word(fau, 11) == 0x12345678) {
        return pair(fau, 6);
    }
    return fau->words->len == 8 && word(fau, 6) == 0x12345678 ? pair(fau, 4) :
                                                                 0;
}

static bool is_copy(const Blob *fau)
{
    return (fau->words->len == 14 && word(fau, 10) == 4 &&
            word(fau, 12) == 12) ||
           (fau->words->len == 10 && is_pointer(pair(fau, 4)) &&
            is_pointer(pair(fau, 6)));
}

static bool check_fill(Replay *r, const Job *job, uint64_t va)
{
    if (!dispatch(r, job)) {
        return false;
    }
    for (unsigned i = 0; i < 0x1000; i++) {
        g_assert_cmphex(get(r, va + 4 * i), ==, 0x12345678);
    }
    return true;
}

static bool check_copy(Replay *r, const Job *job, const Blob *fau)
{
    uint64_t from = pair(fau, 4), to = pair(fau, 6);
    unsigned count = word(fau, 8) / 4;

    for (unsigned i = 0; i < count; i++) {
        put(r, from + 4 * i, 0x1000000 + i);
        put(r, to + 4 * i, 0);
    }
    if (!dispatch(r, job)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        g_assert_cmphex(get(r, to + 4 * i), ==, 0x1000000 + i);
    }
    return true;
}

static bool check_saxpy(Replay *r, const Job *job, float a, unsigned count)
{
    uint64_t x = job->buffers[0].va, y = job->buffers[1].va;
    g_autofree float *expected = g_new(float, count);

    put_floats(r, x, count, 3);
    put_floats(r, y, count, 11);
    for (unsigned i = 0; i < count; i++) {
        expected[i] = fmaf(a, get_float(r, x + 4 * i),
                           get_float(r, y + 4 * i));
    }
    if (!dispatch(r, job)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        g_assert_cmpfloat(get_float(r, y + 4 * i), ==, expected[i]);
    }
    return true;
}

static bool check_sgemm(Replay *r, const Job *job, unsigned n)
{
    uint64_t a = job->buffers[0].va, b = job->buffers[1].va;
    uint64_t c = job->buffers[2].va;

    put_floats(r, a, n * n, 5);
    put_floats(r, b, n * n, 17);
    put_floats(r, c, n * n, 0);
    if (!dispatch(r, job)) {
        return false;
    }
    for (unsigned i = 0; i < n * n; i++) {
        float sum = 0;

        for (unsigned k = 0; k < n; k++) {
            sum = fmaf(get_float(r, a + 4 * (i / n * n + k)),
                       get_float(r, b + 4 * (k * n + i % n)), sum);
        }
        g_assert_cmpfloat(get_float(r, c + 4 * i), ==, sum);
    }
    return true;
}

typedef enum Outcome {
    CUT_SHORT,
    ENDED,
    CHECKED,
} Outcome;

static Outcome run_job(Replay *r, Job *job)
{
    const Blob *fau = find(job, "FAU");
    uint32_t bits = word(fau, 4);
    bool is_known = true, ended;
    float a;

    memcpy(&a, &bits, sizeof(a));
    map_data(r, job);
    put_blobs(r, job);
    set_code(r, job);
    if (filled(fau)) {
        ended = check_fill(r, job, filled(fau));
    } else if (is_copy(fau)) {
        ended = check_copy(r, job, fau);
    } else if (job->num_buffers == 2 && word(fau, 5) == 0x1000 && a == 2.5f) {
        ended = check_saxpy(r, job, a, word(fau, 5));
    } else if (job->num_buffers == 3 && bits == 32) {
        ended = check_sgemm(r, job, bits);
    } else {
        ended = dispatch(r, job);
        is_known = false;
    }
    return !ended ? CUT_SHORT : is_known ? CHECKED : ENDED;
}

static void init(Replay *r, const char *model)
{
    g_autofree char *args = g_strdup_printf("-global mali-csf.model=%s", model);

    mali_csf_bench_init(&r->b, args);
    r->pages = g_hash_table_new(NULL, NULL);
}

/* tests/shader/jobs, beside the folder of this file's source */
static char *jobs_file(const char *name)
{
    g_autofree char *source = realpath(__FILE__, NULL);
    g_autofree char *folder = NULL;

    g_assert(source);
    folder = g_path_get_dirname(source);
    return g_build_filename(folder, "..", "shader", "jobs", name, NULL);
}

typedef struct File {
    const char *name;
    const char *model;
    unsigned jobs;
    /* How many of which the result is known, and how many are cut short */
    unsigned known;
    unsigned cut;
} File;

static void test_file(const void *opaque)
{
    const File *file = opaque;
    g_autofree char *path = jobs_file(file->name);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned jobs = 0, outcomes[CHECKED + 1] = { };
    Job job = { };

    g_assert(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        if (strcmp(lines[i], "END")) {
            read_line(&job, lines[i]);
        } else {
            Replay r;
            Outcome outcome;

            init(&r, file->model);
            outcome = run_job(&r, &job);
            g_test_message("job %u: %u", jobs, outcome);
            outcomes[outcome]++;
            jobs++;
            free_job(&job);
            g_hash_table_destroy(r.pages);
            mali_csf_bench_quit(&r.b);
            job = (Job) { };
        }
    }
    g_assert_cmpint(jobs, ==, file->jobs);
    g_assert_cmpint(outcomes[CHECKED], ==, file->known);
    g_assert_cmpint(outcomes[CUT_SHORT], ==, file->cut);
}

int main(int argc, char **argv)
{
    static const File files[] = {
        { "mesa-25.0.7-g610.txt", "g610", 19, 1, 6 },
        { "mesa-26.2.6-g610.txt", "g610", 20, 5 },
        { "mesa-26.2.6-g720.txt", "g720", 7, 5 },
        { "mesa-26.2.6-g725.txt", "g725", 7, 5 },
        { "mesa-26.2.6-g1.txt", "g1-premium", 1, 0 },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
        g_autofree char *name = g_strdup_printf("mali-csf/replay/%s",
                                                files[i].name);

        qtest_add_data_func(name, &files[i], test_file);
    }
    return g_test_run();
}
