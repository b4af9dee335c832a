/*
 * Vulkan, as far as a compute kernel needs it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <linux/sync_file.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "gpu.h"
#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* The driver's own limit for a job is 5 s; llvmpipe compiles first. */
#define FENCE_NS    300000000000ull
#define MAX_DEVICES 8
#define MAX_FENCES  16

static const char *const extensions[] = {
    VK_KHR_8BIT_STORAGE_EXTENSION_NAME,
    VK_KHR_16BIT_STORAGE_EXTENSION_NAME,
    VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME,
    VK_KHR_SHADER_ATOMIC_INT64_EXTENSION_NAME,
    VK_KHR_BUFFER_DEVICE_ADDRESS_EXTENSION_NAME,
    VK_KHR_EXTERNAL_FENCE_FD_EXTENSION_NAME,
};

/* The features that kernels ask for, chained */
typedef struct Features {
    VkPhysicalDeviceFeatures2 core;
    VkPhysicalDevice16BitStorageFeatures storage16;
    VkPhysicalDevice8BitStorageFeatures storage8;
    VkPhysicalDeviceShaderFloat16Int8Features small;
    VkPhysicalDeviceShaderAtomicInt64Features atomic64;
    VkPhysicalDeviceBufferDeviceAddressFeatures address;
} Features;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

const char *gpu_result_text(VkResult result)
{
    switch (result) {
    case VK_SUCCESS:
        return "success";
    case VK_TIMEOUT:
        return "no fence within five minutes";
    case VK_ERROR_DEVICE_LOST:
        return "the device is lost";
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return "out of device memory";
    case VK_ERROR_INITIALIZATION_FAILED:
        return "initialization failed";
    case VK_ERROR_FEATURE_NOT_PRESENT:
        return "a feature is not present";
    case VK_ERROR_FORMAT_NOT_SUPPORTED:
        return "a format is not supported";
    default:
        return "a Vulkan error";
    }
}

/* -- the device */

static void query_features(const Gpu *gpu, Features *f)
{
    *f = (Features){
        .core = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
            .pNext = &f->storage16,
        },
        .storage16 = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
            .pNext = &f->storage8,
        },
        .storage8 = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES,
            .pNext = &f->small,
        },
        .small = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES,
            .pNext = &f->atomic64,
        },
        .atomic64 = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_ATOMIC_INT64_FEATURES,
            .pNext = &f->address,
        },
        .address = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES,
        },
    };
    vkGetPhysicalDeviceFeatures2(gpu->physical, &f->core);
}

static void note_offers(Gpu *gpu, const Features *f)
{
    const VkSubgroupFeatureFlags sums =
        VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_VOTE_BIT |
        VK_SUBGROUP_FEATURE_ARITHMETIC_BIT | VK_SUBGROUP_FEATURE_BALLOT_BIT;
    const VkSubgroupFeatureFlags shuffles =
        VK_SUBGROUP_FEATURE_SHUFFLE_BIT |
        VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT | VK_SUBGROUP_FEATURE_QUAD_BIT;
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &subgroup,
    };
    bool compute;

    vkGetPhysicalDeviceProperties2(gpu->physical, &properties);
    compute = subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT;
    gpu->subgroup = subgroup.subgroupSize;
    gpu->most_groups = properties.properties.limits.maxComputeWorkGroupCount[0];
    gpu->offers =
        (f->core.features.shaderInt64 ? GPU_INT64 : 0) |
        (f->core.features.shaderInt16 ? GPU_INT16 : 0) |
        (f->core.features.shaderFloat64 ? GPU_FLOAT64 : 0) |
        (f->core.features.robustBufferAccess ? GPU_ROBUST : 0) |
        (f->small.shaderFloat16 ? GPU_FLOAT16 : 0) |
        (f->small.shaderInt8 ? GPU_INT8 : 0) |
        (f->storage16.storageBuffer16BitAccess ? GPU_STORAGE16 : 0) |
        (f->storage8.storageBuffer8BitAccess ? GPU_STORAGE8 : 0) |
        (f->atomic64.shaderBufferInt64Atomics ? GPU_ATOMIC64 : 0) |
        (f->address.bufferDeviceAddress ? GPU_ADDRESS : 0) |
        (compute && (subgroup.supportedOperations & sums) == sums ? GPU_SUBGROUP
                                                                  : 0) |
        (compute && (subgroup.supportedOperations & shuffles) == shuffles
             ? GPU_SHUFFLE
             : 0);
}

static VkResult create_device(Gpu *gpu)
{
    static const float priority = 1;
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const char *have[ARRAY_SIZE(extensions)];
    VkExtensionProperties *offered;
    uint32_t count = 0, num_have = 0;
    Features features;
    VkResult result;

    vkEnumerateDeviceExtensionProperties(gpu->physical, NULL, &count, NULL);
    offered = calloc(count, sizeof(*offered));
    vkEnumerateDeviceExtensionProperties(gpu->physical, NULL, &count, offered);
    for (unsigned i = 0; i < ARRAY_SIZE(extensions); i++) {
        for (uint32_t j = 0; j < count; j++) {
            if (!strcmp(extensions[i], offered[j].extensionName)) {
                have[num_have++] = extensions[i];
                break;
            }
        }
    }
    free(offered);
    query_features(gpu, &features);
    note_offers(gpu, &features);
    result = vkCreateDevice(gpu->physical, &(VkDeviceCreateInfo){
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &features.core,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = num_have,
        .ppEnabledExtensionNames = have,
    }, NULL, &gpu->device);
    if (!result) {
        vkGetDeviceQueue(gpu->device, 0, 0, &gpu->queue);
    }
    return result;
}

static VkResult create_layouts(Gpu *gpu)
{
    VkDescriptorSetLayoutBinding bindings[GPU_UNIFORM + 1];
    VkResult result;

    for (unsigned i = 0; i < ARRAY_SIZE(bindings); i++) {
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType =
                i < GPU_BUFFERS ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER :
                i < GPU_FIRST_IMAGE + 2 ? VK_DESCRIPTOR_TYPE_STORAGE_IMAGE :
                i < GPU_UNIFORM ? VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER :
                VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    }
    result = vkCreateDescriptorSetLayout(
        gpu->device,
        &(VkDescriptorSetLayoutCreateInfo){
            .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
            .bindingCount = ARRAY_SIZE(bindings),
            .pBindings = bindings,
        },
        NULL, &gpu->set_layout);
    if (result) {
        return result;
    }
    return vkCreatePipelineLayout(gpu->device, &(VkPipelineLayoutCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &gpu->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &(VkPushConstantRange){
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
            .size = GPU_PUSH_WORDS * 4,
        },
    }, NULL, &gpu->layout);
}

static VkResult create_pools(Gpu *gpu)
{
    static const VkDescriptorPoolSize sizes[] = {
        { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, GPU_BUFFERS },
        { VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 2 },
        { VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1 },
        { VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1 },
    };
    VkResult result;

    result = vkCreateDescriptorPool(gpu->device, &(VkDescriptorPoolCreateInfo){
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = ARRAY_SIZE(sizes),
        .pPoolSizes = sizes,
    }, NULL, &gpu->descriptors);
    if (result) {
        return result;
    }
    return vkCreateCommandPool(gpu->device, &(VkCommandPoolCreateInfo){
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
    }, NULL, &gpu->commands);
}

static void choose_memory(Gpu *gpu)
{
    const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                         VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    VkPhysicalDeviceMemoryProperties memory;

    vkGetPhysicalDeviceMemoryProperties(gpu->physical, &memory);
    for (uint32_t i = memory.memoryTypeCount; i-- > 0; ) {
        if ((memory.memoryTypes[i].propertyFlags & wanted) == wanted) {
            gpu->memory_type = i;
        }
    }
}

bool gpu_open(Gpu *gpu, const char *name)
{
    VkPhysicalDevice devices[MAX_DEVICES];
    uint32_t count = MAX_DEVICES;
    VkPhysicalDeviceProperties properties;
    VkResult result;

    memset(gpu, 0, sizeof(*gpu));
    result = vkCreateInstance(&(VkInstanceCreateInfo){
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &(VkApplicationInfo){
            .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
            .apiVersion = VK_API_VERSION_1_3,
        },
    }, NULL, &gpu->instance);
    if (result) {
        tap_diag("no instance of Vulkan: %s", gpu_result_text(result));
        return false;
    }
    result = vkEnumeratePhysicalDevices(gpu->instance, &count, devices);
    for (uint32_t i = 0; result >= 0 && i < count; i++) {
        vkGetPhysicalDeviceProperties(devices[i], &properties);
        if (!strncmp(properties.deviceName, name, strlen(name))) {
            gpu->physical = devices[i];
            strcpy(gpu->name, properties.deviceName);
            break;
        }
        tap_diag("Vulkan device: %s", properties.deviceName);
    }
    if (!gpu->physical) {
        tap_diag("no Vulkan device has a name that begins with %s", name);
        gpu_close(gpu);
        return false;
    }
    choose_memory(gpu);
    result = create_device(gpu);
    result = result ? result : create_layouts(gpu);
    result = result ? result : create_pools(gpu);
    if (result) {
        tap_diag("%s: %s", gpu->name, gpu_result_text(result));
        gpu_close(gpu);
        return false;
    }
    return true;
}

void gpu_close(Gpu *gpu)
{
    if (gpu->device) {
        vkDestroyCommandPool(gpu->device, gpu->commands, NULL);
        vkDestroyDescriptorPool(gpu->device, gpu->descriptors, NULL);
        vkDestroyPipelineLayout(gpu->device, gpu->layout, NULL);
        vkDestroyDescriptorSetLayout(gpu->device, gpu->set_layout, NULL);
        vkDestroyDevice(gpu->device, NULL);
    }
    if (gpu->instance) {
        vkDestroyInstance(gpu->instance, NULL);
    }
    memset(gpu, 0, sizeof(*gpu));
}

/* -- one submission, with all that it owns */

typedef struct Run {
    GpuWork work;
    VkDeviceMemory memory[GPU_BUFFERS];
    void *mapped[GPU_BUFFERS];
    VkDeviceAddress addresses[GPU_BUFFERS];
    VkImage images[GPU_IMAGES];
    VkDeviceMemory image_memory[GPU_IMAGES];
    VkImageView views[GPU_IMAGES];
    VkSampler sampler;
    VkFence fence;
} Run;

static VkResult allocate(const Gpu *gpu, VkMemoryRequirements needs,
                         bool address, VkDeviceMemory *memory)
{
    VkMemoryAllocateFlagsInfo flags = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    };
    uint32_t type = gpu->memory_type;

    while (!(needs.memoryTypeBits & (1u << type))) {
        type = (type + 1) % 32;
    }
    return vkAllocateMemory(gpu->device, &(VkMemoryAllocateInfo){
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = address ? &flags : NULL,
        .allocationSize = needs.size,
        .memoryTypeIndex = type,
    }, NULL, memory);
}

static VkResult create_buffer(const Gpu *gpu, Run *run, const GpuJob *job,
                              unsigned i)
{
    VkDeviceSize size = job->words[i] ? job->words[i] * 4ull : 16;
    bool address = job->link || job->push_address;
    VkMemoryRequirements needs;
    VkResult result;

    result = vkCreateBuffer(gpu->device, &(VkBufferCreateInfo){
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = size,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                 VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
                 VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT |
                 VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                 (address ? VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT : 0),
    }, NULL, &run->work.buffers[i]);
    if (result) {
        return result;
    }
    vkGetBufferMemoryRequirements(gpu->device, run->work.buffers[i], &needs);
    result = allocate(gpu, needs, address, &run->memory[i]);
    result = result ? result
                    : vkBindBufferMemory(gpu->device, run->work.buffers[i],
                                         run->memory[i], 0);
    result = result ? result
                    : vkMapMemory(gpu->device, run->memory[i], 0, VK_WHOLE_SIZE,
                                  0, &run->mapped[i]);
    if (result) {
        return result;
    }
    if (address) {
        run->addresses[i] = ((PFN_vkGetBufferDeviceAddress)vkGetDeviceProcAddr(
            gpu->device, "vkGetBufferDeviceAddressKHR"))(
            gpu->device,
            &(VkBufferDeviceAddressInfo){
                .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                .buffer = run->work.buffers[i],
            });
    }
    if (job->words[i]) {
        memcpy(run->mapped[i], job->data[i], size);
    }
    return VK_SUCCESS;
}

/* Offsets within buffer 0 become addresses. */
static void link_nodes(Run *run, const GpuJob *job)
{
    for (uint32_t at = 0; job->link && at < job->words[0]; at += job->link) {
        uint64_t *place = (uint64_t *)((uint32_t *)run->mapped[0] + at);

        *place += run->addresses[0];
    }
}

static VkResult create_image(const Gpu *gpu, Run *run, const GpuImage *image,
                             unsigned i)
{
    /* What may be stored to is not compressed. */
    const VkImageUsageFlags usage =
        VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT |
        (image->compressed ? 0 : VK_IMAGE_USAGE_STORAGE_BIT) |
        (i < 2 ? 0 : VK_IMAGE_USAGE_SAMPLED_BIT);
    VkMemoryRequirements needs;
    VkResult result;

    if (image->format == VK_FORMAT_UNDEFINED) {
        return VK_SUCCESS;
    }
    result =
        vkCreateImage(gpu->device,
                      &(VkImageCreateInfo){
                          .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                          .imageType = VK_IMAGE_TYPE_2D,
                          .format = image->format,
                          .extent = { image->width, image->height, 1 },
                          .mipLevels = 1,
                          .arrayLayers = 1,
                          .samples = VK_SAMPLE_COUNT_1_BIT,
                          .tiling = image->linear ? VK_IMAGE_TILING_LINEAR
                                                  : VK_IMAGE_TILING_OPTIMAL,
                          .usage = usage,
                      },
                      NULL, &run->images[i]);
    if (result) {
        return result;
    }
    vkGetImageMemoryRequirements(gpu->device, run->images[i], &needs);
    result = allocate(gpu, needs, false, &run->image_memory[i]);
    result = result ? result : vkBindImageMemory(gpu->device, run->images[i],
                                                 run->image_memory[i], 0);
    return result ? result
                  : vkCreateImageView(
                        gpu->device,
                        &(VkImageViewCreateInfo){
                            .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                            .image = run->images[i],
                            .viewType = VK_IMAGE_VIEW_TYPE_2D,
                            .format = image->format,
                            .subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0,
                                                  1, 0, 1 },
                        },
                        NULL, &run->views[i]);
}

static VkResult create_sampler(const Gpu *gpu, Run *run, const GpuImage *image)
{
    if (image->format == VK_FORMAT_UNDEFINED) {
        return VK_SUCCESS;
    }
    return vkCreateSampler(gpu->device, &(VkSamplerCreateInfo){
        .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
        .magFilter = image->filter,
        .minFilter = image->filter,
        .addressModeU = image->wrap,
        .addressModeV = image->wrap,
        .addressModeW = image->wrap,
        .borderColor = VK_BORDER_COLOR_FLOAT_OPAQUE_WHITE,
        .unnormalizedCoordinates = image->unnormalized,
    }, NULL, &run->sampler);
}

static VkResult write_descriptors(const Gpu *gpu, Run *run, const GpuJob *job)
{
    VkDescriptorBufferInfo buffers[GPU_BUFFERS + 1];
    VkDescriptorImageInfo images[GPU_IMAGES];
    VkResult result;

    result = vkAllocateDescriptorSets(
        gpu->device,
        &(VkDescriptorSetAllocateInfo){
            .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
            .descriptorPool = gpu->descriptors,
            .descriptorSetCount = 1,
            .pSetLayouts = &gpu->set_layout,
        },
        &run->work.set);
    for (unsigned i = 0; !result && i <= GPU_BUFFERS; i++) {
        VkWriteDescriptorSet write = {
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = run->work.set,
            .dstBinding = i < GPU_BUFFERS ? i : GPU_UNIFORM,
            .descriptorCount = 1,
            .descriptorType = i < GPU_BUFFERS
                                  ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
                                  : VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
            .pBufferInfo = &buffers[i],
        };

        buffers[i] = (VkDescriptorBufferInfo){
            .buffer = run->work.buffers[i < GPU_BUFFERS ? i : GPU_BUFFERS - 1],
            .range = VK_WHOLE_SIZE,
        };
        if (i == GPU_BUFFERS && job->words[i - 1] > 4096) {
            continue;       /* too large for a uniform buffer, and none */
        }
        vkUpdateDescriptorSets(gpu->device, 1, &write, 0, NULL);
    }
    for (unsigned i = 0; !result && i < GPU_IMAGES; i++) {
        VkWriteDescriptorSet write = {
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = run->work.set,
            .dstBinding = GPU_FIRST_IMAGE + i,
            .descriptorCount = 1,
            .descriptorType = i < 2 ? VK_DESCRIPTOR_TYPE_STORAGE_IMAGE :
                                      VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
            .pImageInfo = &images[i],
        };

        images[i] = (VkDescriptorImageInfo){
            .sampler = run->sampler,
            .imageView = run->views[i],
            .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
        };
        if (run->views[i]) {
            vkUpdateDescriptorSets(gpu->device, 1, &write, 0, NULL);
        }
    }
    return result;
}

static VkResult create_pipeline(const Gpu *gpu, Run *run, const GpuJob *job,
                                unsigned i)
{
    VkSpecializationMapEntry entries[GPU_CONSTANTS];
    const VkSpecializationInfo constants = {
        .mapEntryCount = GPU_CONSTANTS,
        .pMapEntries = entries,
        .dataSize = sizeof(job->constants),
        .pData = job->constants,
    };
    const VkSpecializationInfo *special =
        job->constants[0] ? &constants : NULL;
    VkShaderModule module;
    const uint32_t *words;
    VkResult result;
    size_t size;

    if (!job->shaders[i]) {
        return VK_SUCCESS;
    }
    words = gpu_shader(job->shaders[i], &size);
    if (!words) {
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    result = vkCreateShaderModule(gpu->device, &(VkShaderModuleCreateInfo){
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = size,
        .pCode = words,
    }, NULL, &module);
    if (result) {
        return result;
    }
    for (unsigned c = 0; c < GPU_CONSTANTS; c++) {
        entries[c] = (VkSpecializationMapEntry){ c, c * 4, 4 };
    }
    result = vkCreateComputePipelines(
        gpu->device, NULL, 1,
        &(VkComputePipelineCreateInfo){
            .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
            .layout = gpu->layout,
            .stage = {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main",
                .pSpecializationInfo = special,
            },
        },
        NULL, &run->work.pipelines[i]);
    vkDestroyShaderModule(gpu->device, module, NULL);
    return result;
}

/* -- commands */

void gpu_use(GpuWork *work, unsigned shader)
{
    vkCmdBindPipeline(work->commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                      work->pipelines[shader]);
}

void gpu_push(GpuWork *work, const uint32_t *words, unsigned count)
{
    vkCmdPushConstants(work->commands, work->gpu->layout,
                       VK_SHADER_STAGE_COMPUTE_BIT, 0, count * 4, words);
}

void gpu_dispatch(GpuWork *work, uint32_t x, uint32_t y, uint32_t z)
{
    vkCmdDispatch(work->commands, x, y, z);
}

void gpu_barrier(GpuWork *work)
{
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_MEMORY_READ_BIT,
        .dstAccessMask = VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_MEMORY_READ_BIT,
    };

    vkCmdPipelineBarrier(work->commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT |
                             VK_PIPELINE_STAGE_HOST_BIT,
                         0, 1, &barrier, 0, NULL, 0, NULL);
}

/* The images from the buffers before the kernel, or into them after it */
static void copy_images(Run *run, const GpuJob *job, bool before)
{
    for (unsigned i = 0; i < GPU_IMAGES; i++) {
        int buffer = before ? job->images[i].buffer : job->images[i].result;
        VkBufferImageCopy region = {
            .imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
            .imageExtent = { job->images[i].width, job->images[i].height, 1 },
        };
        VkImageMemoryBarrier barrier = {
            .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
            .dstAccessMask =
                VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_MEMORY_READ_BIT,
            .newLayout = VK_IMAGE_LAYOUT_GENERAL,
            .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
            .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
            .image = run->images[i],
            .subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 },
        };

        if (!run->images[i]) {
            continue;
        }
        if (before) {
            vkCmdPipelineBarrier(run->work.commands,
                                 VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                                 VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL,
                                 0, NULL, 1, &barrier);
        }
        if (buffer < 0) {
            continue;
        }
        if (before) {
            vkCmdCopyBufferToImage(run->work.commands,
                                   run->work.buffers[buffer], run->images[i],
                                   VK_IMAGE_LAYOUT_GENERAL, 1, &region);
        } else {
            vkCmdCopyImageToBuffer(run->work.commands, run->images[i],
                                   VK_IMAGE_LAYOUT_GENERAL,
                                   run->work.buffers[buffer], 1, &region);
        }
        gpu_barrier(&run->work);
    }
}

static VkResult record(const Gpu *gpu, Run *run, const GpuJob *job)
{
    GpuWork *work = &run->work;
    VkResult result;

    result = vkAllocateCommandBuffers(
        gpu->device,
        &(VkCommandBufferAllocateInfo){
            .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
            .commandPool = gpu->commands,
            .commandBufferCount = 1,
        },
        &work->commands);
    result = result
                 ? result
                 : vkBeginCommandBuffer(
                       work->commands,
                       &(VkCommandBufferBeginInfo){
                           .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                           .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
                       });
    if (result) {
        return result;
    }
    copy_images(run, job, true);
    vkCmdBindDescriptorSets(work->commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                            gpu->layout, 0, 1, &work->set, 0, NULL);
    gpu_push(work, job->push, GPU_PUSH_WORDS);
    if (job->push_address) {
        gpu_push(work, (const uint32_t *)&run->addresses[0], 2);
    }
    if (job->record) {
        job->record(work);
    } else {
        gpu_use(work, 0);
        gpu_dispatch(work, job->groups[0], job->groups[1], job->groups[2]);
    }
    gpu_barrier(work);
    copy_images(run, job, false);
    return vkEndCommandBuffer(work->commands);
}

/* The worst of the fences of a sync file; 0: there is none, or not in time */
static int wait_for_sync_file(int fd)
{
    struct sync_fence_info fences[MAX_FENCES] = { };
    struct sync_file_info info = {
        .num_fences = MAX_FENCES,
        .sync_fence_info = (uintptr_t)fences,
    };
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    int status;

    if (poll(&wait, 1, FENCE_NS / 1000000) <= 0 ||
        ioctl(fd, SYNC_IOC_FILE_INFO, &info)) {
        return 0;
    }
    status = info.status;
    for (unsigned i = 0; i < info.num_fences && i < MAX_FENCES; i++) {
        status = fences[i].status < status ? fences[i].status : status;
    }
    return status;
}

/* Exporting a fence resets it: the file has what it was. */
static VkResult wait_for_exported(const Gpu *gpu, Run *run, int *status)
{
    PFN_vkGetFenceFdKHR get_fd = (PFN_vkGetFenceFdKHR)vkGetDeviceProcAddr(
        gpu->device, "vkGetFenceFdKHR");
    VkResult result = VK_ERROR_EXTENSION_NOT_PRESENT;
    int fd = -1;

    if (get_fd) {
        result = get_fd(gpu->device, &(VkFenceGetFdInfoKHR){
            .sType = VK_STRUCTURE_TYPE_FENCE_GET_FD_INFO_KHR,
            .fence = run->fence,
            .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT,
        }, &fd);
    }
    if (!result && fd >= 0) {
        *status = wait_for_sync_file(fd);
        close(fd);
    }
    return result ? result : vkQueueWaitIdle(gpu->queue);
}

static VkResult submit(const Gpu *gpu, Run *run, const GpuJob *job,
                       double *seconds)
{
    const VkExportFenceCreateInfo exported = {
        .sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO,
        .handleTypes = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT,
    };
    VkResult result;
    double start;

    result = vkCreateFence(gpu->device, &(VkFenceCreateInfo){
        .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
        .pNext = job->fence_status ? &exported : NULL,
    }, NULL, &run->fence);
    if (result) {
        return result;
    }
    start = now();
    result = vkQueueSubmit(gpu->queue, 1, &(VkSubmitInfo){
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &run->work.commands,
    }, run->fence);
    if (!result && job->fence_status) {
        result = wait_for_exported(gpu, run, job->fence_status);
    } else if (!result) {
        result = vkWaitForFences(gpu->device, 1, &run->fence, VK_TRUE,
                                 FENCE_NS);
    }
    if (seconds) {
        *seconds = now() - start;
    }
    return result;
}

static void destroy(const Gpu *gpu, Run *run)
{
    vkDestroyFence(gpu->device, run->fence, NULL);
    for (unsigned i = 0; i < GPU_SHADERS; i++) {
        vkDestroyPipeline(gpu->device, run->work.pipelines[i], NULL);
    }
    for (unsigned i = 0; i < GPU_BUFFERS; i++) {
        vkDestroyBuffer(gpu->device, run->work.buffers[i], NULL);
        vkFreeMemory(gpu->device, run->memory[i], NULL);
    }
    vkDestroySampler(gpu->device, run->sampler, NULL);
    for (unsigned i = 0; i < GPU_IMAGES; i++) {
        vkDestroyImageView(gpu->device, run->views[i], NULL);
        vkDestroyImage(gpu->device, run->images[i], NULL);
        vkFreeMemory(gpu->device, run->image_memory[i], NULL);
    }
    vkResetDescriptorPool(gpu->device, gpu->descriptors, 0);
    vkResetCommandPool(gpu->device, gpu->commands, 0);
    if (run->work.commands) {
        vkFreeCommandBuffers(gpu->device, gpu->commands, 1,
                             &run->work.commands);
    }
}

VkResult gpu_run(const Gpu *gpu, const GpuJob *job, double *seconds)
{
    Run run = { .work = { .gpu = gpu, .job = job } };
    VkResult result = VK_SUCCESS;

    for (unsigned i = 0; !result && i < GPU_BUFFERS; i++) {
        result = create_buffer(gpu, &run, job, i);
    }
    for (unsigned i = 0; !result && i < GPU_IMAGES; i++) {
        result = create_image(gpu, &run, &job->images[i], i);
    }
    for (unsigned i = 0; !result && i < GPU_SHADERS; i++) {
        result = create_pipeline(gpu, &run, job, i);
    }
    if (!result) {
        link_nodes(&run, job);
    }
    result = result ? result : create_sampler(gpu, &run, &job->images[2]);
    result = result ? result : write_descriptors(gpu, &run, job);
    result = result ? result : record(gpu, &run, job);
    result = result ? result : submit(gpu, &run, job, seconds);
    for (unsigned i = 0; !result && i < GPU_BUFFERS; i++) {
        if (job->words[i]) {
            memcpy(job->data[i], run.mapped[i], job->words[i] * 4ull);
        }
    }
    if (result != VK_TIMEOUT) {
        destroy(gpu, &run);     /* what still runs may not be taken away */
    }
    return result;
}
