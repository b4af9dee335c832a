/*
 * interface: firmware that boots, and says what cannot be
 *
 * At boot the firmware writes how many groups and streams there are, and where
 * their blocks are.  The driver has to refuse what does not fit, without a look
 * at what is outside of the shared section (panthor_fw_init_ifaces(), v7.3),
 * and to take the firmware of before afterwards.  inject.c has more of these,
 * with the messages that they get.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/tap.h"

static PanthorDev dev;

/*
 * What the firmware says when it has booted: where the control blocks are, and
 * how many.  Nothing outside of the shared section is looked at.
 */
typedef struct Field {
    const char *name;
    const char *injection;
    /* What the driver says if it looks at what it must not, or NULL */
    const char *silent;
} Field;

static const Field fields[] = {
    { "no groups", "field=group-count", NULL },
    { "two groups", "field=group-count value=2", NULL },
    { "32 groups", "field=group-count value=32", NULL },
    { "2^32 - 1 groups", "field=group-count value=4294967295", NULL },
    { "groups behind the section", "field=group-stride value=1048576",
      "Expecting identical|Invalid" },
    { "groups 2 GiB apart", "field=group-stride value=2147483648",
      "Expecting identical|Invalid" },
    { "groups that wrap to the start", "field=group-stride value=4294963200",
      "Expecting identical|Invalid" },
    { "no streams", "field=stream-count", NULL },
    { "33 streams", "field=stream-count value=33", NULL },
    { "33 streams of a later group", "field=stream-count slot=2 value=33",
      NULL },
    { "nine streams of a later group", "field=stream-count slot=2 value=9",
      NULL },
    { "2^32 - 1 streams", "field=stream-count value=4294967295", NULL },
    { "streams behind the section", "field=stream-stride value=1048576",
      "Expecting identical|Invalid" },
    { "streams that wrap to their group", "field=stream-stride "
      "value=4294967232", "Expecting identical|Invalid" },
    { "streams that wrap, of a later group", "field=stream-stride slot=3 "
      "value=4294967232", NULL },
    { "a suspend buffer of another size", "field=protm-suspend-size slot=1 "
      "value=64", NULL },
    { "input behind the section", "field=glb-input value=67239932", NULL },
    { "input that wraps", "field=glb-input value=4294967292", NULL },
    { "input before the section", "field=group-input value=67108860", NULL },
    { "output that begins at the end", "field=group-output value=67239936",
      NULL },
    { "output of a stream that ends behind the end",
      "field=stream-output value=67239932", NULL },
};

/* Whether one of the texts, with bars in between, is in the log by now */
static bool says(int log, const char *texts)
{
    char record[1024], text[64];

    while (!kernel_log_find(log, "panthor", record, sizeof(record), 0)) {
        for (const char *at = texts; at; at = strchr(at, '|')) {
            at += *at == '|';
            snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, "|"), at);
            if (strstr(record, text)) {
                return true;
            }
        }
    }
    return false;
}

static void test_fields(const char *name)
{
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const Field *field = &fields[i];
        int log = TAP_MUST(kernel_log_open());
        bool there;

        if (host_request(NULL, 0, "inject odd-field count=0 %s",
                         field->injection)) {
            tap_skip(host_error(), "it says %s", field->name);
            close(log);
            continue;
        }
        there = module_bind_and_run(name, &dev);
        host_request(NULL, 0, "inject-clear");
        tap_ok(!there, "it says %s: the driver refuses it", field->name);
        if (field->silent) {
            tap_ok(!says(log, field->silent),
                   "it says %s: nobody looks there", field->name);
        }
        if (there) {
            panthor_close(&dev);
            TAP_MUST(module_unbind_name(name));
        }
        close(log);
    }
}

int main(int argc, char **argv)
{
    char name[64];

    tap_start(argc, argv, NULL, "Binds the driver to firmware that says what "
              "cannot be.");
    module_allow_left_jobs();
    tap_directive("untimed : (the driver refuses it|nobody looks there)$");
    TAP_MUST(panthor_open(&dev));
    TAP_MUST(module_device_name(&dev, name, sizeof(name)));
    panthor_close(&dev);
    TAP_MUST(module_unbind_name(name));
    test_fields(name);
    if (tap_ok(module_bind_and_run(name, &dev),
               "firmware that says what is right: a job runs")) {
        panthor_close(&dev);
    }
    return tap_end();
}
