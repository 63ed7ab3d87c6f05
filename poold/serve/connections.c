/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of connections, see connections.h. A mutex and a condition; every wait has a deadline. */
#include "poold/serve/connections.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"

void connections_init(struct connections *all, unsigned max_vms)
{
	pthread_condattr_t attr;

	*all = (struct connections){ .max_vms = max_vms };
	LIST_INIT(&all->list);
	pthread_mutex_init(&all->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&all->changed, &attr);
	pthread_condattr_destroy(&attr);
}

int connections_add(struct connections *all, struct connection *c)
{
	int rc = 0;

	pthread_mutex_lock(&all->lock);
	if (all->closing) {
		rc = -ESHUTDOWN;
	} else if (all->count >= all->max_vms + CONNECTIONS_HANDSHAKES) {
		rc = -EUSERS;
	} else {
		LIST_INSERT_HEAD(&all->list, c, entry);
		all->count++;
	}
	pthread_mutex_unlock(&all->lock);
	return rc;
}

void connections_remove(struct connections *all, struct connection *c)
{
	pthread_mutex_lock(&all->lock);
	LIST_REMOVE(c, entry);
	all->count--;
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
}

static bool name_is_taken(const struct connections *all, const struct connection *me, const char *name)
{
	const struct connection *c;

	LIST_FOREACH(c, &all->list, entry)
		if (c != me && !strcmp(c->name, name))
			return true;
	return false;
}

static unsigned count_names(const struct connections *all)
{
	const struct connection *c;
	unsigned n = 0;

	LIST_FOREACH(c, &all->list, entry)
		n += c->name[0] != 0;
	return n;
}

int connections_claim_name(struct connections *all, struct connection *c, const char *name, int wait_ms)
{
	struct timespec until = clock_timespec(clock_ns() + wait_ms * CLOCK_NS_PER_MS);
	int rc = 0;

	pthread_mutex_lock(&all->lock);
	while (!all->closing && name_is_taken(all, c, name) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&all->changed, &all->lock, &until);
	if (all->closing) {
		rc = -ESHUTDOWN;
	} else if (name_is_taken(all, c, name)) {
		rc = -EBUSY;
	} else if (count_names(all) >= all->max_vms) {
		rc = -EUSERS;
	} else {
		snprintf(c->name, sizeof(c->name), "%s", name);
		rc = 0;
	}
	pthread_mutex_unlock(&all->lock);
	return rc;
}

void connections_set_session(struct connections *all, struct connection *c, struct session *s)
{
	pthread_mutex_lock(&all->lock);
	c->session = s;
	pthread_mutex_unlock(&all->lock);
}

void connections_lock(struct connections *all)
{
	pthread_mutex_lock(&all->lock);
}

void connections_unlock(struct connections *all)
{
	pthread_mutex_unlock(&all->lock);
}

static struct connection *connection_of(struct connections *all, const char *name)
{
	struct connection *c;

	LIST_FOREACH(c, &all->list, entry)
		if (c->session && !strcmp(c->name, name))
			break;
	return c;
}

struct session *connections_find(struct connections *all, const char *name)
{
	struct connection *c = connection_of(all, name);

	return c ? c->session : NULL;
}

bool connections_hang_up(struct connections *all, const char *name)
{
	struct connection *c = connection_of(all, name);

	return c && !shutdown(c->sock, SHUT_RDWR);
}

int connections_quiesce(struct connections *all, const char *name)
{
	struct connection *c = connection_of(all, name);

	return c ? attach_send_quiesce(c->sock) : -ENOENT;
}

bool connections_close(struct connections *all, int wait_ms)
{
	struct timespec until = clock_timespec(clock_ns() + wait_ms * CLOCK_NS_PER_MS);
	struct connection *c;
	bool done;
	int rc = 0;

	pthread_mutex_lock(&all->lock);
	all->closing = true;
	LIST_FOREACH(c, &all->list, entry)
		shutdown(c->sock, SHUT_RDWR);
	pthread_cond_broadcast(&all->changed);
	while (all->count && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&all->changed, &all->lock, &until);
	done = !all->count;
	pthread_mutex_unlock(&all->lock);
	return done;
}
