/*
 * The driver's module, unloaded and loaded; and its device, unbound and bound
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_MODULE_H
#define TESTS_GUEST_LIB_MODULE_H

#include "panthor.h"

/* The module's file, to load it from */
typedef struct Module {
    int fd;
    int flags;
} Module;

/**
 * module_open: find the file of panthor's module
 * @module: filled in; the caller ends it with module_close()
 *
 * Returns NULL, or why the module cannot be unloaded and loaded.
 */
const char *module_open(Module *module);
void module_close(Module *module);

/* Unload it, as soon as those who use it let go.  0 or a negative errno. */
int module_unload(void);

/* Load it, and open the device that appears.  0 or a negative errno. */
int module_load(const Module *module, PanthorDev *dev);

/* Name of the GPU in sysfs, while it has a node.  0 or a negative errno. */
int module_device_name(const PanthorDev *dev, char *name, size_t size);

/* module_unbind() of a GPU that has no node any more */
int module_unbind_name(const char *name);

/**
 * module_unbind: take the GPU away from the driver, even in use
 * @dev: tells which GPU; may be open
 * @name: receives its name, for module_bind()
 * @size: bytes at @name
 */
int module_unbind(const PanthorDev *dev, char *name, size_t size);

/* Give it back, and open the device that appears.  0 or a negative errno. */
int module_bind(const char *name, PanthorDev *dev);

/* The same, and whether it does a job, too; it may be refused */
bool module_bind_and_run(const char *name, PanthorDev *dev);

/*
 * Allow in the kernel's log what other programs may have left there: before
 * 7.0 a job of a device that was unbound times out every 5 s, see "Work that
 * outlives the module" in docs/findings.rst
 */
void module_allow_left_jobs(void);

#endif /* TESTS_GUEST_LIB_MODULE_H */
