/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boots kernels under the real daemons and looks at them, for Criterion tests.
 *
 * Where things run: every Criterion test is a process of its own, freshly executed, with one thread. The harness starts what the
 * test needs as its children: a private poold and trapd, whose sockets lie in a private folder of the test, or any other program.
 * It speaks to daemons by the control protocol only, so each answer is a typed message (proto/control.proto), and running daemons
 * can be asked in the same way as private ones.
 *
 * How a test lives: sp_suite() instead of TestSuite(), sp_test() instead of Test(). The test starts what it likes and frees nothing:
 * folder, processes, messages and texts belong to the harness. When the body of a test returns, what still runs is ended, and
 * what is left behind fails the test: processes, descriptors, sockets, folders, hugepages, and lines of the kernel's log that tell of
 * a bug. If the test process dies, all of its children die with it and its folder is removed.
 *
 * How it waits: for conditions, with a limit, never for a time. All limits are in seconds for an idle machine; SHADOWPOOL_TEST_SCALE
 * multiplies every one of them.
 *
 * What fails: a call that cannot do what it is for ends the test, with what the daemons and the guest have said. There are no error
 * codes to look at; what a test expects to be refused is asked with sp_ask() or by a program (sp_call()).
 *
 *	sp_suite_kvm(demo);
 *
 *	sp_test(demo, the_guest_says_hello)
 *	{
 *		struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){ .image = "hello", .audit = "full" });
 *
 *		sp_console_await(vm, "hello: ok", 20);
 *		sp_expect_exit(vm, 0, 20);
 *		sp_expect_counter(vm, "pool.map_requests", >, 0);
 *	}
 */
#ifndef SHADOWPOOL_HARNESS_H
#define SHADOWPOOL_HARNESS_H

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <criterion/criterion.h>

#include "control.pb-c.h"

/* ---- begin.c: the life of a test ---- */

/* A suite of such tests; one of which every test needs /dev/kvm, without which they are skipped. */
#define sp_suite(suite)		TestSuite(suite, .init = sp_begin, .fini = sp_end)
#define sp_suite_kvm(suite)	TestSuite(suite, .init = sp_begin_kvm, .fini = sp_end)

/* The look at what is left is part of the test: what Criterion sees fail in a .fini fails nothing. */
#define sp_test(suite, name) \
	static void suite##_##name##_body(void); \
	Test(suite, name) \
	{ \
		suite##_##name##_body(); \
		sp_check(); \
	} \
	static void suite##_##name##_body(void)

/* What these are made of. begin: the private folder, and a note of what there is, for the comparison at the end. */
void sp_begin(void);
void sp_begin_kvm(void);
/* End what runs, look at what is left. */
void sp_check(void);
/* Safe also if the test has failed or was skipped. */
void sp_end(void);

/* Skip this test, with the reason in the report, unless there is what it needs. */
void sp_need_kvm(void);
void sp_need_root(void);
void sp_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* End the test as failed, with this line and the ends of all logs and consoles. */
void sp_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* A line in the test's log, such as the seed that it runs with. */
void sp_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A knob from the environment: the number in variable name, or otherwise if that is not set. What is no number ends the test.
 */
uint64_t sp_knob(const char *name, uint64_t otherwise);

/*
 * 1 where the processor is QEMU's emulation (tests/hosts/host-box), which gets some things wrong by itself, else 0: for the word
 * tcg=N on the command line of guests that leave these out (doc/guests.md).
 */
int sp_tcg(void);

/* ---- wait.c: limits and conditions ---- */

/* SHADOWPOOL_TEST_SCALE, at least 1. */
double sp_scale(void);

struct sp_limit {
	int64_t end_ns;		/* CLOCK_MONOTONIC */
};

/* A limit so many (scaled) seconds from now. The test process itself dies if it still runs long after its last limit. */
struct sp_limit sp_limit(double seconds);
/* Milliseconds until it is over, for poll(2); 0: over. */
int sp_limit_left_ms(const struct sp_limit *limit);
/* Some milliseconds between two looks at a condition; false if the limit is over. */
bool sp_pause(const struct sp_limit *limit);

/* Does a condition, an expression that is evaluated again and again, become true within so many seconds? */
#define sp_await(seconds, condition) __extension__ ({ \
	struct sp_limit limit_ = sp_limit(seconds); \
	bool true_, more_ = true; \
	while (!(true_ = (condition)) && more_) \
		more_ = sp_pause(&limit_); \
	true_; })

/* Ends the test if it does not. */
#define sp_must(seconds, condition) \
	do { \
		if (!sp_await(seconds, condition)) \
			sp_fail("%s:%d: not within %g s: %s", __FILE__, __LINE__, (double)(seconds), #condition); \
	} while (0)

/* ---- folder.c: files ---- */

/* Path of a file in the test's folder, which need not exist. */
const char *sp_path(const char *name);
/* Text as printf() makes it. */
const char *sp_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Create or replace a file; name is relative to the folder, or absolute. Returns its path. */
const char *sp_write(const char *name, const void *data, size_t size);
const char *sp_write_text(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What is in a file, with a NUL behind it; "" if there is none. *size may be NULL. */
const char *sp_read(const char *path, size_t *size);
bool sp_exists(const char *path);
/* Does a line of text match this extended regular expression? Lines end with LF or CR LF; ^ and $ match at their ends. */
bool sp_match(const char *text, const char *regex);
/* The first group of the first line that matches; NULL if none does. */
const char *sp_match_group(const char *text, const char *regex);
/* The last line of a text, without its line end. */
const char *sp_last_line(const char *text);
unsigned sp_count_lines(const char *text);

/* Folders of the build and of the sources, from top_builddir and top_srcdir. */
const char *sp_builddir(void);
const char *sp_srcdir(void);
/* Path of a test guest: NAME is tests/guests/NAME.elf of the build; one with a slash is a path already. */
const char *sp_image(const char *name);

/* ---- process.c: any program ---- */

struct sp_process {
	pid_t pid;		/* 0: has ended */
	int code;		/* when it has: the exit code, or 128 + the signal, as a shell says it */
	const char *name;
	const char *out_path, *err_path;	/* standard output and error */
};

/*
 * Start a program: "shadowctl", "trapd" and "poold" are this build's, others are found as execvp(3) does. Its input is /dev/null.
 * What it prints goes to files. It dies with the test, at the latest in sp_check().
 */
#define sp_spawn(...) sp_spawn_argv((const char *const[]){ __VA_ARGS__, NULL })
struct sp_process *sp_spawn_argv(const char *const argv[]);
void sp_signal(struct sp_process *p, int sig);
/* Has it ended? */
bool sp_ended(struct sp_process *p);
/* Wait for its end: p->code. Ends the test if that does not come in time. */
int sp_reap(struct sp_process *p, double seconds);
/* Start a program and wait, up to 60 s, for its end. */
#define sp_call(...) sp_call_argv((const char *const[]){ __VA_ARGS__, NULL })
struct sp_process *sp_call_argv(const char *const argv[]);
/* What it has printed. */
const char *sp_out(const struct sp_process *p);
const char *sp_err(const struct sp_process *p);
/* The process ID of a child of parent (not of the test only) whose name, as in /proc/PID/comm, is this; 0: there is none. */
pid_t sp_child_of(pid_t parent, const char *name);

/* ---- daemons.c: a poold and a trapd ---- */

enum sp_daemon { SP_TRAPD, SP_POOLD };

struct sp_daemons {
	const char *dir;			/* of their sockets; what shadowctl takes as --socket */
	struct sp_process *trapd, *poold;	/* NULL: not ours */
};

struct sp_daemons_options {
	const char *policy;		/* of poold, see shadowctl-replay */
	const char *trace;		/* file for poold to write the trace of the last VM to */
	bool allow_inject;		/* test hooks that break shadow tables */
	const char *poold_options[8], *trapd_options[8];	/* further ones, ends with NULL */
};

/* Start both, in a folder of their own below the test's, and wait until they are ready. options may be NULL. */
struct sp_daemons *sp_daemons_start(const struct sp_daemons_options *options);
/* Daemons that run already, as services or by shadowctl run; dir as of --socket. The harness does not end them. */
struct sp_daemons *sp_daemons_at(const char *dir);
/* End private ones, which are expected to end well, as sp_check() does. */
void sp_daemons_end(struct sp_daemons *d);
/* End a private poold by a signal, wait for its end, and start another one, ready when this returns. */
void sp_poold_replace(struct sp_daemons *d, int sig);
/* What a daemon has logged. */
const char *sp_log(const struct sp_daemons *d, enum sp_daemon which);

/* One request and its answer, which may be an error; only a daemon that does not answer ends the test. */
const Shadowpool__Reply *sp_ask(struct sp_daemons *d, enum sp_daemon which, const Shadowpool__Request *request);

/* ---- vm.c: a guest ---- */

/* Texts are values of the keys of the same name in a VM's configuration (shadowctl run --KEY); NULL: the default. */
struct sp_guest {
	const char *image;		/* see sp_image() */
	const char *name;		/* of the VM, default "vm" */
	const char *cmdline;
	const char *mem, *pool, *pool_pages;
	const char *audit;		/* "cheap", "full" */
	const char *interrupt_flag;	/* "trap", "native" */
	const char *emulate;		/* "traps", "ahead" */
	unsigned vcpus;
	const char *initrd;
	const char *modules[8], *disks[4];	/* end with NULL */
	uint64_t poison;		/* break this shadow entry on purpose; needs daemons with allow_inject */
	/* Of private daemons that are started for this guest alone: */
	const char *policy, *trace;
};

struct sp_vm {
	struct sp_daemons *daemons;
	const char *name;
	const char *what;		/* image and command line, for messages */
	const char *console_path;	/* NULL: another VM of these daemons has the console, which is the first one's */
	size_t console_seen;		/* sp_console_await() looks behind this */
	const Shadowpool__VmInfo *end;	/* when its end was waited for: how it ended */
};

/* Start a guest. d NULL: under private daemons of its own, started with what the guest needs. */
struct sp_vm *sp_boot(struct sp_daemons *d, const struct sp_guest *guest);
/* The same for one that may be refused: NULL, with the reason in *why. */
struct sp_vm *sp_try_boot(struct sp_daemons *d, const struct sp_guest *guest, const char **why);
/* A VM that runs already. */
struct sp_vm *sp_vm_at(struct sp_daemons *d, const char *name);
/* Wait for its end: vm->end. Ends the test if that does not come in time. */
const Shadowpool__VmInfo *sp_vm_wait(struct sp_vm *vm, double seconds);
/* Has it ended? */
bool sp_vm_ended(struct sp_vm *vm);
/* End it from outside, and wait for that. */
const Shadowpool__VmInfo *sp_vm_stop(struct sp_vm *vm);
/* Boot under private daemons and wait for the end. */
struct sp_vm *sp_run(const struct sp_guest *guest, double seconds);
/*
 * Kill poold under a private VM up to so many times, each time when the one before has been replaced and the new one has answered
 * more than so many map requests. Returns how often that was: fewer times if the guest ends before.
 */
unsigned sp_kill_poold(struct sp_vm *vm, unsigned times, uint64_t requests);

/* Wait for its end, which is an exit of the guest with this code, or a stop for another reason ("fault", "error", "reset", ...). */
void sp_expect_exit(struct sp_vm *vm, int code, double seconds);
void sp_expect_stop(struct sp_vm *vm, const char *reason, double seconds);

/* ---- console.c: its serial line ---- */

/* What the guest has printed, as it is and without carriage returns. */
const char *sp_console_raw(struct sp_vm *vm);
const char *sp_console(struct sp_vm *vm);
/* Wait until the guest prints text, behind what was waited for before. Ends the test if it does not, or the VM has ended. */
void sp_console_await(struct sp_vm *vm, const char *text, double seconds);
/* Type. Private daemons only. */
void sp_console_type(struct sp_vm *vm, const char *text);
/* The last line begins with this: how guests tell their verdict. */
void sp_expect_verdict(struct sp_vm *vm, const char *begin);
/* Both printed the same, byte for byte. */
void sp_expect_same_console(struct sp_vm *vm, const char *text);

/* ---- query.c: a VM that runs, or has ended ---- */

const Shadowpool__Stats *sp_stats(struct sp_vm *vm);
const Shadowpool__VmInfo *sp_show(struct sp_vm *vm);
const Shadowpool__VmList *sp_list(struct sp_daemons *d);
const Shadowpool__Screen *sp_screen(struct sp_vm *vm);
/* view: 0 supervisor, 1 user. */
const Shadowpool__WalkReply *sp_walk(struct sp_vm *vm, uint64_t gva, unsigned vcpu, unsigned view);
const Shadowpool__VerifyReply *sp_verify(struct sp_vm *vm, bool full);
/* "pool.NAME" and "trapd.NAME" as in doc/statistics.md, "audit_violations", or a fact of the host, "facts.NAME". */
uint64_t sp_counter(struct sp_vm *vm, const char *name);

/* A counter stands in a relation to a number: sp_expect_counter(vm, "pool.evict", >, 0). The test goes on if it does not. */
#define sp_expect_counter(vm, name, relation, number) \
	do { \
		const uint64_t value_ = sp_counter(vm, name), wanted_ = (number); \
		sp_expect(value_ relation wanted_, "%s is %" PRIu64 ", not " #relation " %" PRIu64, name, value_, wanted_); \
	} while (0)

/* cr_expect() and cr_assert(), after which the end of the test prints the logs and consoles. */
#define sp_expect(condition, ...) \
	do { \
		const bool held_ = (condition); \
		if (!held_) \
			sp_failed = true; \
		cr_expect(held_, __VA_ARGS__); \
	} while (0)
#define sp_assert(condition, ...) \
	do { \
		const bool held_ = (condition); \
		if (!held_) \
			sp_failed = true; \
		cr_assert(held_, __VA_ARGS__); \
	} while (0)
extern bool sp_failed;

/* ---- trace.c: a trace of a VM that runs ---- */

struct sp_trace;
/* Record to a file from now on, until count records are written (0: for ever), sp_trace_end(), or the VM detaches. */
struct sp_trace *sp_trace_begin(struct sp_vm *vm, const char *path, uint64_t count);
/* Wait for the end that it comes to by itself. Ends the test if that does not come in time. */
const Shadowpool__TraceReply *sp_trace_wait(struct sp_trace *trace, double seconds);
/* Ask for its end, if there was none yet, and wait for it. */
const Shadowpool__TraceReply *sp_trace_end(struct sp_trace *trace);

/* ---- json.c: what shadowctl prints with --json ---- */

/*
 * Ends with NULL; each condition is PATH=VALUE, PATH>NUMBER or PATH=* (there is such a thing), PATH as in a.b.0.c. Text has to be
 * one document with sorted keys and schema 1. Returns what does not hold, NULL if all does.
 */
const char *sp_json_check(const char *text, const char *const conditions[]);
#define sp_json(text, ...) (!sp_json_check(text, (const char *const[]){ __VA_ARGS__, NULL }))
#define sp_expect_json(text, ...) \
	do { \
		const char *document_ = (text); \
		const char *wrong_ = sp_json_check(document_, (const char *const[]){ __VA_ARGS__, NULL }); \
		sp_expect(!wrong_, "%s, in: %s", wrong_, document_); \
	} while (0)

/* ---- leftovers.c, kernel_log.c: what sp_check() looks at, for whoever wants to look before ---- */

/* What is left that should not be, as a line; NULL: nothing. Waits so long for what is still on its way out. */
const char *sp_leftovers(double seconds);
/* The first line of the kernel's log, since the begin or the last call, that tells of a bug; NULL: none, or it may not be read. */
const char *sp_kernel_bug(void);
/* The same for lines with one of these texts, which end with NULL. */
const char *sp_kernel_line(const char *const texts[]);

#endif
