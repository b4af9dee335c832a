/*
 * In-guest runner: runs the guest programs one after the other
 *
 * The plan is in /plan:
 *   program <name> <seconds> [<argument>]
 *                              run /tests/<name>, end it after that time
 *   in-userland <name> <seconds> [<argument>]
 *                              the same, with the userland as its root
 *   bad <regex>                a new line of the kernel log that matches is
 *                              a failure of the program that ran
 *   slack <factor>             all times, ours too, are multiplied by this
 *   model <name>               what the programs find in the environment as
 *                              MODEL
 *   no-gpu                     do not wait for panthor
 *   count <function>           count panthor's calls of it, from the program
 *                              on that follows in the plan
 *
 * The host reads what follows on the second serial port, where no kernel
 * message can break a line:
 *   @@ begin <program>
 *   (what the program prints: TAP, and requests to the host)
 *   @@ end <program> exit <status> | signal <number> | timeout <seconds> |
 *                    stuck <function>
 *                              the driver cannot go on, and nothing else runs
 *   @@ log <program> <line>    a bad line of the kernel log
 *   @@ canary <program> exit <status> | timeout <seconds>
 *   @@ reached <program> <function>
 *                              counted, and called by this program
 *   @@ count <function> <calls> | absent
 *   #@ request symbols         before the first program of "make explore"
 *   @@ symbol <address> <function>
 *   @@ symbols                 if the host has said "ok", that was all
 *   @@ done
 *
 * The program that is named in second_boot() replaces the kernel.  With
 * "kexec.boot=2" on the command line it has done so: the runner goes on with
 * it, and has said "@@ begin" before.
 *
 * A program's standard input is that port too, so it can read the answer to a
 * request.
 *
 * Without a second serial port all of it is said on the console, after
 *   @@ console
 * and the kernel says nothing there: what it has logged is printed with its
 * time after each program.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/stuck.h"

#define PORT            "/dev/ttyAMA1"
#define RENDER_NODE     "/dev/dri/renderD128"
#define PROBE_SECONDS   20
#define CANARY          "canary"
#define USERLAND        "/userland"
#define KEXEC           "kexec"
#define SECOND_BOOT     "kexec.boot=2"
#define CANARY_SECONDS  10
/* A program that says nothing for so long may be stuck; how often to look */
#define QUIET_SECONDS   2
#define LOOK_SECONDS    0.5
#define MAX_PATTERNS    64
#define MAX_PROGRAMS    64
/* More than panthor has */
#define MAX_FUNCTIONS   1024

/* Of a record's first number, as in include/linux/kern_levels.h */
#define LEVEL_MASK      7
#define LEVEL_DEBUG     7

/* Of klogctl(): what is less urgent than level 1 is not for the console */
#define SYSLOG_ACTION_CONSOLE_LEVEL     8

/* A probe on a function's entry counts its calls; nobody reads the records. */
#define TRACING         "/sys/kernel/tracing/"
#define PROBE_GROUP     "calls"

typedef struct Program {
    char name[32];
    int seconds;
    char argument[32];
    char label[64];     /* the name and the argument, one word */
    bool in_userland;
} Program;

static Program programs[MAX_PROGRAMS];
static int num_programs;
static regex_t bad[MAX_PATTERNS];
static int num_bad;
static regex_t allowed[MAX_PATTERNS];
static int num_allowed;
static char functions[MAX_FUNCTIONS][64];
static bool probed[MAX_FUNCTIONS];
/* How often each was called before the program that runs */
static unsigned long calls_before[MAX_FUNCTIONS];
static int num_functions;
/* The first program that is counted */
static int count_from;
static int slack = 1;
static bool no_gpu;
/* There is no second serial port. */
static bool on_console;
static int kernel_log = -1;
/* A program is stuck in the driver: no other gets further. */
static bool stuck;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void add_pattern(regex_t *patterns, int *count, const char *text)
{
    if (*count == MAX_PATTERNS ||
        regcomp(&patterns[*count], text,
                REG_EXTENDED | REG_ICASE | REG_NOSUB)) {
        printf("not ok - runner: bad pattern %s\n", text);
        return;
    }
    (*count)++;
}

static bool matches(const regex_t *patterns, int count, const char *line)
{
    for (int i = 0; i < count; i++) {
        if (regexec(&patterns[i], line, 0, NULL, 0) == 0) {
            return true;
        }
    }
    return false;
}

static void read_plan(void)
{
    FILE *file = fopen("/plan", "r");
    char line[512];

    if (!file) {
        return;
    }
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "bad ", 4)) {
            add_pattern(bad, &num_bad, line + 4);
        } else if (sscanf(line, "slack %d", &slack) == 1) {
            continue;
        } else if (!strncmp(line, "model ", 6)) {
            setenv("MODEL", line + 6, 1);
        } else if (!strcmp(line, "no-gpu")) {
            no_gpu = true;
        } else if (num_functions < MAX_FUNCTIONS &&
                   sscanf(line, "count %63s", functions[num_functions]) == 1) {
            num_functions++;
            count_from = num_programs;
        } else if (num_programs < MAX_PROGRAMS) {
            Program program = { };
            char verb[16];

            if (sscanf(line, "%15s %31s %d %31s", verb, program.name,
                       &program.seconds, program.argument) >= 3) {
                program.in_userland = !strcmp(verb, "in-userland");
                strcpy(program.label, program.name);
                strcat(program.label, program.argument);
                programs[num_programs++] = program;
            }
        }
    }
    fclose(file);
}

/* As the kernel prints a record */
static void print_record(const char *record, const char *text)
{
    unsigned long long us;

    if (sscanf(record, "%*u,%*u,%llu", &us) == 1) {
        printf("[%5llu.%06llu] %s\n", us / 1000000, us % 1000000, text);
    }
}

/* Drop the new lines of the kernel log, or report the bad ones. */
static void read_kernel_log(const char *name)
{
    static const char lost[] = "records of the kernel log were overwritten "
                               "before they were read";
    char record[8192];
    bool said = false;
    ssize_t size;

    for (;;) {
        size = read(kernel_log, record, sizeof(record) - 1);
        if (size < 0) {
            if (errno == EPIPE && name && !said) {
                /* Any of them may have been a bad line. */
                printf("@@ log %s %s\n", name, lost);
                said = true;
            }
            if (errno == EPIPE || errno == EINTR) {
                continue;
            }
            return;
        }
        record[size] = 0;
        record[strcspn(record, "\n")] = 0;

        /* "facility and level,number,time,flags;text" */
        const char *text = strchr(record, ';');
        if (!text || (atoi(record) & LEVEL_MASK) == LEVEL_DEBUG) {
            continue;
        }
        if (on_console) {
            print_record(record, text + 1);
        }
        if (name && matches(bad, num_bad, text + 1) &&
            !matches(allowed, num_allowed, text + 1)) {
            printf("@@ log %s %s\n", name, text + 1);
        }
    }
}

static void line_from_program(const char *line)
{
    static const char allow[] = "#@ allow-dmesg ";

    if (!strncmp(line, allow, sizeof(allow) - 1)) {
        add_pattern(allowed, &num_allowed, line + sizeof(allow) - 1);
    }
    puts(line);
}

/* Pass on what the program prints, whole lines only. */
static void copy_output(int output, char *buffer, size_t size, size_t *used)
{
    ssize_t got = read(output, buffer + *used, size - 1 - *used);
    char *start = buffer, *end;

    if (got <= 0) {
        return;
    }
    *used += got;
    buffer[*used] = 0;
    while ((end = strchr(start, '\n'))) {
        *end = 0;
        line_from_program(start);
        start = end + 1;
    }
    *used -= start - buffer;
    memmove(buffer, start, *used);
    if (*used == size - 1) {
        buffer[*used] = 0;
        line_from_program(buffer);
        *used = 0;
    }
}

/*
 * Has a program that last said something at @since got stuck in the driver?
 * @look and @next are of the caller, for the next time.
 */
static bool is_stuck(double since, Stuck *look, double *next, char *where,
                     size_t size)
{
    if (now() < since + QUIET_SECONDS || now() < *next) {
        return false;
    }
    *next = now() + LOOK_SECONDS;
    return stuck_look(look, where, size);
}

static void enter_userland(void)
{
    if (chroot(USERLAND) || chdir("/tmp")) {
        fprintf(stderr, "%s: %s\n", USERLAND, strerror(errno));
        _exit(127);
    }
    setenv("HOME", "/tmp", 1);
    setenv("PATH", "/usr/bin:/usr/sbin", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
}

/* Run a program to its end or its time-out; returns what it came to. */
static void run(const char *name, const char *argument, int seconds,
                bool in_userland, char *result, size_t size)
{
    static char buffer[65536];
    size_t used = 0;
    double deadline = now() + (double)seconds * slack;
    double said = now(), next_look = 0;
    Stuck look = { .count = 0 };
    char where[64] = "";
    int output[2], status = 0;
    bool timed_out = false;
    pid_t pid, ended = 0;

    if (pipe(output)) {
        snprintf(result, size, "exit 127");
        return;
    }
    pid = fork();
    if (pid == 0) {
        char path[128];

        setpgid(0, 0);
        dup2(output[1], STDOUT_FILENO);
        dup2(output[1], STDERR_FILENO);
        close(output[0]);
        close(output[1]);
        snprintf(path, sizeof(path), "/tests/%s", name);
        if (in_userland) {
            enter_userland();
        }
        execl(path, name, *argument ? argument : (char *)NULL, (char *)NULL);
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        _exit(127);
    }
    close(output[1]);
    while (!ended) {
        struct pollfd wait = { .fd = output[0], .events = POLLIN };

        if (poll(&wait, 1, 50) > 0 && (wait.revents & POLLIN)) {
            copy_output(output[0], buffer, sizeof(buffer), &used);
            said = now();
        } else if (waitpid(pid, &status, WNOHANG) == pid) {
            ended = pid;
            break;
        } else if (wait.revents & POLLHUP) {
            usleep(1000);
        }
        if (is_stuck(said, &look, &next_look, where, sizeof(where))) {
            stuck = true;
            break;
        }
        if (now() > deadline) {
            if (timed_out) {
                break;      /* stuck in the kernel: leave it behind */
            }
            timed_out = true;
            kill(-pid, SIGKILL);
            deadline = now() + 10.0 * slack;
        }
    }
    /* What was printed last; a child that lives on must not hold us up. */
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    for (size_t before = used + 1; before != used; ) {
        before = used;
        copy_output(output[0], buffer, sizeof(buffer), &used);
    }
    if (used) {
        buffer[used] = 0;
        line_from_program(buffer);
    }
    close(output[0]);
    kill(-pid, SIGKILL);

    if (stuck) {
        snprintf(result, size, "stuck %s", where);
    } else if (timed_out) {
        snprintf(result, size, "timeout %d%s", seconds * slack,
                 ended ? "" : " and cannot be killed");
    } else if (WIFSIGNALED(status)) {
        snprintf(result, size, "signal %d", WTERMSIG(status));
    } else {
        snprintf(result, size, "exit %d", WEXITSTATUS(status));
    }
}

/* The place in the plan of KEXEC if it has replaced the kernel; else -1 */
static int second_boot(void)
{
    FILE *file = fopen("/proc/cmdline", "r");
    char line[4096] = "";
    bool second = file && fgets(line, sizeof(line), file) &&
                  strstr(line, SECOND_BOOT);

    if (file) {
        fclose(file);
    }
    for (int i = 0; second && i < num_programs; i++) {
        if (!strcmp(programs[i].name, KEXEC)) {
            return i;
        }
    }
    return -1;
}

static void run_program(const Program *program, bool goes_on)
{
    char result[64];

    for (int i = 0; i < num_allowed; i++) {
        regfree(&allowed[i]);
    }
    num_allowed = 0;
    read_kernel_log(NULL);

    if (!goes_on) {
        printf("@@ begin %s\n", program->label);
    }
    run(program->name, program->argument, program->seconds,
        program->in_userland, result, sizeof(result));
    printf("@@ end %s %s\n", program->label, result);

    /* Of another kernel the program itself says whether it has a GPU. */
    if (strcmp(program->name, CANARY) && !goes_on && !stuck) {
        run(CANARY, "", CANARY_SECONDS, false, result, sizeof(result));
        printf("@@ canary %s %s\n", program->label, result);
    }
    read_kernel_log(program->label);
    printf("@@ log-end %s\n", program->label);
}

static bool write_line(const char *path, const char *before,
                       const char *between, const char *name)
{
    int file = open(path, O_WRONLY | O_APPEND);
    bool done;

    if (file < 0) {
        return false;
    }
    done = dprintf(file, "%s%s%s%s\n", before, name, between,
                   *between ? name : "") > 0;
    close(file);
    return done;
}

static void start_counting(void)
{
    for (int i = 0; i < num_functions; i++) {
        /* Refused if the driver has no such function */
        probed[i] = write_line(TRACING "kprobe_events", "p:" PROBE_GROUP "/",
                               " panthor:", functions[i]);
    }
    if (num_functions) {
        write_line(TRACING "events/" PROBE_GROUP "/enable", "1", "", "");
    }
}

static void say_reached(const char *label, const char *function,
                        unsigned long calls)
{
    for (int i = 0; i < num_functions; i++) {
        if (calls > calls_before[i] && !strcmp(functions[i], function)) {
            calls_before[i] = calls;
            printf("@@ reached %s %s\n", label, function);
        }
    }
}

/* After a program: what it called; at the end: all counts */
static void read_counts(const char *label)
{
    FILE *file = fopen(TRACING "kprobe_profile", "r");
    char line[256], name[64];
    unsigned long calls, missed;

    /* A line for each probe: its name, how often it was hit, and missed */
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "%63s %lu %lu", name, &calls, &missed) != 3) {
            continue;
        }
        if (!label) {
            printf("@@ count %s %lu\n", name, calls + missed);
        } else if (calls + missed) {
            say_reached(label, name, calls + missed);
        }
    }
    if (file) {
        fclose(file);
    }
}

static void report_counts(void)
{
    read_counts(NULL);
    for (int i = 0; i < num_functions; i++) {
        if (!probed[i]) {
            printf("@@ count %s absent\n", functions[i]);
        }
    }
}

/*
 * A line of really_probe() in drivers/base/dd.c, in all that was said yet.
 * Leaves in @said what the driver has said last before that.
 */
static bool probe_failed(int log, char *said, size_t said_size)
{
    char record[1024];
    ssize_t size;

    while ((size = read(log, record, sizeof(record) - 1)) > 0 ||
           (size < 0 && errno == EPIPE)) {
        const char *text;

        record[size > 0 ? size : 0] = '\0';
        if (strstr(record, "probe with driver panthor failed")) {
            return true;
        }
        /* "priority,number,time,flags;text", a line feed, and more */
        text = strchr(record, ';');
        if (text && !strncmp(text, ";panthor ", strlen(";panthor "))) {
            snprintf(said, said_size, "%.*s", (int)strcspn(text + 1, "\n"),
                     text + 1);
        }
    }
    return false;
}

/* Says why, if it is not */
static bool panthor_is_there(void)
{
    double deadline = now() + PROBE_SECONDS * slack;
    int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
    char said[200] = "";
    bool there;

    while (!(there = access(RENDER_NODE, R_OK | W_OK) == 0)) {
        if (probe_failed(log, said, sizeof(said))) {
            printf("@@ no-panthor probe-failed %s\n", said);
            break;
        }
        if (now() > deadline) {
            printf("@@ no-panthor %d\n", PROBE_SECONDS * slack);
            break;
        }
        usleep(10000);
    }
    close(log);
    return there;
}

/*
 * Where the functions of the driver are, and of what it is made of.  Not unless
 * the host wants to know: to find them takes longer than many a program.
 */
static void tell_symbols(void)
{
    static const char *const modules[] = {
        "[panthor]", "[gpu_sched]", "[drm_gpuvm]",
    };
    char line[512];
    FILE *f;

    printf("#@ request symbols\n");
    if (!fgets(line, sizeof(line), stdin) || strncmp(line, "ok", 2)) {
        return;
    }
    f = fopen("/proc/kallsyms", "r");
    while (f && fgets(line, sizeof(line), f)) {
        unsigned long long address;
        char kind, name[256], module[64];

        if (sscanf(line, "%llx %c %255s %63s", &address, &kind, name,
                   module) != 4 || (kind != 't' && kind != 'T')) {
            continue;
        }
        for (unsigned i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
            if (!strcmp(module, modules[i])) {
                printf("@@ symbol %llx %s\n", address, name);
            }
        }
    }
    if (f) {
        fclose(f);
    }
    printf("@@ symbols\n");
}

static void open_port(void)
{
    int port = open(PORT, O_RDWR | O_NOCTTY);
    struct termios mode;

    if (port < 0) {
        port = open("/dev/console", O_RDWR | O_NOCTTY);
        on_console = true;
    }
    if (port < 0) {
        return;
    }
    if (tcgetattr(port, &mode) == 0) {
        cfmakeraw(&mode);
        mode.c_oflag &= ~OPOST;
        /* A program reads an answer as one line. */
        mode.c_lflag |= ICANON;
        tcsetattr(port, TCSANOW, &mode);
    }
    dup2(port, STDIN_FILENO);
    dup2(port, STDOUT_FILENO);
    dup2(port, STDERR_FILENO);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (on_console) {
        /* A line of the kernel's may have no end yet. */
        klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, NULL, 1);
        lseek(kernel_log, 0, SEEK_END);
        printf("\n@@ console\n");
    }
}

int main(void)
{
    int again;

    kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
    open_port();
    signal(SIGPIPE, SIG_IGN);
    read_plan();
    again = second_boot();
    if (again >= 0) {
        run_program(&programs[again], true);
    } else if (no_gpu || panthor_is_there()) {
        if (!no_gpu) {
            printf("@@ panthor\n");
            if (kernel_explores()) {
                tell_symbols();
            }
        }
        for (int i = 0; i < num_programs && !stuck; i++) {
            if (i == count_from) {
                start_counting();
            }
            run_program(&programs[i], false);
            if (num_functions) {
                read_counts(programs[i].label);
            }
        }
        report_counts();
    }
    printf("@@ done\n");
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
    sync();
    if (stuck) {
        /* Where everybody waits; and no end that waits for drivers */
        write_line("/proc/sysrq-trigger", "w", "", "");
        write_line("/proc/sysrq-trigger", "b", "", "");
    }
    reboot(RB_POWER_OFF);
    for (;;) {
        pause();
    }
}
