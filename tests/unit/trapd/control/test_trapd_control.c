/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trapd's table of VMs and its verbs, over a real control socket, with an engine of the test's own: no KVM, no poold.
 * The control loop runs in a thread of the test; fake VMs end when the test says so, from a thread that is not the
 * loop's.
 */
#include "tests/wait.h"
#include "trapd/control/control.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/control_client.h"
#include "common/frame.h"
#include "common/log.h"
#include "common/vm_conf.h"
#include "trapd/control/vm_table.h"

/* ---- the engine */

struct fake {
	struct vm vm;		/* first: what the table holds */
	char name[33], image[256], cmdline[64];
	uint64_t mem, pool;
	int nmodules, ndisks, console_in, console_out;
	char initrd[64];
	void (*attached)(struct vm *vm, void *ctx), (*ended)(struct vm *vm, void *ctx);
	void *ctx;
	struct vm_stop stop;
	bool announced;
};

static struct {
	char dir[64];
	struct trapd_config config;
	struct event_base *base;
	struct control *control;
	pthread_t thread;
	int quit[2];
	pthread_mutex_t lock;
	struct fake *latest;
	int created, destroyed, fail_create, fail_start, no_poold, slow_poold;	/* atomic */
} t = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int fake_create(struct vm **out, const struct vm_config *c, char *err, size_t err_size)
{
	struct fake *f;

	if (load_acquire(&t.fail_create)) {
		snprintf(err, err_size, "no room; make some");
		return -ENOSPC;
	}
	f = calloc(1, sizeof(*f));
	snprintf(f->name, sizeof(f->name), "%s", c->name);
	snprintf(f->image, sizeof(f->image), "%s", c->image);
	snprintf(f->cmdline, sizeof(f->cmdline), "%s", c->cmdline ? c->cmdline : "");
	f->mem = c->mem_bytes;
	f->pool = c->pool_bytes;
	f->console_in = c->console_in;
	f->console_out = c->console_out;
	while (c->modules[f->nmodules])
		f->nmodules++;
	while (c->disks[f->ndisks])
		f->ndisks++;
	snprintf(f->initrd, sizeof(f->initrd), "%s", c->initrd ? c->initrd : "");
	fetch_add_release(&t.created, 1);
	*out = &f->vm;
	return 0;
}

static int fake_start(struct vm *vm, void (*attached)(struct vm *vm, void *ctx), void (*ended)(struct vm *vm, void *ctx),
		      void *ctx)
{
	struct fake *f = (struct fake *)vm;

	if (load_acquire(&t.fail_start))
		return -EAGAIN;
	f->ended = ended;
	f->ctx = ctx;
	pthread_mutex_lock(&t.lock);
	t.latest = f;
	pthread_mutex_unlock(&t.lock);
	if (load_acquire(&t.no_poold)) {
		f->announced = true;
		f->stop = (struct vm_stop){ .reason = VM_STOP_ERROR, .message = "cannot reach poold; start it" };
		ended(vm, ctx);
	} else if (!load_acquire(&t.slow_poold)) {
		attached(vm, ctx);
	}
	f->attached = attached;
	return 0;
}

static void fake_destroy(struct vm *vm)
{
	struct fake *f = (struct fake *)vm;

	pthread_mutex_lock(&t.lock);
	if (t.latest == f)
		t.latest = NULL;
	pthread_mutex_unlock(&t.lock);
	free(f);
	fetch_add_release(&t.destroyed, 1);
}

static void fake_state(struct vm *vm, struct vm_stop *out)
{
	*out = ((struct fake *)vm)->stop;
	out->report = strdup("line one\nline two");
}

static void fake_stop(struct vm *vm, enum vm_stop_reason reason)
{
	struct fake *f = (struct fake *)vm;

	if (f->announced)
		return;
	f->announced = true;
	f->stop = (struct vm_stop){ .reason = reason };
	snprintf(f->stop.message, sizeof(f->stop.message), "stopped");
	f->ended(vm, f->ctx);
}

static void fake_look(struct vm *vm, struct vm_snapshot *out)
{
	size_t i;

	memset(out, 0, sizeof(*out));
	out->pool_bytes = 2 << 20;
	out->pool_pages = ATTACH_PAGES_4K;
	out->pool_up = true;
	out->epoch = 7;
	out->facts.maxphyaddr = 46;
	for (i = 0; i < TRAP_STAT_COUNT; i++)
		out->trap[i] = 1000 + i;
	for (i = 0; i < POOL_STAT_COUNT; i++)
		out->pool[i] = 2000 + i;
	out->nvcpu = 2;
	out->vcpu[0].interrupt_flag = true;
	out->vcpu[1] = (struct vcpu_snapshot){ .halted = true, .apic = { .enabled = true, .task_priority = 0x20 } };
	out->vcpu[1].apic.requested[2] = 1u << 16;
	out->vcpu[1].apic.in_service[7] = 1u << 31;
	out->pic = (struct pic_state){ .masked = 0xfffe, .requested = 0x4001, .in_service = 4 };
	snprintf(out->screen, sizeof(out->screen), "%s", "on \xe2\x96\x88 the screen\n");
}

static const struct vm_engine engine = {
	.create = fake_create,
	.start = fake_start,
	.destroy = fake_destroy,
	.stop_state = fake_state,
	.stop = fake_stop,
	.look = fake_look,
};

/* The guest ends by itself, in a thread that is not the loop's. */
static void guest_exits(int code)
{
	struct fake *f;

	pthread_mutex_lock(&t.lock);
	f = t.latest;
	cr_assert_not_null(f);
	f->announced = true;
	f->stop = (struct vm_stop){ .reason = VM_STOP_GUEST_EXIT, .exit_code = code };
	pthread_mutex_unlock(&t.lock);
	f->ended(&f->vm, f->ctx);
}

/* ---- the daemon */

static void on_quit(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(t.base);
}

static void *loop(void *arg)
{
	struct event *quit = event_new(t.base, t.quit[0], EV_READ, on_quit, NULL);

	event_add(quit, NULL);
	event_base_dispatch(t.base);
	event_free(quit);
	return NULL;
}

static void setup(void)
{
	static char arg0[] = "trapd", arg1[] = "--runtime-dir", arg3[] = "-o", arg4[] = "max-vms=3", arg5[] = "-o";
	char *argv[] = { arg0, arg1, t.dir, arg3, arg4, arg5, NULL, NULL };
	char err[512], vm_dir[128];
	bool test_only;

	log_init("test", LOG_LEVEL_ERROR);
	strcpy(t.dir, "/tmp/test_trapd_XXXXXX");
	cr_assert(mkdtemp(t.dir));
	snprintf(vm_dir, sizeof(vm_dir), "vm-dir=%s", t.dir);
	argv[6] = vm_dir;
	cr_assert_eq(daemon_options_load(&trapd_options, &t.config, 7, argv, &test_only, err, sizeof(err)), 0, "%s", err);
	t.config.console_in = 100;
	t.config.console_out = 101;
	t.base = event_base_new();
	cr_assert(!pipe(t.quit));
	cr_assert_eq(control_create(&t.control, t.base, &t.config, &engine, err, sizeof(err)), 0, "%s", err);
	pthread_create(&t.thread, NULL, loop, NULL);
}

static void teardown(void)
{
	cr_assert_eq(write(t.quit[1], "q", 1), 1);
	pthread_join(t.thread, NULL);
	control_destroy(t.control);
	event_base_free(t.base);
	trapd_config_free(&t.config);
	cr_assert_eq(load_acquire(&t.created), t.destroyed, "VMs are left: %d created, %d destroyed", t.created, t.destroyed);
	cr_assert(!rmdir(t.dir), "files are left in %s", t.dir);
}

TestSuite(trapd, .init = setup, .fini = teardown);

/* ---- the client */

static void connect_to(struct control_client *c)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/trapd-control.sock", t.dir);
	cr_assert_eq(control_open(c, path, "test", "1", frame_deadline(test_wait_ms())), 0);
}

static Shadowpool__Reply *call(const Shadowpool__Request *r)
{
	struct control_client c;
	Shadowpool__Reply *reply;

	connect_to(&c);
	cr_assert_eq(control_call(&c, r, frame_deadline(test_wait_ms()), &reply), 0);
	control_close(&c);
	return reply;
}

static Shadowpool__Reply *start_config(const char *name, void (*change)(Shadowpool__VmConfig *c))
{
	Shadowpool__StartRequest s;
	Shadowpool__VmConfig c;
	Shadowpool__Request r;

	shadowpool__start_request__init(&s);
	shadowpool__vm_config__init(&c);
	shadowpool__request__init(&r);
	c.image = (char *)(uintptr_t)"/image";
	c.mem_bytes = 32 << 20;
	if (change)
		change(&c);
	s.name = (char *)(uintptr_t)name;
	s.use_config = true;
	s.config = &c;
	r.op_case = SHADOWPOOL__REQUEST__OP_START;
	r.start = &s;
	return call(&r);
}

static Shadowpool__Reply *by_name(Shadowpool__Request__OpCase op, const char *name)
{
	Shadowpool__NameRequest n;
	Shadowpool__StopRequest s;
	Shadowpool__WaitRequest w;
	Shadowpool__StartRequest st;
	Shadowpool__WalkRequest wk;
	Shadowpool__Empty e;
	Shadowpool__Request r;

	shadowpool__name_request__init(&n);
	shadowpool__stop_request__init(&s);
	shadowpool__wait_request__init(&w);
	shadowpool__start_request__init(&st);
	shadowpool__walk_request__init(&wk);
	shadowpool__empty__init(&e);
	shadowpool__request__init(&r);
	n.name = s.name = w.name = st.name = wk.name = (char *)(uintptr_t)name;
	r.op_case = op;
	if (op == SHADOWPOOL__REQUEST__OP__NOT_SET)
		return call(&r);
	if (op == SHADOWPOOL__REQUEST__OP_WALK)
		r.walk = &wk;
	else if (op == SHADOWPOOL__REQUEST__OP_STOP)
		r.stop = &s;
	else if (op == SHADOWPOOL__REQUEST__OP_WAIT)
		r.wait = &w;
	else if (op == SHADOWPOOL__REQUEST__OP_LIST)
		r.list = &e;
	else if (op == SHADOWPOOL__REQUEST__OP_START)
		r.start = &st;
	else
		r.show = &n;
	return call(&r);
}

static void done(Shadowpool__Reply *r)
{
	shadowpool__reply__free_unpacked(r, NULL);
}

static void expect_error(Shadowpool__Reply *r, unsigned code, const char *part)
{
	cr_assert_eq(r->result_case, SHADOWPOOL__REPLY__RESULT_ERROR);
	cr_assert_eq(r->error->code, code, "%u: %s", r->error->code, r->error->message);
	cr_assert(strstr(r->error->message, part), "%s", r->error->message);
	done(r);
}

static void expect_vm(Shadowpool__Reply *r, const char *state, const char *reason)
{
	cr_assert_eq(r->result_case, SHADOWPOOL__REPLY__RESULT_VM, "%s",
		     r->result_case == SHADOWPOOL__REPLY__RESULT_ERROR ? r->error->message : "another kind");
	cr_assert_str_eq(r->vm->state, state);
	cr_assert_str_eq(r->vm->stop_reason, reason);
	done(r);
}

/* ---- tests */

Test(trapd, names_follow_the_rule)
{
	static const char *const bad[] = { "",	  "-a",	  "A",	 "a_b",
					   "a/b", "../x", "a b", "abcdefghijklmnopqrstuvwxyz0123456" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(start_config(bad[i], NULL), CONTROL_USAGE, "not a name");
	expect_vm(start_config("a", NULL), "running", "");
	expect_vm(start_config("abcdefghijklmnopqrstuvwxyz-01234", NULL), "running", "");
}

static void modules_and_more(Shadowpool__VmConfig *c)
{
	static char a[] = "/a", b[] = "/b", cmdline[] = "x=1";
	static char rd[] = "/rd", hda[] = "/hda", hdb[] = "/hdb", *disks[] = { hda, hdb };
	static char *modules[] = { a, b };

	c->modules = modules;
	c->n_modules = 2;
	c->initrd = rd;
	c->disks = disks;
	c->n_disks = 2;
	c->cmdline = cmdline;
	c->pool_bytes = 4 << 20;
}

Test(trapd, configuration_reaches_the_engine_and_the_console_serves_one_vm)
{
	expect_vm(start_config("one", modules_and_more), "running", "");
	cr_assert_str_eq(t.latest->name, "one");
	cr_assert_str_eq(t.latest->image, "/image");
	cr_assert_str_eq(t.latest->cmdline, "x=1");
	cr_assert_eq(t.latest->mem, 32 << 20);
	cr_assert_eq(t.latest->pool, 4 << 20);
	cr_assert_eq(t.latest->nmodules, 2);
	cr_assert_str_eq(t.latest->initrd, "/rd");
	cr_assert_eq(t.latest->ndisks, 2);
	cr_assert_eq(t.latest->console_in, 100);
	cr_assert_eq(t.latest->console_out, 101);
	expect_vm(start_config("two", NULL), "running", "");
	cr_assert_eq(t.latest->console_in, -1);
	cr_assert_eq(t.latest->console_out, -1);
}

static void too_big(Shadowpool__VmConfig *c)
{
	c->mem_bytes = 1ull << 45;
}

static void odd_size(Shadowpool__VmConfig *c)
{
	c->mem_bytes = (32 << 20) + 1;
}

static void relative(Shadowpool__VmConfig *c)
{
	c->image = (char *)(uintptr_t)"image";
}

static void unknown_pages(Shadowpool__VmConfig *c)
{
	c->pool_pages = 9;
}

static void poisoned(Shadowpool__VmConfig *c)
{
	c->poison = 1;
}

static void many_modules(Shadowpool__VmConfig *c)
{
	static char a[] = "/a";
	static char *modules[VM_MODULES_MAX + 1];
	size_t i;

	for (i = 0; i < VM_MODULES_MAX + 1; i++)
		modules[i] = a;
	c->modules = modules;
	c->n_modules = VM_MODULES_MAX + 1;
}

Test(trapd, impossible_configurations_are_refused_with_a_reason)
{
	expect_error(start_config("x", too_big), CONTROL_FAILED, "more than this machine has");
	expect_error(start_config("x", odd_size), CONTROL_FAILED, "4 KiB");
	expect_error(start_config("x", relative), CONTROL_FAILED, "absolute");
	expect_error(start_config("x", unknown_pages), CONTROL_FAILED, "pool-pages");
	expect_error(start_config("x", many_modules), CONTROL_FAILED, "modules");
	expect_error(start_config("x", poisoned), CONTROL_NOT_PERMITTED, "test hooks");
	expect_error(by_name(SHADOWPOOL__REQUEST__OP_START, "x"), CONTROL_NO_OBJECT, "x.conf does not exist");
	cr_assert_eq(load_acquire(&t.created), 0);
}

Test(trapd, configuration_file_of_the_vm_is_used)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/filed.conf", t.dir);
	f = fopen(path, "w");
	fprintf(f, "# a VM\nimage = /filed\nmem = 16M\nmodule = /m1; /m2 ;\ncmdline = hello world\n");
	fclose(f);
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_START, "filed"), "running", "");
	cr_assert_str_eq(t.latest->image, "/filed");
	cr_assert_str_eq(t.latest->cmdline, "hello world");
	cr_assert_eq(t.latest->mem, 16 << 20);
	cr_assert_eq(t.latest->nmodules, 2);
	f = fopen(path, "w");
	fprintf(f, "image = /filed\nmen = 16M\n");
	fclose(f);
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_STOP, "filed"), "stopping", "");
	done(by_name(SHADOWPOOL__REQUEST__OP_WAIT, "filed"));
	expect_error(by_name(SHADOWPOOL__REQUEST__OP_START, "filed"), CONTROL_FAILED, "mem");
	cr_assert(!unlink(path));
}

Test(trapd, engine_errors_reach_the_client_and_leave_no_vm)
{
	Shadowpool__Reply *r;

	store_release(&t.fail_create, 1);
	expect_error(start_config("x", NULL), CONTROL_FAILED, "no room; make some");
	store_release(&t.fail_create, 0);
	store_release(&t.fail_start, 1);
	expect_error(start_config("x", NULL), CONTROL_FAILED, "cannot start");
	store_release(&t.fail_start, 0);
	r = by_name(SHADOWPOOL__REQUEST__OP_LIST, "");
	cr_assert_eq(r->list->n_vms, 0);
	done(r);
	expect_error(by_name(SHADOWPOOL__REQUEST__OP_SHOW, "x"), CONTROL_NO_OBJECT, "no VM x");
}

Test(trapd, start_fails_if_the_guest_is_never_reached)
{
	store_release(&t.no_poold, 1);
	expect_error(start_config("x", NULL), CONTROL_FAILED, "cannot reach poold; start it");
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_SHOW, "x"), "stopped", "error");
	store_release(&t.no_poold, 0);
	expect_vm(start_config("x", NULL), "running", "");
}

static void send_start(struct control_client *c, const char *name)
{
	Shadowpool__StartRequest s;
	Shadowpool__VmConfig config;
	Shadowpool__Request r;

	shadowpool__start_request__init(&s);
	shadowpool__vm_config__init(&config);
	shadowpool__request__init(&r);
	config.image = (char *)(uintptr_t)"/image";
	s.name = (char *)(uintptr_t)name;
	s.use_config = true;
	s.config = &config;
	r.op_case = SHADOWPOOL__REQUEST__OP_START;
	r.start = &s;
	connect_to(c);
	cr_assert_eq(frame_send(c->fd, &r.base, FRAME_MAX_REQUEST, frame_deadline(test_wait_ms())), 0);
	done(by_name(SHADOWPOOL__REQUEST__OP_LIST, ""));	/* it was taken in before this later conversation ended */
}

Test(trapd, start_is_answered_when_the_vm_has_its_pool)
{
	struct pollfd p = { .events = POLLIN };
	struct control_client c, impatient;
	ProtobufCMessage *msg;

	store_release(&t.slow_poold, 1);
	send_start(&impatient, "left");
	control_close(&impatient);
	send_start(&c, "slow");
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_SHOW, "slow"), "running", "");
	p.fd = c.fd;
	cr_assert_eq(poll(&p, 1, 0), 0, "answered before the VM has a pool");
	t.latest->attached(&t.latest->vm, t.latest->ctx);
	cr_assert_eq(frame_receive(c.fd, &shadowpool__reply__descriptor, FRAME_MAX_REPLY, frame_deadline(test_wait_ms()), &msg), 0);
	expect_vm((Shadowpool__Reply *)msg, "running", "");
	control_close(&c);
}

Test(trapd, a_name_serves_one_running_vm_and_the_limit_holds)
{
	expect_vm(start_config("a", NULL), "running", "");
	expect_error(start_config("a", NULL), CONTROL_FAILED, "runs already");
	expect_vm(start_config("b", NULL), "running", "");
	expect_vm(start_config("c", NULL), "running", "");
	expect_error(start_config("d", NULL), CONTROL_FAILED, "max-vms");
}

/* Send Wait and return when the daemon has taken it in: it has answered a whole later conversation by then. */
static void begin_wait(struct control_client *c, const char *name)
{
	Shadowpool__WaitRequest w;
	Shadowpool__Request r;

	connect_to(c);
	shadowpool__wait_request__init(&w);
	shadowpool__request__init(&r);
	w.name = (char *)(uintptr_t)name;
	r.op_case = SHADOWPOOL__REQUEST__OP_WAIT;
	r.wait = &w;
	cr_assert_eq(frame_send(c->fd, &r.base, FRAME_MAX_REQUEST, frame_deadline(test_wait_ms())), 0);
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_SHOW, name), "running", "");
}

Test(trapd, wait_is_answered_by_the_end_and_the_result_is_kept)
{
	struct control_client c;
	ProtobufCMessage *msg;
	Shadowpool__Reply *r;

	expect_vm(start_config("a", NULL), "running", "");
	begin_wait(&c, "a");
	guest_exits(42);
	cr_assert_eq(frame_receive(c.fd, &shadowpool__reply__descriptor, FRAME_MAX_REPLY, frame_deadline(test_wait_ms()), &msg),
		     0);
	control_close(&c);
	r = (Shadowpool__Reply *)msg;
	cr_assert_eq(r->vm->exit_code, 42);
	expect_vm(r, "stopped", "exit");
	r = by_name(SHADOWPOOL__REQUEST__OP_SHOW, "a");
	cr_assert_str_eq(r->vm->report, "line one\nline two");
	cr_assert_str_eq(r->vm->pool, "down");
	cr_assert_eq(r->vm->epoch, 7);
	expect_vm(r, "stopped", "exit");
	/* waiting for what has ended is no wait */
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_WAIT, "a"), "stopped", "exit");
	cr_assert_eq(load_acquire(&t.destroyed), 1);
	/* the name is free again, and then the old result is gone */
	expect_vm(start_config("a", NULL), "running", "");
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_SHOW, "a"), "running", "");
}

static void expect_interrupts(Shadowpool__Reply *r)
{
	const Shadowpool__VmInfo *vm = r->vm;

	cr_assert_eq(vm->n_vcpu_states, 2);
	cr_expect(vm->vcpu_states[0]->interrupt_flag && !vm->vcpu_states[0]->halted && !vm->vcpu_states[0]->apic_enabled);
	cr_expect(!vm->vcpu_states[1]->interrupt_flag && vm->vcpu_states[1]->halted && vm->vcpu_states[1]->apic_enabled);
	cr_expect(vm->vcpu_states[1]->index == 1 && vm->vcpu_states[1]->task_priority == 0x20);
	cr_assert(vm->vcpu_states[1]->n_requested == 8 && vm->vcpu_states[1]->n_in_service == 8);
	cr_expect_eq(vm->vcpu_states[1]->requested[2], 1u << 16);
	cr_expect_eq(vm->vcpu_states[1]->in_service[7], 1u << 31);
	cr_assert_not_null(vm->pic);
	cr_expect(vm->pic->masked == 0xfffe && vm->pic->requested == 0x4001 && vm->pic->in_service == 4);
	done(r);
}

static void expect_screen(Shadowpool__Reply *r)
{
	cr_assert_eq(r->result_case, SHADOWPOOL__REPLY__RESULT_SCREEN);
	cr_expect_str_eq(r->screen->name, "a");
	cr_expect_str_eq(r->screen->text, "on \xe2\x96\x88 the screen\n");
	cr_expect(r->screen->columns == 80 && r->screen->rows == 25);
	done(r);
}

Test(trapd, show_has_the_interrupt_state_and_screen_the_text_also_of_what_has_ended)
{
	Shadowpool__Reply *r;

	expect_error(by_name(SHADOWPOOL__REQUEST__OP_SCREEN, "a"), CONTROL_NO_OBJECT, "no VM a");
	expect_vm(start_config("a", NULL), "running", "");
	expect_interrupts(by_name(SHADOWPOOL__REQUEST__OP_SHOW, "a"));
	expect_screen(by_name(SHADOWPOOL__REQUEST__OP_SCREEN, "a"));
	r = by_name(SHADOWPOOL__REQUEST__OP_LIST, "");
	cr_expect(!r->list->vms[0]->n_vcpu_states && !r->list->vms[0]->pic, "a list leaves out what is long");
	done(r);
	guest_exits(0);
	done(by_name(SHADOWPOOL__REQUEST__OP_WAIT, "a"));
	expect_interrupts(by_name(SHADOWPOOL__REQUEST__OP_SHOW, "a"));
	expect_screen(by_name(SHADOWPOOL__REQUEST__OP_SCREEN, "a"));
}

Test(trapd, a_failed_start_keeps_what_is_known_of_the_earlier_vm)
{
	expect_vm(start_config("a", NULL), "running", "");
	guest_exits(3);
	done(by_name(SHADOWPOOL__REQUEST__OP_WAIT, "a"));
	store_release(&t.fail_create, 1);
	expect_error(start_config("a", NULL), CONTROL_FAILED, "no room");
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_SHOW, "a"), "stopped", "exit");
}

Test(trapd, stop_says_stopping_and_wait_says_why)
{
	expect_vm(start_config("a", NULL), "running", "");
	done(by_name(SHADOWPOOL__REQUEST__OP_STOP, "a"));
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_WAIT, "a"), "stopped", "requested");
	/* once more: nothing happens to what has ended */
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_STOP, "a"), "stopped", "requested");
}

Test(trapd, counters_carry_their_names_and_outlive_the_vm)
{
	Shadowpool__Reply *r;
	int round;

	expect_vm(start_config("a", NULL), "running", "");
	for (round = 0; round < 2; round++) {
		r = by_name(SHADOWPOOL__REQUEST__OP_STATS, "a");
		cr_assert_eq(r->result_case, SHADOWPOOL__REPLY__RESULT_STATS);
		cr_assert_eq(r->stats->n_trapd, TRAP_STAT_COUNT);
		cr_assert_eq(r->stats->n_pool, POOL_STAT_COUNT);
		cr_assert_str_eq(r->stats->trapd[TRAP_STAT_trap_pf]->name, "trap_pf");
		cr_assert_eq(r->stats->trapd[TRAP_STAT_trap_pf]->value, 1000 + TRAP_STAT_trap_pf);
		cr_assert_eq(r->stats->pool[POOL_STAT_COUNT - 1]->value, 2000 + POOL_STAT_COUNT - 1);
		cr_assert_str_eq(r->stats->pool_page_size, "4k");
		done(r);
		if (!round) {
			guest_exits(0);
			done(by_name(SHADOWPOOL__REQUEST__OP_WAIT, "a"));
		}
	}
}

Test(trapd, client_that_leaves_while_it_waits_does_no_harm)
{
	struct control_client c;

	expect_vm(start_config("a", NULL), "running", "");
	begin_wait(&c, "a");
	control_close(&c);
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_SHOW, "a"), "running", "");
	guest_exits(1);
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_WAIT, "a"), "stopped", "exit");
}

Test(trapd, shutdown_with_running_vms_and_waiters_leaves_nothing)
{
	struct control_client c;

	expect_vm(start_config("a", NULL), "running", "");
	expect_vm(start_config("b", NULL), "running", "");
	begin_wait(&c, "a");
	/* teardown ends the daemon and counts VMs and files; c is closed by the end of the test's process */
}

Test(trapd, ended_vms_are_forgotten_oldest_first)
{
	Shadowpool__Reply *r;
	char name[16];
	unsigned i;

	for (i = 0; i < (VM_TABLE_MAX_ENDED + 2); i++) {
		snprintf(name, sizeof(name), "vm%u", i);
		expect_vm(start_config(name, NULL), "running", "");
		guest_exits(0);
		done(by_name(SHADOWPOOL__REQUEST__OP_WAIT, name));
	}
	r = by_name(SHADOWPOOL__REQUEST__OP_LIST, "");
	cr_assert_eq(r->list->n_vms, VM_TABLE_MAX_ENDED);
	cr_assert_str_eq(r->list->vms[0]->name, "vm2");
	done(r);
}

/* The effective uid of this thread alone, not of the loop's: the raw call, as the C library's changes every thread. */
static void become(uid_t uid)
{
	cr_assert_eq(syscall(SYS_setresuid, -1, 0, -1), 0);
	cr_assert_eq(syscall(SYS_setresuid, -1, uid, -1), 0);
}

Test(trapd, only_owner_root_and_the_daemons_user_may_stop_a_vm)
{
	if (getuid())
		cr_skip_test("needs root, to be somebody else");
	cr_assert(!chmod(t.dir, 0711));
	become(1001);	/* of root's group still, which may connect */
	expect_vm(start_config("theirs", NULL), "running", "");
	become(1002);
	expect_error(by_name(SHADOWPOOL__REQUEST__OP_STOP, "theirs"), CONTROL_NOT_PERMITTED, "not yours");
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_SHOW, "theirs"), "running", "");
	become(1001);
	done(by_name(SHADOWPOOL__REQUEST__OP_STOP, "theirs"));
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_WAIT, "theirs"), "stopped", "requested");
	become(0);
	expect_vm(start_config("ours", NULL), "running", "");
	become(1001);
	expect_error(by_name(SHADOWPOOL__REQUEST__OP_STOP, "ours"), CONTROL_NOT_PERMITTED, "not yours");
	expect_vm(start_config("theirs", NULL), "running", "");
	become(0);
	done(by_name(SHADOWPOOL__REQUEST__OP_STOP, "theirs"));
	expect_vm(by_name(SHADOWPOOL__REQUEST__OP_WAIT, "theirs"), "stopped", "requested");
}

/* Text with anything in it but NUL, mostly short. */
static char *random_text(unsigned *seed, char *buf, size_t size)
{
	size_t n = (size_t)rand_r(seed) % (rand_r(seed) % 8 ? 12 : size), i;

	for (i = 0; i < n && i < size - 1; i++)
		buf[i] = (char)(rand_r(seed) % 4 ? "abcz019-/.;% "[rand_r(seed) % 13] : 1 + rand_r(seed) % 255);
	buf[i] = 0;
	return buf;
}

static uint64_t random_number(unsigned *seed)
{
	static const uint64_t edges[] = { 0,	    1,		4095,	     4096,	1 << 20,
					  16 << 20, 1ull << 40, 63ull << 30, INT64_MAX, UINT64_MAX };

	return rand_r(seed) % 3 ? edges[rand_r(seed) % 10] : (uint64_t)rand_r(seed) * (uint64_t)rand_r(seed);
}

static Shadowpool__Reply *random_request(unsigned *seed)
{
	static char name[5000], image[5000], cmdline[5000], m1[300], m2[300], *modules[] = { m1, m2 };
	Shadowpool__StartRequest st;
	Shadowpool__VmConfig c;
	Shadowpool__Request r;

	if (rand_r(seed) % 2)
		strcpy(name, "good");
	else
		random_text(seed, name, sizeof(name));
	if (rand_r(seed) % 2)
		return by_name((Shadowpool__Request__OpCase)(rand_r(seed) % 8), name);
	shadowpool__start_request__init(&st);
	shadowpool__vm_config__init(&c);
	shadowpool__request__init(&r);
	st.name = name;
	st.use_config = rand_r(seed) % 4;
	st.config = rand_r(seed) % 8 ? &c : NULL;
	c.image = random_text(seed, image, sizeof(image));
	if (rand_r(seed) % 2)
		image[0] = '/';
	c.cmdline = random_text(seed, cmdline, sizeof(cmdline));
	random_text(seed, m1, sizeof(m1));
	random_text(seed, m2, sizeof(m2));
	c.modules = modules;
	c.n_modules = (size_t)rand_r(seed) % 3;
	c.mem_bytes = rand_r(seed) % 2 ? 16 << 20 : random_number(seed);
	c.pool_bytes = random_number(seed);
	c.pool_pages = (uint32_t)rand_r(seed) % 4;
	c.audit = (uint32_t)rand_r(seed) % 4;
	c.poison = rand_r(seed) % 4 ? 0 : random_number(seed);
	r.op_case = SHADOWPOOL__REQUEST__OP_START;
	r.start = &st;
	return call(&r);
}

Test(trapd, random_requests_are_all_answered)
{
	unsigned seed = (unsigned)clock_ns(), started = 0, refused = 0, round;
	Shadowpool__Reply *r;

	fprintf(stderr, "seed %u\n", seed);
	for (round = 0; round < 1500; round++) {
		r = random_request(&seed);
		if (r->result_case == SHADOWPOOL__REPLY__RESULT_ERROR) {
			cr_assert(r->error->code >= CONTROL_FAILED && r->error->code <= CONTROL_VERSION);
			cr_assert_neq(r->error->message[0], 0);
			refused++;
		} else if (r->result_case == SHADOWPOOL__REPLY__RESULT_VM && !strcmp(r->vm->state, "running")) {
			started++;
			done(by_name(SHADOWPOOL__REQUEST__OP_STOP, r->vm->name));
			done(by_name(SHADOWPOOL__REQUEST__OP_WAIT, r->vm->name));
		}
		done(r);
	}
	cr_assert(started > 0 && refused > 0, "%u started, %u refused", started, refused);
}
