/*
 * draw: triangles of an unmodified Mesa, whose tiler heap runs out of memory
 *
 * What is drawn is not looked at: nothing rasterizes.  The work of the tiler
 * takes chunks of the heap, of which the driver has a few.  When there are no
 * more, Mesa's own exception handler gives back what is there, and goes on; it
 * belongs to another stream than the one that has run out.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>

#include "lib/gpu.h"
#include "lib/run.h"
#include "host.h"
#include "tap.h"

#define GPU_NAME    "Mali-"
#define WIDTH       256
#define FORMAT      VK_FORMAT_R8G8B8A8_UNORM
#define TRIANGLES   4096
#define DRAWS       8
#define PASSES      2
/* The driver's own limit for a job is 5 s */
#define FENCE_NS    60000000000ull
/* More than a heap of Mesa's may ever have */
#define MANY_CHUNKS 100

typedef struct Target {
    Gpu gpu;
    VkImage image;
    VkDeviceMemory memory;
    VkImageView view;
    VkRenderPass pass;
    VkFramebuffer framebuffer;
    VkPipelineLayout layout;
    VkShaderModule shaders[2];
    VkPipeline pipeline;
} Target;

static VkResult create_image(Target *t)
{
    VkMemoryRequirements needs;
    uint32_t type = 0;
    VkResult result;

    result = vkCreateImage(t->gpu.device, &(VkImageCreateInfo){
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = FORMAT,
        .extent = { WIDTH, WIDTH, 1 },
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
    }, NULL, &t->image);
    if (result) {
        return result;
    }
    vkGetImageMemoryRequirements(t->gpu.device, t->image, &needs);
    while (!(needs.memoryTypeBits & (1u << type))) {
        type++;
    }
    result = vkAllocateMemory(t->gpu.device, &(VkMemoryAllocateInfo){
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = needs.size,
        .memoryTypeIndex = type,
    }, NULL, &t->memory);
    return result ? result : vkBindImageMemory(t->gpu.device, t->image,
                                               t->memory, 0);
}

static VkResult create_framebuffer(Target *t)
{
    VkResult result;

    result = vkCreateImageView(t->gpu.device, &(VkImageViewCreateInfo){
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = t->image,
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = FORMAT,
        .subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 },
    }, NULL, &t->view);
    if (result) {
        return result;
    }
    result = vkCreateRenderPass(t->gpu.device, &(VkRenderPassCreateInfo){
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &(VkAttachmentDescription){
            .format = FORMAT,
            .samples = VK_SAMPLE_COUNT_1_BIT,
            .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
            .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
            .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
            .finalLayout = VK_IMAGE_LAYOUT_GENERAL,
        },
        .subpassCount = 1,
        .pSubpasses = &(VkSubpassDescription){
            .colorAttachmentCount = 1,
            .pColorAttachments = &(VkAttachmentReference){
                .layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
            },
        },
    }, NULL, &t->pass);
    if (result) {
        return result;
    }
    return vkCreateFramebuffer(t->gpu.device, &(VkFramebufferCreateInfo){
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .renderPass = t->pass,
        .attachmentCount = 1,
        .pAttachments = &t->view,
        .width = WIDTH,
        .height = WIDTH,
        .layers = 1,
    }, NULL, &t->framebuffer);
}

static VkResult create_shader(Target *t, unsigned i, const char *name)
{
    size_t size = 0;
    const uint32_t *code = gpu_shader(name, &size);

    return vkCreateShaderModule(t->gpu.device, &(VkShaderModuleCreateInfo){
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = size,
        .pCode = code,
    }, NULL, &t->shaders[i]);
}

static VkResult create_pipeline(Target *t)
{
    const VkPipelineShaderStageCreateInfo stages[] = {
        {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .stage = VK_SHADER_STAGE_VERTEX_BIT,
            .module = t->shaders[0],
            .pName = "main",
        }, {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
            .module = t->shaders[1],
            .pName = "main",
        },
    };

    return vkCreateGraphicsPipelines(t->gpu.device, VK_NULL_HANDLE, 1,
                                     &(VkGraphicsPipelineCreateInfo){
        .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
        .stageCount = 2,
        .pStages = stages,
        .pVertexInputState = &(VkPipelineVertexInputStateCreateInfo){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
        },
        .pInputAssemblyState = &(VkPipelineInputAssemblyStateCreateInfo){
            .sType =
                VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
            .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
        },
        .pViewportState = &(VkPipelineViewportStateCreateInfo){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
            .viewportCount = 1,
            .pViewports = &(VkViewport){ 0, 0, WIDTH, WIDTH, 0, 1 },
            .scissorCount = 1,
            .pScissors = &(VkRect2D){ { 0, 0 }, { WIDTH, WIDTH } },
        },
        .pRasterizationState = &(VkPipelineRasterizationStateCreateInfo){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
            .lineWidth = 1,
        },
        .pMultisampleState = &(VkPipelineMultisampleStateCreateInfo){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
            .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
        },
        .pColorBlendState = &(VkPipelineColorBlendStateCreateInfo){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
            .attachmentCount = 1,
            .pAttachments = &(VkPipelineColorBlendAttachmentState){
                .colorWriteMask = 0xf,
            },
        },
        .layout = t->layout,
        .renderPass = t->pass,
    }, NULL, &t->pipeline);
}

static VkResult create_target(Target *t)
{
    VkResult result = create_image(t);

    result = result ? result : create_framebuffer(t);
    result = result ? result : create_shader(t, 0, "draw.vert");
    result = result ? result : create_shader(t, 1, "draw.frag");
    result = result ? result : vkCreatePipelineLayout(
        t->gpu.device, &(VkPipelineLayoutCreateInfo){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        }, NULL, &t->layout);
    return result ? result : create_pipeline(t);
}

static void record(const Target *t, VkCommandBuffer commands)
{
    vkBeginCommandBuffer(commands, &(VkCommandBufferBeginInfo){
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
    });
    for (unsigned pass = 0; pass < PASSES; pass++) {
        vkCmdBeginRenderPass(commands, &(VkRenderPassBeginInfo){
            .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
            .renderPass = t->pass,
            .framebuffer = t->framebuffer,
            .renderArea = { { 0, 0 }, { WIDTH, WIDTH } },
            .clearValueCount = 1,
            .pClearValues = &(VkClearValue){ },
        }, VK_SUBPASS_CONTENTS_INLINE);
        vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
                          t->pipeline);
        for (unsigned i = 0; i < DRAWS; i++) {
            vkCmdDraw(commands, 3 * TRIANGLES, 1, 0, 0);
        }
        vkCmdEndRenderPass(commands);
    }
    vkEndCommandBuffer(commands);
}

/* One submission, to its fence */
static VkResult draw(const Target *t)
{
    VkCommandBuffer commands;
    VkFence fence = VK_NULL_HANDLE;
    VkResult result;

    result = vkAllocateCommandBuffers(
        t->gpu.device, &(VkCommandBufferAllocateInfo){
            .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
            .commandPool = t->gpu.commands,
            .commandBufferCount = 1,
        }, &commands);
    result = result ? result : vkCreateFence(
        t->gpu.device, &(VkFenceCreateInfo){
            .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
        }, NULL, &fence);
    if (result) {
        return result;
    }
    record(t, commands);
    result = vkQueueSubmit(t->gpu.queue, 1, &(VkSubmitInfo){
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &commands,
    }, fence);
    result = result ? result : vkWaitForFences(t->gpu.device, 1, &fence, true,
                                               FENCE_NS);
    vkDestroyFence(t->gpu.device, fence, NULL);
    vkFreeCommandBuffers(t->gpu.device, t->gpu.commands, 1, &commands);
    return result;
}

static void test_draw(const Target *t, const char *when)
{
    VkResult result = draw(t);

    if (!tap_ok(result == VK_SUCCESS, "%u draws end%s", PASSES * DRAWS, when)) {
        tap_diag("%s", gpu_result_text(result));
    }
}

static void test_out_of_memory(const Target *t)
{
    uint64_t before = 0, after = 0;

    if (host_request(NULL, 0, "qom-set x-endpoint-heap-chunks %u",
                     MANY_CHUNKS)) {
        tap_skip(host_error(), "the heap runs out of memory");
        return;
    }
    host_get_u64("tiler-oom-count", &before);
    test_draw(t, ", whose heap has less than they take");
    host_get_u64("tiler-oom-count", &after);
    tap_ok(after > before, "the heap has run out of memory");
    host_request(NULL, 0, "qom-set x-endpoint-heap-chunks 0");
    test_draw(t, " afterwards");
}

int main(int argc, char **argv)
{
    Target target = { };

    tap_start(argc, argv, NULL, "Draw with Vulkan, and have the tiler's heap "
              "run out of memory.");
    mesa_environment();
    if (!tap_ok(gpu_open(&target.gpu, GPU_NAME),
                "a Vulkan device named " GPU_NAME "...")) {
        return tap_end();
    }
    if (tap_ok(create_target(&target) == VK_SUCCESS, "something to draw to")) {
        test_draw(&target, "");
        test_out_of_memory(&target);
    }
    /* What belongs to the device goes with the process. */
    return tap_end();
}
