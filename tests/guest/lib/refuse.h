/*
 * Calls that the driver must refuse
 *
 * A refused call must leave nothing behind.  refuse_end() looks at what can be
 * seen from outside: that the GPU may sleep, and that the device can be taken
 * away, which waits for all who have entered it (drm_dev_enter()) and have not
 * left.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_REFUSE_H
#define TESTS_GUEST_LIB_REFUSE_H

#include "panthor.h"

/**
 * refused: report whether a call was refused for the right reason
 * @ret: what it returned: zero or more, or a negative errno
 * @wanted: the negative errno that it should return
 * @fmt: the test's name, to which " is refused: <reason>" is added
 *
 * Returns whether it was.
 */
bool refused(int ret, int wanted, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Report whether a call was not refused; " is taken" is added to the name. */
bool taken(int ret, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * refuse_end: see that the calls have left nothing behind
 * @dev: the device, of which the program has nothing left but this; closed
 *
 * The device is unbound and bound.  If that does not come to an end, this is
 * a failed test, and there is no device any more.
 */
void refuse_end(PanthorDev *dev);

#endif /* TESTS_GUEST_LIB_REFUSE_H */
