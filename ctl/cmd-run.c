/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shadowctl run: boot an image with a private trapd and poold and end as the guest ends. No service, nothing left
 * behind.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/cmd_table.h"
#include "ctl/run.h"
#include "poold/trace/policy.h"

/* Options that are keys of a VM's configuration, under the same name. */
static const char *const conf_options[] = { "mem", "vcpus", "pool", "pool-pages", "cmdline", "initrd", "if", "emulate", "time", NULL };

static int set_key(struct run *run, const char *key, const char *value)
{
	char err[256];
	int rc;

	rc = conf_set(vm_conf_keys, &run->conf, key, value, err, sizeof(err));
	return rc ? cmd_fail(run->cmd, CONTROL_USAGE, NULL, "--%s", err) : 0;
}

static int set_poison(struct run *run, const char *text)
{
	char *end;

	if (!text)
		return 0;
	errno = 0;
	run->conf.poison = strtoull(text, &end, 10);
	if (errno || *end || !run->conf.poison)
		return cmd_fail(run->cmd, CONTROL_USAGE, "give the number of a shadow entry, from 1",
				"--inject-poison: not a count: %s", text);
	return 0;
}

/* poold would refuse it too, but then nobody would be there to say so. */
static int set_policy(struct run *run, const char *text)
{
	struct pool_config config = { 0 };
	char err[256];

	if (!text)
		return 0;
	if (strlen(text) > 400 || policy_apply(&config, text, err, sizeof(err)))
		return cmd_fail(run->cmd, CONTROL_USAGE, NULL, "--policy: %s", strlen(text) > 400 ? "too long" : err);
	run->policy = text;
	return 0;
}

static int take_options(struct run *run)
{
	const struct cmd *cmd = run->cmd;
	const char *const *key, *audit = cmd_value(cmd, "audit"), *value;
	char err[512];
	unsigned i;
	int rc = 0;

	for (key = conf_options; *key && !rc; key++)
		if (cmd_value(cmd, *key))
			rc = set_key(run, *key, cmd_value(cmd, *key));
	if (!rc && audit)
		rc = set_key(run, "audit", *audit ? audit : "cheap");
	if (!rc)
		rc = set_key(run, "image", cmd->args[0]);
	if (!rc)
		rc = set_poison(run, cmd_value(cmd, "inject-poison"));
	if (!rc)
		rc = set_policy(run, cmd_value(cmd, "policy"));
	if (rc)
		return rc;
	for (i = 0; (value = cmd_value_at(cmd, "module", i)); i++)
		if (vm_conf_add_module(&run->conf, value))
			return cmd_fail(cmd, CONTROL_USAGE, NULL, "more modules than %u", VM_MODULES_MAX);
	for (i = 1; i < cmd->nargs; i++)
		if (vm_conf_add_module(&run->conf, cmd->args[i]))
			return cmd_fail(cmd, CONTROL_USAGE, NULL, "more modules than %u", VM_MODULES_MAX);
	for (i = 0; (value = cmd_value_at(cmd, "disk", i)); i++)
		if (vm_conf_add_disk(&run->conf, value))
			return cmd_fail(cmd, CONTROL_USAGE, NULL, "more disks than %u", VM_CONF_DISKS_MAX);
	if (vm_conf_check(&run->conf, err, sizeof(err)))
		return cmd_fail(cmd, CONTROL_USAGE, NULL, "--%s", err);
	run->stats_file = cmd_value(cmd, "stats");
	run->status_file = cmd_value(cmd, "status");
	run->trace_file = cmd_value(cmd, "trace");
	run->verbose = cmd_value(cmd, "verbose") != NULL;
	return 0;
}

/* The guest's output is our data, so it goes to standard output, unless that is promised to one JSON document. */
static void choose_console(struct run *run)
{
	run->console_out = run->cmd->json ? STDERR_FILENO : STDOUT_FILENO;
	/* A background job that reads from its terminal is stopped: it gets no input. */
	run->console_in = isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) != getpgrp() ? -1 : STDIN_FILENO;
}

static int live(struct run *run)
{
	int rc;

	rc = run_dir_create(run);
	if (rc)
		return rc;
	rc = run_children_prepare(run);
	if (!rc)
		rc = run_vm(run);
	run_children_stop(run);
	run_dir_remove(run);
	return rc;
}

/* End as the signal would have ended us, so that a shell stops its script too. */
static void die_of(int sig)
{
	sigset_t set;

	fflush(NULL);
	signal(sig, SIG_DFL);
	raise(sig);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int run(struct cmd *cmd)
{
	struct run run = { .cmd = cmd, .vm.fd = -1, .signal_fd = -1, .notify_fd = -1 };
	int rc;

	cmd->error = run.failure;
	cmd->error_size = sizeof(run.failure);
	rc = vm_conf_defaults(&run.conf);
	if (!rc)
		rc = take_options(&run);
	if (!rc) {
		choose_console(&run);
		rc = run_preflight(&run);
		if (!rc)
			rc = live(&run);
		if (rc)
			run_failed(&run, rc);
		else
			rc = run_result(&run);
	}
	control_close(&run.vm);
	if (run.end)
		shadowpool__reply__free_unpacked(run.end, NULL);
	if (run.stats)
		shadowpool__reply__free_unpacked(run.stats, NULL);
	vm_conf_free(&run.conf);
	if (run.signal)
		die_of(run.signal);
	return rc;
}

static const struct cmd_option options[] = {
	{ "mem", "SIZE", "guest memory, default 128M" },
	{ "vcpus", "N", "virtual processors, default 1" },
	{ "pool", "SIZE", "shadow page pool, default by the size of the guest's memory" },
	{ "pool-pages", "KIND", "pages of the pool: 2m, 4k, or auto (default: 2m if there are enough)" },
	{ "if", "HOW", "the guest's interrupt flag: trap, native, or auto (default: native where the host can)" },
	{ "emulate", "WHAT", "traps (default), or ahead: also what the host would emulate, more slowly" },
	{ "time", "WHETHER", "off: take no durations of the pool's operations (default: on)" },
	{ "cmdline", "TEXT", "the guest's command line" },
	{ "module", "FILE[,ARGS]", "hand this file to a Multiboot image; may be repeated" },
	{ "initrd", "FILE", "initial RAM disk of a Linux kernel" },
	{ "disk", "FILE", "the guest's disk, read and written; the second one is the slave" },
	{ "audit", "[full]", "check the pool after every request; violations end the VM" },
	{ "stats", "FILE", "write counters as JSON when the VM has ended; - is standard error" },
	{ "status", "FILE", "write how the VM ended as JSON; - is standard error" },
	{ "policy", "KEY=VALUE,...", "switches of the pool, as replay takes them" },
	{ "trace", "FILE", "record the calls of the pool for shadowctl replay" },
	{ "verbose", NULL, "tell the runtime directory, let the daemons log what they do" },
	{ "inject-poison", "N", "test hook: break the N-th shadow entry on purpose" },
	{ NULL }
};

const struct cmd_entry cmd_run = {
	.name = "run",
	.args = "IMAGE [-- MODULE...]",
	.summary = "boot an image with private daemons, console on the terminal",
	.options = options,
	.min_args = 1,
	.max_args = 1 + VM_MODULES_MAX,
	.timeout_ms = -1,
	.error_code = RUN_FAILED,
	.run = run,
};
