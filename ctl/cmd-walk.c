/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shadowctl walk: one address level by level, the guest's entry beside the shadow entry, and what an access would get.
 * Asks poold, which owns the shadow tables.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd_table.h"
#include "ctl/daemon.h"

static json_t *entry_json(const Shadowpool__WalkEntry *e)
{
	json_t *guest = json_null(), *shadow = json_null();

	if (e->guest_present)
		guest = json_pack("{s:o,s:o}", "gpa", cmd_json_address(e->guest_gpa),
				  "entry", cmd_json_address(e->guest_entry));
	if (e->shadow_present)
		shadow = json_pack("{s:o,s:o,s:o}", "maddr", cmd_json_address(e->shadow_maddr),
				   "entry", cmd_json_address(e->shadow_entry), "kind", cmd_json_string(e->shadow_kind));
	return json_pack("{s:i,s:o,s:o}", "level", (int)e->level, "guest", guest, "shadow", shadow);
}

static json_t *walk_json(const struct cmd *cmd, const Shadowpool__WalkReply *w)
{
	json_t *entries = json_array(), *guest, *shadow = json_null();
	size_t i;

	for (i = 0; i < w->n_entries; i++)
		json_array_append_new(entries, entry_json(w->entries[i]));
	if (w->guest_ok)
		guest = json_pack("{s:o}", "gpa", cmd_json_address(w->guest_gpa));
	else
		guest = json_pack("{s:o}", "error_code", cmd_json_address(w->guest_error_code));
	if (w->shadow_ok)
		shadow = json_pack("{s:o,s:b}", "gpa", cmd_json_address(w->shadow_gpa), "writable", w->shadow_writable);
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "name", cmd_json_string(cmd->args[0]),
			 "gva", cmd_json_address(w->gva), "paging", cmd_json_string(w->paging),
			 "entries", entries, "guest", guest, "shadow", shadow);
}

static void print_entry(const Shadowpool__WalkEntry *e)
{
	printf("%5u ", e->level);
	if (e->guest_present)
		printf(" %#18" PRIx64 " %#18" PRIx64, e->guest_gpa, e->guest_entry);
	else
		printf(" %18s %18s", "-", "-");
	if (e->shadow_present)
		printf(" %#18" PRIx64 " %#18" PRIx64 " %s\n", e->shadow_maddr, e->shadow_entry, e->shadow_kind);
	else
		printf(" %18s %18s %s\n", "-", "-", "-");
}

static void print_walk(const Shadowpool__WalkReply *w)
{
	size_t i;

	printf("gva %#" PRIx64 ", paging %s\n", w->gva, w->paging);
	printf("LEVEL  %18s %18s %18s %18s %s\n", "GUEST AT GPA", "GUEST ENTRY", "SHADOW AT MADDR", "SHADOW ENTRY",
	       "KIND");
	for (i = 0; i < w->n_entries; i++)
		print_entry(w->entries[i]);
	if (w->guest_ok)
		printf("guest: gpa %#" PRIx64 "\n", w->guest_gpa);
	else
		printf("guest: page fault, error code %#x\n", w->guest_error_code);
	if (w->shadow_ok)
		printf("shadow: gpa %#" PRIx64 ", %s\n", w->shadow_gpa, w->shadow_writable ? "writable" : "read-only");
	else
		printf("shadow: not mapped yet\n");
}

static int parse_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return errno || end == text || *end || *text == '-' || *out > max ? -EINVAL : 0;
}

/* 0, or the exit code after the error is reported. */
static int parse_operands(const struct cmd *cmd, Shadowpool__WalkRequest *walk)
{
	const char *vcpu = cmd_value(cmd, "vcpu"), *view = cmd_value(cmd, "view");
	uint64_t n = 0;

	walk->name = cmd->args[0];
	if (parse_number(cmd->args[1], UINT64_MAX, &walk->gva))
		return cmd_fail(cmd, CONTROL_USAGE, "give a number such as 0xffff800000001000", "not an address: %s",
				cmd->args[1]);
	if (vcpu && parse_number(vcpu, UINT32_MAX, &n))
		return cmd_fail(cmd, CONTROL_USAGE, "give the number of a vCPU, from 0", "not a vCPU: %s", vcpu);
	walk->vcpu = (uint32_t)n;
	if (view && strcmp(view, "user") && strcmp(view, "supervisor"))
		return cmd_fail(cmd, CONTROL_USAGE, "give user or supervisor", "not a view: %s", view);
	walk->view = view && !strcmp(view, "user");
	return 0;
}

static int run(struct cmd *cmd)
{
	Shadowpool__WalkRequest walk;
	Shadowpool__Request request;
	Shadowpool__Reply *reply;
	int rc;

	shadowpool__walk_request__init(&walk);
	shadowpool__request__init(&request);
	rc = parse_operands(cmd, &walk);
	if (rc)
		return rc;
	request.op_case = SHADOWPOOL__REQUEST__OP_WALK;
	request.walk = &walk;
	rc = daemon_call(cmd, DAEMON_POOLD, &request, SHADOWPOOL__REPLY__RESULT_WALK, &reply);
	if (rc)
		return rc;
	if (cmd->json)
		rc = cmd_json(walk_json(cmd, reply->walk));
	else
		print_walk(reply->walk);
	shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

static const struct cmd_option options[] = {
	{ "vcpu", "N", "the vCPU whose tables are walked, default 0" },
	{ "view", "VIEW", "supervisor (default) or user" },
	{ NULL }
};

const struct cmd_entry cmd_walk = {
	.name = "walk", .args = "NAME ADDRESS", .summary = "guest and shadow entries of one address, level by level",
	.options = options, .min_args = 2, .max_args = 2, .timeout_ms = 5000, .run = run,
};
