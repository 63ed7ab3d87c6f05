/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl stop: end a VM; with --wait answer only when it has ended. */
#include "ctl/cmd_table.h"
#include "ctl/daemon.h"
#include "ctl/vm_info.h"
#include "ctl/vm_request.h"

/* In place of the answer to the stop: the one to a wait. */
static int wait_for_end(const struct cmd *cmd, struct control_client *client, Shadowpool__Reply **reply)
{
	struct vm_request wait;

	shadowpool__reply__free_unpacked(*reply, NULL);
	*reply = NULL;
	return daemon_request(cmd, client, vm_request_wait(&wait, cmd->args[0]), reply);
}

static int run(struct cmd *cmd)
{
	struct control_client client;
	struct vm_request stop;
	const Shadowpool__Request *request = vm_request_stop(&stop, cmd->args[0]);
	Shadowpool__Reply *reply;
	int rc;

	stop.stop.force = cmd_value(cmd, "force") != NULL;
	rc = daemon_open(cmd, DAEMON_TRAPD, &client);
	if (rc)
		return rc;
	rc = daemon_request(cmd, &client, request, &reply);
	if (!rc && cmd_value(cmd, "wait"))
		rc = wait_for_end(cmd, &client, &reply);
	control_close(&client);
	if (rc)
		return rc;
	if (reply->result_case != SHADOWPOOL__REPLY__RESULT_VM)
		rc = cmd_fail(cmd, CONTROL_VERSION, "install matching versions",
			      "trapd gave an answer of another kind");
	else if (cmd->json)
		rc = cmd_json(vm_info_json(reply->vm));
	else
		printf("%s: %s\n", reply->vm->name, reply->vm->state);
	shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

static const struct cmd_option options[] = {
	{ "force", NULL, "do not ask the guest" },
	{ "wait", NULL, "answer when the VM has ended" },
	{ NULL }
};

const struct cmd_entry cmd_stop = {
	.name = "stop", .args = "NAME", .summary = "end a VM",
	.options = options, .min_args = 1, .max_args = 1, .timeout_ms = 5000, .run = run,
};
