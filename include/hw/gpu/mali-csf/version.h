/*
 * Mali CSF GPU: the version of the model
 *
 * docs/changelog.rst says what each has; "make version" reads it from here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_VERSION_H
#define HW_GPU_MALI_CSF_VERSION_H

#define MALI_CSF_VERSION "1.1"

#endif /* HW_GPU_MALI_CSF_VERSION_H */
