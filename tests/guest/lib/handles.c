/*
 * Calls of panthor that take a handle and nothing else
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "handles.h"

static PanthorDev *device;

void handle_device(PanthorDev *dev)
{
    device = dev;
}

int handle_get_group(uint32_t group)
{
    return panthor_group_state(device, group, NULL);
}

int handle_destroy_group(uint32_t group)
{
    return panthor_group_destroy(device, group);
}

int handle_submit_nothing(uint32_t group)
{
    PanthorJob job = { .queue = 0 };

    return panthor_group_submit(device, group, &job, 1);
}

int handle_get_vm(uint32_t vm)
{
    return panthor_vm_state(device, vm);
}

int handle_bind_nothing(uint32_t vm)
{
    struct drm_panthor_vm_bind_op op = panthor_unmap_op(0x10000, 0x10000);

    return panthor_vm_bind(device, vm, &op, 1);
}

int handle_destroy_vm(uint32_t vm)
{
    return panthor_vm_destroy(device, vm);
}

int handle_create_group(uint32_t vm, uint32_t queues, uint32_t *group)
{
    return panthor_group_create_with(device, vm, queues,
                                     PANTHOR_GROUP_PRIORITY_MEDIUM, 0x1000,
                                     group);
}
