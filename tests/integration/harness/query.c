/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the daemons about a VM, each a request and a typed answer. */
#include <string.h>

#include "tests/integration/harness/harness_priv.h"

static char *name_of(const struct sp_vm *vm)
{
	return (char *)(uintptr_t)vm->name;
}

static void name_request(const struct sp_vm *vm, Shadowpool__NameRequest *name, Shadowpool__Request *request)
{
	shadowpool__name_request__init(name);
	shadowpool__request__init(request);
	name->name = name_of(vm);
}

static void stats_request(const struct sp_vm *vm, Shadowpool__NameRequest *name, Shadowpool__Request *request)
{
	name_request(vm, name, request);
	request->op_case = SHADOWPOOL__REQUEST__OP_STATS;
	request->stats = name;
}

const Shadowpool__Stats *sp_stats(struct sp_vm *vm)
{
	Shadowpool__NameRequest name;
	Shadowpool__Request request;

	stats_request(vm, &name, &request);
	return sp_want(vm->daemons, SP_TRAPD, &request, SHADOWPOOL__REPLY__RESULT_STATS)->stats;
}

static void show_request(const struct sp_vm *vm, Shadowpool__NameRequest *name, Shadowpool__Request *request)
{
	name_request(vm, name, request);
	request->op_case = SHADOWPOOL__REQUEST__OP_SHOW;
	request->show = name;
}

const Shadowpool__VmInfo *sp_show(struct sp_vm *vm)
{
	Shadowpool__NameRequest name;
	Shadowpool__Request request;

	show_request(vm, &name, &request);
	return sp_want(vm->daemons, SP_TRAPD, &request, SHADOWPOOL__REPLY__RESULT_VM)->vm;
}

const Shadowpool__VmList *sp_list(struct sp_daemons *d)
{
	Shadowpool__Empty empty;
	Shadowpool__Request request;

	shadowpool__empty__init(&empty);
	shadowpool__request__init(&request);
	request.op_case = SHADOWPOOL__REQUEST__OP_LIST;
	request.list = &empty;
	return sp_want(d, SP_TRAPD, &request, SHADOWPOOL__REPLY__RESULT_LIST)->list;
}

const Shadowpool__Screen *sp_screen(struct sp_vm *vm)
{
	Shadowpool__NameRequest name;
	Shadowpool__Request request;

	name_request(vm, &name, &request);
	request.op_case = SHADOWPOOL__REQUEST__OP_SCREEN;
	request.screen = &name;
	return sp_want(vm->daemons, SP_TRAPD, &request, SHADOWPOOL__REPLY__RESULT_SCREEN)->screen;
}

const Shadowpool__WalkReply *sp_walk(struct sp_vm *vm, uint64_t gva, unsigned vcpu, unsigned view)
{
	Shadowpool__WalkRequest walk;
	Shadowpool__Request request;

	shadowpool__walk_request__init(&walk);
	shadowpool__request__init(&request);
	walk.name = name_of(vm);
	walk.gva = gva;
	walk.vcpu = vcpu;
	walk.view = view;
	request.op_case = SHADOWPOOL__REQUEST__OP_WALK;
	request.walk = &walk;
	return sp_want(vm->daemons, SP_POOLD, &request, SHADOWPOOL__REPLY__RESULT_WALK)->walk;
}

const Shadowpool__VerifyReply *sp_verify(struct sp_vm *vm, bool full)
{
	Shadowpool__VerifyRequest verify;
	Shadowpool__Request request;

	shadowpool__verify_request__init(&verify);
	shadowpool__request__init(&request);
	verify.name = name_of(vm);
	verify.full = full;
	request.op_case = SHADOWPOOL__REQUEST__OP_VERIFY;
	request.verify = &verify;
	return sp_want(vm->daemons, SP_POOLD, &request, SHADOWPOOL__REPLY__RESULT_VERIFY)->verify;
}

static bool find(size_t n, Shadowpool__Counter *const *counters, const char *name, uint64_t *value)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(counters[i]->name, name)) {
			*value = counters[i]->value;
			return true;
		}
	return false;
}

static bool find_stat(const Shadowpool__Stats *s, const char *name, uint64_t *value)
{
	*value = s->audit_violations;
	if (!strcmp(name, "audit_violations"))
		return true;
	if (!strncmp(name, "pool.", 5))
		return find(s->n_pool, s->pool, name + 5, value);
	return !strncmp(name, "trapd.", 6) && find(s->n_trapd, s->trapd, name + 6, value);
}

/* The answers are given back at once: this is asked again and again by who waits for a number. */
uint64_t sp_counter(struct sp_vm *vm, const char *name)
{
	const bool fact = !strncmp(name, "facts.", 6);
	Shadowpool__NameRequest about;
	Shadowpool__Request request;
	Shadowpool__Reply *reply;
	uint64_t value = 0;
	bool found;

	if (fact)
		show_request(vm, &about, &request);
	else
		stats_request(vm, &about, &request);
	reply = sp_want_once(vm->daemons, SP_TRAPD, &request, fact ? SHADOWPOOL__REPLY__RESULT_VM : SHADOWPOOL__REPLY__RESULT_STATS);
	if (!fact)
		sp_note_counters(reply->stats);
	found = fact ? find(reply->vm->n_facts, reply->vm->facts, name + 6, &value) : find_stat(reply->stats, name, &value);
	shadowpool__reply__free_unpacked(reply, NULL);
	if (!found)
		sp_fail("%s: no counter %s", vm->what, name);
	return value;
}
