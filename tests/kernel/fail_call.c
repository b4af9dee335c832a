// SPDX-License-Identifier: GPL-2.0
/*
 * Not part of the driver: has calls of other code fail as if memory ran out
 *
 * build_panthor.py links this into the drivers it builds, stock and patched.
 * What a thread writes to /sys/module/panthor/parameters/fail_call is a number:
 * of the calls below that the driver makes in this thread from then on, that
 * one is left out, and returns what it does without memory; with 0, none is.
 * An empty line ends it, and has to come before the module is unloaded. What is
 * read is how many such calls there were, and the last one if that was to fail.
 */

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sysfs.h>

#ifdef CONFIG_KPROBES

struct callee {
	const char *name;
	/* What it returns: no pointer, an error, or one as a pointer */
	long value;
	struct kprobe probe;
	bool registered;
};

/* Functions that do nothing, when they fail, that their caller has to undo */
static struct callee callees[] = {
	{ "__kmalloc_cache_noprof" },
	{ "__kmalloc_noprof" },
	{ "__kvmalloc_node_noprof" },
	{ "kmem_cache_alloc_noprof" },
	/* How many objects there are */
	{ "kmem_cache_alloc_bulk_noprof" },
	{ "alloc_pages_noprof" },
	{ "alloc_pages_node_noprof" },
	{ "alloc_workqueue_noprof" },
	{ "alloc_io_pgtable_ops" },
	{ "vmap" },
	{ "kasprintf" },
	{ "drm_gpuvm_bo_create" },
	{ "drm_gpuvm_resv_object_alloc" },
	{ "__xa_alloc", -ENOMEM },
	{ "dma_map_sgtable", -ENOMEM },
	{ "drm_exec_prepare_obj", -ENOMEM },
	{ "drm_gem_create_mmap_offset", -ENOMEM },
	{ "drm_gem_dmabuf_export", -ENOMEM },
	{ "drm_gem_get_pages", -ENOMEM },
	{ "drm_gem_handle_create", -ENOMEM },
	{ "drm_gem_shmem_create", -ENOMEM },
	{ "drm_gem_shmem_get_pages_sgt", -ENOMEM },
	{ "drm_gem_shmem_vmap", -ENOMEM },
	{ "drm_gpuvm_prepare_objects", -ENOMEM },
	{ "drm_gpuvm_prepare_vm", -ENOMEM },
	{ "drm_mm_insert_node_in_range", -ENOMEM },
	{ "drm_prime_pages_to_sg", -ENOMEM },
	{ "drm_sched_entity_init", -ENOMEM },
	{ "drm_sched_init", -ENOMEM },
	{ "drm_sched_job_init", -ENOMEM },
	{ "drm_syncobj_find_fence", -ENOMEM },
	{ "strndup_user", -ENOMEM },
};

static struct task_struct *caller;
static int wanted, made;
static const struct callee *failed;

static int leave_out(struct kprobe *probe, struct pt_regs *regs)
{
	const struct callee *callee = container_of(probe, struct callee, probe);

	if (current != caller ||
	    !within_module(procedure_link_pointer(regs), THIS_MODULE) ||
	    ++made != wanted)
		return 0;

	failed = callee;
	regs_set_return_value(regs, callee->value);
	instruction_pointer_set(regs, procedure_link_pointer(regs));
	return 1;
}
NOKPROBE_SYMBOL(leave_out);

/* Of some kernels there are not all, which is no error */
static void register_all(void)
{
	for (int i = 0; i < ARRAY_SIZE(callees); i++) {
		struct callee *callee = &callees[i];

		if (callee->registered)
			continue;

		callee->probe.symbol_name = callee->name;
		callee->probe.pre_handler = leave_out;
		callee->registered = !register_kprobe(&callee->probe);
	}
}

static void unregister_all(void)
{
	for (int i = 0; i < ARRAY_SIZE(callees); i++) {
		if (callees[i].registered)
			unregister_kprobe(&callees[i].probe);

		callees[i].registered = false;
		/* It may be registered once more */
		callees[i].probe = (struct kprobe) {};
	}
}

/* The kernel has one thread write to a parameter at a time. */
static int set_fail_call(const char *text, const struct kernel_param *param)
{
	int number, ret;

	caller = NULL;
	if (!*text || *text == '\n') {
		unregister_all();
		return 0;
	}
	ret = kstrtoint(text, 0, &number);
	if (ret)
		return ret;

	register_all();
	wanted = number;
	made = 0;
	failed = NULL;
	caller = current;
	return 0;
}

static int get_fail_call(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%d %s\n", made, failed ? failed->name : "");
}

static const struct kernel_param_ops fail_call_ops = {
	.set = set_fail_call,
	.get = get_fail_call,
};

module_param_cb(fail_call, &fail_call_ops, NULL, 0600);

#endif
