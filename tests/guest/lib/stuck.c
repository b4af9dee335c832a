/*
 * Tasks that wait in the driver for what nobody will do
 *
 * A mutex that was never unlocked shows by those who wait for it.  The kernel
 * says so after two minutes of INFO: task blocked, which a host that is late
 * can bring about.  Here nothing rests on time alone: all who are in the
 * driver sleep without having run in between, nobody else has anything to do,
 * and there were as many looks as take longer than any wait of the driver.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "stuck.h"

/* At two a second twice as long as a job may take, 5 s */
#define LOOKS 20

/*
 * A look takes memory of the kernel.  While a program has the driver take all
 * that there is, the kernel would end that program for it.
 */
static bool memory_is_short(void)
{
    struct sysinfo info;

    return !sysinfo(&info) && info.freeram < info.totalram / 4;
}

/* State of a task, as in /proc/<pid>/stat; 0: it is gone */
static char state_of(int pid)
{
    char path[64], line[512], *end = NULL;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "r");
    if (file) {
        /* The name may have any character. */
        end = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
        fclose(file);
    }
    return end && end[1] ? end[2] : 0;
}

/*
 * Is a task that sleeps in the driver?  @where is the function if it is the
 * one that sleeps there; functions of the scheduler, and of mutexes, are not
 * in these traces.
 */
static bool is_in_driver(int pid, char *where, size_t size)
{
    char path[64], line[256], name[64];
    bool found = false, first = true;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stack", pid);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (strstr(line, "[panthor]")) {
            found = true;
            if (first && sscanf(line, "[<0>] %63[^+.]", name) == 1) {
                snprintf(where, size, "%s", name);
            }
        }
        first = false;
    }
    if (file) {
        fclose(file);
    }
    return found;
}

static unsigned long switches_of(int pid)
{
    char path[64], line[256];
    unsigned long sum = 0, n;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1 ||
            sscanf(line, "nonvoluntary_ctxt_switches: %lu", &n) == 1) {
            sum += n;
        }
    }
    if (file) {
        fclose(file);
    }
    return sum;
}

/* Those in the driver; false if any other task runs */
static bool find_tasks(Stuck *now, char *where, size_t size)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    bool quiet = true;

    while (proc && (entry = readdir(proc))) {
        int pid = atoi(entry->d_name);
        char state;

        if (!pid || pid == getpid()) {
            continue;
        }
        state = state_of(pid);
        quiet &= state != 'R';
        if (state == 'D' && is_in_driver(pid, where, size) &&
            now->count < STUCK_TASKS_MAX) {
            now->tasks[now->count++] = (StuckTask) {
                .pid = pid,
                .switches = switches_of(pid),
            };
        }
    }
    if (proc) {
        closedir(proc);
    }
    return quiet;
}

bool stuck_look(Stuck *stuck, char *where, size_t size)
{
    Stuck now = { .looks = stuck->looks };
    bool quiet;

    *where = 0;
    if (memory_is_short()) {
        return false;
    }
    quiet = find_tasks(&now, where, size);
    if (!now.count || !*where || now.count != stuck->count ||
        memcmp(now.tasks, stuck->tasks, sizeof(now.tasks))) {
        now.looks = 0;
    } else if (quiet) {
        now.looks++;
    }
    *stuck = now;
    return now.looks >= LOOKS;
}
