/*
 * A process of the 32-bit Arm instruction set that makes system calls
 *
 * No 32-bit compiler is needed: the process is twenty instructions, which read
 * the words of a system call from one pipe and write its result to another.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"

#define BASE            0x10000u
/* Where it keeps a request, r8 below */
#define REQUEST         0x20000u
#define REQUEST_WORDS   7
#define STDIN           0
#define STDOUT          1
/* Results that are errors, -4095 to -1 */
#define MAX_ERRNO       4095

static const uint32_t code[] = {
    0xe3a08802, /*       mov r8, #REQUEST */
    0xe3a00000, /* next: mov r0, #STDIN */
    0xe1a01008, /*       mov r1, r8 */
    0xe3a0201c, /*       mov r2, #(REQUEST_WORDS * 4) */
    0xe3a07003, /*       mov r7, #COMPAT_READ */
    0xef000000, /*       svc 0 */
    0xe350001c, /*       cmp r0, #(REQUEST_WORDS * 4) */
    0x1a000008, /*       bne end */
    0xe89800bf, /*       ldm r8, {r0-r5, r7} */
    0xef000000, /*       svc 0 */
    0xe5880000, /*       str r0, [r8] */
    0xe3a00001, /*       mov r0, #STDOUT */
    0xe1a01008, /*       mov r1, r8 */
    0xe3a02004, /*       mov r2, #4 */
    0xe3a07004, /*       mov r7, #COMPAT_WRITE */
    0xef000000, /*       svc 0 */
    0xeaffffef, /*       b next */
    0xe3a00000, /* end:  mov r0, #0 */
    0xe3a07001, /*       mov r7, #1: exit */
    0xef000000, /*       svc 0 */
};

typedef struct Image {
    Elf32_Ehdr header;
    Elf32_Phdr segments[2];
    uint32_t code[sizeof(code) / sizeof(code[0])];
} Image;

/* A descriptor of the program, or a negative errno */
static int make_image(void)
{
    Image image = {
        .header = {
            .e_ident = {
                ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
                EV_CURRENT,
            },
            .e_type = ET_EXEC,
            .e_machine = EM_ARM,
            .e_version = EV_CURRENT,
            .e_entry = BASE + offsetof(Image, code),
            .e_phoff = offsetof(Image, segments),
            .e_flags = EF_ARM_EABI_VER5,
            .e_ehsize = sizeof(Elf32_Ehdr),
            .e_phentsize = sizeof(Elf32_Phdr),
            .e_phnum = sizeof(image.segments) / sizeof(image.segments[0]),
        },
        .segments = {
            {
                .p_type = PT_LOAD,
                .p_vaddr = BASE,
                .p_filesz = sizeof(Image),
                .p_memsz = COMPAT_DATA + COMPAT_DATA_SIZE - BASE,
                .p_flags = PF_R | PF_W | PF_X,
                .p_align = BASE,
            },
            /* Without it, all that can be read could be executed. */
            { .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W },
        },
    };
    int fd = memfd_create("compat", MFD_CLOEXEC);

    memcpy(image.code, code, sizeof(code));
    if (fd >= 0 && write(fd, &image, sizeof(image)) != sizeof(image)) {
        close(fd);
        fd = -1;
    }
    return fd < 0 ? -errno : fd;
}

/* In the new process: says over @status why it did not become another one */
static void become(int image, int in, int out, int status)
{
    static char *const none[] = { NULL };
    int error;

    dup2(in, STDIN);
    dup2(out, STDOUT);
    fexecve(image, none, none);
    error = errno;
    if (write(status, &error, sizeof(error)) < 0) {
        _exit(2);
    }
    _exit(1);
}


int compat_start(CompatProcess *process)
{
    int to[2], from[2], status[2], image = make_image(), error = 0;

    if (image < 0) {
        return image;
    }
    if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC) ||
        pipe2(status, O_CLOEXEC)) {
        return -errno;
    }
    /* A write to one that is gone is an error, which is looked at. */
    signal(SIGPIPE, SIG_IGN);
    process->pid = fork();
    if (!process->pid) {
        become(image, to[0], from[1], status[1]);
    }
    close(image);
    close(to[0]);
    close(from[1]);
    close(status[1]);
    process->to = to[1];
    process->from = from[0];
    /* Nothing comes if it has become the other one. */
    if (read(status[0], &error, sizeof(error)) != sizeof(error)) {
        error = 0;
    }
    close(status[0]);
    if (process->pid < 0 || error) {
        compat_end(process);
        return error ? -error : -EAGAIN;
    }
    return 0;
}

static int transfer_all(ssize_t (*transfer)(int fd, void *data, size_t size),
                        int fd, void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t ret = transfer(fd, (char *)data + done, size - done);

        if (ret <= 0) {
            return ret ? -errno : -EPIPE;
        }
        done += ret;
    }
    return 0;
}

static ssize_t put(int fd, void *data, size_t size)
{
    return write(fd, data, size);
}

static int begin(const CompatProcess *process, uint32_t number,
                 const uint32_t *args)
{
    uint32_t request[REQUEST_WORDS];

    memcpy(request, args, sizeof(request) - sizeof(number));
    request[REQUEST_WORDS - 1] = number;
    return transfer_all(put, process->to, request, sizeof(request));
}

static int64_t result(const CompatProcess *process)
{
    uint32_t value;
    int ret = transfer_all(read, process->from, &value, sizeof(value));

    if (ret) {
        return ret;
    }
    return value >= -(uint32_t)MAX_ERRNO ? (int32_t)value : (int64_t)value;
}

int64_t compat_call(const CompatProcess *process, uint32_t number,
                    const uint32_t *args)
{
    int ret = begin(process, number, args);

    return ret ? ret : result(process);
}

/* It copies no less than was asked for, since a pipe holds all of it. */
static int copied(int64_t ret, size_t size)
{
    return ret < 0 ? ret : ret == (int64_t)size ? 0 : -EFAULT;
}

int compat_put(const CompatProcess *process, uint32_t address,
               const void *data, size_t size)
{
    const uint32_t args[REQUEST_WORDS - 1] = { STDIN, address, size };
    int ret = begin(process, COMPAT_READ, args);

    if (!ret) {
        ret = transfer_all(put, process->to, (void *)data, size);
    }
    return ret ? ret : copied(result(process), size);
}

int compat_get(const CompatProcess *process, uint32_t address, void *data,
               size_t size)
{
    const uint32_t args[REQUEST_WORDS - 1] = { STDOUT, address, size };
    int ret = begin(process, COMPAT_WRITE, args);

    if (!ret) {
        ret = transfer_all(read, process->from, data, size);
    }
    return ret ? ret : copied(result(process), size);
}

void compat_end(CompatProcess *process)
{
    close(process->to);
    close(process->from);
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
    }
}
