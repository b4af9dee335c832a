/*
 * Mali CSF GPU: a serial port whose lines can stop the machine
 *
 * A guest program that asks the host for something goes on while the host
 * thinks, for as long as that takes.  Behind this character device the machine
 * stops at the end of the line, at the very instruction, and the answer is
 * there before the next one: no time passes in the guest.  To the guest it is
 * a serial port as any other.
 *
 *     -chardev mali-csf-host-port,id=port,path=port.log
 *
 * What the guest writes is in the file, as with -chardev file.  Properties of
 * the object /chardevs/<id>:
 *
 *   stop-at    beginnings of lines that stop the machine, one in a line
 *   answer     write only: text that the guest reads, without time passing if
 *              it is set while the machine is stopped
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "chardev/char.h"
#include "chardev/char-fd.h"
#include "qemu/module.h"
#include "system/runstate.h"
#include "compat.h"
#include "log.h"
#include "trace.h"

#define TYPE_MALI_CSF_HOST_PORT "chardev-mali-csf-host-port"

OBJECT_DECLARE_TYPE(MaliCsfHostPort, MaliCsfHostPortClass, MALI_CSF_HOST_PORT)

/* Of a line, what is compared with stop-at */
#define LINE_BYTES      256
/* Of answers that the guest has not read yet */
#define ANSWER_BYTES    (64 * 1024)

struct MaliCsfHostPort {
    FDChardev parent_obj;

    char *stop_at;
    /* The beginning of the line that the guest writes */
    GString *line;
    /* What it has not read yet */
    GString *answer;
};

struct MaliCsfHostPortClass {
    ChardevClass parent_class;

    int (*parent_write)(Chardev *chr, const uint8_t *data, int size);
};

static bool stops(const MaliCsfHostPort *port)
{
    g_auto(GStrv) beginnings = g_strsplit(port->stop_at, "\n", -1);

    for (unsigned i = 0; beginnings[i]; i++) {
        if (*beginnings[i] && g_str_has_prefix(port->line->str,
                                               beginnings[i])) {
            return true;
        }
    }
    return false;
}

static int host_port_write(Chardev *chr, const uint8_t *data, int size)
{
    MaliCsfHostPort *port = MALI_CSF_HOST_PORT(chr);
    MaliCsfHostPortClass *class = MALI_CSF_HOST_PORT_GET_CLASS(chr);
    int written = class->parent_write(chr, data, size);

    for (int i = 0; i < written; i++) {
        if (data[i] != '\n') {
            if (port->line->len < LINE_BYTES) {
                g_string_append_c(port->line, data[i]);
            }
            continue;
        }
        trace_mali_csf_host_port_line(chr->label, port->line->str);
        if (stops(port)) {
            vm_stop(RUN_STATE_PAUSED);
        }
        g_string_truncate(port->line, 0);
    }
    return written;
}

/* As much of the answer as the port has room for */
static void host_port_accept_input(Chardev *chr)
{
    MaliCsfHostPort *port = MALI_CSF_HOST_PORT(chr);
    int size;

    while (port->answer->len && (size = qemu_chr_be_can_write(chr)) > 0) {
        g_autofree char *text = NULL;

        size = MIN(size, port->answer->len);
        text = g_strndup(port->answer->str, size);
        g_string_erase(port->answer, 0, size);
        qemu_chr_be_write(chr, (uint8_t *)text, size);
    }
}

static void set_answer(Object *obj, const char *text, Error **errp)
{
    MaliCsfHostPort *port = MALI_CSF_HOST_PORT(obj);

    if (strlen(text) > ANSWER_BYTES - port->answer->len) {
        error_setg(errp, "answer: the guest has %zu bytes to read already, "
                   "and there is room for %d", port->answer->len,
                   ANSWER_BYTES);
        return;
    }
    g_string_append(port->answer, text);
    host_port_accept_input(CHARDEV(port));
}

static char *get_stop_at(Object *obj, Error **errp)
{
    return g_strdup(MALI_CSF_HOST_PORT(obj)->stop_at);
}

static void set_stop_at(Object *obj, const char *text, Error **errp)
{
    MaliCsfHostPort *port = MALI_CSF_HOST_PORT(obj);

    g_free(port->stop_at);
    port->stop_at = g_strdup(text);
}

static void host_port_init(Object *obj)
{
    MaliCsfHostPort *port = MALI_CSF_HOST_PORT(obj);

    port->stop_at = g_strdup("");
    port->line = g_string_new(NULL);
    port->answer = g_string_new(NULL);
}

static void host_port_finalize(Object *obj)
{
    MaliCsfHostPort *port = MALI_CSF_HOST_PORT(obj);

    g_free(port->stop_at);
    g_string_free(port->line, true);
    g_string_free(port->answer, true);
}

static void host_port_class_init(ObjectClass *oc, MaliCsfClassData *data)
{
    ChardevClass *cc = CHARDEV_CLASS(oc);

    MALI_CSF_HOST_PORT_CLASS(oc)->parent_write = cc->chr_write;
    cc->chr_write = host_port_write;
    cc->chr_accept_input = host_port_accept_input;
    object_class_property_add_str(oc, "stop-at", get_stop_at, set_stop_at);
    object_class_property_set_description(oc, "stop-at",
        "beginnings of lines at whose end the machine stops, one in a line");
    object_class_property_add_str(oc, "answer", NULL, set_answer);
    object_class_property_set_description(oc, "answer",
        "text that the guest reads");
}

static const TypeInfo host_port_info = {
    .name = TYPE_MALI_CSF_HOST_PORT,
    .parent = TYPE_CHARDEV_FILE,
    .instance_size = sizeof(MaliCsfHostPort),
    .instance_init = host_port_init,
    .instance_finalize = host_port_finalize,
    .class_size = sizeof(MaliCsfHostPortClass),
    .class_init = host_port_class_init,
};

static void host_port_register(void)
{
    type_register_static(&host_port_info);
}

type_init(host_port_register)
