/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * list, show, stats and walk, and the table of all verbs. poold, main thread: holds the list of connections for the length of a
 * handler, and the VM's lock while it looks into the pool. Changes nothing.
 */
#include "poold/control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/barrier.h"
#include "common/pool_stats.h"
#include "common/walk.h"
#include "poold/control/flush.h"
#include "poold/control/inspect.h"
#include "poold/control/pool_verb.h"
#include "poold/control/trace_verbs.h"
#include "poold/control/verify.h"
#include "poold/serve/service.h"
#include <config.h>

#define CONTROL_SOCKET_MODE	0660	/* group shadowpool-admin */

static const char *page_size_name(const struct session *s)
{
	return s->objects.pool_pages == ATTACH_PAGES_2M ? "2m" : "4k";
}

/* protobuf-c has no const strings; it does not write to them either. */
static char *pb_string(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void fill_info(Shadowpool__VmInfo *info, const struct session *s)
{
	const struct guest_ram *ram = &s->config.ram;

	shadowpool__vm_info__init(info);
	info->name = pb_string(s->name);
	info->state = pb_string("running");
	info->mem_bytes = ram->low_end + (ram->high_end ? ram->high_end - GUEST_RAM_HIGH_BASE : 0);
	info->pool_bytes = s->objects.pool.size;
	info->pool_page_size = pb_string(page_size_name(s));
	info->pool = pb_string("up");
	info->epoch = s->epoch;
	info->vcpus = s->config.nvcpu;
}

void control_no_such_vm(struct control_call *call, const char *name)
{
	control_error(call, CONTROL_NO_OBJECT, "shadowctl list shows those that are",
		      "VM %s is not attached to poold", name);
}

static void on_list(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct poold_control *control = ctx;
	Shadowpool__VmList list;
	Shadowpool__Reply reply;
	Shadowpool__VmInfo *infos;
	const struct connection *c;
	unsigned n = 0;

	shadowpool__vm_list__init(&list);
	shadowpool__reply__init(&reply);
	connections_lock(control->connections);
	infos = calloc(control->connections->count + 1, sizeof(*infos));
	list.vms = calloc(control->connections->count + 1, sizeof(*list.vms));
	LIST_FOREACH(c, &control->connections->list, entry) {
		if (!infos || !list.vms || !c->session)
			continue;
		fill_info(&infos[n], c->session);
		list.vms[n] = &infos[n];
		n++;
	}
	list.n_vms = n;
	reply.result_case = SHADOWPOOL__REPLY__RESULT_LIST;
	reply.list = &list;
	if (infos && list.vms)
		control_reply(call, &reply);
	else
		control_error(call, CONTROL_FAILED, NULL, "poold is out of memory");
	connections_unlock(control->connections);
	free(infos);
	free(list.vms);
}

static void on_show(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct poold_control *control = ctx;
	Shadowpool__VmInfo info;
	Shadowpool__Reply reply;
	const struct session *s;

	shadowpool__reply__init(&reply);
	connections_lock(control->connections);
	s = connections_find(control->connections, request->show->name);
	if (s) {
		fill_info(&info, s);
		reply.result_case = SHADOWPOOL__REPLY__RESULT_VM;
		reply.vm = &info;
		control_reply(call, &reply);
	} else {
		control_no_such_vm(call, request->show->name);
	}
	connections_unlock(control->connections);
}

static void reply_stats(struct control_call *call, const struct session *s)
{
	Shadowpool__Counter counters[POOL_STAT_COUNT], *list[POOL_STAT_COUNT];
	Shadowpool__Stats stats;
	Shadowpool__Reply reply;

	shadowpool__stats__init(&stats);
	shadowpool__reply__init(&reply);
	for (unsigned i = 0; i < POOL_STAT_COUNT; i++) {
		shadowpool__counter__init(&counters[i]);
		counters[i].name = pb_string(pool_stat_name[i]);
		counters[i].value = load_relaxed(&s->stats[i]);
		list[i] = &counters[i];
	}
	stats.name = pb_string(s->name);
	stats.n_pool = POOL_STAT_COUNT;
	stats.pool = list;
	stats.pool_page_size = pb_string(page_size_name(s));
	stats.audit_violations = load_relaxed(&s->stats[POOL_STAT_audit_violations]);
	reply.result_case = SHADOWPOOL__REPLY__RESULT_STATS;
	reply.stats = &stats;
	control_reply(call, &reply);
}

static void on_stats(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct poold_control *control = ctx;
	const struct session *s;

	connections_lock(control->connections);
	s = connections_find(control->connections, request->stats->name);
	if (s)
		reply_stats(call, s);
	else
		control_no_such_vm(call, request->stats->name);
	connections_unlock(control->connections);
}

static void reply_walk(struct control_call *call, const struct inspection *in)
{
	static const char *const paging[] = { [WALK_UNPAGED] = "none", [WALK_32BIT] = "32-bit", [WALK_PAE] = "pae",
					      [WALK_4LEVEL] = "4-level" };
	Shadowpool__WalkEntry entries[INSPECT_LEVELS], *list[INSPECT_LEVELS];
	Shadowpool__WalkReply walk;
	Shadowpool__Reply reply;

	shadowpool__walk_reply__init(&walk);
	shadowpool__reply__init(&reply);
	for (unsigned i = 0; i < in->nlevels; i++) {
		const struct inspect_level *l = &in->level[i];
		Shadowpool__WalkEntry *e = list[i] = &entries[i];

		shadowpool__walk_entry__init(e);
		e->level = l->level;
		e->guest_present = l->guest_valid;
		e->guest_gpa = l->guest_gpa;
		e->guest_entry = l->guest_entry;
		e->shadow_present = l->shadow_valid;
		e->shadow_maddr = l->shadow_maddr;
		e->shadow_entry = l->shadow_entry;
		e->shadow_kind = pb_string(l->shadow_valid ? pool_kind_name(l->shadow_kind) : "");
	}
	walk.gva = in->gva;
	walk.paging = pb_string(paging[in->paging]);
	walk.guest_ok = in->guest_ok;
	walk.guest_gpa = in->guest_gpa;
	walk.guest_error_code = in->guest_error_code;
	walk.shadow_ok = in->shadow.present;
	walk.shadow_gpa = in->shadow.gpa;
	walk.shadow_writable = in->shadow.writable;
	walk.n_entries = in->nlevels;
	walk.entries = list;
	reply.result_case = SHADOWPOOL__REPLY__RESULT_WALK;
	reply.walk = &walk;
	control_reply(call, &reply);
}

static void on_walk(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	const Shadowpool__WalkRequest *r = request->walk;
	struct poold_control *control = ctx;
	struct inspection in;
	struct session *s;
	int rc;

	connections_lock(control->connections);
	s = connections_find(control->connections, r->name);
	rc = s ? inspect_walk(s, r->vcpu, r->view, r->gva, &in) : 0;
	if (!s)
		control_no_such_vm(call, r->name);
	else if (rc == -ENOENT)
		control_error(call, CONTROL_FAILED, "wait until the VM runs", "vCPU %u of VM %s has no root yet",
			      r->vcpu, r->name);
	else if (rc)
		control_error(call, CONTROL_USAGE,
			      "--vcpu is below the VM's number of vCPUs, --view 0 (supervisor) or 1 (user)",
			      "VM %s has no vCPU %u or no view %u", r->name, r->vcpu, r->view);
	else
		reply_walk(call, &in);
	connections_unlock(control->connections);
}

static const struct control_verb verbs[] = {
	{ SHADOWPOOL__REQUEST__OP_LIST, on_list },
	{ SHADOWPOOL__REQUEST__OP_SHOW, on_show },
	{ SHADOWPOOL__REQUEST__OP_STATS, on_stats },
	{ SHADOWPOOL__REQUEST__OP_WALK, on_walk },
	{ SHADOWPOOL__REQUEST__OP_VERIFY, verify_handler },
	{ SHADOWPOOL__REQUEST__OP_FLUSH, flush_handler },
	{ SHADOWPOOL__REQUEST__OP_CACHE, flush_cache_handler },
	{ SHADOWPOOL__REQUEST__OP_POOL, pool_verb_handler },
	{ SHADOWPOOL__REQUEST__OP_TRACE, trace_verbs_start },
	{ SHADOWPOOL__REQUEST__OP_TRACE_STOP, trace_verbs_stop },
	{ SHADOWPOOL__REQUEST__OP__NOT_SET, NULL },
};

/* A session has something to tell a client. */
static void on_woken(void *ctx)
{
	trace_verbs_woken(ctx);
	standing_woken(ctx);
}

/* struct trace_jobs, thread: any. */
static void wake(void *ctx)
{
	struct poold_control *control = ctx;

	control_server_wake(control->server);
}

int poold_control_open(struct poold_control *control, struct event_base *base, struct service *service, char *err,
		       size_t err_size)
{
	struct control_server_config config = {
		.path = service->config->control_socket, .mode = CONTROL_SOCKET_MODE, .program = "poold",
		.version = PACKAGE_VERSION, .verbs = verbs, .ctx = control, .woken = on_woken,
	};
	int rc;

	*control = (struct poold_control){
		.base = base, .connections = &service->connections, .trace_jobs = &service->trace_jobs,
	};
	standing_init(&control->standing_jobs);
	rc = control_server_create(&control->server, base, &config, err, err_size);
	if (!rc)
		trace_jobs_tell(control->trace_jobs, wake, control);
	return rc;
}

void poold_control_answer(struct poold_control *control)
{
	if (!control->server)
		return;
	on_woken(control);
	event_base_loop(control->base, EVLOOP_NONBLOCK);
}

void poold_control_close(struct poold_control *control)
{
	if (!control->server)
		return;
	trace_jobs_tell(control->trace_jobs, NULL, NULL);
	standing_close(&control->standing_jobs);
	control_server_destroy(control->server);
	control->server = NULL;
}
