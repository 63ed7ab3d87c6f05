/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How an embedded run ended: exit code, lines on standard error, the files of --stats and --status. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/run.h"
#include "ctl/vm_info.h"

/* Stop reasons of trapd and what becomes of them here; -1: the guest's own code. */
static const struct {
	const char *reason;
	int exit_code;
} results[] = {
	{ "exit", -1 },
	{ "reset", 0 },
	{ "poweroff", 0 },
	{ "fault", RUN_FAULT },
	{ "timeout", RUN_TIMED_OUT },
	{ "requested", RUN_FAILED },
	{ "error", RUN_FAILED },
};

static int exit_code_of(const Shadowpool__VmInfo *vm)
{
	unsigned i;

	for (i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (!strcmp(results[i].reason, vm->stop_reason))
			return results[i].exit_code < 0 ? vm->exit_code & 0xff : results[i].exit_code;
	return RUN_FAILED;
}

/* Takes the reference. 0, or -1 with errno. */
static int dump_json(const char *file, json_t *object)
{
	FILE *f = NULL;
	int rc = -1;

	if (object && !json_object_set_new(object, "schema", json_integer(1)))
		f = strcmp(file, "-") ? fopen(file, "we") : stderr;
	if (f) {
		rc = json_dumpf(object, f, JSON_SORT_KEYS | JSON_INDENT(2));
		if (putc('\n', f) == EOF || fflush(f) || ferror(f))
			rc = -1;
		if (f != stderr && fclose(f))
			rc = -1;
	}
	json_decref(object);
	return rc ? -1 : 0;
}

static int write_json(const struct run *run, const char *file, json_t *object)
{
	if (!dump_json(file, object))
		return 0;
	return cmd_fail(run->cmd, CONTROL_FAILED, NULL, "cannot write %s: %s", file, strerror(errno));
}

static json_t *status_json(const struct run *run, const Shadowpool__VmInfo *vm, int code)
{
	return json_pack("{s:i,s:o,s:o,s:o,s:i}", "exit_code", code, "reason", cmd_json_string(vm->stop_reason),
			 "message", cmd_json_string(vm->message), "report", cmd_json_string(vm->report),
			 "poold_restarts", (int)run->poold_restarts);
}

static json_t *whole_stats_json(const struct run *run, const Shadowpool__VmInfo *vm)
{
	json_t *o = vm_info_stats_json(run->stats->stats);

	json_object_set_new(o, "vm", vm_info_json(vm));
	json_object_set_new(o, "poold_restarts", json_integer(run->poold_restarts));
	return o;
}

static void tell(const struct run *run, const Shadowpool__VmInfo *vm, int code)
{
	if (run->poold_restarts)
		fprintf(stderr, "shadowctl: poold was restarted %u times\n", run->poold_restarts);
	if (!strcmp(vm->stop_reason, "exit") || run->signal)
		return;
	fprintf(stderr, "shadowctl: the VM was stopped (%s): ", vm->stop_reason);
	cmd_print(stderr, vm->message);
	fputc('\n', stderr);
	if (*vm->report) {
		cmd_print(stderr, vm->report);
		fputc('\n', stderr);
	}
}

void run_failed(struct run *run, int code)
{
	/* The failure has been told; that the file cannot be written, which may be the failure, is not told again. */
	if (run->status_file)
		dump_json(run->status_file,
			  json_pack("{s:i,s:s,s:o,s:s,s:i}", "exit_code", code,
				    "reason", code == RUN_TIMED_OUT ? "timeout" : "error",
				    "message", cmd_json_string(run->failure), "report", "",
				    "poold_restarts", (int)run->poold_restarts));
}

int run_result(struct run *run)
{
	const Shadowpool__VmInfo *vm = run->end->vm;
	int code = exit_code_of(vm), rc;

	tell(run, vm, code);
	rc = run->stats ? write_json(run, run->stats_file, whole_stats_json(run, vm)) : 0;
	if (!rc && run->status_file)
		rc = write_json(run, run->status_file, status_json(run, vm, code));
	if (!rc && run->cmd->json && cmd_json(status_json(run, vm, code)))
		rc = RUN_FAILED;
	return rc ? rc : code;
}
