/*
 * QTest for the Arm Mali CSF GPU: what differs from product to product
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"
#include "hw/gpu/mali-csf/version.h"

typedef struct Product {
    const char *name;
    uint32_t gpu_id;
    uint32_t l2_features;
    uint32_t core_features;
    uint32_t mem_features;
    uint32_t csf_id;
    uint32_t gpu_features;
    uint32_t thread_features;
    uint32_t coherency_features;
    uint64_t shader_present;
    unsigned cores;
    unsigned doorbells;
    uint32_t fw_version;
    uint32_t fw_features;
    unsigned work_registers;
    unsigned scoreboards;
} Product;

#define PRODUCT(...) { __VA_ARGS__ },
static const Product products[] = {
#include "libqos/mali-csf-products.h.inc"
};

static unsigned arch_major(const Product *product)
{
    return product->gpu_id >> 28;
}

static void init(QMaliCsf *gpu, const Product *product)
{
    g_autofree char *args =
        g_strdup_printf("-global mali-csf.model=%s", product->name);

    mali_csf_init(gpu, args);
}

/* The last doorbell page is there, and nothing of the device behind it */
static void check_aperture(QMaliCsf *gpu, const Product *product)
{
    uint64_t end = MALI_CSF_BASE + MALI_CSF_DOORBELL_BASE +
                   product->doorbells * MALI_CSF_DOORBELL_SIZE;
    g_autofree char *tree = qtest_hmp(gpu->qts, "info mtree");
    g_autofree char *last = g_strdup_printf("-%016" PRIx64, end - 1);
    char *line, *eol;

    line = strstr(tree, "mali-csf-doorbells");
    g_assert_nonnull(line);
    while (line > tree && line[-1] != '\n') {
        line--;
    }
    eol = strchr(line, '\r') ?: strchr(line, '\n');
    *eol = 0;
    g_test_message("%s", line);
    g_assert_nonnull(strstr(line, last));
}

static void test_identity(const void *opaque)
{
    const Product *product = opaque;
    const struct {
        uint32_t offset;
        uint32_t value;
    } registers[] = {
        { A_GPU_ID, product->gpu_id },
        { A_L2_FEATURES, product->l2_features },
        { A_CORE_FEATURES, product->core_features },
        { A_TILER_FEATURES, 0x809 },
        { A_MEM_FEATURES, product->mem_features },
        { A_MMU_FEATURES, 0x2830 },
        { A_AS_PRESENT, 0xff },
        { A_CSF_ID, product->csf_id },
        { A_GPU_FEATURES_LO, product->gpu_features },
        { A_GPU_FEATURES_HI, 0 },
        { A_THREAD_MAX_THREADS, 2048 },
        { A_THREAD_MAX_WORKGROUP_SIZE, 1024 },
        { A_THREAD_MAX_BARRIER_SIZE, 1024 },
        { A_THREAD_FEATURES, product->thread_features },
        { A_TEXTURE_FEATURES_0, 0x01000000 },
        { A_TEXTURE_FEATURES_1, 0 },
        { A_TEXTURE_FEATURES_2, 0 },
        { A_TEXTURE_FEATURES_3, 0 },
        { A_REVIDR, 0 },
        { A_COHERENCY_FEATURES, product->coherency_features },
        { A_THREAD_TLS_ALLOC, 0 },
    };
    QMaliCsf gpu;

    init(&gpu, product);
    for (int i = 0; i < ARRAY_SIZE(registers); i++) {
        g_test_message("register 0x%03x", registers[i].offset);
        g_assert_cmphex(mali_csf_readl(&gpu, registers[i].offset), ==,
                        registers[i].value);
    }
    if (arch_major(product) >= 14) {
        g_assert_cmphex(mali_csf_readq(&gpu, 0xa00), ==,
                        product->shader_present);
        g_assert_cmphex(mali_csf_readq(&gpu, 0x940), ==, 1);
        g_assert_cmphex(mali_csf_readq(&gpu, 0x900), ==, 1);
    } else {
        g_assert_cmphex(mali_csf_readq(&gpu, A_SHADER_PRESENT_LO), ==,
                        product->shader_present);
        g_assert_cmphex(mali_csf_readq(&gpu, A_TILER_PRESENT_LO), ==, 1);
        g_assert_cmphex(mali_csf_readq(&gpu, A_L2_PRESENT_LO), ==, 1);
    }
    g_assert_cmpint(ctpop64(product->shader_present), ==, product->cores);
    check_aperture(&gpu, product);
    mali_csf_quit(&gpu);
}

/* FLUSH_PA_RANGE came with architecture 12. */
static void check_flush_pa_range(QMaliCsf *gpu, const Product *product)
{
    uint32_t command = GPU_COMMAND_FLUSH_PA_RANGE | 0x73u << 8;
    uint32_t id = mali_csf_readl(gpu, MALI_CSF_USER_BASE +
                                 A_LATEST_FLUSH_ID);

    mali_csf_writel(gpu, A_GPU_INT + MALI_CSF_INT_CLEAR, UINT32_MAX);
    mali_csf_writel(gpu, A_GPU_COMMAND, command);
    g_assert_cmphex(mali_csf_readl(gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT),
                    ==, arch_major(product) >= 12 ? 1u << 20 : 0);
    /* Not a flush of everything */
    g_assert_cmphex(mali_csf_readl(gpu,
                                   MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID),
                    ==, id);
}

/* Registers by architecture: what is not there is counted as unknown */
static void test_registers(const void *opaque)
{
    static const struct {
        uint32_t offset;
        unsigned since;
        unsigned until;
        /* What reads back of all ones */
        uint32_t writable;
    } registers[] = {
        { 0x068, 11, 14, 0 },           /* PRFCNT_FEATURES */
        { 0x0c0, 11, 14, 0 },           /* DOORBELL_FEATURES */
        { 0x0d0, 12, 14, 0xffffffff },  /* GPU_COMMAND_ARG0 */
        { 0x0d4, 12, 14, 0xffffffff },
        { 0x0d8, 12, 14, 0xffffffff },  /* GPU_COMMAND_ARG1 */
        { 0x0dc, 12, 14, 0xffffffff },
        { 0x188, 12, 13, 0x1 },         /* SHADER_PWRFEATURES */
        { 0x2c0, 11, 14, 0xffffffff },  /* ASN_HASH_0 to 2 */
        { 0x2c4, 11, 14, 0xffffffff },
        { 0x2c8, 11, 14, 0xffffffff },
        { 0x320, 11, 14, 0xffffffff },  /* SYSC_PBHA_OVERRIDE0 to 3 */
        { 0x32c, 11, 14, 0xffffffff },
        { 0x340, 11, 14, 0xffffffff },  /* SYSC_ALLOC0 to 7 */
        { 0x35c, 11, 14, 0xffffffff },
        { 0x708, 12, 14, 0 },           /* MCU_FEATURES */
        { 0x2cc, 15, 0, 0 },
        { 0x330, 15, 0, 0 },
        { 0x360, 15, 0, 0 },
    };
    const Product *product = opaque;
    unsigned arch = arch_major(product);
    g_autofree char *unknown = NULL;
    QMaliCsf gpu;

    init(&gpu, product);
    for (int i = 0; i < ARRAY_SIZE(registers); i++) {
        bool there = arch >= registers[i].since && arch <= registers[i].until;

        g_test_message("register 0x%03x", registers[i].offset);
        g_assert_cmphex(mali_csf_readl(&gpu, registers[i].offset), ==, 0);
        mali_csf_writel(&gpu, registers[i].offset, UINT32_MAX);
        g_assert_cmphex(mali_csf_readl(&gpu, registers[i].offset), ==,
                        there ? registers[i].writable : 0);
    }
    unknown = mali_csf_get_property(&gpu, "unmodelled-registers");
    for (int i = 0; i < ARRAY_SIZE(registers); i++) {
        bool there = arch >= registers[i].since && arch <= registers[i].until;
        g_autofree char *offset = g_strdup_printf("0x%05x:",
                                                  registers[i].offset);

        g_test_message("register 0x%03x", registers[i].offset);
        g_assert_cmpint(!strstr(unknown, offset), ==, there);
    }
    check_flush_pa_range(&gpu, product);
    mali_csf_quit(&gpu);
}

static uint32_t shared_readl(QMaliCsf *gpu, uint32_t offset)
{
    return qtest_readl(gpu->qts, gpu->shared_pa + offset);
}

/* FEATURES of a stream: registers less one, scoreboard entries, all kinds */
static uint32_t cs_features(const Product *product)
{
    return (product->work_registers - 1) | product->scoreboards << 8 | 7 << 16;
}

/* What the firmware says of itself */
static void check_firmware(QMaliCsf *gpu, const Product *product)
{
    uint32_t stride = shared_readl(gpu, GLB_CONTROL_GROUP_STRIDE);

    g_assert_cmphex(shared_readl(gpu, GLB_CONTROL_VERSION), ==,
                    product->fw_version);
    g_assert_cmphex(shared_readl(gpu, GLB_CONTROL_FEATURES), ==,
                    product->fw_features);
    g_assert_cmphex(shared_readl(gpu, GLB_CONTROL_INSTR_FEATURES), ==, 0x71);
    g_assert_cmpint(gpu->group_num, ==, 8);
    g_assert_cmpint(gpu->stream_num, ==, 8);
    for (unsigned csg = 0; csg < 8; csg++) {
        uint32_t control = FW_CSG_CONTROL_OFFSET + csg * stride;
        uint32_t cs_stride = shared_readl(gpu, control +
                                          CSG_CONTROL_STREAM_STRIDE);

        for (unsigned cs = 0; cs < 8; cs++) {
            g_assert_cmphex(shared_readl(gpu, control + CSG_CONTROL_STREAMS +
                                         cs * cs_stride +
                                         CS_CONTROL_FEATURES), ==,
                            cs_features(product));
        }
    }
}

/* A job of the driver, in the registers that the product has */
static void test_job(const void *opaque)
{
    const Product *product = opaque;
    unsigned registers = product->work_registers;
    g_autofree char *args =
        g_strdup_printf("-global mali-csf.model=%s", product->name);
    QMaliCsfBench b;
    uint64_t words[4];

    mali_csf_bench_init(&b, args);
    check_firmware(&b.gpu, product);
    words[0] = cs_move48(registers - 4, b.out.va);
    words[1] = cs_move48(registers - 2, 0x5a);
    words[2] = cs_wait(MAKE_64BIT_MASK(0, product->scoreboards));
    words[3] = cs_sync(CS_OP_SYNC_ADD64, registers - 4, registers - 2,
                       CS_SYNC_SCOPE_SYSTEM, 1, 0, 0);
    mali_csf_queue_exec(b.queue, words, ARRAY_SIZE(words));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0x5a);

    /* And not in one more */
    words[0] = cs_move48(registers, 1);
    mali_csf_queue_submit(b.queue, words, 1);
    g_assert_true(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                            MALI_CSF_TIMEOUT));
    mali_csf_bench_quit(&b);
}

/* Properties that override single values */

static void test_override_identity(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, "-global mali-csf.model=g725"
                  " -global mali-csf.shader-present=0xf0000000f"
                  " -global mali-csf.address-spaces=5"
                  " -global mali-csf.va-bits=40 -global mali-csf.pa-bits=36"
                  " -global mali-csf.csg-slots=3");
    g_assert_cmphex(mali_csf_readl(&gpu, A_GPU_ID), ==, 0xd8300015);
    g_assert_cmphex(mali_csf_readq(&gpu, A_SHADER_PRESENT_LO), ==,
                    0xf0000000full);
    g_assert_cmphex(mali_csf_readl(&gpu, A_AS_PRESENT), ==, 0x1f);
    g_assert_cmphex(mali_csf_readl(&gpu, A_MMU_FEATURES), ==, 0x2428);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_mcu_boot(&gpu);
    g_assert_cmpint(gpu.group_num, ==, 3);
    g_assert_cmpint(gpu.stream_num, ==, 8);
    mali_csf_quit(&gpu);
}

/* The smallest and the largest number of slots, streams and spaces */
static void test_override_slots(void)
{
    static const struct {
        const char *args;
        unsigned slots;
        unsigned streams;
        uint32_t as_present;
        unsigned last_as;
    } odd[] = {
        { "-global mali-csf.csg-slots=3 -global mali-csf.address-spaces=2",
          3, 8, 0x3, 1 },
        { "-global mali-csf.csg-slots=16 -global mali-csf.address-spaces=16",
          16, 8, 0xffff, 15 },
        { "-global mali-csf.csg-slots=31", 31, 8, 0xff, 7 },
        { "-global mali-csf.csg-slots=31 -global mali-csf.cs-per-csg=1",
          31, 1, 0xff, 7 },
        { "-global mali-csf.csg-slots=10 -global mali-csf.cs-per-csg=32",
          10, 32, 0xff, 7 },
    };

    for (int i = 0; i < ARRAY_SIZE(odd); i++) {
        QMaliCsf gpu;
        QMaliCsfVm vm;
        QMaliCsfGroup group;
        QMaliCsfQueue *last = &group.queue[odd[i].streams - 1];
        QMaliCsfBuffer out;
        uint64_t words[3];

        mali_csf_init(&gpu, odd[i].args);
        g_assert_cmphex(mali_csf_readl(&gpu, A_AS_PRESENT), ==,
                        odd[i].as_present);
        mali_csf_mcu_prepare(&gpu);
        mali_csf_mcu_boot(&gpu);
        mali_csf_global_init(&gpu);
        g_assert_cmpint(gpu.group_num, ==, odd[i].slots);
        g_assert_cmpint(gpu.stream_num, ==, odd[i].streams);

        /* A job in the last slot, stream and space */
        mali_csf_vm_init(&gpu, &vm, odd[i].last_as);
        out = mali_csf_vm_alloc(&vm, MALI_CSF_PAGE);
        mali_csf_vm_enable(&vm);
        mali_csf_group_init(&vm, &group, odd[i].streams);
        mali_csf_group_start(&group, odd[i].slots - 1);
        words[0] = cs_move48(10, out.va);
        words[1] = cs_move48(12, 77);
        words[2] = cs_sync(CS_OP_SYNC_ADD64, 10, 12, CS_SYNC_SCOPE_SYSTEM, 1,
                           0, 0);
        mali_csf_queue_exec(last, words, ARRAY_SIZE(words));
        g_assert_cmpint(qtest_readl(gpu.qts, out.pa), ==, 77);

        /* All streams fit in the suspend buffer; another lies behind it. */
        mali_csf_group_suspend(&group);
        for (unsigned n = 0; n < group.protm_suspend.size; n += 8) {
            g_assert_cmphex(qtest_readq(gpu.qts, group.protm_suspend.pa + n),
                            ==, 0);
        }
        mali_csf_group_resume(&group, odd[i].slots - 2);
        mali_csf_queue_exec(last, &words[2], 1);
        g_assert_cmpint(qtest_readl(gpu.qts, out.pa), ==, 2 * 77);

        /* And its fault is that space's */
        words[0] = cs_move48(10, 0x1234567000ull);
        mali_csf_queue_submit(last, words, ARRAY_SIZE(words));
        g_assert_true(mali_csf_wait_fault(&gpu, odd[i].last_as,
                                          MALI_CSF_TIMEOUT));
        mali_csf_quit(&gpu);
    }
}

/* A space that is not there has no registers. */
static void test_override_absent_space(void)
{
    uint32_t transtab = mali_csf_as_reg(2, A_AS_TRANSTAB_LO);
    QMaliCsf gpu;

    mali_csf_init(&gpu, "-global mali-csf.address-spaces=2");
    mali_csf_writel(&gpu, transtab, 0x40000000);
    g_assert_cmphex(mali_csf_readl(&gpu, transtab), ==, 0);
    mali_csf_quit(&gpu);
}

/* Physical addresses that are too wide are a fault of the level. */
static void test_override_pa_bits(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, "-global mali-csf.pa-bits=32");
    mali_csf_set_pte(&b.vm, b.code.va, 3, mali_csf_leaf(1ull << 32, 3, 0));
    mali_csf_bench_submit_load(&b, b.code.va, 0);
    g_assert_true(mali_csf_wait_fault(&b.gpu, 1, MALI_CSF_TIMEOUT));
    mali_csf_assert_fault(&b.gpu, 1, 0xe7, 2, b.code.va);
    mali_csf_bench_quit(&b);
}

/* What is out of range is refused in one line. */
static void test_override_refused(void)
{
    static const struct {
        const char *device;
        const char *says;
    } bad[] = {
        { "mali-csf,csg-slots=2", "csg-slots=2 is not between 3 and 31" },
        { "mali-csf,csg-slots=32", "csg-slots=32 is not between 3 and 31" },
        { "mali-csf,cs-per-csg=33", "cs-per-csg=33 is not between 1 and 32" },
        { "mali-csf,csg-slots=11,cs-per-csg=32",
          "csg-slots=11 is too many for the firmware's 128 KiB with "
          "cs-per-csg=32: it has room for 10" },
        { "mali-csf,address-spaces=1",
          "address-spaces=1 is not between 2 and 16" },
        { "mali-csf,address-spaces=17",
          "address-spaces=17 is not between 2 and 16" },
        { "mali-csf,va-bits=31", "va-bits=31 is not between 32 and 48" },
        { "mali-csf,va-bits=49", "va-bits=49 is not between 32 and 48" },
        { "mali-csf,pa-bits=41",
          "pa-bits=41 is none of 32, 36, 40, 42, 44, 48" },
        { "mali-csf,firmware-version=1",
          "firmware-version=1 is no version such as 1.5 or 4.1.0" },
        { "mali-csf,firmware-version=1.5.0x", "firmware-version=1.5.0x is" },
        { "mali-csf,firmware-version=1.256", "firmware-version=1.256 is" },
        { "mali-csf,firmware-version=1.5.", "firmware-version=1.5. is" },
        { "mali-csf,firmware-version=1. 5", "firmware-version=1. 5 is" },
        { "mali-csf,firmware-version=", "firmware-version= is" },
        { "mali-csf,opps=",
          "opps= is no ascending list of up to 16 rates from 1 to 4000 MHz" },
        { "mali-csf,opps=0", "opps=0 is no ascending list" },
        { "mali-csf,opps=500:500", "opps=500:500 is no" },
        { "mali-csf,opps=500:250", "opps=500:250 is no" },
        { "mali-csf,opps=500:", "opps=500: is no" },
        { "mali-csf,opps=4001", "opps=4001 is no" },
        { "mali-csf,opps=5x", "opps=5x is no" },
        { "mali-csf,opps=1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17",
          "17 is no ascending list of up to 16" },
        { "mali-csf,model=g999", "no model 'g999'; there is g310, g510" },
    };

    for (int i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autofree char *output = mali_csf_refused(bad[i].device);
        const char *eol = strchr(output, '\n');

        g_assert_nonnull(strstr(output, bad[i].says));
        g_assert_nonnull(eol);
        g_assert_cmpint(eol[1], ==, 0);
    }
}

/* One more than the platform bus holds is refused in one line, by us. */
static void test_room(void)
{
    static const struct {
        const char *first;
        unsigned count;
        const char *device;
        const char *says;
    } full[] = {
        { "mali-csf,model=g610", 16, "mali-csf,model=g610",
          "its platform bus holds 16 with an aperture of 2048 KiB" },
        { "mali-csf,model=g310", 4, "mali-csf,model=g925",
          "its platform bus holds 4 with an aperture of 4608 KiB" },
        { "mali-csf,model=g610,opps=500", 15,
          "mali-csf,model=g610,opps=500:1000",
          "its platform bus holds 16 with an aperture of 2048 KiB" },
        { "mali-csf,model=g610", 13, "mali-csf,model=g1-pro",
          "its platform bus holds 4 with an aperture of 4608 KiB" },
    };

    for (int i = 0; i < ARRAY_SIZE(full); i++) {
        g_autofree char *output =
            mali_csf_refused_behind(full[i].first, full[i].count,
                                    full[i].device);
        g_autofree char *fits =
            mali_csf_refused_behind(full[i].first, full[i].count - 1,
                                    full[i].first);
        const char *eol = strchr(output, '\n');

        g_assert_nonnull(strstr(output, full[i].says));
        g_assert_nonnull(eol);
        g_assert_cmpint(eol[1], ==, 0);
        g_assert_nonnull(strstr(fits, "'no-such-device'"));
    }
}

/* "-device mali-csf,help" explains each property. */
static void test_help(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *output = NULL;
    g_auto(GStrv) lines = NULL;
    int status, properties = 0;
    const char *argv[] = {
        getenv("QTEST_QEMU_BINARY"), "-M", "virt", "-device",
        "mali-csf,help", NULL
    };

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL,
                               &output, NULL, &status, &err));
    g_assert_no_error(err);
    lines = g_strsplit(output, "\n", 0);
    for (int i = 0; lines[i]; i++) {
        if (strchr(lines[i], '=')) {
            g_test_message("%s", lines[i]);
            g_assert_nonnull(strstr(lines[i], " - "));
            properties++;
        }
    }
    g_assert_cmpint(properties, >, 20);
    g_assert_nonnull(strstr(output, "of the model, " MALI_CSF_VERSION));
}

static void add(const Product *product, const char *what,
                void (*test)(const void *))
{
    g_autofree char *path = g_strdup_printf("/mali-csf/model/%s/%s",
                                            product->name, what);

    qtest_add_data_func(path, product, test);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (int i = 0; i < ARRAY_SIZE(products); i++) {
        const Product *product = &products[i];

        add(product, "identity", test_identity);
        add(product, "registers", test_registers);
        add(product, "job", test_job);
    }
    qtest_add_func("/mali-csf/override/identity", test_override_identity);
    qtest_add_func("/mali-csf/override/slots", test_override_slots);
    qtest_add_func("/mali-csf/override/absent-space",
                   test_override_absent_space);
    qtest_add_func("/mali-csf/override/pa-bits", test_override_pa_bits);
    qtest_add_func("/mali-csf/override/refused", test_override_refused);
    qtest_add_func("/mali-csf/room", test_room);
    qtest_add_func("/mali-csf/override/help", test_help);
    return g_test_run();
}
