/*
 * Vulkan, as far as a compute kernel needs it: a device by its name, buffers
 * and images filled before and read after one submission
 *
 * Every kernel has the same set of descriptors:
 *
 *   0 to 3   storage buffers
 *   4, 5     storage images
 *   6        a sampled image
 *   7        a uniform buffer, which is buffer 3
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_MESA_LIB_GPU_H
#define TESTS_GUEST_MESA_LIB_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

#define GPU_BUFFERS         4
#define GPU_IMAGES          3
#define GPU_SHADERS         3
#define GPU_FIRST_IMAGE     4
#define GPU_UNIFORM         7
#define GPU_PUSH_WORDS      32
#define GPU_CONSTANTS       4

/* What a device may offer, and a kernel need */
enum {
    GPU_INT64           = 1 << 0,
    GPU_INT16           = 1 << 1,
    GPU_FLOAT16         = 1 << 2,
    GPU_INT8            = 1 << 3,
    GPU_STORAGE16       = 1 << 4,
    GPU_STORAGE8        = 1 << 5,
    GPU_ATOMIC64        = 1 << 6,
    GPU_ADDRESS         = 1 << 7,
    GPU_SUBGROUP        = 1 << 8,   /* arithmetic, votes, ballots */
    GPU_SHUFFLE         = 1 << 9,   /* shuffles, quads */
    GPU_ROBUST          = 1 << 10,
    GPU_FLOAT64         = 1 << 11,
};

typedef struct Gpu {
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    VkCommandPool commands;
    VkDescriptorPool descriptors;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    uint32_t memory_type;       /* that the CPU sees at once */
    uint32_t image_memory_type;
    uint32_t offers;            /* of GPU_... */
    uint32_t subgroup;          /* invocations */
    uint32_t most_groups;       /* in the x direction */
    char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
    char driver[64];
} Gpu;

typedef struct GpuImage {
    VkFormat format; /* VK_FORMAT_UNDEFINED: there is no such image */
    uint32_t width, height;
    int buffer; /* that it is filled from; below 0: written by the kernel */
    int result;                 /* buffer that it is copied to; below 0: none */
    VkFilter filter;
    VkSamplerAddressMode wrap;
    bool unnormalized;
    bool linear;                /* VK_IMAGE_TILING_LINEAR */
    bool compressed;            /* if the driver likes: AFBC */
} GpuImage;

typedef struct GpuWork GpuWork;

/* All that one submission does */
typedef struct GpuJob {
    const char *shaders[GPU_SHADERS];
    uint32_t words[GPU_BUFFERS];        /* of each buffer; 0: there is none */
    uint32_t *data[GPU_BUFFERS];        /* what is in it before, and after */
    GpuImage images[GPU_IMAGES];
    uint32_t groups[3];
    uint32_t push[GPU_PUSH_WORDS];
    uint32_t constants[GPU_CONSTANTS];
    bool robust;
    /* In place of one dispatch of the first shader */
    void (*record)(GpuWork *work);
    /* The first 8 bytes of the push constants are the address of this buffer */
    bool push_address;
    /*
     * Each word pair of buffer 0 at a multiple of @link is such an offset, made
     * an address
     */
    uint32_t link;
    /*
     * Wait for the fence as a sync file, and receive its status: 1 is
     * signalled, below 0 a negative errno; 0: it has none
     */
    int *fence_status;
} GpuJob;

struct GpuWork {
    const Gpu *gpu;
    const GpuJob *job;
    VkCommandBuffer commands;
    VkBuffer buffers[GPU_BUFFERS];
    VkPipeline pipelines[GPU_SHADERS];
    VkDescriptorSet set;
};

/**
 * gpu_open: the device whose name begins with @name
 * @gpu: receives it; closed by gpu_close()
 *
 * Returns false, with a line of explanation, if there is none.
 */
bool gpu_open(Gpu *gpu, const char *name);

void gpu_close(Gpu *gpu);

/**
 * gpu_run: one submission, from filled buffers to their contents afterwards
 * @seconds: receives the time from the submission to the fence; may be NULL
 *
 * Returns VK_SUCCESS, or what went wrong; then the data is as before.
 */
VkResult gpu_run(const Gpu *gpu, const GpuJob *job, double *seconds);

/* For GpuJob.record: the pipeline of a shader, with its descriptors */
void gpu_use(GpuWork *work, unsigned shader);
void gpu_push(GpuWork *work, const uint32_t *words, unsigned count);
void gpu_dispatch(GpuWork *work, uint32_t x, uint32_t y, uint32_t z);
/* What follows sees what was written before. */
void gpu_barrier(GpuWork *work);

const char *gpu_result_text(VkResult result);

/*
 * Of a SPIR-V module that was built with this program; bytes.  NULL: none of
 * that name
 */
const uint32_t *gpu_shader(const char *name, size_t *size);

#endif /* TESTS_GUEST_MESA_LIB_GPU_H */
