/*
 * probe: everything that the driver reports of the device is the model's
 *
 * The model is named by the environment variable MODEL, g610 if unset; see
 * model_find().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/models.h"
#include "lib/panthor.h"
#include "lib/tap.h"

/* Room for what later kernels add */
#define QUERY_MAX 512

/* Places in struct drm_panthor_timestamp_info */
enum {
    QUERY_TIMESTAMP_INFO = 2,
    TIMESTAMP_FREQUENCY = 0,
    TIMESTAMP_CURRENT = 8,
    TIMESTAMP_OFFSET = 16,
    TIMESTAMP_SIZE_MIN = 24,
    TIMESTAMP_SINCE_MINOR = 1,
};

enum {
    QUERY_GROUP_PRIORITIES = 3,
    PRIORITIES_SINCE_MINOR = 2,
    /* LOW to REALTIME, all allowed to root */
    PRIORITIES_ROOT = 0xf,
};

/* enum drm_panthor_gpu_coherency */
enum {
    COHERENCY_ACE_LITE = 0,
};


/* How long the counters are watched, and what rounding may cost (0.1 %) */
#define TIMESTAMP_WATCH_MS 20
#define TIMESTAMP_ROUNDING 1000

static uint64_t get_field(const uint8_t *data, unsigned offset,
                          unsigned bytes)
{
    uint64_t value = 0;

    memcpy(&value, data + offset, bytes);
    return value;
}

/*
 * The device tree says so, and both settings are legal.  The nearest node
 * that says anything decides (of_dma_is_coherent() in Linux).
 */
static bool gpu_is_coherent(const PanthorDev *dev)
{
    char link[96], path[PATH_MAX + 32], *slash;

    snprintf(link, sizeof(link), "/sys/class/drm/renderD%d/device/of_node",
             dev->node);
    if (!realpath(link, path)) {
        return false;
    }
    while ((slash = strrchr(path, '/')) != NULL && slash != path) {
        size_t len = strlen(path);

        strcpy(path + len, "/dma-noncoherent");
        if (!access(path, F_OK)) {
            return false;
        }
        strcpy(path + len, "/dma-coherent");
        if (!access(path, F_OK)) {
            return true;
        }
        path[len] = '\0';
        if (!strcmp(slash, "/base")) {
            break;
        }
        *slash = '\0';
    }
    return false;
}

static uint64_t expected(const Model *model, unsigned field, bool coherent)
{
    if (coherent && field == MODEL_COHERENCY_FEATURES) {
        return model->value[field] | 1u << COHERENCY_ACE_LITE;
    }
    if (coherent && field == MODEL_SELECTED_COHERENCY) {
        return COHERENCY_ACE_LITE;
    }
    return model->value[field];
}

static void check_fields(PanthorDev *dev, const Model *model)
{
    bool coherent = gpu_is_coherent(dev);
    unsigned i;

    for (i = 0; i < MODEL_NUM_FIELDS; i++) {
        const ModelField *f = &model_fields[i];
        uint64_t want = expected(model, i, coherent), have;
        uint8_t data[QUERY_MAX];
        int size;

        if (dev->minor < f->since_minor) {
            tap_skip("newer than this driver", "%s", f->name);
            continue;
        }
        size = panthor_query(dev, f->query, data, sizeof(data));
        if (size >= 0 && size < f->offset + f->bytes) {
            tap_skip("not in this driver's structure", "%s", f->name);
            continue;
        }
        if (size < 0) {
            tap_ok(false, "%s: query %u: %s", f->name, f->query,
                   strerror(-size));
            continue;
        }
        have = get_field(data, f->offset, f->bytes);
        if (!tap_ok(have == want, "%s is 0x%llx", f->name,
                    (unsigned long long)want)) {
            tap_diag("it is 0x%llx", (unsigned long long)have);
        }
    }
}

static uint64_t cpu_frequency(void)
{
    uint64_t value;

    asm volatile("mrs %0, cntfrq_el0" : "=r"(value));
    return value;
}

static uint64_t cpu_counter(void)
{
    uint64_t value;

    asm volatile("isb; mrs %0, cntvct_el0" : "=r"(value) : : "memory");
    return value;
}

static void check_timestamp(PanthorDev *dev)
{
    uint64_t before[2], after[2], gpu[2], least, most, slack;
    uint8_t data[QUERY_MAX];
    int i, size = 0;

    if (dev->minor < TIMESTAMP_SINCE_MINOR) {
        tap_skip("newer than this driver", "timestamp");
        return;
    }
    for (i = 0; i < 2; i++) {
        before[i] = cpu_counter();
        size = panthor_query(dev, QUERY_TIMESTAMP_INFO, data, sizeof(data));
        after[i] = cpu_counter();
        if (size < TIMESTAMP_SIZE_MIN) {
            tap_ok(false, "timestamp query: %s",
                   size < 0 ? strerror(-size) : "too short");
            return;
        }
        gpu[i] = get_field(data, TIMESTAMP_CURRENT, 8);
        if (!i) {
            kernel_sleep_ms(TIMESTAMP_WATCH_MS);
        }
    }

    tap_ok(get_field(data, TIMESTAMP_FREQUENCY, 8) == cpu_frequency(),
           "timestamp frequency is CNTFRQ");
    tap_ok(get_field(data, TIMESTAMP_OFFSET, 8) == 0,
           "timestamp offset is zero");

    /* What the GPU counted, against what the CPU counted around it */
    least = before[1] - after[0];
    most = after[1] - before[0];
    slack = most / TIMESTAMP_ROUNDING + 1;
    if (!tap_ok(gpu[1] - gpu[0] + slack >= least &&
                gpu[1] - gpu[0] <= most + slack,
                "timestamp counts at CNTFRQ")) {
        tap_diag("counted %llu, the CPU between %llu and %llu",
                 (unsigned long long)(gpu[1] - gpu[0]),
                 (unsigned long long)least, (unsigned long long)most);
    }
}

static void check_priorities(PanthorDev *dev)
{
    uint8_t data[QUERY_MAX];
    int size;

    if (dev->minor < PRIORITIES_SINCE_MINOR) {
        tap_skip("newer than this driver", "group priorities");
        return;
    }
    size = panthor_query(dev, QUERY_GROUP_PRIORITIES, data, sizeof(data));
    tap_ok(size >= 1 && data[0] == PRIORITIES_ROOT,
           "root may use all group priorities");
}

static void check_flush_id(PanthorDev *dev)
{
    size_t page = kernel_page_size();
    uint32_t *id = mmap(NULL, page, PROT_READ, MAP_SHARED, dev->fd,
                        DRM_PANTHOR_USER_FLUSH_ID_MMIO_OFFSET);
    uint32_t value;

    if (id == MAP_FAILED) {
        tap_ok(false, "flush-ID page: %s", strerror(errno));
        return;
    }
    value = __atomic_load_n(id, __ATOMIC_RELAXED);
    tap_ok(value && !(value & PANTHOR_FLUSH_ID_RESERVED),
           "flush ID is not zero and has no reserved bits");
    munmap(id, page);
}

int main(int argc, char **argv)
{
    const char *name = getenv("MODEL");
    Model model;
    PanthorDev dev;

    tap_start(argc, argv, NULL,
              "Compares what panthor reports with the model's table.");
    if (!name || !*name) {
        name = MODEL_DEFAULT;
    }
    if (!model_find(name, &model)) {
        fprintf(stderr, "%s: no model %s; there is", argv[0], name);
        for (const Model *m = models; m->name; m++) {
            fprintf(stderr, " %s", m->name);
        }
        fputc('\n', stderr);
        return TAP_EXIT_USAGE;
    }

    TAP_MUST(panthor_open(&dev));
    tap_diag("model %s, panthor %d.%d, %s", name, dev.major,
             dev.minor, gpu_is_coherent(&dev) ? "coherent" : "not coherent");
    check_fields(&dev, &model);
    check_timestamp(&dev);
    check_priorities(&dev);
    check_flush_id(&dev);
    panthor_close(&dev);
    return tap_end();
}
