/*
 * Calls of panthor that take a handle and nothing else, for a second thread
 * (second.h) or for two at once
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_HANDLES_H
#define TESTS_GUEST_LIB_HANDLES_H

#include <stdint.h>

#include "panthor.h"

/* The device that the others below call, which stays the caller's */
void handle_device(PanthorDev *dev);

/* Each returns 0, or a negative errno as panthor.h's functions do. */
int handle_get_group(uint32_t group);
int handle_destroy_group(uint32_t group);
int handle_submit_nothing(uint32_t group);
int handle_get_vm(uint32_t vm);
int handle_bind_nothing(uint32_t vm);
int handle_destroy_vm(uint32_t vm);

/* @queues: the more it has, the longer it takes */
int handle_create_group(uint32_t vm, uint32_t queues, uint32_t *group);

#endif /* TESTS_GUEST_LIB_HANDLES_H */
