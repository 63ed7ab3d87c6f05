/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of the one VM of an embedded run: daemons ready, Start, Wait, Stop when time is up or a signal came,
 * counters.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/frame.h"
#include "config.h"
#include "ctl/daemon.h"
#include "ctl/run.h"
#include "ctl/vm_config.h"
#include "ctl/vm_request.h"

/* A daemon that ends is noticed at once. These are for one that hangs, and must not take a busy machine for that. */
#define READY_MS	30000	/* for a daemon to say that it is ready */
#define CALL_MS		60000	/* for Start, which loads the image, and for Stats */
#define STOP_MS		15000	/* for a VM to end after Stop */

static int child_failed(struct run *run, const struct run_child *child)
{
	char text[64];

	return cmd_fail(run->cmd, CONTROL_FAILED, "its own message is above", "%s ended with %s", child->name,
			run_status_text(child->status, text, sizeof(text)));
}

static int start_daemons(struct run *run)
{
	int64_t deadline = frame_deadline(READY_MS);
	int rc;

	rc = run_child_start(run, &run->poold);
	if (!rc)
		rc = run_child_start(run, &run->trapd);
	while (!rc && !(run->poold.ready && run->trapd.ready)) {
		if (run_wait(run, -1, deadline) == -ETIMEDOUT)
			return cmd_fail(run->cmd, CONTROL_FAILED, "try --verbose", "%s is not ready after %d seconds",
					run->poold.ready ? "trapd" : "poold", READY_MS / 1000);
		if (run->signal)
			return RUN_FAILED;
		if (!run->poold.pid)
			rc = child_failed(run, &run->poold);
		else if (!run->trapd.pid)
			rc = child_failed(run, &run->trapd);
	}
	run->keep_poold = true;
	return rc;
}

static int connect_trapd(struct run *run, struct control_client *client)
{
	char path[128];
	int rc;

	snprintf(path, sizeof(path), "%s/trapd-control.sock", run->dir);
	rc = control_open(client, path, "shadowctl", PACKAGE_VERSION, frame_deadline(CALL_MS));
	return rc ? daemon_fail(run->cmd, path, client, "trapd", rc) : 0;
}

/* One request that is answered at once. 0 and *reply, or the exit code. */
static int call(struct run *run, struct control_client *client, const Shadowpool__Request *request,
		Shadowpool__Reply **reply)
{
	struct cmd with_deadline = *run->cmd;

	with_deadline.deadline = frame_deadline(CALL_MS);
	return daemon_request(&with_deadline, client, request, reply);
}

static int start_vm(struct run *run)
{
	Shadowpool__StartRequest start;
	Shadowpool__Request request;
	struct vm_config_message m;
	Shadowpool__Reply *reply = NULL;
	int rc;

	shadowpool__start_request__init(&start);
	shadowpool__request__init(&request);
	start.name = (char *)(uintptr_t)RUN_VM_NAME;
	start.config = &m.config;
	start.use_config = true;
	request.op_case = SHADOWPOOL__REQUEST__OP_START;
	request.start = &start;
	if (vm_config_message(&m, &run->conf))
		rc = cmd_fail(run->cmd, CONTROL_FAILED, NULL, "out of memory");
	else
		rc = call(run, &run->vm, &request, &reply);
	vm_config_message_free(&m);
	if (reply)
		shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

/* Wait is answered when the VM has ended: its connection is only polled until then. */
static int send_wait(struct run *run)
{
	struct vm_request wait;
	int rc = frame_send(run->vm.fd, &vm_request_wait(&wait, RUN_VM_NAME)->base, FRAME_MAX_REQUEST, frame_deadline(CALL_MS));
	return rc ? daemon_fail(run->cmd, run->dir, &run->vm, "trapd", rc) : 0;
}

static int send_stop(struct run *run)
{
	struct control_client client;
	struct vm_request stop;
	const Shadowpool__Request *request = vm_request_stop(&stop, RUN_VM_NAME);
	Shadowpool__Reply *reply;
	int rc;

	stop.stop.force = true;
	stop.stop.timeout = run->timed_out;
	rc = connect_trapd(run, &client);
	if (rc)
		return rc;
	rc = call(run, &client, request, &reply);
	if (!rc)
		shadowpool__reply__free_unpacked(reply, NULL);
	control_close(&client);
	return rc;
}

/* trapd has hung up. Its end, which is a moment away, says more than that. */
static int trapd_lost(struct run *run)
{
	int64_t deadline = frame_deadline(READY_MS);

	while (run->trapd.pid && run_wait(run, -1, deadline) != -ETIMEDOUT)
		;
	if (!run->trapd.pid)
		return child_failed(run, &run->trapd);
	return cmd_fail(run->cmd, CONTROL_FAILED, "try --verbose", "trapd closed the connection");
}

static int receive_end(struct run *run)
{
	ProtobufCMessage *msg;
	int rc;

	rc = frame_receive(run->vm.fd, &shadowpool__reply__descriptor, FRAME_MAX_REPLY, frame_deadline(CALL_MS), &msg);
	if (rc)
		return rc == -ENOTCONN ? trapd_lost(run) : daemon_fail(run->cmd, run->dir, &run->vm, "trapd", rc);
	run->end = (Shadowpool__Reply *)msg;
	if (run->end->result_case == SHADOWPOOL__REPLY__RESULT_VM)
		return 0;
	if (run->end->result_case == SHADOWPOOL__REPLY__RESULT_ERROR)
		return cmd_fail(run->cmd, CONTROL_FAILED, run->end->error->hint, "%s", run->end->error->message);
	return cmd_fail(run->cmd, CONTROL_FAILED, "install matching versions", "trapd gave an answer of another kind");
}

/* Poll until Wait is answered. A signal or the end of time sends Stop, once; what does not end then is lost. */
static int wait_for_end(struct run *run)
{
	int64_t deadline = run->cmd->deadline;
	bool stopping = false;
	int rc;

	for (;;) {
		rc = run_wait(run, run->vm.fd, deadline);
		if (rc == 1)
			return receive_end(run);
		if (!run->trapd.pid)
			return child_failed(run, &run->trapd);
		if (rc == -ECHILD)
			return child_failed(run, &run->poold);
		if (rc == -ETIMEDOUT && stopping)
			return cmd_fail(run->cmd, CONTROL_FAILED, NULL,
					"the VM did not end within %d seconds after it was told to", STOP_MS / 1000);
		if (!stopping && (rc == -ETIMEDOUT || run->signal)) {
			run->timed_out = rc == -ETIMEDOUT;
			stopping = true;
			deadline = frame_deadline(STOP_MS);
			rc = send_stop(run);
			if (rc)
				return rc;
		}
	}
}

static int fetch_stats(struct run *run)
{
	Shadowpool__NameRequest name;
	Shadowpool__Request request;
	int rc;

	if (!run->stats_file)
		return 0;
	shadowpool__name_request__init(&name);
	shadowpool__request__init(&request);
	name.name = (char *)(uintptr_t)RUN_VM_NAME;
	request.op_case = SHADOWPOOL__REQUEST__OP_STATS;
	request.stats = &name;
	rc = call(run, &run->vm, &request, &run->stats);
	if (!rc && run->stats->result_case != SHADOWPOOL__REPLY__RESULT_STATS)
		rc = cmd_fail(run->cmd, CONTROL_FAILED, "install matching versions",
			      "trapd gave an answer of another kind");
	return rc;
}

int run_vm(struct run *run)
{
	int rc;

	rc = start_daemons(run);
	if (!rc)
		rc = connect_trapd(run, &run->vm);
	if (!rc)
		rc = start_vm(run);
	if (!rc)
		rc = send_wait(run);
	if (!rc)
		rc = wait_for_end(run);
	if (!rc)
		rc = fetch_stats(run);
	if (rc && run->timed_out)
		return RUN_TIMED_OUT;
	return rc;
}
