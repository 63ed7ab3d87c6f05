/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl verify: is the pool of a running VM sound? poold audits it; exit code 7 if a rule is violated. */
#include <inttypes.h>

#include "ctl/cmd_table.h"
#include "ctl/daemon.h"

static json_t *violation_json(const Shadowpool__Violation *v)
{
	return json_pack("{s:o,s:I,s:I,s:o,s:o}", "rule", json_sprintf("A%u", v->rule), "page", (json_int_t)v->page,
			 "slot", (json_int_t)v->slot, "expected", cmd_json_address(v->expected), "found",
			 cmd_json_address(v->found));
}

static json_t *verify_json(const struct cmd *cmd, const Shadowpool__VerifyReply *v)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < v->n_violations; i++)
		json_array_append_new(list, violation_json(v->violations[i]));
	return json_pack("{s:o,s:b,s:I,s:I,s:o}", "name", cmd_json_string(cmd->args[0]), "full",
			 cmd_value(cmd, "full") != NULL, "audits", (json_int_t)v->audits, "violations_total",
			 (json_int_t)v->total, "violations", list);
}

static void print_verify(const Shadowpool__VerifyReply *v)
{
	size_t i;

	if (!v->total) {
		printf("sound\n");
		return;
	}
	printf("%u violations (rules: doc/pool.md)\nRULE       PAGE  SLOT %18s %18s\n", v->total, "EXPECTED", "FOUND");
	for (i = 0; i < v->n_violations; i++)
		printf("A%-3u %10u %5u %#18" PRIx64 " %#18" PRIx64 "\n", v->violations[i]->rule, v->violations[i]->page,
		       v->violations[i]->slot, v->violations[i]->expected, v->violations[i]->found);
}

static int run(struct cmd *cmd)
{
	Shadowpool__VerifyRequest verify;
	Shadowpool__Request request;
	Shadowpool__Reply *reply;
	int rc;

	shadowpool__verify_request__init(&verify);
	shadowpool__request__init(&request);
	verify.name = cmd->args[0];
	verify.full = cmd_value(cmd, "full") != NULL;
	request.op_case = SHADOWPOOL__REQUEST__OP_VERIFY;
	request.verify = &verify;
	rc = daemon_call(cmd, DAEMON_POOLD, &request, SHADOWPOOL__REPLY__RESULT_VERIFY, &reply);
	if (rc)
		return rc;
	if (cmd->json)
		rc = cmd_json(verify_json(cmd, reply->verify));
	else
		print_verify(reply->verify);
	if (!rc && reply->verify->total)
		rc = CONTROL_DIFFERENCES;
	shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

static const struct cmd_option options[] = {
	{ "full", NULL, "compare every shadow entry with the guest's tables too" },
	{ NULL }
};

const struct cmd_entry cmd_verify = {
	.name = "verify", .args = "NAME", .summary = "audit the pool of a running VM; exit code 7 if it is not sound",
	.options = options, .min_args = 1, .max_args = 1, .timeout_ms = 20000, .run = run,
};
