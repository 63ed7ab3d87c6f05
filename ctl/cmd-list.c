/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl list: one row per VM; stopped ones with --all. */
#include <string.h>

#include "ctl/cmd_table.h"
#include "ctl/daemon.h"
#include "ctl/vm_info.h"

static bool is_shown(const struct cmd *cmd, const Shadowpool__VmInfo *vm)
{
	return cmd_value(cmd, "all") || strcmp(vm->state, "stopped");
}

static int print_json(const struct cmd *cmd, const Shadowpool__VmList *list)
{
	json_t *vms = json_array();
	size_t i;

	for (i = 0; i < list->n_vms; i++)
		if (is_shown(cmd, list->vms[i]))
			json_array_append_new(vms, vm_info_json(list->vms[i]));
	return cmd_json(json_pack("{s:o}", "vms", vms));
}

static void print_table(const struct cmd *cmd, const Shadowpool__VmList *list)
{
	char mem[32], pool[32];
	size_t i;

	printf("%-32s %-9s %8s %8s %5s %10s %s\n", "NAME", "STATE", "MEM", "POOL", "PAGES", "EPOCH", "ENDED");
	for (i = 0; i < list->n_vms; i++) {
		const Shadowpool__VmInfo *vm = list->vms[i];

		if (is_shown(cmd, vm))
			printf("%-32s %-9s %8s %8s %5s %10llu %s\n", vm->name, vm->state,
			       vm_info_size_text(vm->mem_bytes, mem, sizeof(mem)),
			       vm_info_size_text(vm->pool_bytes, pool, sizeof(pool)),
			       *vm->pool_page_size ? vm->pool_page_size : "-", (unsigned long long)vm->epoch,
			       *vm->stop_reason ? vm->stop_reason : "-");
	}
}

static int run(struct cmd *cmd)
{
	Shadowpool__Request request;
	Shadowpool__Reply *reply;
	Shadowpool__Empty empty;
	int rc;

	shadowpool__empty__init(&empty);
	shadowpool__request__init(&request);
	request.op_case = SHADOWPOOL__REQUEST__OP_LIST;
	request.list = &empty;
	rc = daemon_call(cmd, DAEMON_TRAPD, &request, SHADOWPOOL__REPLY__RESULT_LIST, &reply);
	if (rc)
		return rc;
	if (cmd->json)
		rc = print_json(cmd, reply->list);
	else
		print_table(cmd, reply->list);
	shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

static const struct cmd_option options[] = {
	{ "all", NULL, "also VMs that have stopped" },
	{ NULL }
};

const struct cmd_entry cmd_list = {
	.name = "list", .args = "", .summary = "the VMs of the service",
	.options = options, .max_args = 0, .timeout_ms = 5000, .run = run,
};
