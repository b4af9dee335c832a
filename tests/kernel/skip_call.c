// SPDX-License-Identifier: GPL-2.0
/*
 * Not part of the driver: leaves calls of its functions out
 *
 * build_panthor.py links this into the drivers it builds, stock and patched.
 * What a thread writes to /sys/module/panthor/parameters/skip_call is the name
 * of a function and a number, or two of each: the next call of the function by
 * that thread is left out, and returns the number. An empty line ends it, and
 * has to come before the module is unloaded. What is read says how many calls
 * were left out.
 */

#include <linux/kprobes.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/string.h>

#ifdef CONFIG_KPROBES

struct skip {
	struct kprobe probe;
	char function[64];
	long value;
	bool done;
};

static struct skip skips[2];
static int registered;
static int skipped;
static struct task_struct *caller;

static int leave_out(struct kprobe *probe, struct pt_regs *regs)
{
	struct skip *skip = container_of(probe, struct skip, probe);

	if (current != caller || skip->done)
		return 0;

	skip->done = true;
	skipped++;
	regs_set_return_value(regs, skip->value);
	instruction_pointer_set(regs, procedure_link_pointer(regs));
	return 1;
}
NOKPROBE_SYMBOL(leave_out);

/* The kernel has one thread write to a parameter at a time. */
static int set_skip_call(const char *text, const struct kernel_param *param)
{
	int count, ret = 0;

	while (registered)
		unregister_kprobe(&skips[--registered].probe);

	memset(skips, 0, sizeof(skips));
	count = sscanf(text, "%63s %ld %63s %ld", skips[0].function, &skips[0].value,
		       skips[1].function, &skips[1].value);
	if (count > 0 && count % 2)
		return -EINVAL;

	caller = current;
	skipped = 0;
	for (int i = 0; i < count / 2 && !ret; i++) {
		skips[i].probe.symbol_name = skips[i].function;
		skips[i].probe.pre_handler = leave_out;
		ret = register_kprobe(&skips[i].probe);
		registered += !ret;
	}
	return ret;
}

static const struct kernel_param_ops skip_call_ops = {
	.set = set_skip_call,
	.get = param_get_int,
};

module_param_cb(skip_call, &skip_call_ops, &skipped, 0600);

#endif
