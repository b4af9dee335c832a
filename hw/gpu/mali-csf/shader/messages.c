/*
 * Mali CSF GPU: messages to the units of a shader core
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "../clock.h"
#include "messages.h"

/* A handle; the tables of a job are 0 to 62 at most. */
#define HANDLE_TABLE(handle)    extract32(handle, 24, 6)
#define HANDLE_INDEX(handle)    extract32(handle, 0, 24)

/* The tables themselves, as memory; an index is the number of a table */
#define TABLE_OF_TABLES         62

MaliShaderAccess mali_shader_not_done(MaliShaderGroup *group,
                                      MaliShaderAccess access, uint64_t done)
{
    MaliShaderContext *context = group->opaque;

    group->done = done;
    if (access == MALI_SHADER_ACCESS_FAULTED) {
        group->fault.exception = context->memory.exception;
    }
    return access;
}

/* What there is not has no bytes. */
static MaliShaderAccess find_entry(MaliShaderContext *context, unsigned table,
                                   MaliShaderEntry *entry)
{
    const MaliShaderLaunch *launch = context->launch;
    uint8_t bytes[MALI_SHADER_ENTRY_SIZE];
    MaliShaderAccess result;

    *entry = (MaliShaderEntry) { };
    if (table >= launch->num_resources) {
        return MALI_SHADER_ACCESS_DONE;
    }
    result = mali_shader_load(&context->memory, launch->resources +
                              table * MALI_SHADER_ENTRY_SIZE,
                              sizeof(bytes), bytes);
    if (result == MALI_SHADER_ACCESS_DONE) {
        mali_shader_read_entry(bytes, entry);
    }
    return result;
}

MaliShaderAccess mali_shader_find_descriptor(MaliShaderContext *context,
                                             uint32_t handle, uint8_t *bytes,
                                             bool *is_there)
{
    uint64_t offset = (uint64_t)HANDLE_INDEX(handle) *
                      MALI_SHADER_DESCRIPTOR_SIZE;
    MaliShaderEntry entry;
    MaliShaderAccess result = find_entry(context, HANDLE_TABLE(handle),
                                         &entry);

    *is_there = entry.has_descriptors && offset < entry.size &&
                entry.size - offset >= MALI_SHADER_DESCRIPTOR_SIZE;
    for (unsigned i = 0; *is_there && i < MALI_SHADER_DESCRIPTOR_SIZE &&
                         result == MALI_SHADER_ACCESS_DONE;
         i += MALI_SHADER_MAX_ACCESS) {
        result = mali_shader_load(&context->memory, entry.address + offset + i,
                                  MALI_SHADER_MAX_ACCESS, bytes + i);
    }
    return result;
}

static MaliShaderAccess read_buffer(MaliShaderContext *context,
                                    uint32_t handle, MaliShaderBuffer *buffer)
{
    uint8_t bytes[MALI_SHADER_DESCRIPTOR_SIZE];
    unsigned table = HANDLE_TABLE(handle);
    MaliShaderAccess result;
    MaliShaderEntry entry;
    bool is_there;

    *buffer = (MaliShaderBuffer) { };
    if (table == TABLE_OF_TABLES) {
        table = HANDLE_INDEX(handle);
    }
    result = find_entry(context, table, &entry);
    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    if (!entry.has_descriptors ||
        HANDLE_TABLE(handle) == TABLE_OF_TABLES) {
        buffer->address = entry.address;
        buffer->size = entry.size;
        return result;
    }
    result = mali_shader_find_descriptor(context, handle, bytes, &is_there);
    if (result == MALI_SHADER_ACCESS_DONE && is_there) {
        mali_shader_read_buffer(context->layout, bytes, buffer);
    }
    return result;
}

MaliShaderAccess mali_shader_find_buffer(MaliShaderContext *context,
                                         uint32_t handle,
                                         MaliShaderBuffer *buffer)
{
    unsigned slot = (handle ^ handle >> 22) % MALI_SHADER_NUM_BUFFERS;
    MaliShaderAccess result;

    if (context->buffers[slot].valid &&
        context->buffers[slot].handle == handle) {
        *buffer = context->buffers[slot].buffer;
        return MALI_SHADER_ACCESS_DONE;
    }
    result = read_buffer(context, handle, buffer);
    if (result == MALI_SHADER_ACCESS_DONE) {
        context->buffers[slot].valid = true;
        context->buffers[slot].handle = handle;
        context->buffers[slot].buffer = *buffer;
    }
    return result;
}

void mali_shader_forget_buffers(MaliShaderContext *context)
{
    for (unsigned i = 0; i < MALI_SHADER_NUM_BUFFERS; i++) {
        context->buffers[i].valid = false;
    }
}

MaliShaderAccess mali_shader_msg_clock(MaliShaderGroup *group,
                                       const MaliShaderOp *op, uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    MaliShaderSlot *to = &group->slots[op->write_first];
    bool is_timestamp = MALI_SHADER_FIELD_CLOCK(op->word) ==
                        MALI_SHADER_CLOCK_SYSTEM_TIMESTAMP;
    uint64_t now = is_timestamp ? mali_csf_clock_timestamp(context->clock) :
                                  mali_csf_clock_cycles(context->clock);

    for (; lanes; lanes &= lanes - 1) {
        unsigned lane = ctz64(lanes);

        to[0][lane] = now;
        to[1][lane] = now >> 32;
    }
    return MALI_SHADER_ACCESS_DONE;
}
