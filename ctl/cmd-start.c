/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl start: create and run a VM in the trapd service, from vm.d or from a file of the caller's. */
#include <errno.h>
#include <stdlib.h>

#include "common/vm_conf.h"
#include "ctl/cmd_table.h"
#include "ctl/daemon.h"
#include "ctl/vm_config.h"
#include "ctl/vm_info.h"

static int start(const struct cmd *cmd, Shadowpool__StartRequest *start)
{
	Shadowpool__Request request;
	Shadowpool__Reply *reply;
	int rc;

	shadowpool__request__init(&request);
	request.op_case = SHADOWPOOL__REQUEST__OP_START;
	request.start = start;
	rc = daemon_call(cmd, DAEMON_TRAPD, &request, SHADOWPOOL__REPLY__RESULT_VM, &reply);
	if (rc)
		return rc;
	if (cmd->json)
		rc = cmd_json(vm_info_json(reply->vm));
	else
		printf("%s: %s\n", reply->vm->name, reply->vm->state);
	shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

static int run(struct cmd *cmd)
{
	const char *file = cmd_value(cmd, "config");
	Shadowpool__StartRequest request;
	struct vm_config_message message;
	struct vm_conf conf;
	char err[512];
	int rc;

	shadowpool__start_request__init(&request);
	request.name = cmd->args[0];
	request.use_config = file != NULL;
	if (!file)
		return start(cmd, &request);
	rc = vm_conf_defaults(&conf);
	if (!rc)
		rc = vm_conf_read(&conf, file, err, sizeof(err));
	if (rc == -ENOENT)
		rc = cmd_fail(cmd, CONTROL_USAGE, "name an existing file with --config", "%s does not exist", file);
	else if (rc)
		rc = cmd_fail(cmd, CONTROL_USAGE, "see trapd.conf(5)", "%s", err);
	if (!rc) {
		rc = vm_config_message(&message, &conf);
		request.config = &message.config;
		if (!rc)
			rc = start(cmd, &request);
		else
			rc = cmd_fail(cmd, CONTROL_FAILED, NULL, "out of memory");
		vm_config_message_free(&message);
	}
	vm_conf_free(&conf);
	return rc;
}

static const struct cmd_option options[] = {
	{ "config", "FILE", "take the VM's configuration from this file, not from vm.d/NAME.conf" },
	{ NULL }
};

const struct cmd_entry cmd_start = {
	.name = "start", .args = "NAME", .summary = "create and run a VM in the service",
	.options = options, .min_args = 1, .max_args = 1, .timeout_ms = 5000, .run = run,
};
