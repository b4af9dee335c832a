/*
 * QTest for the Arm Mali CSF GPU: a serial port whose lines stop the machine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qobject/qdict.h"

/* The PL011 of virt, and some of its registers */
#define UART            0x09000000
#define UART_DR         (UART + 0x00)
#define UART_FR         (UART + 0x18)
#define UART_FR_RXFE    0x10
#define UART_LCR_H      (UART + 0x2c)
#define UART_LCR_H_FEN  0x10
#define UART_CR         (UART + 0x30)
#define UART_CR_ENABLED 0x301

#define PORT            "/chardevs/port"
/* More than its FIFO has room for */
#define ANSWER          "ok 0123456789 abcdefghijklmnopqrstuvwxyz\n"
#define ANSWER_BYTES    (64 * 1024)

typedef struct Port {
    QTestState *qts;
    char *path;
} Port;

static void begin(Port *port)
{
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("mali-csf-host-port-XXXXXX", &port->path, &error);

    g_assert_no_error(error);
    close(fd);
    port->qts = qtest_initf("-M virt -nodefaults -chardev "
                            "mali-csf-host-port,id=port,path=%s "
                            "-serial chardev:port", port->path);
    qtest_writel(port->qts, UART_LCR_H, UART_LCR_H_FEN);
    qtest_writel(port->qts, UART_CR, UART_CR_ENABLED);
}

static void end(Port *port)
{
    qtest_quit(port->qts);
    unlink(port->path);
    g_free(port->path);
}

static void set(Port *port, const char *property, const char *text)
{
    qtest_qmp_assert_success(port->qts, "{'execute': 'qom-set', 'arguments': "
                             "{'path': %s, 'property': %s, 'value': %s}}",
                             PORT, property, text);
}

static bool is_stopped(Port *port)
{
    QDict *status = qtest_qmp_assert_success_ref(
        port->qts, "{'execute': 'query-status'}");
    bool running = qdict_get_bool(status, "running");

    qobject_unref(status);
    return !running;
}

static void write_text(Port *port, const char *text)
{
    while (*text) {
        qtest_writel(port->qts, UART_DR, *text++);
    }
}

static void go_on(Port *port)
{
    qtest_qmp_assert_success(port->qts, "{'execute': 'cont'}");
}

/* Lines that begin so stop the machine, no others, and not before their end */
static void test_stop(void)
{
    static const char text[] = "ask\nplain\nno ask\ntell\nask: a\nask: b\n";
    g_autofree char *written = NULL;
    Port port;

    begin(&port);
    write_text(&port, "ask\n");
    g_assert_false(is_stopped(&port));
    set(&port, "stop-at", "ask\nbye");
    write_text(&port, "plain\nno ask\ntell\nask: a");
    g_assert_false(is_stopped(&port));
    write_text(&port, "\n");
    g_assert_true(is_stopped(&port));
    go_on(&port);
    g_assert_false(is_stopped(&port));
    write_text(&port, "ask: b\n");
    g_assert_true(is_stopped(&port));
    g_assert_true(g_file_get_contents(port.path, &written, NULL, NULL));
    g_assert_cmpstr(written, ==, text);
    end(&port);
}

/* What does not fit in the port comes as it is read. */
static void test_answer(void)
{
    GString *read = g_string_new(NULL);
    Port port;

    begin(&port);
    set(&port, "stop-at", "ask");
    write_text(&port, "ask\n");
    set(&port, "answer", ANSWER);
    go_on(&port);
    while (!(qtest_readl(port.qts, UART_FR) & UART_FR_RXFE)) {
        g_string_append_c(read, qtest_readl(port.qts, UART_DR));
    }
    g_assert_cmpstr(read->str, ==, ANSWER);
    g_string_free(read, true);
    end(&port);
}

/* Nobody reads, and the host goes on to answer. */
static void test_bound(void)
{
    g_autofree char *text = g_strnfill(ANSWER_BYTES, 'x');
    QDict *error;
    Port port;

    begin(&port);
    set(&port, "answer", text);
    error = qtest_qmp_assert_failure_ref(
        port.qts, "{'execute': 'qom-set', 'arguments': {'path': %s, "
        "'property': 'answer', 'value': %s}}", PORT, text);
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"), "bytes to read"));
    qobject_unref(error);
    end(&port);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/mali-csf/host-port/stop", test_stop);
    qtest_add_func("/mali-csf/host-port/answer", test_answer);
    qtest_add_func("/mali-csf/host-port/bound", test_bound);
    return g_test_run();
}
