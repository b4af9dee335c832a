/*
 * Mali CSF GPU: the QMP commands for injections
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-mali-csf.h"
#include "../device.h"
#include "kinds.h"

/* Bytes from va=, by default */
#define DEFAULT_SIZE        4096
#define INSTRUCTION_SIZE    8

static MaliCsfInjectionInfo *info_of(const MaliCsfArmed *a)
{
    MaliCsfInjectionInfo *info = g_new0(MaliCsfInjectionInfo, 1);
    char *base = (char *)qapi_MaliCsfInjectionInfo_base(info);
    uint32_t shown = a->given | GIVEN(SKIP);

    if (mali_csf_armed_has(a, MALI_CSF_MEMBER_VA)) {
        shown |= GIVEN(SIZE);
    }
    info->kind = a->kind;
    info->has_count = true;
    info->count = a->count;
    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        if (shown & BIT(i)) {
            *(bool *)(base + mali_csf_members[i].has) = true;
            stn_he_p(base + mali_csf_members[i].value,
                     mali_csf_members[i].size, a->member[i]);
        }
    }
    info->id = a->id;
    info->met = a->met;
    info->has_remaining = a->count;
    info->remaining = a->count ? a->count - a->met : 0;
    return info;
}

static bool is_given(const MaliCsfInjectionRequest *r, MaliCsfMember member)
{
    const char *base = (const char *)qapi_MaliCsfInjectionRequest_base(r);

    return *(const bool *)(base + mali_csf_members[member].has);
}

static uint64_t value_of(const MaliCsfInjectionRequest *r,
                         MaliCsfMember member)
{
    const char *base = (const char *)qapi_MaliCsfInjectionRequest_base(r);

    return ldn_he_p(base + mali_csf_members[member].value,
                    mali_csf_members[member].size);
}

/* The names of members, for a message */
static char *names_of(uint32_t members)
{
    g_autoptr(GString) names = g_string_new("count");

    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        if (members & BIT(i)) {
            g_string_append_printf(names, ", %s", mali_csf_members[i].name);
        }
    }
    return g_strdup(names->str);
}

bool mali_csf_inject_takes(MaliCsfState *s, MaliCsfInjectionKind kind,
                           const char *member, Error **errp)
{
    uint32_t members = mali_csf_inject_members(&s->inject, kind);
    g_autofree char *known = NULL;

    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        if ((members & BIT(i)) &&
            g_str_equal(member, mali_csf_members[i].name)) {
            return true;
        }
    }
    if (g_str_equal(member, "count")) {
        return true;
    }
    known = names_of(members);
    error_setg(errp, "%s takes no %s, but %s", MaliCsfInjectionKind_str(kind),
               member, known);
    return false;
}

static bool check_request(MaliCsfState *s, const MaliCsfInjectionRequest *r,
                          Error **errp)
{
    const MaliCsfKindRow *row = &mali_csf_kinds[r->kind];
    const char *kind = MaliCsfInjectionKind_str(r->kind);

    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        uint64_t limit = mali_csf_member_limit(s, i);

        if (!is_given(r, i)) {
            if (row->needs & BIT(i)) {
                error_setg(errp, "%s needs %s", kind, mali_csf_members[i].name);
                return false;
            }
            continue;
        }
        if (!mali_csf_inject_takes(s, r->kind, mali_csf_members[i].name,
                                   errp)) {
            return false;
        }
        if (limit && value_of(r, i) >= limit) {
            error_setg(errp, "%s: %s %" PRIu64 " is not below %" PRIu64, kind,
                       mali_csf_members[i].name, value_of(r, i), limit);
            return false;
        }
    }
    if (r->kind == MALI_CSF_INJECTION_KIND_ODD_SLOTS && !r->has_groups &&
        !r->has_streams) {
        error_setg(errp, "%s needs groups or streams", kind);
        return false;
    }
    if (r->has_size && (!r->has_va || !r->size ||
                        r->va + (r->size - 1) < r->va)) {
        error_setg(errp, "%s: size needs a va, and at least one byte that is "
                   "an address", kind);
        return false;
    }
    if (row->levels && r->has_exception &&
        (r->exception | 3) != row->exception) {
        error_setg(errp, "%s: exception 0x%x is not one of 0x%x to 0x%x", kind,
                   r->exception, row->exception - 3, row->exception);
        return false;
    }
    if (row->pwr_control && !s->model->has_pwr_control) {
        error_setg(errp, "%s is for PWR_CONTROL, which %s does not have: "
                   "models of architecture 14 do", kind, s->model->name);
        return false;
    }
    if (r->has_mask && r->mask > UINT32_MAX &&
        r->kind != MALI_CSF_INJECTION_KIND_PWR_STATUS) {
        error_setg(errp, "%s: mask has 32 bits", kind);
        return false;
    }
    if (r->has_mask && !r->mask &&
        r->kind != MALI_CSF_INJECTION_KIND_IRQ_SPURIOUS) {
        error_setg(errp, "%s: mask 0 matches nothing", kind);
        return false;
    }
    if (mali_csf_inject_is_unasked(&s->inject, r->kind) && r->has_count &&
        (!r->count || r->count > MALI_CSF_UNASKED_MAX_COUNT)) {
        error_setg(errp, "%s: count is to be from 1 to %u", kind,
                   MALI_CSF_UNASKED_MAX_COUNT);
        return false;
    }
    return true;
}

MaliCsfInjectionInfo *qmp_mali_csf_inject(MaliCsfInjectionRequest *r,
                                          Error **errp)
{
    MaliCsfState *s = mali_csf_find(r->path, errp);
    const MaliCsfKindRow *row;
    const MaliCsfArmed *a;
    MaliCsfArmed armed;

    if (!s || !check_request(s, r, errp)) {
        return NULL;
    }
    row = &mali_csf_kinds[r->kind];
    armed = (MaliCsfArmed) {
        .kind = r->kind,
        .count = r->has_count ? r->count : 1,
        .size = row->takes & GIVEN(OPCODE) ? INSTRUCTION_SIZE : DEFAULT_SIZE,
        .mask = UINT32_MAX,
        .exception = row->exception,
    };
    if (mali_csf_inject_is_unasked(&s->inject, r->kind)) {
        armed.delay_ns = MALI_CSF_UNASKED_PERIOD_NS;
    }
    if (r->kind == MALI_CSF_INJECTION_KIND_IRQ_SPURIOUS) {
        armed.mask = 0;
    }
    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        if (is_given(r, i)) {
            armed.given |= BIT(i);
            armed.member[i] = value_of(r, i);
        }
    }
    if (!r->has_size) {
        /* Up to the last address, if that comes first */
        armed.size = MIN(armed.size,
                         UINT64_MAX - armed.va + (armed.va != 0));
    }
    a = mali_csf_inject_arm(s, &armed);
    if (!a) {
        error_setg(errp, "%d injections are armed, which is the limit: clear "
                   "some", MALI_CSF_MAX_INJECTIONS);
        return NULL;
    }
    return info_of(a);
}

void qmp_mali_csf_inject_clear(const char *path, bool has_id, uint32_t id,
                               Error **errp)
{
    MaliCsfState *s = mali_csf_find(path, errp);

    if (s && !mali_csf_inject_clear(s, has_id, id)) {
        error_setg(errp, "'%s' has no injection %u", path, id);
    }
}

MaliCsfInjectionInfoList *qmp_x_query_mali_csf_injections(const char *path,
                                                          Error **errp)
{
    MaliCsfState *s = mali_csf_find(path, errp);
    MaliCsfInjectionInfoList *list = NULL;

    if (!s) {
        return NULL;
    }
    for (unsigned i = s->inject.count; i-- > 0; ) {
        QAPI_LIST_PREPEND(list, info_of(&s->inject.list[i]));
    }
    return list;
}

MaliCsfState *mali_csf_find(const char *path, Error **errp)
{
    Object *obj = object_resolve_path(path, NULL);

    if (!obj) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND,
                  "there is nothing at '%s'; a device with id=gpu is at "
                  "/machine/peripheral/gpu", path);
        return NULL;
    }
    if (!object_dynamic_cast(obj, TYPE_MALI_CSF)) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND,
                  "'%s' is a %s, not a %s", path, object_get_typename(obj),
                  TYPE_MALI_CSF);
        return NULL;
    }
    if (!DEVICE(obj)->realized) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND,
                  "'%s' is not realized", path);
        return NULL;
    }
    return MALI_CSF(obj);
}

static int collect_path(Object *obj, void *opaque)
{
    if (object_dynamic_cast(obj, TYPE_MALI_CSF)) {
        g_ptr_array_add(opaque, object_get_canonical_path(obj));
    }
    return 0;
}

GPtrArray *mali_csf_find_all(void)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);

    object_child_foreach_recursive(object_get_root(), collect_path, paths);
    return paths;
}
