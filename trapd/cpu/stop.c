/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a VM, see stop.h. Process trapd, any thread. */
#include "trapd/cpu/stop.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/barrier.h"
#include "trapd/cpu/machine.h"
#include "trapd/cpu/vcpu.h"

void stop_init(struct stop *s, void (*kick)(void *ctx), void *ctx)
{
	*s = (struct stop){ .kick = kick, .ctx = ctx };
	pthread_mutex_init(&s->lock, NULL);
}

void stop_destroy(struct stop *s)
{
	free(s->why.report);
	pthread_mutex_destroy(&s->lock);
}

static void __attribute__((format(printf, 2, 0))) say(struct vm_stop *why, const char *fmt, va_list ap)
{
	vsnprintf(why->message, sizeof(why->message), fmt, ap);
}

static int stop_by(struct stop *s, const struct vcpu *by, const struct vm_stop *why)
{
	pthread_mutex_lock(&s->lock);
	if (s->why.reason == VM_RUNNING) {
		s->why = *why;
		s->by = by;
	}
	pthread_mutex_unlock(&s->lock);
	store_release(&s->requested, 1);	/* before the kick: who is kicked looks. Pairs with stop_is_requested() */
	s->kick(s->ctx);
	return -ECANCELED;
}

int stop_vm(struct stop *s, enum vm_stop_reason reason, const char *fmt, ...)
{
	struct vm_stop why = { .reason = reason };
	va_list ap;

	va_start(ap, fmt);
	say(&why, fmt, ap);
	va_end(ap);
	return stop_by(s, NULL, &why);
}

int stop_exit(struct stop *s, int code)
{
	struct vm_stop why = { .reason = VM_STOP_GUEST_EXIT, .exit_code = code };

	snprintf(why.message, sizeof(why.message), "the guest exited with code %d", code);
	return stop_by(s, NULL, &why);
}

int vcpu_stop(struct vcpu *v, enum vm_stop_reason reason, const char *fmt, ...)
{
	struct vm_stop why = { .reason = reason };
	va_list ap;

	va_start(ap, fmt);
	say(&why, fmt, ap);
	va_end(ap);
	return stop_by(&v->machine->stop, v, &why);
}

void stop_overrule(struct stop *s, enum vm_stop_reason reason, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&s->lock);
	s->why.reason = reason;
	va_start(ap, fmt);
	say(&s->why, fmt, ap);
	va_end(ap);
	pthread_mutex_unlock(&s->lock);
}

bool stop_is_requested(const struct stop *s)
{
	return load_acquire(&s->requested);	/* pairs with stop_by() */
}

void stop_why(struct stop *s, struct vm_stop *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->why;
	out->report = s->why.report ? strdup(s->why.report) : NULL;
	pthread_mutex_unlock(&s->lock);
}

bool stop_wants_report(struct vcpu *v)
{
	struct stop *s = &v->machine->stop;
	bool wants;

	pthread_mutex_lock(&s->lock);
	wants = s->by == v && !s->why.report;
	pthread_mutex_unlock(&s->lock);
	return wants;
}

void stop_set_report(struct stop *s, char *report)
{
	pthread_mutex_lock(&s->lock);
	free(s->why.report);
	s->why.report = report;
	pthread_mutex_unlock(&s->lock);
}
