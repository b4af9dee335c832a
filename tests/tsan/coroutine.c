/*
 * QEMU's coroutines for ThreadSanitizer
 *
 * util/coroutine-ucontext.c tells the sanitizer of each switch (CONFIG_TSAN), and
 * then goes by siglongjmp(), which the sanitizer looks after, too: it wants to
 * know the stack that sigsetjmp() was called on, and gives up on another one.
 * The compiler's own jumps go past it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <setjmp.h>
#include <ucontext.h>

/* The compiler's jump has no value: it is set just before, by the same thread. */
static __thread int jump_value;

#undef sigsetjmp
#define sigsetjmp(env, save) \
    (__builtin_setjmp((void **)(env)) ? jump_value : 0)
#undef siglongjmp
#define siglongjmp(env, value) \
    (jump_value = (value), __builtin_longjmp((void **)(env), 1))

#include "util/coroutine-ucontext.c"
