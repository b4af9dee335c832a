/*
 * The driver's module, unloaded and loaded; and its device, unbound and bound
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel.h"
#include "module.h"
#include "tap.h"

#define MODULE_TIMEOUT_MS 5000
#define JOB_TIMEOUT_MS 5000

/* include/uapi/linux/module.h */
#define MODULE_FLAG_COMPRESSED 4

#define DRIVER "/sys/bus/platform/drivers/panthor/"

/*
 * Opens the file of the module, as a list of modules names it: the one of
 * depmod, or the one that our init loads from.  Returns a file descriptor
 * or a negative errno; *@flags is for finit_module().
 */
static int open_listed(const char *list, const char *base, int *flags)
{
    char path[4096 + 96], line[4096], *suffix;
    FILE *f = fopen(list, "r");
    int fd = -ENOENT;

    if (!f) {
        return -errno;
    }
    while (fd == -ENOENT && fgets(line, sizeof(line), f)) {
        line[strcspn(line, ":\n")] = '\0';
        suffix = strstr(line, "/panthor.ko");
        if (!suffix) {
            continue;
        }
        suffix += strlen("/panthor.ko");
        *flags = *suffix ? MODULE_FLAG_COMPRESSED : 0;
        snprintf(path, sizeof(path), "%s/%s", line[0] == '/' ? "" : base,
                 line);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            fd = -errno;
            break;
        }
    }
    fclose(f);
    return fd;
}

static int open_module(int *flags)
{
    char base[96], list[128];
    struct utsname uts;
    int fd;

    uname(&uts);
    snprintf(base, sizeof(base), "/lib/modules/%.64s", uts.release);
    snprintf(list, sizeof(list), "%s/modules.dep", base);
    fd = open_listed(list, base, flags);
    if (fd == -ENOENT) {
        fd = open_listed("/lib/modules/load", "/lib/modules", flags);
    }
    return fd;
}

static bool module_loaded(void)
{
    char line[256];
    bool found = false;
    FILE *f = fopen("/proc/modules", "r");

    while (f && !found && fgets(line, sizeof(line), f)) {
        found = !strncmp(line, "panthor ", strlen("panthor "));
    }
    if (f) {
        fclose(f);
    }
    return found;
}

int module_unload(void)
{
    uint64_t deadline = kernel_now_ns() + MODULE_TIMEOUT_MS * 1000000ull;

    /* Those who use the module may take a moment to let go */
    while (syscall(SYS_delete_module, "panthor", O_NONBLOCK)) {
        if (errno != EWOULDBLOCK && errno != EBUSY) {
            return -errno;
        }
        if (kernel_now_ns() > deadline) {
            return -ETIMEDOUT;
        }
        kernel_sleep_ms(10);
    }
    return 0;
}

/* The probe may be deferred, and the node comes by devtmpfs */
static int wait_for_device(PanthorDev *dev)
{
    uint64_t deadline = kernel_now_ns() + MODULE_TIMEOUT_MS * 1000000ull;
    int ret;

    while ((ret = panthor_open(dev)) && kernel_now_ns() < deadline) {
        kernel_sleep_ms(10);
    }
    return ret;
}

const char *module_open(Module *module)
{
    if (!module_loaded()) {
        return "panthor is built in";
    }
    module->flags = 0;
    module->fd = open_module(&module->flags);
    return module->fd < 0 ? "no file of the module in /lib/modules" : NULL;
}

void module_close(Module *module)
{
    close(module->fd);
}

int module_load(const Module *module, PanthorDev *dev)
{
    if (syscall(SYS_finit_module, module->fd, "", module->flags)) {
        return -errno;
    }
    return wait_for_device(dev);
}

static int write_name(const char *path, const char *name)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

    if (fd < 0 || write(fd, name, strlen(name)) < 0) {
        ret = -errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return ret;
}

int module_device_name(const PanthorDev *dev, char *name, size_t size)
{
    char path[96], target[256], *last;
    ssize_t len;

    snprintf(path, sizeof(path), "/sys/class/drm/renderD%d/device",
             dev->node);
    len = readlink(path, target, sizeof(target) - 1);
    if (len < 0) {
        return -errno;
    }
    target[len] = '\0';
    last = strrchr(target, '/');
    snprintf(name, size, "%s", last ? last + 1 : target);
    return 0;
}

int module_unbind(const PanthorDev *dev, char *name, size_t size)
{
    int ret = module_device_name(dev, name, size);

    return ret ? ret : module_unbind_name(name);
}

int module_unbind_name(const char *name)
{
    return write_name(DRIVER "unbind", name);
}

int module_bind(const char *name, PanthorDev *dev)
{
    int ret = write_name(DRIVER "bind", name);

    return ret ? ret : wait_for_device(dev);
}

bool module_bind_and_run(const char *name, PanthorDev *dev)
{
    PanthorContext ctx;
    int ret = module_bind(name, dev);

    if (ret) {
        return false;
    }
    panthor_context_init(&ctx, dev, 1);
    ret = panthor_store_job(&ctx, 0xf1, JOB_TIMEOUT_MS);
    if (ret) {
        tap_diag("job: %s", strerror(-ret));
    }
    panthor_context_fini(&ctx);
    return !ret;
}

void module_allow_left_jobs(void)
{
    if (!kernel_at_least(7, 0)) {
        tap_directive("allow-dmesg job timeout");
    }
}
