/*
 * firmware: files that are no firmware
 *
 * The driver is bound with files that are wrong in one way each.  It has to
 * refuse each with the message that its source has for it, and to take the
 * right file afterwards.  What is wrong in what firmware says when it has
 * booted is in interface.c.  The format is what panthor_fw.c reads, see
 * scripts/firmware-container.py; no firmware's code is looked at.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/tap.h"
#include "hw/gpu/mali-csf/fw-interface.h"

#define FILE_MAX 0x10000
/* The driver waits a second for the microcontroller */
#define LOG_TIMEOUT_MS 3000
#define CACHE_TIMEOUT_MS 20000
#define CACHE_PAUSE_MS 500

#define MAGIC           0xc3f13a6e
#define SHARED_VA       0x04000000u
#define SHARED_SIZE     0x20000u

/* Types of an entry, in [7:0] of its first word; its size is in [15:8] */
#define ENTRY_INTERFACE 0u
#define ENTRY_CONFIG    1u
#define ENTRY_BUILD_INFO 6u
#define ENTRY_UNKNOWN   9u
#define ENTRY_OPTIONAL  (1u << 31)

#define SECTION_READ    (1u << 0)
#define SECTION_WRITE   (1u << 1)
#define SECTION_COHERENT (3u << 3)
#define SECTION_PROT    (1u << 5)
#define SECTION_SHARED  (1u << 30)
#define SECTION_ZERO    (1u << 31)
#define SECTION_OF_OURS (SECTION_READ | SECTION_WRITE | SECTION_COHERENT | \
                         SECTION_SHARED | SECTION_ZERO)

/* struct panthor_fw_binary_hdr */
typedef struct Header {
    uint32_t magic;
    uint8_t minor;
    uint8_t major;
    uint16_t padding1;
    uint32_t version_hash;
    uint32_t padding2;
    uint32_t size;
} Header;

/* struct panthor_fw_binary_section_entry_hdr, behind the entry's first word */
typedef struct Section {
    uint32_t word;
    uint32_t flags;
    uint32_t va_start;
    uint32_t va_end;
    uint32_t data_start;
    uint32_t data_end;
} Section;

/* struct panthor_fw_build_info_hdr */
typedef struct BuildInfo {
    uint32_t word;
    uint32_t start;
    uint32_t size;
} BuildInfo;

/* A file before its one mistake */
typedef struct Container {
    Header header;
    Section extra;
    Section shared;
    BuildInfo info;
    char text[16];
    /* Which interface the model is to speak: include/hw/gpu/mali-csf */
    uint32_t descriptor[3];
    /* What is written of it, in bytes */
    size_t size;
} Container;

static char path[128];
static PanthorDev dev;

static void no_magic(Container *c)
{
    c->header.magic++;
}

static void other_version(Container *c)
{
    c->header.major = 7;
}

static void short_file(Container *c)
{
    c->size = 8;
}

static void truncated(Container *c)
{
    c->size = offsetof(Container, text) - 4;
}

static void short_entry(Container *c)
{
    /* The header's size ends in the middle of an entry's first word. */
    c->header.size = offsetof(Container, info) + 2;
}

static void long_entry(Container *c)
{
    c->info.word = ENTRY_BUILD_INFO | ENTRY_OPTIONAL | 0xfc00;
}

static void odd_entry(Container *c)
{
    c->info.word = ENTRY_BUILD_INFO | ENTRY_OPTIONAL |
                   (uint32_t)(sizeof(c->info) - 1) << 8;
}

static void unknown_entry(Container *c)
{
    c->info.word = ENTRY_UNKNOWN | (uint32_t)sizeof(c->info) << 8;
}

static void data_reversed(Container *c)
{
    c->extra.data_start = 8;
    c->extra.data_end = 4;
}

static void va_reversed(Container *c)
{
    c->extra.va_end = c->extra.va_start - 0x10000;
}

static void data_beyond_file(Container *c)
{
    c->extra.data_end = 0x100000;
}

static void va_unaligned(Container *c)
{
    c->extra.va_start += 0x800;
}

static void unknown_flags(Container *c)
{
    c->extra.flags |= 1u << 20;
}

static void not_shared(Container *c)
{
    c->shared.flags &= ~SECTION_SHARED;
}

static void too_much_data(Container *c)
{
    c->extra.va_end = c->extra.va_start;
    c->extra.data_end = 16;
}

static void no_shared(Container *c)
{
    c->shared.va_start = 0x05000000;
    c->shared.va_end = c->shared.va_start + SHARED_SIZE;
}

static void small_shared(Container *c)
{
    c->shared.va_end = c->shared.va_start + (uint32_t)kernel_page_size();
}

static void no_entries(Container *c)
{
    c->header.size = sizeof(c->header);
}

static void no_size(Container *c)
{
    c->header.size = 0;
}

static void largest_size(Container *c)
{
    c->header.size = 0xffffffff;
}

static void empty_entry(Container *c)
{
    c->extra.word = ENTRY_INTERFACE;
}

static void short_section_entry(Container *c)
{
    c->extra.word = ENTRY_INTERFACE |
                    (uint32_t)(sizeof(Section) - 4) << 8;
}

static void data_of_minus_one(Container *c)
{
    c->extra.data_start = 0xfffffffc;
    c->extra.data_end = 0xffffffff;
}

static void same_section_twice(Container *c)
{
    c->extra.va_start = SHARED_VA + 0x10000;
    c->extra.va_end = c->extra.va_start + 0x10000;
}

static void last_section(Container *c)
{
    c->extra.va_start = 0xffff0000;
    c->extra.va_end = 0xffffffff;
}

static void empty_shared(Container *c)
{
    c->shared.va_end = c->shared.va_start;
}

/* Sections without a byte are nothing to allocate or to map. */
static void empty_section(Container *c)
{
    c->extra.va_end = c->extra.va_start;
}

static void empty_section_at_end(Container *c)
{
    c->extra.va_end = c->extra.va_start;
    c->extra.data_start = c->extra.data_end = c->size;
}

static void empty_section_in_another(Container *c)
{
    c->extra.va_start = c->extra.va_end = SHARED_VA + 0x10000;
}

static void data_at_end(Container *c)
{
    c->extra.flags &= ~SECTION_ZERO;
    c->extra.data_end = (uint32_t)c->size;
    c->extra.data_start = c->extra.data_end - sizeof(c->text);
}

static void config_entry(Container *c)
{
    c->info.word = ENTRY_CONFIG | (uint32_t)sizeof(c->info) << 8;
}

static void optional_entry(Container *c)
{
    c->info.word = ENTRY_UNKNOWN | ENTRY_OPTIONAL |
                   (uint32_t)sizeof(c->info) << 8;
}

static void wrapping_build_info(Container *c)
{
    c->info.start = 0xfffffff0;
    c->info.size = 0x20;
}

static void no_build_info(Container *c)
{
    c->info.size = 0;
}

static void short_build_info(Container *c)
{
    c->info.size = strlen("git_sha: ");
}

static void protected_section(Container *c)
{
    c->extra.flags |= SECTION_PROT;
}

static void endless_build_info(Container *c)
{
    memset(c->text + strlen("git_sha: "), 'f',
           sizeof(c->text) - strlen("git_sha: "));
}

static void wrong_build_info(Container *c)
{
    c->info.start = 0x100000;
}

static void another_interface(Container *c)
{
    c->extra.va_start = FW_DESCRIPTOR_VA;
    c->extra.va_end = FW_DESCRIPTOR_VA + 0x10000;
    c->extra.data_start = offsetof(Container, descriptor);
    c->extra.data_end = c->extra.data_start + sizeof(c->descriptor);
    c->descriptor[0] = FW_DESCRIPTOR_MAGIC;
    c->descriptor[1] = FW_VERSION(1, 5, 3);
    c->descriptor[2] = 0x5;
}

typedef struct Case {
    const char *name;
    /* Makes the mistake, or NULL */
    void (*spoil)(Container *c);
    /* Part of the line in the kernel's log, or NULL */
    const char *message;
} Case;

/* The order is that of the checks in panthor_fw_load() and below */
static const Case refused[] = {
    { "shorter than its header", short_file, "Firmware too small" },
    { "no magic", no_magic, "Invalid firmware magic" },
    { "another version", other_version,
      "Unsupported firmware binary header version 7.0" },
    { "truncated", truncated, "Firmware image is truncated" },
    { "an entry that ends too soon", short_entry, "Firmware too small" },
    { "an entry that is too long", long_entry, "Firmware entry too long" },
    { "an entry of an odd size", odd_entry,
      "bit aligned, offset=" },
    { "an entry of unknown type", unknown_entry,
      "Unsupported non-optional entry type 9 in firmware" },
    { "data that ends before it starts", data_reversed,
      "data.end < data.start" },
    { "a section that ends before it starts", va_reversed,
      "hdr.va.end < hdr.va.start" },
    { "data beyond the file", data_beyond_file, "file truncated?" },
    { "a section that is not aligned", va_unaligned,
      "virtual addresses not page aligned" },
    { "flags that nobody knows", unknown_flags,
      "Firmware contains interface with unsupported flags" },
    { "an interface that is not shared", not_shared,
      "Interface at 0x4000000 must be shared" },
    { "more data than the section holds", too_much_data,
      "section data exceeds section size" },
    { "no interface", no_shared, "Shared interface region not found" },
    { "an interface of one page", small_shared, NULL },
    { "an interface without a byte", empty_shared,
      "Shared interface region not found" },
    { "no entries", no_entries, "Shared interface region not found" },
    { "a size of 0", no_size, "Shared interface region not found" },
    { "a size of 2^32 - 1", largest_size, "Firmware image is truncated" },
    { "an entry of no size", empty_entry, "Firmware entry too long" },
    { "an entry too short for a section", short_section_entry,
      "Firmware too small" },
    { "data at the end of 2^32", data_of_minus_one, "file truncated?" },
    { "two sections at one place", same_section_twice, NULL },
    { "a section up to 2^32 - 1", last_section,
      "virtual addresses not page aligned" },
};

/* Those that a driver can do without */
static const Case taken[] = {
    { "a section without a byte", empty_section, NULL },
    { "a section without a byte at the file's end", empty_section_at_end,
      NULL },
    { "a section without a byte within another", empty_section_in_another,
      NULL },
    { "data up to the end of the file", data_at_end, NULL },
    { "an entry of configuration", config_entry, NULL },
    { "an optional entry of unknown type", optional_entry, NULL },
    /* A driver of protected mode does not say, as stock, that it ignores it. */
    { "a protected section", protected_section, NULL },
    { "build information beyond the file", wrong_build_info,
      "Firmware build info corrupt" },
    { "build information that does not end", endless_build_info,
      "git sha is not NULL terminated" },
    { "build information that wraps around 2^32", wrapping_build_info,
      "Firmware build info corrupt" },
    { "build information of no size", no_build_info,
      "Firmware build info corrupt" },
    { "build information without a text", short_build_info,
      "Firmware build info corrupt" },
    { "another version of the interface", another_interface,
      "v1.5.3, Features 0x5 " },
    { "no mistake", NULL, NULL },
};

static Container container(void)
{
    Container c = {
        .header = { .magic = MAGIC },
        .extra = {
            .word = ENTRY_INTERFACE | (uint32_t)sizeof(Section) << 8,
            .flags = SECTION_READ | SECTION_WRITE | SECTION_ZERO,
            .va_start = 0x00800000,
            .va_end = 0x00810000,
        },
        .shared = {
            .word = ENTRY_INTERFACE | (uint32_t)sizeof(Section) << 8,
            .flags = SECTION_OF_OURS,
            .va_start = SHARED_VA,
            .va_end = SHARED_VA + SHARED_SIZE,
        },
        .info = {
            .word = ENTRY_BUILD_INFO | ENTRY_OPTIONAL |
                    (uint32_t)sizeof(BuildInfo) << 8,
            .start = offsetof(Container, text),
            .size = sizeof(c.text),
        },
        .text = "git_sha: a test",
        .size = offsetof(Container, size),
    };

    /* Of the entries alone; what they point to comes behind. */
    c.header.size = offsetof(Container, text);
    return c;
}

/* 0 or a negative errno */
static int write_firmware(const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int ret = 0;

    if (fd < 0) {
        return -errno;
    }
    if (write(fd, data, size) != (ssize_t)size) {
        ret = errno ? -errno : -EIO;
    }
    close(fd);
    return ret;
}

static void unbind(const char *name)
{
    panthor_close(&dev);
    TAP_MUST(module_unbind_name(name));
}

/*
 * For ten seconds after the system was suspended the kernel gives out copies
 * of the files that it had read before (device_uncache_fw_images_delay() in
 * drivers/base/firmware_loader/main.c, v7.3).  Until then nothing is refused.
 */
static void wait_for_cache(const char *name)
{
    uint64_t deadline = kernel_now_ns() + CACHE_TIMEOUT_MS * 1000000ull;
    Container c = container();

    no_magic(&c);
    TAP_MUST(write_firmware(&c, c.size));
    while (module_bind_and_run(name, &dev)) {
        unbind(name);
        if (kernel_now_ns() > deadline) {
            break;
        }
        kernel_sleep_ms(CACHE_PAUSE_MS);
    }
}

static void test_missing(const char *name)
{
    int log = TAP_MUST(kernel_log_open());
    char record[1024];
    bool there;

    TAP_MUST(unlink(path) ? -errno : 0);
    there = module_bind_and_run(name, &dev);
    tap_ok(!there && !kernel_log_find(log, "Failed to load firmware image",
                                      record, sizeof(record), LOG_TIMEOUT_MS),
           "no file: the driver refuses it and says why");
    if (there) {
        unbind(name);
    }
    close(log);
}

/* Before 7.0 the driver took build information for an entry like any other */
static bool has_message(const Case *test)
{
    return test->message &&
           (strncmp(test->name, "build information",
                    strlen("build information")) || kernel_at_least(7, 0));
}

static void test_case(const char *name, const Case *test, bool is_taken)
{
    int log = TAP_MUST(kernel_log_open());
    Container c = container();
    char record[1024];
    bool there;

    if (test->spoil) {
        test->spoil(&c);
    }
    TAP_MUST(write_firmware(&c, c.size));
    there = module_bind_and_run(name, &dev);
    tap_ok(there == is_taken, "%s: the driver %s it", test->name,
           is_taken ? "takes" : "refuses");
    if (has_message(test)) {
        tap_ok(!kernel_log_find(log, test->message, record, sizeof(record),
                                LOG_TIMEOUT_MS),
               "%s: \"%s\"", test->name, test->message);
    }
    if (!is_taken && test->message) {
        tap_ok(kernel_log_find(log, "Failed to boot MCU", record,
                               sizeof(record), 0) == -ENOENT,
               "%s: and nothing is started", test->name);
    }
    if (there) {
        unbind(name);
    }
    close(log);
}

/* A file that ends at each word of what its header says, and of its header */
static void test_truncated(const char *name)
{
    unsigned refusals = 0, count = 0;
    Container c = container();

    for (c.size = 0; c.size < c.header.size; c.size += 4) {
        TAP_MUST(write_firmware(&c, c.size));
        count++;
        if (module_bind_and_run(name, &dev)) {
            tap_diag("taken with %zu of %u bytes", c.size, c.header.size);
            unbind(name);
        } else {
            refusals++;
        }
    }
    tap_ok(refusals == count, "truncated at each word: the driver refuses it "
           "(%u of %u)", refusals, count);
}

int main(int argc, char **argv)
{
    static char original[FILE_MAX];
    struct drm_panthor_gpu_info info;
    ssize_t size = -1;
    char name[64];
    unsigned i;
    int fd;

    tap_start(argc, argv, NULL, "Binds the driver with wrong firmware files.");
    module_allow_left_jobs();
    tap_directive("allow-dmesg panthor.*(timed ?out|timeout)");
    tap_directive("untimed : (the driver refuses it|and nothing is started)$");
    TAP_MUST(panthor_open(&dev));
    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info,
                           sizeof(info)));
    snprintf(path, sizeof(path), "/lib/firmware/arm/mali/arch%u.%u/"
             "mali_csffw.bin", info.gpu_id >> 28, info.gpu_id >> 24 & 0xf);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        size = read(fd, original, sizeof(original));
        close(fd);
    }
    if (size <= 0 || size == sizeof(original)) {
        tap_skip("it is not a file of ours", "%s", path);
        panthor_close(&dev);
        return tap_end();
    }
    TAP_MUST(module_device_name(&dev, name, sizeof(name)));
    unbind(name);
    wait_for_cache(name);
    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        test_case(name, &refused[i], false);
    }
    for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        test_case(name, &taken[i], true);
    }
    test_truncated(name);
    test_missing(name);
    TAP_MUST(write_firmware(original, size));
    if (tap_ok(module_bind_and_run(name, &dev),
               "the file of before: a job runs")) {
        panthor_close(&dev);
    }
    return tap_end();
}
