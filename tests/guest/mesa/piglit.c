/*
 * piglit: its OpenCL programs, on the GPU and on llvmpipe
 *
 * --some   every 16th of them
 * --all    all of them
 *
 * What passes on llvmpipe has to pass on the GPU, subtest by subtest.  llvmpipe
 * is asked where something does not.  Besides TAP, a line for each subtest:
 *   # subtest <tab> program <tab> subtest <tab> GPU's result <tab> llvmpipe's
 * with "-" for what was not asked.  On the kernel's command line,
 *   piglit.shard=2/8   takes every eighth program, from the second on
 *   piglit.only=text   takes those with the text in their name
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glob.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "lib/run.h"
#include "tap.h"

#define GPU_NAME        "Mali-"
#define OTHER_NAME      "llvmpipe"
#define PIGLIT          "/usr/lib/aarch64-linux-gnu/piglit/"
#define TESTER          PIGLIT "bin/cl-program-tester"
/* Of the programs, so that it takes a few minutes */
#define STEP            16
/* libclc is translated first, and llvmpipe compiles; both are emulated. */
#define GPU_SECONDS     300
#define OTHER_SECONDS   300
#define MOST_SUBTESTS   512
#define MOST_THREADS    8
/* A program without subtests is one itself. */
#define WHOLE           "(whole program)"

typedef struct Subtest {
    char name[96], result[24];
    bool compared;
} Subtest;

/* What a program said on a device */
typedef struct Outcome {
    Subtest subtests[MOST_SUBTESTS];
    unsigned count;
    char device[64];    /* empty if it names none */
    char result[24];    /* of the whole, "time-out" or "exit 6" */
    Ran ran;
} Outcome;

/* What a new program is to begin with, and none itself */
#define TEMPLATE    "/template_program.cl"

/* Which programs are run */
typedef struct Files {
    glob_t list;
    unsigned step;
    char only[256];
} Files;

/* Of what is printed */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t next_file;
static unsigned ran;

static void add(Outcome *outcome, const char *name, size_t length,
                const char *result)
{
    Subtest *new;

    if (outcome->count == MOST_SUBTESTS) {
        return;
    }
    new = &outcome->subtests[outcome->count++];
    snprintf(new->name, sizeof(new->name), "%.*s", (int)length, name);
    snprintf(new->result, sizeof(new->result), "%.*s",
             (int)strcspn(result, "\""), result);
    for (char *c = new->name; *c; c++) {
        *c = *c == '\t' ? ' ' : *c;
    }
}

/*
 * PIGLIT: {"subtest": {"name" : "pass"}}
 * PIGLIT: {"result": "pass" }
 * #   Device: Mali-G610 (Panfrost)
 */
static void read_line(Outcome *outcome, const char *line, size_t length)
{
    static const char device[] = "#   Device: ";
    static const char subtest[] = "PIGLIT: {\"subtest\": {\"";
    static const char result[] = "PIGLIT: {\"result\": \"";
    const char *end;

    if (!strncmp(line, device, strlen(device))) {
        snprintf(outcome->device, sizeof(outcome->device), "%.*s",
                 (int)(length - strlen(device)), line + strlen(device));
    } else if (!strncmp(line, subtest, strlen(subtest))) {
        line += strlen(subtest);
        end = strstr(line, "\" : \"");
        if (end) {
            add(outcome, line, end - line, end + strlen("\" : \""));
        }
    } else if (!strncmp(line, result, strlen(result))) {
        line += strlen(result);
        snprintf(outcome->result, sizeof(outcome->result), "%.*s",
                 (int)strcspn(line, "\""), line);
    }
}

static void run_on(const char *driver, unsigned seconds, const char *file,
                   Outcome *outcome)
{
    const char *argv[] = { TESTER, file, NULL };
    const char *line;

    memset(outcome, 0, sizeof(*outcome));
    run_program_with(driver, argv, seconds, &outcome->ran);
    for (line = outcome->ran.output; *line;) {
        size_t length = strcspn(line, "\n");

        read_line(outcome, line, length);
        line += length + (line[length] == '\n');
    }
    if (outcome->ran.timed_out) {
        snprintf(outcome->result, sizeof(outcome->result), "time-out");
    } else if (!*outcome->result) {
        snprintf(outcome->result, sizeof(outcome->result), "exit %d",
                 outcome->ran.status);
    }
    if (!outcome->count) {
        add(outcome, WHOLE, strlen(WHOLE), outcome->result);
    }
}

/* The next subtest of that name that nothing was compared with yet */
static Subtest *same(Outcome *outcome, const char *name)
{
    for (unsigned i = 0; i < outcome->count; i++) {
        if (!outcome->subtests[i].compared &&
            !strcmp(outcome->subtests[i].name, name)) {
            outcome->subtests[i].compared = true;
            return &outcome->subtests[i];
        }
    }
    return NULL;
}

static void say(const char *program, const char *subtest, const char *here,
                const char *other)
{
    tap_diag("subtest\t%s\t%s\t%s\t%s", program, subtest, here, other);
}

static bool all_pass(const Outcome *outcome)
{
    for (unsigned i = 0; i < outcome->count; i++) {
        if (strcmp(outcome->subtests[i].result, "pass")) {
            return false;
        }
    }
    return !strcmp(outcome->result, "pass");
}

/*
 * How many subtests pass on llvmpipe and not on the GPU.  What a program ended
 * before is missing there, and llvmpipe's list has it.
 */
static unsigned compare(const char *program, Outcome *here, Outcome *other)
{
    unsigned worse = 0;

    for (unsigned i = 0; i < other->count; i++) {
        const Subtest *right = &other->subtests[i];
        const Subtest *found = same(here, right->name);
        const char *result = found ? found->result : here->result;

        if (!found && !strcmp(result, "pass")) {
            result = "missing";
        }
        worse += !strcmp(right->result, "pass") && strcmp(result, "pass");
        say(program, right->name, result, right->result);
    }
    for (unsigned i = 0; i < here->count; i++) {
        if (!here->subtests[i].compared) {
            say(program, here->subtests[i].name, here->subtests[i].result,
                other->result);
        }
    }
    return worse;
}

/*
 * If llvmpipe does not come to its end, what the GPU should have done is not
 * known, and that is no pass.
 */
static void judge(const char *program, Outcome *here, Outcome *other)
{
    unsigned worse = compare(program, here, other);
    char reason[120];

    if (!strstr(other->device, OTHER_NAME)) {
        tap_ok(false, "piglit %s", program);
        tap_diag("%s on the GPU, and nothing ran on llvmpipe: %s", here->result,
                 other->result);
    } else if (other->ran.timed_out || other->ran.status > 127) {
        tap_ok(false, "piglit %s", program);
        tap_diag("%s on the GPU, and %s on llvmpipe: not compared",
                 here->result, other->result);
    } else if (!worse && strcmp(here->result, "time-out")) {
        snprintf(reason, sizeof(reason), "%s on llvmpipe, %s on the GPU",
                 other->result, here->result);
        tap_skip(reason, "piglit %s", program);
    } else {
        tap_ok(false, "piglit %s", program);
        tap_diag("%s on the GPU, %s on llvmpipe; %u subtests are worse",
                 here->result, other->result, worse);
        ran_show(&here->ran, 12);
    }
}

/* The driver's choice: it does not offer what the program asks for. */
static bool is_skipped(const Outcome *outcome)
{
    return !strcmp(outcome->result, "skip");
}

static void report(const char *program, Outcome *here, Outcome *other)
{
    if (is_skipped(here)) {
        tap_skip("the driver does not offer what it asks for", "piglit %s",
                 program);
        say(program, WHOLE, here->result, "-");
    } else if (!strstr(here->device, GPU_NAME)) {
        tap_ok(false, "piglit %s", program);
        tap_diag("%s, and it has not run on a %s: \"%s\"", here->result,
                 GPU_NAME, here->device);
        ran_show(&here->ran, 6);
        say(program, WHOLE, here->result, "-");
    } else if (all_pass(here)) {
        tap_ok(true, "piglit %s", program);
        for (unsigned i = 0; i < here->count; i++) {
            say(program, here->subtests[i].name, "pass", "-");
        }
    } else {
        judge(program, here, other);
    }
}

static void test_file(const char *file)
{
    Outcome *here = malloc(sizeof(*here)), *other = calloc(1, sizeof(*other));
    const char *program = strstr(file, "/cl/") + strlen("/cl/");
    uint64_t start = kernel_now_ns();

    run_on("RUSTICL_ENABLE=panfrost", GPU_SECONDS, file, here);
    if (!all_pass(here) && !is_skipped(here)) {
        run_on("RUSTICL_ENABLE=llvmpipe", OTHER_SECONDS, file, other);
    }
    pthread_mutex_lock(&lock);
    report(program, here, other);
    tap_diag("%.1f s", (kernel_now_ns() - start) / 1e9);
    pthread_mutex_unlock(&lock);
    ran_free(&here->ran);
    ran_free(&other->ran);
    free(here);
    free(other);
}

/* Takes one file after the other, until there is none. */
static void *work(void *opaque)
{
    const Files *files = opaque;

    for (;;) {
        size_t i = __atomic_fetch_add(&next_file, files->step,
                                      __ATOMIC_RELAXED);

        if (i >= files->list.gl_pathc) {
            return NULL;
        }
        if (strstr(files->list.gl_pathv[i], files->only) &&
            !strstr(files->list.gl_pathv[i], TEMPLATE)) {
            test_file(files->list.gl_pathv[i]);
            __atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
        }
    }
}

/* As many at once as there are processors: most of the time a compiler runs. */
static void test_files(Files *files)
{
    pthread_t threads[MOST_THREADS];
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned first = 1, started = 0;

    snprintf(files->only, sizeof(files->only), "%s",
             run_option("piglit.only="));
    if (sscanf(run_option("piglit.shard="), "%u/%u", &first,
               &files->step) == 2 &&
        (!files->step || !first || first > files->step)) {
        tap_bail_out("piglit.shard= is not i/n with i from 1 to n");
    }
    tap_diag("%zu programs, of which every %u. is run, from number %u on",
             files->list.gl_pathc, files->step, first);
    next_file = first - 1;
    while (started < count && started < MOST_THREADS &&
           !pthread_create(&threads[started], NULL, work, files)) {
        started++;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    if (!ran) {
        tap_ok(false, "a program with \"%s\" in its name", files->only);
    }
}

int main(int argc, char **argv)
{
    static const char *const modes[] = { "--some", "--all", NULL };
    static const char *const patterns[] = {
        "tests/cl/*.cl",
        "tests/cl/*/*.cl",
        "tests/cl/*/*/*.cl",
        "tests/cl/*/*/*/*.cl",
        "tests/cl/*/*/*/*/*.cl",
        "generated_tests/cl/*/*.cl",
        "generated_tests/cl/*/*/*.cl",
    };
    int mode = tap_start(argc, argv, modes,
                         "piglit's OpenCL programs, on the GPU and llvmpipe.");
    Files files = { .step = 1 };

    mesa_environment();
    /* What libclc is translated to is the same for all: kept in memory */
    setenv("MESA_SHADER_CACHE_DISABLE", "false", 1);
    setenv("LD_LIBRARY_PATH", PIGLIT "lib", 1);
    for (unsigned i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        char pattern[200];

        snprintf(pattern, sizeof(pattern), PIGLIT "%s", patterns[i]);
        glob(pattern, i ? GLOB_APPEND : 0, NULL, &files.list);
    }
    if (!files.list.gl_pathc || !program_exists(TESTER)) {
        tap_skip("not in this userland", "piglit");
    } else {
        files.step = mode == 1 ? 1 : STEP;
        test_files(&files);
    }
    globfree(&files.list);
    return tap_end();
}
