/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest: its configuration, start, end, and the death of its poold. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/frame.h"
#include "ctl/vm_config.h"
#include "tests/integration/harness/harness_priv.h"

#define START_S	60	/* for trapd to load the image */
#define STOP_S	20

struct listed {
	struct sp_vm vm;
	struct control_client wait;	/* on which the answer to Wait is expected; closed: not asked yet */
	bool booted;			/* by us */
	struct listed *next;
};
static struct listed *all;

static struct listed *listed_of(struct sp_vm *vm)
{
	return (struct listed *)((char *)vm - offsetof(struct listed, vm));
}

static struct listed *new_vm(struct sp_daemons *d, const char *name)
{
	struct listed *l = sp_new(sizeof(*l));

	*l = (struct listed){ .vm = { .daemons = d, .name = sp_text("%s", name) }, .wait.fd = -1, .next = all };
	l->vm.what = l->vm.name;
	all = l;
	return l;
}

struct sp_vm *sp_vm_at(struct sp_daemons *d, const char *name)
{
	return &new_vm(d, name)->vm;
}

static void set(struct vm_conf *conf, const char *key, const char *value)
{
	char err[256];

	if (value && conf_set(vm_conf_keys, conf, key, value, err, sizeof(err)))
		sp_fail("%s", err);
}

static void free_conf(void *conf)
{
	vm_conf_free(conf);
	free(conf);
}

static struct vm_conf *conf_of(const struct sp_guest *g)
{
	struct vm_conf *conf = calloc(1, sizeof(*conf));
	char err[256];

	if (!conf || vm_conf_defaults(conf))
		sp_fail("out of memory");
	sp_keep_with(conf, free_conf);
	set(conf, "image", sp_image(g->image));
	set(conf, "cmdline", g->cmdline);
	set(conf, "mem", g->mem);
	set(conf, "pool", g->pool);
	set(conf, "pool-pages", g->pool_pages);
	set(conf, "audit", g->audit);
	set(conf, "if", g->interrupt_flag);
	set(conf, "emulate", g->emulate);
	set(conf, "initrd", g->initrd);
	set(conf, "vcpus", g->vcpus ? sp_text("%u", g->vcpus) : NULL);
	for (unsigned i = 0; i < 8 && g->modules[i]; i++)
		if (vm_conf_add_module(conf, g->modules[i]))
			sp_fail("too many modules");
	for (unsigned i = 0; i < 4 && g->disks[i]; i++)
		if (vm_conf_add_disk(conf, g->disks[i]))
			sp_fail("too many disks");
	if (vm_conf_check(conf, err, sizeof(err)))
		sp_fail("%s", err);
	conf->poison = g->poison;
	return conf;
}

static void free_reply(void *reply)
{
	shadowpool__reply__free_unpacked(reply, NULL);
}

/* NULL, or why trapd refuses. */
static const char *start(struct sp_vm *vm, const struct sp_guest *g)
{
	Shadowpool__StartRequest start;
	Shadowpool__Request request;
	struct vm_config_message m;
	struct control_client client;
	Shadowpool__Reply *reply = NULL;
	int rc = vm_config_message(&m, conf_of(g));

	shadowpool__start_request__init(&start);
	shadowpool__request__init(&request);
	start.name = (char *)(uintptr_t)vm->name;
	start.config = &m.config;
	start.use_config = true;
	request.op_case = SHADOWPOOL__REQUEST__OP_START;
	request.start = &start;
	sp_connect(vm->daemons, SP_TRAPD, &client);
	if (!rc)
		rc = control_call(&client, &request, sp_limit(START_S).end_ns, &reply);
	control_close(&client);
	vm_config_message_free(&m);
	if (rc)
		sp_fail("%s: trapd does not start it: %s", vm->what, strerror(-rc));
	sp_keep_with(reply, free_reply);
	return reply->result_case == SHADOWPOOL__REPLY__RESULT_ERROR ? reply->error->message : NULL;
}

struct sp_vm *sp_try_boot(struct sp_daemons *d, const struct sp_guest *g, const char **why)
{
	struct sp_private *s;
	struct listed *l;

	if (!d)
		d = sp_daemons_start(&(struct sp_daemons_options){ .policy = g->policy, .trace = g->trace,
								   .allow_inject = g->poison != 0 });
	else if (g->policy || g->trace)
		sp_fail("policy and trace are the daemons', which run already");
	l = new_vm(d, g->name ? g->name : "vm");
	l->vm.what = sp_text("%s %s", g->image, g->cmdline ? g->cmdline : "");
	s = sp_private_of(d);
	if (!s->console_owner && s->console_path) {
		s->console_owner = &l->vm;
		l->vm.console_path = s->console_path;
	}
	*why = start(&l->vm, g);
	l->booted = !*why;
	return l->booted ? &l->vm : NULL;
}

struct sp_vm *sp_boot(struct sp_daemons *d, const struct sp_guest *g)
{
	const char *why;
	struct sp_vm *vm = sp_try_boot(d, g, &why);

	if (!vm)
		sp_fail("%s: trapd does not start it: %s", g->image, why);
	return vm;
}

static void ask_for_end(struct listed *l)
{
	Shadowpool__WaitRequest wait;
	Shadowpool__Request request;
	int rc;

	shadowpool__wait_request__init(&wait);
	shadowpool__request__init(&request);
	wait.name = (char *)(uintptr_t)l->vm.name;
	request.op_case = SHADOWPOOL__REQUEST__OP_WAIT;
	request.wait = &wait;
	sp_connect(l->vm.daemons, SP_TRAPD, &l->wait);
	rc = frame_send(l->wait.fd, &request.base, FRAME_MAX_REQUEST, sp_request_deadline());
	if (rc)
		sp_fail("%s: cannot ask trapd for its end: %s", l->vm.what, strerror(-rc));
}

static void take_end(struct listed *l)
{
	Shadowpool__Reply *reply;
	int rc = control_next(&l->wait, sp_request_deadline(), &reply);

	if (rc)
		sp_fail("%s: trapd does not tell its end: %s", l->vm.what, strerror(-rc));
	control_close(&l->wait);
	sp_keep_with(reply, free_reply);
	if (reply->result_case == SHADOWPOOL__REPLY__RESULT_ERROR)
		sp_fail("%s: trapd does not tell its end: %s", l->vm.what, reply->error->message);
	if (reply->result_case != SHADOWPOOL__REPLY__RESULT_VM)
		sp_fail("%s: trapd answers Wait with %d", l->vm.what, (int)reply->result_case);
	l->vm.end = reply->vm;
}

/* Poll for the end, so long. */
static bool ended_within(struct sp_vm *vm, int ms)
{
	struct listed *l = listed_of(vm);
	struct pollfd fd = { .events = POLLIN };

	if (vm->end)
		return true;
	if (l->wait.fd < 0)
		ask_for_end(l);
	fd.fd = l->wait.fd;
	if (poll(&fd, 1, ms) != 1)
		return false;
	take_end(l);
	return true;
}

bool sp_vm_ended(struct sp_vm *vm)
{
	return ended_within(vm, 0);
}

const Shadowpool__VmInfo *sp_vm_wait(struct sp_vm *vm, double seconds)
{
	struct sp_limit limit = sp_limit(seconds);

	while (!ended_within(vm, sp_limit_left_ms(&limit)))
		if (!sp_limit_left_ms(&limit))
			sp_fail("%s: did not end within %g s", vm->what, seconds * sp_scale());
	if (getenv("SHADOWPOOL_COUNTERS"))
		sp_note_counters(sp_stats(vm));
	return vm->end;
}

static void send_stop(const struct sp_vm *vm)
{
	Shadowpool__StopRequest stop;
	Shadowpool__Request request;

	shadowpool__stop_request__init(&stop);
	shadowpool__request__init(&request);
	stop.name = (char *)(uintptr_t)vm->name;
	stop.force = true;
	request.op_case = SHADOWPOOL__REQUEST__OP_STOP;
	request.stop = &stop;
	sp_ask(vm->daemons, SP_TRAPD, &request);
}

const Shadowpool__VmInfo *sp_vm_stop(struct sp_vm *vm)
{
	if (!sp_vm_ended(vm))
		send_stop(vm);
	return sp_vm_wait(vm, STOP_S);
}

struct sp_vm *sp_run(const struct sp_guest *guest, double seconds)
{
	struct sp_vm *vm = sp_boot(NULL, guest);

	sp_vm_wait(vm, seconds);
	return vm;
}

unsigned sp_kill_poold(struct sp_vm *vm, unsigned times, uint64_t requests)
{
	unsigned killed = 0;

	while (killed < times) {
		if (!sp_await(60, sp_vm_ended(vm) || (sp_counter(vm, "trapd.recoveries") >= killed &&
						      sp_counter(vm, "pool.map_requests") > requests)))
			sp_fail("%s: no recovery from kill %u", vm->what, killed);
		if (sp_vm_ended(vm))
			break;
		sp_poold_replace(vm->daemons, SIGKILL);
		killed++;
	}
	sp_say("poold was killed %u times", killed);
	return killed;
}

static void describe_end(const struct sp_vm *vm)
{
	sp_print_tail(sp_text("%s: stopped (%s), exit code %d", vm->what, vm->end->stop_reason, vm->end->exit_code),
		      *vm->end->message ? vm->end->message : "no message");
	sp_print_tail("report", vm->end->report);
}

void sp_expect_exit(struct sp_vm *vm, int code, double seconds)
{
	const Shadowpool__VmInfo *end = sp_vm_wait(vm, seconds);

	sp_assert(!strcmp(end->stop_reason, "exit") && end->exit_code == code, "%s: ended by %s with code %d: %s", vm->what,
		  end->stop_reason, end->exit_code, end->message);
}

void sp_expect_stop(struct sp_vm *vm, const char *reason, double seconds)
{
	const Shadowpool__VmInfo *end = sp_vm_wait(vm, seconds);

	sp_assert(!strcmp(end->stop_reason, reason), "%s: ended by %s, not %s: %s", vm->what, end->stop_reason, reason, end->message);
}

/* Those that run yet: private ones end with their daemons, in running daemons they are told to. */
void sp_vms_end(void)
{
	for (struct listed *l = all; l; l = l->next) {
		if (l->booted && !l->vm.daemons->trapd && !l->vm.end && !sp_failed)
			sp_vm_stop(&l->vm);
		control_close(&l->wait);
	}
	all = NULL;
}

void sp_vms_print(void)
{
	for (struct listed *l = all; l; l = l->next) {
		if (l->vm.end)
			describe_end(&l->vm);
		if (l->vm.console_path)
			sp_print_tail(sp_text("%s: console", l->vm.what), sp_console(&l->vm));
	}
}
