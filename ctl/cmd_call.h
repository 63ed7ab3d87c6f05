/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simple verbs: one request to a daemon about the VM of the first operand, one reply, shown as JSON or as text. */
#ifndef SHADOWPOOL_CTL_CMD_CALL_H
#define SHADOWPOOL_CTL_CMD_CALL_H

#include "ctl/cmd.h"
#include "ctl/daemon.h"
#include "ctl/vm_request.h"

struct cmd_call {
	enum daemon daemon;
	const Shadowpool__Request *(*request)(struct vm_request *r, const char *name);
	Shadowpool__Reply__ResultCase want;
	json_t *(*json)(const Shadowpool__Reply *reply);	/* new reference */
	void (*text)(const Shadowpool__Reply *reply);		/* to standard output */
};

/* All of such a verb's run(). Returns the exit code. */
int cmd_call_run(struct cmd *cmd, const struct cmd_call *call);
/* The same with a request that says more than the name; call->request is not used. */
int cmd_call_send(struct cmd *cmd, const struct cmd_call *call, const Shadowpool__Request *request);

/* json and text of verbs that are answered with one VM. */
json_t *cmd_call_vm_json(const Shadowpool__Reply *reply);
void cmd_call_vm_text(const Shadowpool__Reply *reply);

#endif
