/*
 * Mali CSF GPU: textures and samplers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_TEXTURE_H
#define HW_GPU_MALI_CSF_SHADER_TEXTURE_H

#include "format.h"
#include "messages.h"

typedef enum MaliShaderDimension {
    MALI_SHADER_CUBE,
    MALI_SHADER_1D,
    MALI_SHADER_2D,
    MALI_SHADER_3D,
} MaliShaderDimension;

/* A texture descriptor.  All counts are at least 1. */
typedef struct MaliShaderTexture {
    MaliShaderDimension dimension;
    /* As in the descriptor, for stores */
    uint32_t format_word;
    MaliShaderFormat format;
    /* R, G, B and A: component, or 4 for 0, 5 for 1 */
    uint8_t swizzle[4];
    unsigned width;
    unsigned height;
    unsigned depth;
    unsigned layers;
    unsigned levels;
    unsigned samples;
    /* The planes, one for each level of each sample of each layer */
    uint64_t planes;
    /* It is none: loads are zero, and stores have no effect */
    bool is_null;
} MaliShaderTexture;

/* Memory of one level of one layer.  Sizes in pixels, strides in bytes */
typedef struct MaliShaderPlane {
    uint64_t address;
    uint64_t row_stride;
    uint64_t slice_stride;
    uint64_t size;
    unsigned width;
    unsigned height;
    /* 16 by 16 pixels at a time, else row after row */
    bool is_tiled;
    /* Of a kind that is not modelled, or none: pixels are zero */
    bool is_null;
} MaliShaderPlane;

typedef struct MaliShaderSampler {
    /* Mesa's Wrap Mode, for S, T and R */
    uint8_t wrap[3];
    bool nearest_min;
    bool nearest_mag;
    bool normalized;
    bool seamless;
    /* Mipmap Mode, Func and Reduction Mode */
    uint8_t mipmap;
    uint8_t compare;
    uint8_t reduction;
    float min_lod;
    float max_lod;
    float lod_bias;
    uint32_t border[4];
} MaliShaderSampler;

/* The texture and the sampler that a handle names */
MaliShaderAccess mali_shader_find_texture(MaliShaderContext *context,
                                          uint32_t handle,
                                          MaliShaderTexture *texture);
MaliShaderAccess mali_shader_find_sampler(MaliShaderContext *context,
                                          uint32_t handle,
                                          MaliShaderSampler *sampler);

/* Which are in bounds */
MaliShaderAccess mali_shader_find_plane(MaliShaderContext *context,
                                        const MaliShaderTexture *texture,
                                        unsigned level, unsigned layer,
                                        unsigned sample,
                                        MaliShaderPlane *plane);

/*
 * Address of a pixel of the format's size; false if it is none of the plane's.
 */
bool mali_shader_pixel(const MaliShaderTexture *texture,
                       const MaliShaderPlane *plane, uint32_t x, uint32_t y,
                       uint32_t z, uint64_t *va);

/* R, G, B and A of a pixel, in the texture's order; zero where there is none */
MaliShaderAccess mali_shader_fetch(MaliShaderContext *context,
                                   const MaliShaderTexture *texture,
                                   const MaliShaderPlane *plane, uint32_t x,
                                   uint32_t y, uint32_t z, uint32_t *rgba);

#endif /* HW_GPU_MALI_CSF_SHADER_TEXTURE_H */
