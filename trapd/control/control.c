/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control verbs, see control.h. Requests come from clients that may be anybody the socket's mode lets in: names,
 * sizes and paths are checked before they are used.
 */
#include "trapd/control/control.h"

#include <config.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/control_server.h"
#include "common/log.h"
#include "trapd/control/vm_reply.h"
#include "trapd/control/vm_table.h"

#define SOCKET_MODE	0660	/* group shadowpool; in an embedded run the directory is the caller's alone */

/* A client that waits until a VM has got its pool (start), or until it has ended (wait, and start if that comes first). */
struct waiter {
	LIST_ENTRY(waiter) link;
	struct control_call *call;
	struct vm_entry *entry;
	bool start;
};

struct control {
	struct trapd_config *config;
	struct control_server *server;
	struct vm_table table;
	LIST_HEAD(, waiter) waiters;
};

static void reply_vm(struct control_call *call, struct vm_entry *e)
{
	struct vm_info_reply r;
	Shadowpool__Reply reply;

	shadowpool__reply__init(&reply);
	vm_info_fill(&r, e, true);
	reply.result_case = SHADOWPOOL__REPLY__RESULT_VM;
	reply.vm = &r.info;
	control_reply(call, &reply);
}

/* The VM that a request names, or NULL after the error was answered. */
static struct vm_entry *named(struct control *c, struct control_call *call, const char *name)
{
	struct vm_entry *e = vm_table_find(&c->table, name);

	if (!e)
		control_error(call, CONTROL_NO_OBJECT, "shadowctl list --all shows what there is", "no VM %.64s", name);
	return e;
}

/* Whoever started a VM may end it; else root and the daemon's own user. */
static bool may_change(const struct control_call *call, const struct vm_entry *e)
{
	uid_t uid = control_peer(call)->uid;

	return uid == e->owner || uid == 0 || uid == geteuid();
}

/* What the client sent, as if it had been read from a file. 0 or -errno with one line in err. */
static int conf_from_message(struct vm_conf *conf, const Shadowpool__VmConfig *m, char *err, size_t err_size)
{
	size_t i;

	snprintf(err, err_size, "out of memory");
	if (m->pool_pages > ATTACH_PAGES_4K || m->audit > ATTACH_AUDIT_FULL || m->interrupt_flag > VM_CONF_IF_NATIVE ||
	    m->emulate > VM_CONF_EMULATE_AHEAD || m->time > VM_CONF_TIME_OFF) {
		snprintf(err, err_size, "the request holds a pool-pages, audit, if, emulate or time that this trapd does not know");
		return -EINVAL;
	}
	if (*m->image != '/') {
		snprintf(err, err_size, "the path of the image must be absolute, not %.256s", m->image);
		return -EINVAL;
	}
	conf->image = strdup(m->image);
	if (!conf->image)
		return -ENOMEM;
	if (*m->cmdline && !(conf->cmdline = strdup(m->cmdline)))
		return -ENOMEM;
	for (i = 0; i < m->n_modules; i++) {
		int rc = vm_conf_add_module(conf, m->modules[i]);

		if (rc) {
			snprintf(err, err_size, "more modules than %u", VM_MODULES_MAX);
			return rc;
		}
	}
	if (*m->initrd && !(conf->initrd = strdup(m->initrd)))
		return -ENOMEM;
	for (i = 0; i < m->n_disks; i++) {
		int rc = vm_conf_add_disk(conf, m->disks[i]);

		if (rc) {
			snprintf(err, err_size, "more disks than %u", VM_CONF_DISKS_MAX);
			return rc;
		}
	}
	if (m->mem_bytes)
		conf->mem = m->mem_bytes;
	if (m->vcpus)
		conf->vcpus = m->vcpus;
	conf->pool = m->pool_bytes;
	conf->pool_pages = (int)m->pool_pages;
	conf->interrupt_flag = (int)m->interrupt_flag;
	conf->emulate = (int)m->emulate;
	conf->time = (int)m->time;
	conf->audit = (int)m->audit;
	conf->poison = m->poison;
	return vm_conf_check(conf, err, err_size);
}

static int conf_from_file(const struct control *c, struct vm_conf *conf, const char *name, char *err, size_t err_size)
{
	char path[4096];
	int rc;

	snprintf(path, sizeof(path), "%s/%s.conf", c->config->vm_dir, name);
	rc = vm_conf_read(conf, path, err, err_size);
	if (rc == -ENOENT)
		snprintf(err, err_size, "%.400s does not exist; create it, or use --config FILE", path);
	return rc;
}

static void waiter_free(struct waiter *w)
{
	LIST_REMOVE(w, link);
	free(w);
}

static void on_gone(struct control_call *call, void *arg)
{
	waiter_free(arg);
}

static void wait_for(struct control *c, struct control_call *call, struct vm_entry *e, bool start)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (!w) {
		control_error(call, CONTROL_FAILED, NULL, "out of memory");
		return;
	}
	*w = (struct waiter){ .call = call, .entry = e, .start = start };
	LIST_INSERT_HEAD(&c->waiters, w, link);
	control_defer(call, on_gone, w);
}

static void start_vm(struct control *c, struct control_call *call, const char *name, struct vm_conf *conf)
{
	struct trapd_config *config = c->config;
	struct vm_start_args args = {
		.name = name, .owner = control_peer(call)->uid, .conf = conf, .attach_socket = config->attach_socket,
		.console_in = config->console_in, .console_out = config->console_out,
	};
	struct vm_entry *e;
	char err[512];
	int rc;

	rc = vm_table_start(&c->table, &args, &e, err, sizeof(err));
	/* Inherited descriptors serve one VM. */
	config->console_in = args.console_in;
	config->console_out = args.console_out;
	if (rc) {
		log_info("VM %s was not started: %s", name, err);
		control_error(call, rc == -EACCES || rc == -EPERM ? CONTROL_NOT_PERMITTED : CONTROL_FAILED, NULL, "%s",
			      err);
		return;
	}
	log_info("VM %s started", name);
	wait_for(c, call, e, true);
}

static void on_start(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	const Shadowpool__StartRequest *start = request->start;
	struct control *c = ctx;
	struct vm_conf conf;
	char err[512];
	int rc;

	if (!vm_name_is_valid(start->name)) {
		control_error(call, CONTROL_USAGE, "a name has 1 to 32 of a-z, 0-9 and -, and does not begin with -",
			      "not a name for a VM: %.64s", start->name);
		return;
	}
	rc = vm_conf_defaults(&conf);
	if (!rc && start->use_config && !start->config) {
		snprintf(err, sizeof(err), "the request lacks the configuration that it announces");
		rc = -EINVAL;
	} else if (!rc) {
		rc = start->use_config ? conf_from_message(&conf, start->config, err, sizeof(err)) :
			conf_from_file(c, &conf, start->name, err, sizeof(err));
	}
	if (rc)
		control_error(call, rc == -ENOENT ? CONTROL_NO_OBJECT : CONTROL_FAILED, NULL, "%s", err);
	else if (conf.poison && !c->config->allow_inject)
		control_error(call, CONTROL_NOT_PERMITTED, "start trapd with --allow-inject",
			      "test hooks are switched off");
	else
		start_vm(c, call, start->name, &conf);
	vm_conf_free(&conf);
}

static void on_stop(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	const Shadowpool__StopRequest *stop = request->stop;
	struct vm_entry *e = named(ctx, call, stop->name);

	if (!e)
		return;
	if (!may_change(call, e)) {
		control_error(call, CONTROL_NOT_PERMITTED, "ask who started it, or use sudo", "VM %s is not yours",
			      e->name);
		return;
	}
	/* There is no device yet through which a guest could be asked: every stop ends it at once. */
	vm_table_stop(e, stop->timeout ? VM_STOP_TIMEOUT : VM_STOP_REQUESTED);
	reply_vm(call, e);
}

static void on_show(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct vm_entry *e = named(ctx, call, request->show->name);

	if (e)
		reply_vm(call, e);
}

static void on_stats(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct vm_entry *e = named(ctx, call, request->stats->name);
	struct vm_stats_reply *r;
	Shadowpool__Reply reply;

	if (!e)
		return;
	r = calloc(1, sizeof(*r));
	if (!r) {
		control_error(call, CONTROL_FAILED, NULL, "out of memory");
		return;
	}
	shadowpool__reply__init(&reply);
	vm_stats_fill(r, e);
	reply.result_case = SHADOWPOOL__REPLY__RESULT_STATS;
	reply.stats = &r->stats;
	control_reply(call, &reply);
	free(r);
}

static void on_screen(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct vm_entry *e = named(ctx, call, request->screen->name);
	struct vm_screen_reply r;
	Shadowpool__Reply reply;

	if (!e)
		return;
	shadowpool__reply__init(&reply);
	vm_screen_fill(&r, e);
	reply.result_case = SHADOWPOOL__REPLY__RESULT_SCREEN;
	reply.screen = &r.screen;
	control_reply(call, &reply);
}

static void on_list(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct control *c = ctx;
	size_t n = c->table.nrunning + c->table.nended, i = 0;
	struct vm_info_reply *replies = calloc(n + 1, sizeof(*replies));
	Shadowpool__VmInfo **vms = calloc(n + 1, sizeof(Shadowpool__VmInfo *));
	Shadowpool__VmList list;
	Shadowpool__Reply reply;
	struct vm_entry *e;

	if (!replies || !vms) {
		control_error(call, CONTROL_FAILED, NULL, "out of memory");
	} else {
		TAILQ_FOREACH(e, &c->table.entries, link) {
			vm_info_fill(&replies[i], e, false);
			vms[i] = &replies[i].info;
			i++;
		}
		shadowpool__vm_list__init(&list);
		shadowpool__reply__init(&reply);
		list.n_vms = i;
		list.vms = vms;
		reply.result_case = SHADOWPOOL__REPLY__RESULT_LIST;
		reply.list = &list;
		control_reply(call, &reply);
	}
	free(replies);
	free(vms);
}

static void on_wait(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct control *c = ctx;
	struct vm_entry *e = named(c, call, request->wait->name);

	if (e && e->vm)
		wait_for(c, call, e, false);
	else if (e)
		reply_vm(call, e);
}

/* A start whose VM never reached its guest has failed; every other waiter learns what has become of the VM. */
static void answer(struct waiter *w)
{
	struct vm_entry *e = w->entry;

	if (w->start && !vm_entry_is_attached(e))
		control_error(w->call, CONTROL_FAILED, NULL, "%s", e->stop.message);
	else
		reply_vm(w->call, e);
	waiter_free(w);
}

static void on_vm_ended(struct vm_entry *e, void *ctx)
{
	struct control *c = ctx;
	struct waiter *w, *next;

	log_info("VM %s has ended: %s", e->name, e->stop.message);
	/* Here and not later: the table may forget the entry soon. */
	for (w = LIST_FIRST(&c->waiters); w; w = next) {
		next = LIST_NEXT(w, link);
		if (w->entry == e)
			answer(w);
	}
}

/* In the loop, after wake(). */
static void on_woken(void *ctx)
{
	struct control *c = ctx;
	struct waiter *w, *next;

	vm_table_reap(&c->table, on_vm_ended, c);
	for (w = LIST_FIRST(&c->waiters); w; w = next) {
		next = LIST_NEXT(w, link);
		if (w->start && vm_entry_is_attached(w->entry))
			answer(w);
	}
}

/* In a thread of a VM. */
static void wake(void *ctx)
{
	struct control *c = ctx;

	control_server_wake(c->server);
}

static const struct control_verb verbs[] = {
	{ SHADOWPOOL__REQUEST__OP_START, on_start },
	{ SHADOWPOOL__REQUEST__OP_STOP, on_stop },
	{ SHADOWPOOL__REQUEST__OP_SHOW, on_show },
	{ SHADOWPOOL__REQUEST__OP_STATS, on_stats },
	{ SHADOWPOOL__REQUEST__OP_SCREEN, on_screen },
	{ SHADOWPOOL__REQUEST__OP_LIST, on_list },
	{ SHADOWPOOL__REQUEST__OP_WAIT, on_wait },
	{ 0 }
};

int control_create(struct control **out, struct event_base *base, struct trapd_config *config,
		   const struct vm_engine *engine, char *err, size_t err_size)
{
	struct control_server_config server = {
		.path = config->control_socket, .mode = SOCKET_MODE, .program = "trapd", .version = PACKAGE_VERSION,
		.verbs = verbs, .woken = on_woken,
	};
	struct control *c = calloc(1, sizeof(*c));
	int rc;

	if (!c) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	c->config = config;
	LIST_INIT(&c->waiters);
	vm_table_init(&c->table, engine, config->max_vms, wake, c);
	server.ctx = c;
	rc = control_server_create(&c->server, base, &server, err, err_size);
	if (rc) {
		free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void control_destroy(struct control *c)
{
	if (!c)
		return;
	/* VMs first: their last threads use the server's wake-up. Then nobody is left who could answer the waiters. */
	vm_table_fini(&c->table);
	control_server_destroy(c->server);
	free(c);
}
