/*
 * kexec: the kernel is replaced by another one while the GPU runs, or sleeps
 *
 * The driver stops nothing when a kernel ends, and resets nothing when it
 * probes.  With --idle, the GPU was suspended before: the next kernel has to
 * find it usable.  With --busy, streams count in memory: a finding about the
 * driver, see docs/findings.rst.
 *
 * The next kernel is the same Image, which is in the initramfs.  Its initrd is
 * the one that the machine was started with, which "retain_initrd" keeps where
 * it is, and so is its device tree, but for one digit of the command line: with
 * kexec.boot=2 the runner starts this program again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/kexec.h>
#include <linux/reboot.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define IMAGE           "/kexec/Image"
#define DEVICE_TREE     "/sys/firmware/fdt"
#define INITRD          "/sys/firmware/initrd"
#define INITRD_START    "/proc/device-tree/chosen/linux,initrd-start"
#define INITRD_END      "/proc/device-tree/chosen/linux,initrd-end"

#define BOOT_OPTION     "kexec.boot"
#define FIRST_BOOT      BOOT_OPTION "=1"

#define JOB_TIMEOUT_MS  5000
/* The driver gives the microcontroller a second to boot, twice */
#define PROBE_MS        8000
#define STREAMS         3
/* How long the streams run before */
#define BUSY_MS         300

/* Whole pages of any kernel, and what an Image is aligned to */
#define PAGE            0x10000ull
#define BLOCK           0x200000ull

/* Documentation/arch/arm64/booting.rst */
typedef struct ImageHeader {
    uint32_t code[2];
    uint64_t text_offset;
    uint64_t image_size;
    uint64_t flags;
    uint64_t reserved[3];
    uint32_t magic;
    uint32_t pe_offset;
} ImageHeader;

#define IMAGE_MAGIC     0x644d5241u

/* What the next kernel is entered by: x0 is its device tree */
typedef struct Trampoline {
    uint32_t code[6];
    uint64_t device_tree;
    uint64_t entry;
} Trampoline;

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* The file in memory of whole pages, zero behind its end */
static void *read_file(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t room = 0;
    uint8_t *data = NULL;
    ssize_t got;

    if (fd < 0) {
        tap_bail_out("%s: %s", path, strerror(errno));
    }
    for (*size = 0; ; *size += got) {
        if (room - *size < PAGE) {
            uint8_t *more = mmap(NULL, room + 32 * BLOCK,
                                 PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

            if (more == MAP_FAILED) {
                tap_bail_out("no memory for %s", path);
            }
            if (data) {
                memcpy(more, data, *size);
                munmap(data, room);
            }
            data = more;
            room += 32 * BLOCK;
        }
        got = read(fd, data + *size, room - *size);
        if (got < 0) {
            tap_bail_out("%s: %s", path, strerror(errno));
        }
        if (!got) {
            break;
        }
    }
    close(fd);
    return data;
}

/* A property of one or two cells */
static uint64_t read_cells(const char *path)
{
    size_t size;
    uint8_t *data = read_file(path, &size);
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

/* The next kernel's command line is as long as ours: no offset changes. */
static void mark_second_boot(char *tree, size_t size)
{
    char *option = memmem(tree, size, FIRST_BOOT, strlen(FIRST_BOOT));

    if (!option) {
        tap_bail_out("no " FIRST_BOOT " in the device tree");
    }
    option[strlen(FIRST_BOOT) - 1] = '2';
}

static struct kexec_segment segment(const void *data, size_t size,
                                    uint64_t address, uint64_t room)
{
    return (struct kexec_segment) {
        .buf = data,
        .bufsz = size,
        .mem = (void *)address,
        .memsz = round_up(room, PAGE),
    };
}

static void load_kernel(void)
{
    static Trampoline trampoline = {
        .code = {
            0x580000c0,     /* ldr x0, device_tree */
            0xaa1f03e1,     /* mov x1, xzr */
            0xaa1f03e2,     /* mov x2, xzr */
            0xaa1f03e3,     /* mov x3, xzr */
            0x58000084,     /* ldr x4, entry */
            0xd61f0080,     /* br x4 */
        },
    };
    size_t image_size, tree_size;
    ImageHeader *image = read_file(IMAGE, &image_size);
    char *tree = read_file(DEVICE_TREE, &tree_size);
    /* Behind what has to stay where it is */
    uint64_t at = round_up(read_cells(INITRD_END), BLOCK);
    uint64_t kernel = at + 2 * BLOCK + image->text_offset;
    struct kexec_segment segments[] = {
        segment(&trampoline, sizeof(trampoline), at, sizeof(trampoline)),
        segment(tree, tree_size, at + PAGE, tree_size),
        segment(image, image_size, kernel, image->image_size),
    };

    if (image->magic != IMAGE_MAGIC) {
        tap_bail_out(IMAGE " is no arm64 Image");
    }
    mark_second_boot(tree, tree_size);
    trampoline.device_tree = at + PAGE;
    trampoline.entry = kernel;
    tap_diag("initrd at 0x%" PRIx64 ", kernel at 0x%" PRIx64,
             read_cells(INITRD_START), kernel);
    TAP_MUST(syscall(SYS_kexec_load, at,
                     sizeof(segments) / sizeof(segments[0]), segments,
                     KEXEC_ARCH_AARCH64) ? -errno : 0);
}

/* A stream that adds to a word of the data for ever */
static void submit_counter(PanthorContext *ctx)
{
    uint32_t size;
    uint64_t va;
    size_t top;
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(0, panthor_data_va(0)));
    top = stream_here(&s);
    stream_load(&s, 10, 1, 0, 0);
    stream_emit(&s, cs_add_imm32(10, 10, 1));
    stream_store(&s, 10, 1, 0, 0);
    stream_branch_back(&s, CS_COND_ALWAYS, 0, top);
    va = stream_place(&s, &ctx->code, &size);
    TAP_MUST(panthor_submit(ctx, 0, va, size, ctx->syncobj));
}

/* Does not return */
static void first_boot(bool busy)
{
    static PanthorContext ctx[STREAMS];
    PanthorDev dev;

    TAP_MUST(panthor_open(&dev));
    load_kernel();
    for (int i = 0; i < STREAMS; i++) {
        panthor_context_init(&ctx[i], &dev, 1);
        if (busy) {
            submit_counter(&ctx[i]);
        } else {
            TAP_MUST(panthor_store_job(&ctx[i], i, JOB_TIMEOUT_MS));
        }
    }
    if (busy) {
        kernel_sleep_ms(BUSY_MS);
    } else {
        TAP_MUST(panthor_wait_suspended(&dev, JOB_TIMEOUT_MS));
    }
    tap_diag("the next kernel starts, with the GPU %s",
             busy ? "busy" : "suspended");
    fflush(stdout);
    sync();
    reboot(LINUX_REBOOT_CMD_KEXEC);
    tap_bail_out("the kernel was not replaced: %s", strerror(errno));
}

/* A job in the second kernel; 0 or a negative errno */
static int job(PanthorDev *dev)
{
    PanthorContext ctx;
    int ret;

    panthor_context_init(&ctx, dev, 1);
    ret = panthor_store_job(&ctx, 0x5ec07d, JOB_TIMEOUT_MS);
    panthor_context_fini(&ctx);
    return ret;
}

static void second_boot(bool busy)
{
    uint64_t deadline = kernel_now_ns() + PROBE_MS * 1000000ull;
    uint64_t stale = 0;
    char record[1024] = "";
    PanthorDev dev;
    int log, ret;

    while ((ret = panthor_open(&dev)) && kernel_now_ns() < deadline) {
        kernel_sleep_ms(100);
    }
    if (!busy) {
        tap_ok(!ret && !job(&dev), "GPU suspended: the next kernel uses it");
        return;
    }
    if (!ret) {
        tap_skip("it probes", "the finding is shown: the next kernel cannot "
                 "use a GPU that runs");
        return;
    }
    /* From the start of the log on */
    log = TAP_MUST(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    tap_ok(!kernel_log_find(log, "Failed to boot MCU", record, sizeof(record),
                            0),
           "the finding is shown: the next kernel cannot use a GPU that runs");
    close(log);
    if (host_get_u64("count-stale-translation-used", &stale) || !stale) {
        tap_skip("the checker saw no such access", "what ran before goes on");
    } else {
        tap_ok(true, "what ran before goes on, in memory that is the next "
               "kernel's: %" PRIu64 " accesses", stale);
    }
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--idle", "--busy", NULL };
    /* Of page tables that the next kernel overwrites without knowing them */
    static const char *const violations[] = {
        "change-outside-lock", "stale-translation-used",
        "recycle-without-flush", NULL
    };
    bool busy = tap_start(argc, argv, options, "Replaces the kernel.") == 1;
    uint64_t boot;

    tap_directive("allow-dmesg panthor.*(timed ?out|timeout)");
    for (int i = 0; busy && violations[i]; i++) {
        tap_directive("allow-violation %s", violations[i]);
    }
    if (!kernel_option(BOOT_OPTION, &boot)) {
        tap_skip("the runner has not prepared it", "another kernel");
    } else if (boot == 1) {
        first_boot(busy);
    } else {
        second_boot(busy);
    }
    return tap_end();
}
