/*
 * Probes on functions of the kernel: they count calls, or make them slow
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <elf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "module.h"
#include "probe.h"
#include "tap.h"

#define SKIP_CALL "/sys/module/panthor/parameters/skip_call"
#define PMU "/sys/bus/event_source/devices/kprobe/type"
/* Bit 0 of the configuration of a kprobe event: on the return */
#define KPROBE_RETURN 1

/* include/uapi/linux/bpf.h of Linux 6.9: a loop that ends at some time */
#ifndef BPF_JCOND
#define BPF_JCOND 0xe0
#endif

/* Behind these, no instruction is ftrace's */
#define FTRACE_INSNS 3

/* The instruction of arm64 that calls a function */
#define BL 0x94000000u
#define BL_MASK 0xfc000000u

static struct bpf_insn insn(uint8_t code, uint8_t dst, uint8_t src,
                            int16_t off, int32_t imm)
{
    return (struct bpf_insn) { .code = code, .dst_reg = dst, .src_reg = src,
                               .off = off, .imm = imm };
}

/*
 *     if (tid && (u32)bpf_get_current_pid_tgid() != tid)
 *         return 0;
 *     end = bpf_ktime_get_ns() + us * 1000;
 *     while (may_goto && bpf_ktime_get_ns() < end) { }
 *     return 0;
 *
 * Returns the program's descriptor or a negative errno.
 */
static int load_delay(unsigned us, int tid)
{
    struct bpf_insn code[] = {
        insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_pid_tgid),
        insn(BPF_ALU | BPF_MOV | BPF_X, 1, 0, 0, 0),
        insn(BPF_ALU | BPF_MOV | BPF_K, 2, 0, 0, tid),
        insn(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1, 0),
        insn(BPF_JMP | BPF_JNE | BPF_X, 1, 2, 6, 0),
        insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns),
        insn(BPF_ALU64 | BPF_MOV | BPF_X, 6, 0, 0, 0),
        insn(BPF_ALU64 | BPF_ADD | BPF_K, 6, 0, 0, (int32_t)us * 1000),
        insn(BPF_JMP | BPF_JCOND, 0, 0, 2, 0),
        insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns),
        insn(BPF_JMP | BPF_JLT | BPF_X, 0, 6, -3, 0),
        insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
        insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    union bpf_attr attr = {
        .prog_type = BPF_PROG_TYPE_KPROBE,
        .insn_cnt = sizeof(code) / sizeof(code[0]),
        .insns = (uintptr_t)code,
        .license = (uintptr_t)"GPL",
    };
    int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

    return fd < 0 ? -errno : fd;
}

/* A descriptor or a negative errno */
static int open_event(const char *function, uint64_t offset, bool on_return,
                      int cpu)
{
    struct perf_event_attr attr = {
        .size = sizeof(attr),
        .config = on_return ? KPROBE_RETURN : 0,
        .kprobe_func = (uintptr_t)function,
        .probe_offset = offset,
    };
    FILE *f = fopen(PMU, "r");
    int type = -1, fd;

    if (f) {
        if (fscanf(f, "%d", &type) != 1) {
            type = -1;
        }
        fclose(f);
    }
    if (type < 0) {
        return -ENOSYS;
    }
    attr.type = type;
    fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1,
                 PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* One more place where the program of @p runs: 0 or a negative errno */
static int add_place(Probe *p, const char *function, uint64_t offset,
                     bool on_return)
{
    /* The program runs on all processors, whichever the event is for */
    int fd = open_event(function, offset, on_return, 0);

    if (fd < 0) {
        return fd;
    }
    p->event[p->count++] = fd;
    if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, p->program) ||
        ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
        return -errno;
    }
    return 0;
}

int probe_delay(Probe *p, const char *function, ProbePlace place, unsigned us,
                int tid)
{
    p->count = 0;
    p->program = load_delay(us, tid);
    return p->program < 0 ? p->program :
           add_place(p, function, 0, place == PROBE_RETURN);
}

/* The module's file in memory, until the program ends; NULL: none to read */
static const uint8_t *module_file(size_t *size)
{
    static const uint8_t *file;
    static size_t file_size;

    if (!file) {
        Module module;
        struct stat status;

        if (module_open(&module)) {
            return NULL;
        }
        if (!fstat(module.fd, &status)) {
            file_size = status.st_size;
            file = mmap(NULL, file_size, PROT_READ, MAP_PRIVATE, module.fd,
                        0);
        }
        module_close(&module);
        if (file == MAP_FAILED || file_size < sizeof(Elf64_Ehdr) ||
            memcmp(file, ELFMAG, SELFMAG)) {
            /* Compressed, for instance */
            file = NULL;
        }
    }
    *size = file_size;
    return file;
}

/* The code of a function of the driver, *@count instructions, or NULL */
static const uint32_t *find_code(const char *function, size_t *count)
{
    size_t size;
    const uint8_t *file = module_file(&size);
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)file;
    const Elf64_Shdr *section;

    if (!file) {
        return NULL;
    }
    section = (const Elf64_Shdr *)(file + header->e_shoff);
    for (unsigned i = 0; i < header->e_shnum; i++) {
        const Elf64_Sym *symbol;
        const char *names;

        if (section[i].sh_type != SHT_SYMTAB) {
            continue;
        }
        symbol = (const Elf64_Sym *)(file + section[i].sh_offset);
        names = (const char *)file + section[section[i].sh_link].sh_offset;
        for (; (const uint8_t *)symbol < file + section[i].sh_offset +
                                         section[i].sh_size; symbol++) {
            if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
                symbol->st_shndx < header->e_shnum &&
                !strcmp(names + symbol->st_name, function)) {
                *count = symbol->st_size / sizeof(uint32_t);
                return (const uint32_t *)(file + symbol->st_value +
                                          section[symbol->st_shndx].sh_offset);
            }
        }
    }
    return NULL;
}

int probe_delay_calls(Probe *p, const char *function, unsigned us, int tid)
{
    const uint32_t *code;
    size_t count;
    int ret = 0;

    p->count = 0;
    p->program = load_delay(us, tid);
    if (p->program < 0) {
        return p->program;
    }
    code = find_code(function, &count);
    if (!code) {
        return -ENOENT;
    }
    /* The first calls are those of ftrace, which the kernel has taken out */
    for (size_t i = FTRACE_INSNS; i + 1 < count &&
         p->count < PROBE_MAX_EVENTS; i++) {
        if ((code[i] & BL_MASK) == BL) {
            ret = add_place(p, function, (i + 1) * sizeof(uint32_t), false);
        }
    }
    return p->count ? 0 : ret ? ret : -ENOENT;
}

int probe_slow(Probe *p, const char *function, unsigned us, int tid)
{
    int ret = probe_delay(p, function, PROBE_ENTRY, us, tid);

    if (ret) {
        tap_diag("no delay of %s: %s", function, strerror(-ret));
    }
    return ret;
}

int probe_slow_calls(Probe *p, const char *function, unsigned us, int tid)
{
    int ret = probe_delay_calls(p, function, us, tid);

    if (ret) {
        tap_diag("no delay in %s: %s", function, strerror(-ret));
    }
    return ret;
}

int probe_count(Probe *p, const char *function)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    p->program = -1;
    for (p->count = 0; p->count < cpus && p->count < PROBE_MAX_EVENTS;
         p->count++) {
        int fd = open_event(function, 0, false, p->count);

        if (fd < 0) {
            return fd;
        }
        p->event[p->count] = fd;
    }
    return 0;
}

uint64_t probe_read(const Probe *p)
{
    uint64_t sum = 0, value;

    for (unsigned i = 0; i < p->count; i++) {
        if (read(p->event[i], &value, sizeof(value)) == sizeof(value)) {
            sum += value;
        }
    }
    return sum;
}

void probe_close(Probe *p)
{
    while (p->count) {
        close(p->event[--p->count]);
    }
    if (p->program >= 0) {
        close(p->program);
    }
    p->program = -1;
}

const char *probe_missing(void)
{
    static char text[80];
    Probe p;
    int ret = probe_delay(&p, "panthor_vm_pool_get_vm", PROBE_ENTRY, 1, 0);

    probe_close(&p);
    if (!ret || ret == -ENOENT) {
        return NULL;
    }
    snprintf(text, sizeof(text), "the kernel has no probes that delay: %s",
             strerror(-ret));
    return text;
}

int probe_skip(const char *calls)
{
    return kernel_write_file(SKIP_CALL, calls);
}

int probe_skip_end(void)
{
    FILE *f = fopen(SKIP_CALL, "r");
    int count = -EPROTO;

    if (!f) {
        return -errno;
    }
    if (fscanf(f, "%d", &count) != 1) {
        count = -EPROTO;
    }
    fclose(f);
    kernel_write_file(SKIP_CALL, "\n");
    return count;
}

const char *probe_skip_missing(void)
{
    return access(SKIP_CALL, W_OK) ? "the driver is not one of "
                                     "build-panthor.py, or has no kprobes" :
                                     NULL;
}
