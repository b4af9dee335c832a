/*
 * Mali CSF GPU: endpoints that streams ask for
 *
 * REQ_RESOURCE names what a stream is going to use.  A group may use the
 * cores that its ALLOW words, ALLOC_EN and the limits of EP_REQ leave.  If
 * EP_REQ says that its compute endpoints exclusively run compute jobs, other
 * groups' fragment work keeps off these cores while the group has them, and
 * the other way round.
 *
 * Sources: the words of the interface and their bits are those of kbase's
 * mali_kbase_csf_registers.h and of the interface definitions of Tyr, the
 * driver in Rust ("Endpoint exclusively runs compute jobs", "Blocked awaiting
 * resource allocation", "No endpoints available").  How the firmware decides
 * is known to nobody else: all of it is a guess (docs/specs/mali-csf.rst).
 *
 * Not modelled: hardware has few iterators, which streams that share a kind
 * of endpoints have to take turns at; eviction of who keeps them too long.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "resource.h"
#include "../trace.h"

#define KIND_BIT(kind)  (1u << MALI_CSF_EP_##kind)

typedef enum TakeResult {
    TAKE_DONE,
    /* Others have what it needs. */
    TAKE_WAIT,
    /* The group has none of these, whatever other groups have. */
    TAKE_NEVER,
} TakeResult;

/* What each bit of REQ_RESOURCE needs; vertices are shaded as compute work */
static const uint8_t kinds_of_resource[] = {
    KIND_BIT(COMPUTE),
    KIND_BIT(FRAGMENT),
    KIND_BIT(TILER),
    KIND_BIT(TILER) | KIND_BIT(COMPUTE),
    KIND_BIT(COMPUTE),
};

unsigned mali_csf_resource_of_opcode(uint8_t opcode)
{
    switch (opcode) {
    case CS_OP_RUN_COMPUTE:
    case CS_OP_RUN_COMPUTE_INDIRECT:
        return KIND_BIT(COMPUTE);
    case CS_OP_RUN_FRAGMENT:
    case CS_OP_RUN_FRAGMENT2:
        return KIND_BIT(FRAGMENT);
    case CS_OP_RUN_IDVS:
    case CS_OP_RUN_IDVS2:
        return KIND_BIT(TILER) | KIND_BIT(COMPUTE);
    case CS_OP_RUN_TILING:
    case CS_OP_RUN_FULLSCREEN:
        return KIND_BIT(TILER);
    default:
        return 0;
    }
}

static unsigned kinds_of_request(uint32_t resources)
{
    unsigned kinds = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(kinds_of_resource); i++) {
        if (resources & (1u << i)) {
            kinds |= kinds_of_resource[i];
        }
    }
    return kinds;
}

/* The endpoints that the group may use */
static uint64_t allowed(MaliCsfState *s, const MaliCsfGroup *group,
                        unsigned kind)
{
    uint64_t cores = s->mcu.fw.core_mask & s->model->shader_present;

    switch (kind) {
    case MALI_CSF_EP_COMPUTE:
        return cores & group->allow_compute;
    case MALI_CSF_EP_FRAGMENT:
        return cores & group->allow_fragment;
    default:
        return s->model->tiler_present & group->allow_other;
    }
}

static unsigned limit(const MaliCsfGroup *group, unsigned kind)
{
    switch (kind) {
    case MALI_CSF_EP_COMPUTE:
        return CSG_EP_REQ_COMPUTE(group->ep_req);
    case MALI_CSF_EP_FRAGMENT:
        return CSG_EP_REQ_FRAGMENT(group->ep_req);
    default:
        return CSG_EP_REQ_TILER(group->ep_req);
    }
}

static bool is_exclusive(const MaliCsfGroup *group, unsigned kind)
{
    return group->ep_req & (kind == MALI_CSF_EP_COMPUTE ?
                            CSG_EP_REQ_EXCL_COMPUTE :
                            CSG_EP_REQ_EXCL_FRAGMENT);
}

/* Does any stream of the group hold endpoints of the kind? */
static bool group_holds(MaliCsfState *s, const MaliCsfGroup *group,
                        unsigned kind)
{
    for (unsigned cs = 0; cs < s->model->cs_per_csg; cs++) {
        if (group->streams[cs].granted & (1u << kind)) {
            return true;
        }
    }
    return false;
}

static unsigned rank(const MaliCsfGroup *group, const MaliCsfStream *stream)
{
    return CSG_EP_REQ_PRIORITY(group->ep_req) << 4 | stream->config.priority;
}

/* What a group holds and wants of a kind, as far as others have to know it */
typedef struct Claim {
    /* Cores that its streams hold */
    uint64_t held;
    /* Of the stream that comes first among those that wait for some */
    bool waits;
    unsigned rank;
    uint64_t number;
} Claim;

/* By kind, COMPUTE and FRAGMENT; of every group */
typedef struct Claims {
    Claim of[MALI_CSF_MAX_CSG][MALI_CSF_EP_TILER];
} Claims;

/* Of two that wait, who has the higher rank, or the lower number */
static bool comes_before(unsigned rank, uint64_t number, unsigned other_rank,
                         uint64_t other_number)
{
    return rank > other_rank || (rank == other_rank && number < other_number);
}

static void claims_of_group(MaliCsfState *s, Claims *claims, unsigned csg)
{
    const MaliCsfGroup *group = &s->engine.groups[csg];

    memset(claims->of[csg], 0, sizeof(claims->of[csg]));
    for (unsigned cs = 0; group->active && cs < s->model->cs_per_csg; cs++) {
        const MaliCsfStream *stream = &group->streams[cs];

        for (unsigned kind = 0; kind < MALI_CSF_EP_TILER; kind++) {
            Claim *claim = &claims->of[csg][kind];

            if (stream->granted & (1u << kind)) {
                claim->held = group->endpoints[kind];
            }
            if (stream->state == MALI_CSF_STREAM_RESOURCE_WAIT &&
                (stream->wait.resource.kinds & (1u << kind)) &&
                (!claim->waits ||
                 comes_before(rank(group, stream), stream->wait.resource.number,
                              claim->rank, claim->number))) {
                claim->waits = true;
                claim->rank = rank(group, stream);
                claim->number = stream->wait.resource.number;
            }
        }
    }
}

static bool any_exclusive(MaliCsfState *s)
{
    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        const MaliCsfGroup *group = &s->engine.groups[csg];

        if (group->active && (is_exclusive(group, MALI_CSF_EP_COMPUTE) ||
                              is_exclusive(group, MALI_CSF_EP_FRAGMENT))) {
            return true;
        }
    }
    return false;
}

/* Returns how many streams were looked at */
static unsigned claims_of_all(MaliCsfState *s, Claims *claims)
{
    if (!any_exclusive(s)) {
        /* No group is in the way of another, whatever they hold. */
        memset(claims, 0, sizeof(*claims));
        return 0;
    }
    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        claims_of_group(s, claims, csg);
    }
    return s->model->csg_slots * s->model->cs_per_csg;
}

/*
 * What of @cores, all of which @kind of @group may use, is free for the
 * stream: neither held for the other kind of work, nor waited for by a
 * stream that comes before it.  Only exclusive use is in anybody's way, and
 * never that of the group itself.
 */
static uint64_t without_exclusive(MaliCsfState *s, const Claims *claims,
                                  const MaliCsfGroup *group,
                                  const MaliCsfStream *stream, unsigned kind,
                                  uint64_t cores)
{
    const unsigned other = kind == MALI_CSF_EP_COMPUTE ?
                           MALI_CSF_EP_FRAGMENT : MALI_CSF_EP_COMPUTE;
    /* One that does not wait yet comes last. */
    const uint64_t number =
        stream->state == MALI_CSF_STREAM_RESOURCE_WAIT ?
        stream->wait.resource.number : UINT64_MAX;

    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        const MaliCsfGroup *g = &s->engine.groups[csg];
        const Claim *claim = &claims->of[csg][other];

        if (!g->active || g == group ||
            (!is_exclusive(g, other) && !is_exclusive(group, kind))) {
            continue;
        }
        cores &= ~claim->held;
        if (claim->waits && comes_before(claim->rank, claim->number,
                                         rank(group, stream), number)) {
            cores &= ~allowed(s, g, other);
        }
    }
    return cores;
}

/* The @count lowest bits of @mask that are set */
static uint64_t lowest(uint64_t mask, unsigned count)
{
    uint64_t rest = mask;

    while (rest && count--) {
        rest &= rest - 1;
    }
    return mask & ~rest;
}

/* @cores receives endpoints of the kind, if there are any for the stream */
static TakeResult find_endpoints(MaliCsfState *s, const Claims *claims,
                                 const MaliCsfGroup *group,
                                 const MaliCsfStream *stream, unsigned kind,
                                 uint64_t *cores)
{
    *cores = allowed(s, group, kind);
    if (!*cores || !limit(group, kind)) {
        return TAKE_NEVER;
    }
    if (group_holds(s, group, kind)) {
        *cores = group->endpoints[kind];
        return TAKE_DONE;
    }
    if (kind != MALI_CSF_EP_TILER) {
        *cores = without_exclusive(s, claims, group, stream, kind, *cores);
    }
    *cores = lowest(*cores, limit(group, kind));
    return *cores ? TAKE_DONE : TAKE_WAIT;
}

static TakeResult take(MaliCsfState *s, const Claims *claims,
                       MaliCsfGroup *group, MaliCsfStream *stream,
                       unsigned kinds)
{
    uint64_t cores[MALI_CSF_EP_NUM];
    unsigned kind;

    kinds &= ~stream->granted;
    for (kind = 0; kind < MALI_CSF_EP_NUM; kind++) {
        if (kinds & (1u << kind)) {
            TakeResult result = find_endpoints(s, claims, group, stream, kind,
                                               &cores[kind]);

            if (result != TAKE_DONE) {
                return result;
            }
        }
    }
    for (kind = 0; kind < MALI_CSF_EP_NUM; kind++) {
        if (kinds & (1u << kind)) {
            group->endpoints[kind] = cores[kind];
        }
    }
    stream->granted |= kinds;
    return TAKE_DONE;
}

static void no_endpoints(MaliCsfStream *stream, unsigned kinds)
{
    mali_csf_stream_fatal(stream, CS_EXCEPTION_ENDPOINT_FAULT, kinds,
                          mali_csf_stream_ip(stream));
}

bool mali_csf_resource_take(MaliCsfExec *exec, unsigned kinds)
{
    MaliCsfStream *stream = exec->stream;
    Claims claims;

    if (likely(!(kinds & ~stream->granted))) {
        return true;
    }
    exec->looks += claims_of_all(exec->s, &claims);
    switch (take(exec->s, &claims, exec->group, stream, kinds)) {
    case TAKE_DONE:
        return true;
    case TAKE_WAIT:
        mali_csf_stream_set_state(stream, MALI_CSF_STREAM_RESOURCE_WAIT,
                                  &(MaliCsfWait) {
                                      .resource = {
                                          kinds,
                                          exec->s->engine.resource_waits++,
                                      },
                                  });
        return false;
    default:
        no_endpoints(stream, kinds);
        return false;
    }
}

static MaliCsfStep do_req_resource(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    unsigned resources = exec->word & ~cs_opcode(0xff);
    unsigned kinds = kinds_of_request(resources);

    /* Endpoints that still work for the stream are not given up. */
    if ((stream->granted & ~kinds) &&
        !mali_csf_exec_wait(exec, mali_csf_stream_work(stream))) {
        return MALI_CSF_STEP_BLOCKED;
    }
    stream->resources = resources;
    stream->granted &= kinds;
    if (!mali_csf_resource_take(exec, kinds)) {
        return MALI_CSF_STEP_BLOCKED;
    }
    return MALI_CSF_STEP_NEXT;
}

uint32_t mali_csf_resource_status(const MaliCsfStream *stream)
{
    uint32_t status = stream->resources;

    for (unsigned i = 0; i < ARRAY_SIZE(kinds_of_resource); i++) {
        if ((stream->resources & (1u << i)) &&
            !(kinds_of_resource[i] & ~stream->granted)) {
            status |= CS_STATUS_REQ_RESOURCE_GRANTED(1u << i);
        }
    }
    return status;
}

uint32_t mali_csf_resource_current(MaliCsfState *s, unsigned csg)
{
    const MaliCsfGroup *group = &s->engine.groups[csg];
    uint32_t counts[MALI_CSF_EP_NUM] = { 0 };
    uint32_t current = 0;

    for (unsigned kind = 0; kind < MALI_CSF_EP_NUM; kind++) {
        if (group_holds(s, group, kind)) {
            counts[kind] = ctpop64(group->endpoints[kind]);
        }
    }
    current = deposit32(current, 0, 8, counts[MALI_CSF_EP_COMPUTE]);
    current = deposit32(current, 8, 8, counts[MALI_CSF_EP_FRAGMENT]);
    return deposit32(current, 16, 4, counts[MALI_CSF_EP_TILER]);
}

uint32_t mali_csf_resource_dependencies(MaliCsfState *s, unsigned csg)
{
    const MaliCsfGroup *group = &s->engine.groups[csg];
    uint32_t word = 0;
    uint64_t cores;
    Claims claims;

    for (unsigned cs = 0; cs < s->model->cs_per_csg; cs++) {
        const MaliCsfStream *stream = &group->streams[cs];

        if (stream->state == MALI_CSF_STREAM_STOPPED) {
            continue;
        }
        /* There is a bit for each combination of kinds. */
        word |= CSG_RESOURCE_DEP_USING(stream->granted);
        if (stream->state == MALI_CSF_STREAM_RESOURCE_WAIT) {
            word |= CSG_RESOURCE_DEP_REQUESTED(stream->wait.resource.kinds);
        }
    }
    claims_of_all(s, &claims);
    for (unsigned kind = 0; group->active && kind < MALI_CSF_EP_NUM; kind++) {
        if (find_endpoints(s, &claims, group, &group->streams[0], kind,
                           &cores) == TAKE_DONE) {
            word |= CSG_RESOURCE_DEP_AVAILABLE(1u << kind);
        }
    }
    return word;
}

/* Has the stream nothing to do with endpoints until something happens? */
static bool is_done(const MaliCsfStream *stream)
{
    return !mali_csf_stream_state(stream)->keeps_endpoints &&
           !mali_csf_stream_work(stream);
}

void mali_csf_resource_poll(MaliCsfState *s)
{
    unsigned csg, cs;
    Claims claims;

    for (csg = 0; csg < s->model->csg_slots; csg++) {
        for (cs = 0; cs < s->model->cs_per_csg; cs++) {
            MaliCsfStream *stream = &s->engine.groups[csg].streams[cs];

            if (stream->granted && is_done(stream)) {
                stream->granted = 0;
            }
        }
    }
    claims_of_all(s, &claims);
    for (csg = 0; csg < s->model->csg_slots; csg++) {
        MaliCsfGroup *group = &s->engine.groups[csg];

        for (cs = 0; group->active && cs < s->model->cs_per_csg; cs++) {
            MaliCsfStream *stream = &group->streams[cs];

            if (stream->state != MALI_CSF_STREAM_RESOURCE_WAIT) {
                continue;
            }
            switch (take(s, &claims, group, stream,
                         stream->wait.resource.kinds)) {
            case TAKE_DONE:
                mali_csf_stream_set_state(stream, MALI_CSF_STREAM_READY, NULL);
                group->idle = false;
                claims_of_group(s, &claims, csg);
                break;
            case TAKE_NEVER:
                no_endpoints(stream, stream->wait.resource.kinds);
                claims_of_group(s, &claims, csg);
                break;
            default:
                break;
            }
        }
    }
}

const MaliCsfSemantics mali_csf_insns_resource[] = {
    { CS_OP_REQ_RESOURCE, SIMPLE(do_req_resource) },
    { }
};
