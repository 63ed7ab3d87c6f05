/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a VM ends: why, said once, and how every vCPU hears of it. Whoever finds a reason calls vcpu_stop() or stop_vm(), each
 * vCPU's thread looks at stop_is_requested() before it enters the guest, and the one that has stopped the VM leaves the report.
 */
#ifndef SHADOWPOOL_TRAPD_STOP_H
#define SHADOWPOOL_TRAPD_STOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/* Travels to shadowctl as numbers and text. */
enum vm_stop_reason {
	VM_RUNNING, VM_STOP_GUEST_EXIT, VM_STOP_FAULT, VM_STOP_ERROR, VM_STOP_REQUESTED, VM_STOP_TIMEOUT, VM_STOP_RESET,
	VM_STOP_POWEROFF
};

struct vm_stop {
	enum vm_stop_reason reason;
	int exit_code;			/* VM_STOP_GUEST_EXIT: 0 to 255 */
	char *report;			/* several lines of text: what happened, registers, bytes at RIP decoded; or NULL */
	char message[256];		/* one line */
};

struct stop {
	pthread_mutex_t lock;
	struct vm_stop why;		/* under the lock; reason VM_RUNNING while nobody has stopped the VM */
	const struct vcpu *by;		/* under the lock: whose state the report shows, NULL: nobody's */
	uint32_t requested;		/* atomic */
	void (*kick)(void *ctx);	/* makes every vCPU's thread look at what has changed */
	void *ctx;
};

void stop_init(struct stop *s, void (*kick)(void *ctx), void *ctx);
/* After the threads have ended. Frees the report. */
void stop_destroy(struct stop *s);

/*
 * Record why the VM ends and kick every vCPU. The first reason wins. Returns -ECANCELED, which is what a vCPU's thread goes on
 * with. Any thread, with any lock but the vCPUs' sleep_lock.
 */
int stop_vm(struct stop *s, enum vm_stop_reason reason, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for a guest that ends its VM with an exit code. */
int stop_exit(struct stop *s, int code);
/* The same where the reason lies in this vCPU's guest code or state: its report will show them. Thread: the vCPU's own. */
int vcpu_stop(struct vcpu *v, enum vm_stop_reason reason, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A reason that counts whatever was said before, found when all vCPUs have ended. Exit code and report stay. */
void stop_overrule(struct stop *s, enum vm_stop_reason reason, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Any thread. */
bool stop_is_requested(const struct stop *s);
/* A copy, with a report of its own (malloc'ed) or NULL. Any thread. */
void stop_why(struct stop *s, struct vm_stop *out);

/* Has this vCPU stopped the VM? Then its thread makes the report before it ends, and hands it over. Thread: the vCPU's own. */
bool stop_wants_report(struct vcpu *v);
/* report: malloc'ed text, the VM's from now on, or NULL. */
void stop_set_report(struct stop *s, char *report);

#endif
