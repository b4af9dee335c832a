/*
 * libqos driver for the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "mali-csf.h"

#define LEVELS          4
#define LEVEL_SHIFT(l)  (39 - 9 * (l))
#define LEVEL_INDEX(va, l) (((va) >> LEVEL_SHIFT(l)) & 0x1ff)

/* Above all addresses that tests choose themselves */
#define VM_FIRST_VA     0x10000000000ull

/* Registers of the queue that the driver's wrapper keeps for itself */
#define WRAP_ADDR       92
#define WRAP_VALUE      94

void mali_csf_init(QMaliCsf *gpu, const char *args)
{
    *gpu = (QMaliCsf) {
        .qts = qtest_initf("-M virt -cpu cortex-a57 -m %" PRIu64 "M "
                           "-net none -device mali-csf,id=gpu %s",
                           (uint64_t)MALI_CSF_RAM_SIZE / MiB,
                           args ? args : ""),
        .coherent = args && strstr(args, "coherent=on"),
        .next_pa = MALI_CSF_RAM_FREE,
    };
}

void mali_csf_attach(QMaliCsf *gpu, QTestState *qts)
{
    *gpu = (QMaliCsf) {
        .qts = qts,
        .next_pa = MALI_CSF_RAM_FREE,
        /* A step of nothing is refused. */
        .now = qtest_clock_step(qts, 1),
    };
}

void mali_csf_quit(QMaliCsf *gpu)
{
    qtest_quit(gpu->qts);
    gpu->qts = NULL;
}

char *mali_csf_refused_behind(const char *first, unsigned count,
                              const char *device)
{
    static const char *const machine[] = {
        "-M", "virt", "-accel", "qtest", "-display", "none", "-net", "none",
    };
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GError) err = NULL;
    char *output;
    int status;

    g_ptr_array_add(argv, getenv("QTEST_QEMU_BINARY"));
    for (int i = 0; i < ARRAY_SIZE(machine); i++) {
        g_ptr_array_add(argv, (char *)machine[i]);
    }
    for (int i = 0; i < count; i++) {
        g_ptr_array_add(argv, (char *)"-device");
        g_ptr_array_add(argv, (char *)first);
    }
    g_ptr_array_add(argv, (char *)"-device");
    g_ptr_array_add(argv, (char *)device);
    /* The last device ends QEMU also if it accepts the one before. */
    g_ptr_array_add(argv, (char *)"-device");
    g_ptr_array_add(argv, (char *)"no-such-device");
    g_ptr_array_add(argv, NULL);

    g_assert_true(g_spawn_sync(NULL, (char **)argv->pdata, NULL,
                               G_SPAWN_SEARCH_PATH |
                               G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                               &output, &status, &err));
    g_assert_no_error(err);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    g_test_message("%s", output);
    return output;
}

char *mali_csf_refused(const char *device)
{
    return mali_csf_refused_behind(NULL, 0, device);
}

void mali_csf_intercept_irqs(QMaliCsf *gpu)
{
    g_autofree char *path = NULL;
    const QListEntry *e;
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'qom-list', 'arguments':"
                           " {'path': '/machine/unattached'}}");

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        QDict *child = qobject_to(QDict, qlist_entry_obj(e));

        if (g_str_equal(qdict_get_str(child, "type"), "child<arm_gic>")) {
            path = g_strdup_printf("/machine/unattached/%s",
                                   qdict_get_str(child, "name"));
        }
    }
    qobject_unref(rsp);
    g_assert_nonnull(path);
    qtest_irq_intercept_in(gpu->qts, path);
}

void mali_csf_set_property(QMaliCsf *gpu, const char *name, int64_t value)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'qom-set', 'arguments':"
                           " {'path': %s, 'property': %s,"
                           " 'value': %" PRId64 "}}",
                           MALI_CSF_QOM_PATH, name, value);

    g_assert(qdict_haskey(rsp, "return"));
    qobject_unref(rsp);
}

char *mali_csf_get_property(QMaliCsf *gpu, const char *name)
{
    char *value;
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'qom-get', 'arguments':"
                           " {'path': %s, 'property': %s}}",
                           MALI_CSF_QOM_PATH, name);

    g_assert(qdict_haskey(rsp, "return"));
    value = g_strdup(qdict_get_str(rsp, "return"));
    qobject_unref(rsp);
    return value;
}

uint64_t mali_csf_number_at(QMaliCsf *gpu, const char *path,
                                const char *name)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'qom-get', 'arguments':"
                           " {'path': %s, 'property': %s}}", path, name);
    uint64_t value;

    g_assert(qdict_haskey(rsp, "return"));
    value = qdict_get_int(rsp, "return");
    qobject_unref(rsp);
    return value;
}

char *mali_csf_query(QMaliCsf *gpu)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'x-query-mali-csf',"
                           " 'arguments': {'path': %s}}", MALI_CSF_QOM_PATH);
    char *text = g_strdup(qdict_get_str(qdict_get_qdict(rsp, "return"),
                                        "human-readable-text"));

    qobject_unref(rsp);
    return text;
}

void mali_csf_run(QMaliCsf *gpu, int64_t ns)
{
    while (ns > 0) {
        int64_t step = MIN(ns, MALI_CSF_MS);

        gpu->now = qtest_clock_step(gpu->qts, step);
        ns -= step;
    }
}

static bool wait_word(QMaliCsf *gpu, uint64_t address, uint32_t mask,
                      uint32_t value, int64_t timeout)
{
    int64_t end = gpu->now + timeout;
    int64_t step = MALI_CSF_US;

    while ((qtest_readl(gpu->qts, address) & mask) != value) {
        if (gpu->now >= end) {
            return false;
        }
        mali_csf_run(gpu, MIN(step, end - gpu->now));
        step = MIN(step * 2, 100 * MALI_CSF_US);
    }
    return true;
}

bool mali_csf_wait_mem(QMaliCsf *gpu, uint64_t pa, uint32_t mask,
                       uint32_t value, int64_t timeout)
{
    return wait_word(gpu, pa, mask, value, timeout);
}

bool mali_csf_wait_reg(QMaliCsf *gpu, uint32_t offset, uint32_t mask,
                       uint32_t value, int64_t timeout)
{
    return wait_word(gpu, MALI_CSF_BASE + offset, mask, value, timeout);
}

uint32_t mali_csf_readl(QMaliCsf *gpu, uint32_t offset)
{
    return qtest_readl(gpu->qts, MALI_CSF_BASE + offset);
}

void mali_csf_writel(QMaliCsf *gpu, uint32_t offset, uint32_t value)
{
    qtest_writel(gpu->qts, MALI_CSF_BASE + offset, value);
}

uint64_t mali_csf_readq(QMaliCsf *gpu, uint32_t offset)
{
    uint64_t lo = mali_csf_readl(gpu, offset);

    return (uint64_t)mali_csf_readl(gpu, offset + 4) << 32 | lo;
}

void mali_csf_writeq(QMaliCsf *gpu, uint32_t offset, uint64_t value)
{
    mali_csf_writel(gpu, offset, value);
    mali_csf_writel(gpu, offset + 4, value >> 32);
}

uint32_t mali_csf_as_reg(unsigned as, uint32_t reg)
{
    return MALI_CSF_MMU_BASE + MALI_CSF_MMU_AS_BASE +
           as * MALI_CSF_MMU_AS_SIZE + reg;
}

void mali_csf_doorbell(QMaliCsf *gpu, unsigned page)
{
    mali_csf_writel(gpu, MALI_CSF_DOORBELL_BASE +
                    page * MALI_CSF_DOORBELL_SIZE, 1);
}

static void gpu_command(QMaliCsf *gpu, uint32_t command, uint32_t done)
{
    mali_csf_writel(gpu, A_GPU_INT + MALI_CSF_INT_CLEAR, done);
    mali_csf_writel(gpu, A_GPU_COMMAND, command);
    g_assert(mali_csf_wait_reg(gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT, done,
                               done, MALI_CSF_TIMEOUT));
    mali_csf_writel(gpu, A_GPU_INT + MALI_CSF_INT_CLEAR, done);
}

void mali_csf_soft_reset(QMaliCsf *gpu)
{
    gpu_command(gpu, GPU_COMMAND_RESET |
                GPU_RESET_SOFT << R_GPU_COMMAND_PAYLOAD_SHIFT,
                R_GPU_INT_RESET_COMPLETED_MASK);
}

void mali_csf_flush_caches(QMaliCsf *gpu, uint32_t command)
{
    gpu_command(gpu, command, R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
}

static bool has_pwr_control(QMaliCsf *gpu)
{
    return mali_csf_readl(gpu, A_GPU_ID) >> R_GPU_ID_ARCH_MAJOR_SHIFT >= 14;
}

static void pwr_command(QMaliCsf *gpu, unsigned code, unsigned domain)
{
    mali_csf_writel(gpu, MALI_CSF_PWR_BASE + A_PWR_COMMAND,
                    domain << R_PWR_COMMAND_DOMAIN_SHIFT | code);
}

static void pwr_delegate(QMaliCsf *gpu, unsigned domain)
{
    uint32_t status = MALI_CSF_PWR_BASE + A_PWR_STATUS_LO;

    if (!(mali_csf_readl(gpu, status) & PWR_STATUS_DELEGATED(domain))) {
        pwr_command(gpu, PWR_COMMAND_DELEGATE, domain);
        g_assert(mali_csf_wait_reg(gpu, status, PWR_STATUS_ALLOW(domain) |
                                   PWR_STATUS_DELEGATED(domain),
                                   PWR_STATUS_DELEGATED(domain),
                                   20 * MALI_CSF_MS));
    }
}

void mali_csf_l2_on(QMaliCsf *gpu)
{
    if (has_pwr_control(gpu)) {
        mali_csf_writeq(gpu, MALI_CSF_PWR_BASE + A_PWR_CMDARG_LO, 1);
        pwr_command(gpu, PWR_COMMAND_POWER_UP, PWR_DOMAIN_L2);
        g_assert(mali_csf_wait_reg(gpu, MALI_CSF_PWR_BASE +
                                   PWR_DOMAIN_L2_BASE + PWR_DOMAIN_READY,
                                   ~0u, 1, 20 * MALI_CSF_MS));
        pwr_delegate(gpu, PWR_DOMAIN_SHADER);
        pwr_delegate(gpu, PWR_DOMAIN_TILER);
        return;
    }
    mali_csf_writel(gpu, A_COHERENCY_PROTOCOL,
                    gpu->coherent ? COHERENCY_PROTOCOL_ACE_LITE
                                     : COHERENCY_PROTOCOL_NONE);
    mali_csf_writel(gpu, A_L2_PWRON_LO, 1);
    g_assert(mali_csf_wait_reg(gpu, A_L2_READY_LO, ~0u, 1,
                               20 * MALI_CSF_MS));
}

void mali_csf_as_command(QMaliCsf *gpu, unsigned as, uint32_t command)
{
    uint32_t status = mali_csf_as_reg(as, A_AS_STATUS);

    g_assert(mali_csf_wait_reg(gpu, status, R_AS_STATUS_AS_ACTIVE_MASK, 0,
                               MALI_CSF_TIMEOUT));
    mali_csf_writel(gpu, mali_csf_as_reg(as, A_AS_COMMAND), command);
    g_assert(mali_csf_wait_reg(gpu, status, R_AS_STATUS_AS_ACTIVE_MASK, 0,
                               MALI_CSF_TIMEOUT));
}

void mali_csf_lock(QMaliCsf *gpu, unsigned as, uint64_t lockaddr)
{
    mali_csf_writeq(gpu, mali_csf_as_reg(as, A_AS_LOCKADDR_LO), lockaddr);
    mali_csf_as_command(gpu, as, AS_COMMAND_LOCK);
}

void mali_csf_unlock(QMaliCsf *gpu, unsigned as)
{
    mali_csf_as_command(gpu, as, AS_COMMAND_UNLOCK);
}

static void as_update(QMaliCsf *gpu, unsigned as, uint64_t transtab,
                      uint64_t memattr, uint64_t transcfg)
{
    mali_csf_writeq(gpu, mali_csf_as_reg(as, A_AS_TRANSTAB_LO), transtab);
    mali_csf_writeq(gpu, mali_csf_as_reg(as, A_AS_MEMATTR_LO), memattr);
    mali_csf_writeq(gpu, mali_csf_as_reg(as, A_AS_TRANSCFG_LO), transcfg);
    mali_csf_as_command(gpu, as, AS_COMMAND_UPDATE);
}

void mali_csf_as_enable(QMaliCsf *gpu, unsigned as, uint64_t root)
{
    as_update(gpu, as, root, MALI_CSF_MEMATTR, MALI_CSF_TRANSCFG);
}

void mali_csf_as_disable(QMaliCsf *gpu, unsigned as)
{
    as_update(gpu, as, 0, 0, AS_ADRMODE_UNMAPPED);
}

uint64_t mali_csf_pack_region(uint64_t start, uint64_t size)
{
    uint64_t last = start + size - 1;
    unsigned bits = start == last ? 0 : 64 - clz64(start ^ last);
    unsigned width = MAX(bits, AS_LOCKADDR_SIZE_MIN + 1) - 1;

    return (start & ~MAKE_64BIT_MASK(0, width)) | width;
}

uint64_t mali_csf_alloc(QMaliCsf *gpu, uint64_t size, uint64_t align)
{
    uint64_t pa = ROUND_UP(gpu->next_pa, align);

    gpu->next_pa = pa + size;
    g_assert_cmphex(gpu->next_pa, <=, MALI_CSF_RAM_BASE + MALI_CSF_RAM_SIZE);
    return pa;
}

void mali_csf_vm_init(QMaliCsf *gpu, QMaliCsfVm *vm, unsigned as)
{
    *vm = (QMaliCsfVm) {
        .gpu = gpu,
        .as = as,
        .root = mali_csf_alloc(gpu, MALI_CSF_PAGE, MALI_CSF_PAGE),
        .next_va = VM_FIRST_VA,
    };
}

void mali_csf_vm_enable(QMaliCsfVm *vm)
{
    if (vm->identity) {
        as_update(vm->gpu, vm->as, 0, MALI_CSF_MEMATTR, AS_ADRMODE_IDENTITY);
    } else {
        mali_csf_as_enable(vm->gpu, vm->as, vm->root);
    }
}

uint64_t mali_csf_leaf(uint64_t pa, unsigned level, uint64_t bits)
{
    /* Attribute 1 is cached memory. */
    return pa | bits | MALI_CSF_PTE_VALID |
           (level == LEVELS - 1 ? MALI_CSF_PTE_TABLE_OR_PAGE : 0) |
           1ull << MALI_CSF_PTE_ATTR_SHIFT | MALI_CSF_PTE_AP_UNPRIV |
           MALI_CSF_PTE_AF | MALI_CSF_PTE_NG;
}

uint64_t mali_csf_table(uint64_t pa)
{
    return pa | MALI_CSF_PTE_TABLE_OR_PAGE | MALI_CSF_PTE_VALID;
}

uint64_t mali_csf_pte_addr(QMaliCsfVm *vm, uint64_t va, unsigned level)
{
    uint64_t table = vm->root;

    for (unsigned l = 0; l < level; l++) {
        uint64_t addr = table + LEVEL_INDEX(va, l) * 8;
        uint64_t pte = qtest_readq(vm->gpu->qts, addr);

        if (!(pte & MALI_CSF_PTE_VALID)) {
            pte = mali_csf_table(mali_csf_alloc(vm->gpu, MALI_CSF_PAGE,
                                                MALI_CSF_PAGE));
            qtest_writeq(vm->gpu->qts, addr, pte);
        }
        g_assert(pte & MALI_CSF_PTE_TABLE_OR_PAGE);
        table = pte & MALI_CSF_PTE_ADDR_MASK;
    }
    return table + LEVEL_INDEX(va, level) * 8;
}

uint64_t mali_csf_get_pte(QMaliCsfVm *vm, uint64_t va, unsigned level)
{
    return qtest_readq(vm->gpu->qts, mali_csf_pte_addr(vm, va, level));
}

void mali_csf_set_pte(QMaliCsfVm *vm, uint64_t va, unsigned level,
                      uint64_t pte)
{
    qtest_writeq(vm->gpu->qts, mali_csf_pte_addr(vm, va, level), pte);
}

void mali_csf_map_leaf(QMaliCsfVm *vm, uint64_t va, uint64_t pa,
                       unsigned level, uint64_t bits)
{
    g_assert_cmphex(va & MAKE_64BIT_MASK(0, LEVEL_SHIFT(level)), ==, 0);
    mali_csf_set_pte(vm, va, level, mali_csf_leaf(pa, level, bits));
}

void mali_csf_map(QMaliCsfVm *vm, uint64_t va, uint64_t pa, uint64_t size,
                  uint64_t bits)
{
    for (uint64_t i = 0; i < size; i += MALI_CSF_PAGE) {
        mali_csf_map_leaf(vm, va + i, pa + i, LEVELS - 1, bits);
    }
}

void mali_csf_unmap(QMaliCsfVm *vm, uint64_t va, uint64_t size)
{
    for (uint64_t i = 0; i < size; i += MALI_CSF_PAGE) {
        mali_csf_set_pte(vm, va + i, LEVELS - 1, 0);
    }
}

QMaliCsfBuffer mali_csf_vm_alloc_at(QMaliCsfVm *vm, uint64_t va,
                                    uint64_t size, uint64_t bits)
{
    QMaliCsfBuffer buf = {
        .pa = mali_csf_alloc(vm->gpu, size, MALI_CSF_PAGE),
        .va = va,
        .size = size,
    };

    if (vm->identity) {
        buf.va = buf.pa;
    } else {
        mali_csf_map(vm, buf.va, buf.pa, size, bits);
    }
    return buf;
}

QMaliCsfBuffer mali_csf_vm_alloc(QMaliCsfVm *vm, uint64_t size)
{
    uint64_t va = vm->next_va;

    size = ROUND_UP(size, MALI_CSF_PAGE);
    vm->next_va += size;
    return mali_csf_vm_alloc_at(vm, va, size,
                                MALI_CSF_PTE_XN | MALI_CSF_PTE_PXN);
}

void mali_csf_mcu_prepare(QMaliCsf *gpu)
{
    QMaliCsfBuffer shared;

    mali_csf_l2_on(gpu);
    mali_csf_vm_init(gpu, &gpu->mcu_vm, 0);
    shared = mali_csf_vm_alloc_at(&gpu->mcu_vm, FW_SHARED_START,
                                  FW_SHARED_SIZE,
                                  MALI_CSF_PTE_XN | MALI_CSF_PTE_PXN);
    gpu->shared_pa = shared.pa;
    gpu->mcu_vm.next_va = FW_SHARED_START + FW_SHARED_SIZE;
    mali_csf_vm_enable(&gpu->mcu_vm);
}

uint64_t mali_csf_shared_pa(QMaliCsf *gpu, uint32_t va)
{
    g_assert_cmphex(va, >=, FW_SHARED_START);
    g_assert_cmphex(va, <, FW_SHARED_START + FW_SHARED_SIZE);
    return gpu->shared_pa + (va - FW_SHARED_START);
}

static uint32_t shared_readl(QMaliCsf *gpu, uint32_t offset)
{
    return qtest_readl(gpu->qts, gpu->shared_pa + offset);
}

static uint64_t shared_pointer(QMaliCsf *gpu, uint32_t offset)
{
    return mali_csf_shared_pa(gpu, shared_readl(gpu, offset));
}

void mali_csf_mcu_parse(QMaliCsf *gpu)
{
    uint32_t group_stride = shared_readl(gpu, GLB_CONTROL_GROUP_STRIDE);

    g_assert_cmphex(shared_readl(gpu, GLB_CONTROL_VERSION), !=, 0);
    gpu->glb_in = shared_pointer(gpu, GLB_CONTROL_INPUT_VA);
    gpu->glb_out = shared_pointer(gpu, GLB_CONTROL_OUTPUT_VA);
    gpu->group_num = shared_readl(gpu, GLB_CONTROL_GROUP_NUM);
    g_assert_cmpuint(gpu->group_num, >=, 3);
    g_assert_cmpuint(gpu->group_num, <=, MALI_CSF_MAX_CSGS);

    for (unsigned i = 0; i < gpu->group_num; i++) {
        uint32_t csg = FW_CSG_CONTROL_OFFSET + i * group_stride;
        uint32_t stride = shared_readl(gpu, csg + CSG_CONTROL_STREAM_STRIDE);

        gpu->csg_in[i] = shared_pointer(gpu, csg + CSG_CONTROL_INPUT_VA);
        gpu->csg_out[i] = shared_pointer(gpu, csg + CSG_CONTROL_OUTPUT_VA);
        gpu->suspend_size = shared_readl(gpu,
                                         csg + CSG_CONTROL_SUSPEND_SIZE);
        gpu->protm_suspend_size =
            shared_readl(gpu, csg + CSG_CONTROL_PROTM_SUSPEND_SIZE);
        gpu->stream_num = shared_readl(gpu, csg + CSG_CONTROL_STREAM_NUM);
        g_assert_cmpuint(gpu->stream_num, >=, 1);
        g_assert_cmpuint(gpu->stream_num, <=, MALI_CSF_MAX_QUEUES);

        for (unsigned j = 0; j < gpu->stream_num; j++) {
            uint32_t cs = csg + CSG_CONTROL_STREAMS + j * stride;

            gpu->cs_in[i][j] = shared_pointer(gpu, cs + CS_CONTROL_INPUT_VA);
            gpu->cs_out[i][j] = shared_pointer(gpu,
                                               cs + CS_CONTROL_OUTPUT_VA);
        }
    }
}

void mali_csf_mcu_boot(QMaliCsf *gpu)
{
    uint32_t rawstat = MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT;

    mali_csf_writel(gpu, MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR,
                    ~0u);
    mali_csf_writel(gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    g_assert(mali_csf_wait_reg(gpu, rawstat, JOB_INT_GLOBAL_IF,
                               JOB_INT_GLOBAL_IF, 1000 * MALI_CSF_MS));
    g_assert_cmpuint(mali_csf_readl(gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_ENABLED);
    mali_csf_writel(gpu, MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR,
                    JOB_INT_GLOBAL_IF);
    mali_csf_mcu_parse(gpu);
}

void mali_csf_update(QMaliCsf *gpu, uint64_t pa, uint32_t bits,
                     uint32_t mask)
{
    uint32_t old = qtest_readl(gpu->qts, pa);

    qtest_writel(gpu->qts, pa, (old & ~mask) | (bits & mask));
}

void mali_csf_toggle(QMaliCsf *gpu, uint64_t req, uint64_t ack,
                     uint32_t mask)
{
    mali_csf_update(gpu, req, ~qtest_readl(gpu->qts, ack), mask);
}

void mali_csf_glb_request(QMaliCsf *gpu, uint32_t bits, uint32_t mask)
{
    uint32_t req;

    mali_csf_update(gpu, gpu->glb_in + GLB_REQ, bits, mask);
    req = qtest_readl(gpu->qts, gpu->glb_in + GLB_REQ);
    mali_csf_doorbell(gpu, 0);
    g_assert(mali_csf_wait_mem(gpu, gpu->glb_out + GLB_ACK, mask, req & mask,
                               MALI_CSF_TIMEOUT));
}

void mali_csf_glb_toggle(QMaliCsf *gpu, uint32_t mask)
{
    mali_csf_glb_request(gpu, ~qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK),
                         mask);
}

void mali_csf_global_init(QMaliCsf *gpu)
{
    const uint32_t toggles = GLB_CFG_PROGRESS_TIMER | GLB_CFG_ALLOC_EN |
                             GLB_CFG_POWEROFF_TIMER;
    const uint32_t levels = GLB_IDLE_EN | GLB_COUNTER_EN;
    uint32_t ack = qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK);
    uint64_t shader = mali_csf_readq(gpu, A_SHADER_PRESENT_LO);

    /* Architecture 14 has the register elsewhere. */
    qtest_writeq(gpu->qts, gpu->glb_in + GLB_ALLOC_EN,
                 shader ? shader : UINT64_MAX);
    /* 10 ms and 800 us of a timer of 62.5 MHz, in units of 1024 ticks */
    qtest_writel(gpu->qts, gpu->glb_in + GLB_PWROFF_TIMER, 611);
    qtest_writel(gpu->qts, gpu->glb_in + GLB_IDLE_TIMER, 49);
    qtest_writel(gpu->qts, gpu->glb_in + GLB_PROGRESS_TIMER,
                 2621440000u >> 10);
    qtest_writel(gpu->qts, gpu->glb_in + GLB_ACK_IRQ_MASK,
                 toggles | GLB_PING | GLB_IDLE_EN | GLB_IDLE);
    mali_csf_glb_request(gpu, levels | (~ack & toggles), levels | toggles);
}

void mali_csf_ack_events(QMaliCsf *gpu)
{
    QTestState *qts = gpu->qts;

    mali_csf_writel(gpu, MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR,
                    ~0u);
    mali_csf_update(gpu, gpu->glb_in + GLB_REQ,
                    qtest_readl(qts, gpu->glb_out + GLB_ACK), GLB_IDLE);
    for (unsigned i = 0; i < gpu->group_num; i++) {
        mali_csf_update(gpu, gpu->csg_in[i] + CSG_REQ,
                        qtest_readl(qts, gpu->csg_out[i] + CSG_ACK),
                        CSG_EVT_MASK);
        qtest_writel(qts, gpu->csg_in[i] + CSG_IRQ_ACK,
                     qtest_readl(qts, gpu->csg_out[i] + CSG_IRQ_REQ));
    }
}

bool mali_csf_csg_acked(QMaliCsf *gpu, unsigned slot, uint32_t mask)
{
    return !((qtest_readl(gpu->qts, gpu->csg_in[slot] + CSG_REQ) ^
              qtest_readl(gpu->qts, gpu->csg_out[slot] + CSG_ACK)) & mask);
}

bool mali_csf_csg_wait(QMaliCsf *gpu, unsigned slot, uint32_t mask)
{
    uint32_t req = qtest_readl(gpu->qts, gpu->csg_in[slot] + CSG_REQ);

    return mali_csf_wait_mem(gpu, gpu->csg_out[slot] + CSG_ACK, mask,
                             req & mask, MALI_CSF_TIMEOUT);
}

void mali_csf_csg_ring(QMaliCsf *gpu, unsigned slot)
{
    mali_csf_toggle(gpu, gpu->glb_in + GLB_DB_REQ, gpu->glb_out + GLB_DB_ACK,
                    1u << slot);
    mali_csf_doorbell(gpu, 0);
}

bool mali_csf_csg_event(QMaliCsf *gpu, unsigned slot, uint32_t bit)
{
    return !mali_csf_csg_acked(gpu, slot, bit);
}

void mali_csf_group_init(QMaliCsfVm *vm, QMaliCsfGroup *group,
                         unsigned num_queues)
{
    QMaliCsf *gpu = vm->gpu;

    *group = (QMaliCsfGroup) {
        .gpu = gpu,
        .vm = vm,
        .num_queues = num_queues,
        .suspend = mali_csf_vm_alloc(&gpu->mcu_vm, gpu->suspend_size),
        .protm_suspend = mali_csf_vm_alloc(&gpu->mcu_vm,
                                           gpu->protm_suspend_size),
    };
    for (unsigned i = 0; i < num_queues; i++) {
        QMaliCsfQueue *queue = &group->queue[i];

        queue->group = group;
        queue->index = i;
        queue->ring = mali_csf_vm_alloc(vm, MALI_CSF_PAGE);
        queue->input = mali_csf_vm_alloc(&gpu->mcu_vm, MALI_CSF_PAGE);
        queue->output = mali_csf_vm_alloc(&gpu->mcu_vm, MALI_CSF_PAGE);
    }
}

void mali_csf_group_program(QMaliCsfGroup *group, unsigned slot)
{
    QMaliCsf *gpu = group->gpu;
    QTestState *qts = gpu->qts;
    uint64_t in = gpu->csg_in[slot];
    const uint32_t config = CS_STATE_MASK | CS_IDLE_SYNC_WAIT | CS_IDLE_EMPTY;

    group->slot = slot;
    for (unsigned i = 0; i < group->num_queues; i++) {
        QMaliCsfQueue *queue = &group->queue[i];
        uint64_t cs = gpu->cs_in[slot][i];

        qtest_writel(qts, cs + CS_CONFIG, queue->priority | (slot + 1) << 8);
        qtest_writel(qts, cs + CS_ACK_IRQ_MASK, ~0u);
        qtest_writeq(qts, cs + CS_BASE, queue->ring.va);
        qtest_writel(qts, cs + CS_SIZE, queue->ring.size);
        qtest_writeq(qts, cs + CS_USER_INPUT, queue->input.va);
        qtest_writeq(qts, cs + CS_USER_OUTPUT, queue->output.va);
        qtest_writeq(qts, queue->input.pa + CS_USER_INPUT_EXTRACT_INIT,
                     mali_csf_queue_extract(queue));
        mali_csf_update(gpu, cs + CS_REQ,
                        CS_STATE_START | CS_IDLE_SYNC_WAIT | CS_IDLE_EMPTY,
                        config);
    }
    qtest_writeq(qts, in + CSG_ALLOW_COMPUTE, ~0ull);
    qtest_writeq(qts, in + CSG_ALLOW_FRAGMENT, ~0ull);
    qtest_writel(qts, in + CSG_ALLOW_OTHER, 1);
    qtest_writel(qts, in + CSG_EP_REQ, 0xf0010404);
    qtest_writeq(qts, in + CSG_EP_REQ2, 0xf0010404);
    qtest_writel(qts, in + CSG_CONFIG, group->vm->as);
    qtest_writeq(qts, in + CSG_SUSPEND_BUF, group->suspend.va);
    qtest_writeq(qts, in + CSG_PROTM_SUSPEND_BUF, group->protm_suspend.va);
    qtest_writel(qts, in + CSG_ACK_IRQ_MASK, ~0u);
    mali_csf_toggle(gpu, in + CSG_DB_REQ, gpu->csg_out[slot] + CSG_DB_ACK,
                    MAKE_64BIT_MASK(0, group->num_queues));
}

void mali_csf_group_request(QMaliCsfGroup *group, uint32_t state)
{
    QMaliCsf *gpu = group->gpu;
    uint64_t req = gpu->csg_in[group->slot] + CSG_REQ;

    mali_csf_update(gpu, req, state, CSG_STATE_MASK);
    if (state == CSG_STATE_START || state == CSG_STATE_RESUME) {
        mali_csf_toggle(gpu, req, gpu->csg_out[group->slot] + CSG_ACK,
                        CSG_EP_CFG);
    }
    mali_csf_csg_ring(gpu, group->slot);
}

bool mali_csf_group_wait(QMaliCsfGroup *group)
{
    return mali_csf_csg_wait(group->gpu, group->slot,
                             CSG_STATE_MASK | CSG_EP_CFG);
}

static void group_change(QMaliCsfGroup *group, uint32_t state)
{
    mali_csf_group_request(group, state);
    g_assert(mali_csf_group_wait(group));
}

void mali_csf_group_start(QMaliCsfGroup *group, unsigned slot)
{
    mali_csf_group_program(group, slot);
    group_change(group, CSG_STATE_START);
}

void mali_csf_group_resume(QMaliCsfGroup *group, unsigned slot)
{
    mali_csf_group_program(group, slot);
    group_change(group, CSG_STATE_RESUME);
}

/* What the driver does in memory once a group is off its slot */
static void group_stopped(QMaliCsfGroup *group)
{
    QMaliCsf *gpu = group->gpu;

    for (unsigned i = 0; i < group->num_queues; i++) {
        mali_csf_update(gpu, gpu->cs_in[group->slot][i] + CS_REQ,
                        CS_STATE_STOP, CS_STATE_MASK);
    }
}

void mali_csf_group_suspend(QMaliCsfGroup *group)
{
    group_change(group, CSG_STATE_SUSPEND);
    group_stopped(group);
}

void mali_csf_group_terminate(QMaliCsfGroup *group)
{
    group_change(group, CSG_STATE_TERMINATE);
    group_stopped(group);
}

void mali_csf_group_status_update(QMaliCsfGroup *group)
{
    QMaliCsf *gpu = group->gpu;

    mali_csf_toggle(gpu, gpu->csg_in[group->slot] + CSG_REQ,
                    gpu->csg_out[group->slot] + CSG_ACK, CSG_STATUS_UPDATE);
    mali_csf_csg_ring(gpu, group->slot);
    g_assert(mali_csf_csg_wait(gpu, group->slot, CSG_STATUS_UPDATE));
}

void mali_csf_queue_push(QMaliCsfQueue *queue, const uint64_t *words,
                         unsigned count)
{
    QTestState *qts = queue->group->gpu->qts;

    for (unsigned i = 0; i < ROUND_UP(count, 8); i++) {
        uint64_t offset = (queue->insert + i * 8) & (queue->ring.size - 1);

        qtest_writeq(qts, queue->ring.pa + offset,
                     i < count ? words[i] : cs_nop());
    }
    queue->insert += ROUND_UP(count, 8) * 8;
    qtest_writeq(qts, queue->input.pa + CS_USER_INPUT_INSERT, queue->insert);
}

void mali_csf_queue_kick(QMaliCsfQueue *queue)
{
    mali_csf_doorbell(queue->group->gpu, queue->group->slot + 1);
}

void mali_csf_queue_submit(QMaliCsfQueue *queue, const uint64_t *words,
                           unsigned count)
{
    mali_csf_queue_push(queue, words, count);
    mali_csf_queue_kick(queue);
}

uint64_t mali_csf_queue_extract(QMaliCsfQueue *queue)
{
    return qtest_readq(queue->group->gpu->qts,
                       queue->output.pa + CS_USER_OUTPUT_EXTRACT);
}

bool mali_csf_queue_wait(QMaliCsfQueue *queue, int64_t timeout)
{
    return mali_csf_wait_mem(queue->group->gpu,
                             queue->output.pa + CS_USER_OUTPUT_EXTRACT, ~0u,
                             queue->insert, timeout);
}

void mali_csf_queue_exec(QMaliCsfQueue *queue, const uint64_t *words,
                         unsigned count)
{
    mali_csf_queue_submit(queue, words, count);
    g_assert(mali_csf_queue_wait(queue, MALI_CSF_TIMEOUT));
}

uint32_t mali_csf_queue_status(QMaliCsfQueue *queue, uint32_t offset)
{
    QMaliCsf *gpu = queue->group->gpu;

    return qtest_readl(gpu->qts,
                       gpu->cs_out[queue->group->slot][queue->index] +
                       offset);
}

uint64_t mali_csf_queue_status64(QMaliCsfQueue *queue, uint32_t offset)
{
    return (uint64_t)mali_csf_queue_status(queue, offset + 4) << 32 |
           mali_csf_queue_status(queue, offset);
}

bool mali_csf_queue_event(QMaliCsfQueue *queue, uint32_t bit)
{
    QMaliCsf *gpu = queue->group->gpu;
    uint64_t in = gpu->cs_in[queue->group->slot][queue->index];

    return (qtest_readl(gpu->qts, in + CS_REQ) ^
            mali_csf_queue_status(queue, CS_ACK)) & bit;
}

bool mali_csf_queue_wait_event(QMaliCsfQueue *queue, uint32_t bit,
                               int64_t timeout)
{
    QMaliCsf *gpu = queue->group->gpu;
    unsigned slot = queue->group->slot;
    uint32_t req = qtest_readl(gpu->qts,
                               gpu->cs_in[slot][queue->index] + CS_REQ);

    return mali_csf_wait_mem(gpu, gpu->cs_out[slot][queue->index] + CS_ACK,
                             bit, ~req & bit, timeout);
}

void mali_csf_queue_ack_event(QMaliCsfQueue *queue, uint32_t bit)
{
    QMaliCsf *gpu = queue->group->gpu;
    unsigned slot = queue->group->slot;

    mali_csf_update(gpu, gpu->cs_in[slot][queue->index] + CS_REQ,
                    mali_csf_queue_status(queue, CS_ACK), bit);
    mali_csf_toggle(gpu, gpu->csg_in[slot] + CSG_DB_REQ,
                    gpu->csg_out[slot] + CSG_DB_ACK, 1u << queue->index);
    mali_csf_csg_ring(gpu, slot);
}

unsigned mali_csf_wrap_job(uint64_t words[16], uint64_t stream_va,
                           uint32_t stream_size, uint32_t flush_id,
                           uint64_t syncobj_va)
{
    const uint64_t job[16] = {
        cs_move32(WRAP_VALUE, flush_id),
        cs_flush_cache2(0x233, WRAP_VALUE, 0, 0),
        cs_move48(WRAP_ADDR, stream_va),
        cs_move32(WRAP_VALUE, stream_size),
        cs_wait(1 << 0),
        cs_call(WRAP_ADDR, WRAP_VALUE),
        cs_move48(WRAP_ADDR, syncobj_va),
        cs_move48(WRAP_VALUE, 1),
        cs_wait(0xff),
        cs_sync(CS_OP_SYNC_ADD64, WRAP_ADDR, WRAP_VALUE,
                CS_SYNC_SCOPE_SYSTEM, 1, 0, 0),
        cs_error_barrier(),
    };

    memcpy(words, job, sizeof(job));
    return ARRAY_SIZE(job);
}

bool mali_csf_wait_fault(QMaliCsf *gpu, unsigned as, int64_t timeout)
{
    return mali_csf_wait_reg(gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT,
                             MALI_CSF_MMU_INT_FAULT(as),
                             MALI_CSF_MMU_INT_FAULT(as), timeout);
}

void mali_csf_assert_fault(QMaliCsf *gpu, unsigned as, uint8_t exception,
                           unsigned access, uint64_t va)
{
    uint32_t status;

    g_assert(mali_csf_wait_fault(gpu, as, 10 * MALI_CSF_MS));
    status = mali_csf_readl(gpu, mali_csf_as_reg(as, A_AS_FAULTSTATUS));
    g_assert_cmphex(FIELD_EX32(status, AS_FAULTSTATUS, EXCEPTION_TYPE), ==,
                    exception);
    g_assert_cmpuint(FIELD_EX32(status, AS_FAULTSTATUS, ACCESS_TYPE), ==,
                     access);
    g_assert_cmphex(mali_csf_readq(gpu, mali_csf_as_reg(as,
                                                        A_AS_FAULTADDRESS_LO)),
                    ==, va);
}

void mali_csf_bench_init(QMaliCsfBench *b, const char *args)
{
    mali_csf_init(&b->gpu, args);
    mali_csf_mcu_prepare(&b->gpu);
    mali_csf_mcu_boot(&b->gpu);
    mali_csf_global_init(&b->gpu);
    mali_csf_vm_init(&b->gpu, &b->vm, 1);
    b->out = mali_csf_vm_alloc(&b->vm, MALI_CSF_PAGE);
    b->code = mali_csf_vm_alloc(&b->vm, 2 * MALI_CSF_PAGE);
    mali_csf_vm_enable(&b->vm);
    mali_csf_group_init(&b->vm, &b->group, 1);
    b->queue = &b->group.queue[0];
    mali_csf_group_start(&b->group, 0);
}

void mali_csf_bench_quit(QMaliCsfBench *b)
{
    mali_csf_quit(&b->gpu);
}

void mali_csf_bench_call(QMaliCsfBench *b, const uint64_t *words,
                         unsigned count)
{
    const uint64_t call[] = {
        cs_move48(WRAP_ADDR, b->code.va),
        cs_move32(WRAP_VALUE, count * 8),
        cs_call(WRAP_ADDR, WRAP_VALUE),
    };

    g_assert_cmpuint(count * 8, <=, b->code.size);
    for (unsigned i = 0; i < count; i++) {
        qtest_writeq(b->gpu.qts, b->code.pa + i * 8, words[i]);
    }
    mali_csf_queue_submit(b->queue, call, ARRAY_SIZE(call));
}

void mali_csf_bench_submit_load(QMaliCsfBench *b, uint64_t va, uint32_t out)
{
    const uint64_t job[] = {
        /* MOVE48 has no bits above 47; two halves say it all. */
        cs_move32(0, va),
        cs_move32(1, va >> 32),
        cs_move48(2, b->out.va + out),
        cs_load_multiple(4, 1, 0, 0),
        cs_wait(1 << 0),
        cs_store_multiple(4, 1, 2, 0),
        cs_wait(1 << 0),
    };

    mali_csf_queue_submit(b->queue, job, ARRAY_SIZE(job));
}

uint32_t mali_csf_bench_load(QMaliCsfBench *b, uint64_t va)
{
    mali_csf_bench_submit_load(b, va, 0);
    g_assert(mali_csf_queue_wait(b->queue, MALI_CSF_TIMEOUT));
    return mali_csf_bench_out(b, 0);
}

void mali_csf_bench_submit_store(QMaliCsfBench *b, uint64_t va,
                                 uint32_t value)
{
    const uint64_t job[] = {
        cs_move32(0, va),
        cs_move32(1, va >> 32),
        cs_move32(4, value),
        cs_store_multiple(4, 1, 0, 0),
        cs_wait(1 << 0),
    };

    mali_csf_queue_submit(b->queue, job, ARRAY_SIZE(job));
}

uint32_t mali_csf_bench_out(QMaliCsfBench *b, uint32_t offset)
{
    return qtest_readl(b->gpu.qts, b->out.pa + offset);
}
