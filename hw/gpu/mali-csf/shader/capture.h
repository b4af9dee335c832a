/*
 * Mali CSF GPU: jobs of RUN_COMPUTE, written down to be dispatched again
 *
 * Property capture=DIR.  A job's file has its registers, each page of memory
 * that it touched as that was before, how it ended, and what it changed; see
 * docs/devel/capture.rst.  tests/qtest/mali-csf-replay-test.c dispatches it
 * with neither guest nor driver.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_CAPTURE_H
#define HW_GPU_MALI_CSF_SHADER_CAPTURE_H

#include "../endpoint/endpoint.h"

/* Files of one device at most, and pages of 4 KiB of each */
#define MALI_SHADER_CAPTURE_MAX_JOBS    256
#define MALI_SHADER_CAPTURE_MAX_PAGES   4096

typedef struct MaliShaderCapture MaliShaderCapture;

/* @work begins, and is executed as of architecture @arch */
MaliShaderCapture *mali_shader_capture_new(const MaliCsfWork *work,
                                           unsigned arch);
/* It is not written; NULL is fine */
void mali_shader_capture_free(MaliShaderCapture *capture);

/*
 * In any thread that executes the job, before it accesses the page of @va the
 * first time, which is at @host
 */
void mali_shader_capture_page(MaliShaderCapture *capture, uint64_t va,
                              MaliCsfMemAccess access, const void *host);

/**
 * mali_shader_capture_write: the job is at its end, write it down, and free it
 * @folder: where
 * @number: of the job, from 1
 * @work: with its result
 * @view: through which memory is looked at, as it is now
 *
 * In the main thread.  False with @errp set if the file could not be written.
 */
bool mali_shader_capture_write(MaliShaderCapture *capture, const char *folder,
                               unsigned number, const MaliCsfWork *work,
                               const MaliCsfMemView *view, Error **errp);

#endif /* HW_GPU_MALI_CSF_SHADER_CAPTURE_H */
