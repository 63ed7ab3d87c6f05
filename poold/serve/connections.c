/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of links, see links.h. A mutex and a condition; every wait has a deadline. */
#include "poold/serve/connections.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"

void links_init(struct links *links, unsigned max_vms)
{
	pthread_condattr_t attr;

	*links = (struct links){ .max_vms = max_vms };
	pthread_mutex_init(&links->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&links->changed, &attr);
	pthread_condattr_destroy(&attr);
}

int links_add(struct links *links, struct link *link)
{
	int rc = 0;

	pthread_mutex_lock(&links->lock);
	if (links->closing) {
		rc = -ESHUTDOWN;
	} else if (links->count >= links->max_vms + LINKS_HANDSHAKES) {
		rc = -EUSERS;
	} else {
		link->next = links->first;
		links->first = link;
		links->count++;
	}
	pthread_mutex_unlock(&links->lock);
	return rc;
}

void links_remove(struct links *links, struct link *link)
{
	pthread_mutex_lock(&links->lock);
	for (struct link **p = &links->first; *p; p = &(*p)->next) {
		if (*p == link) {
			*p = link->next;
			links->count--;
			break;
		}
	}
	pthread_cond_broadcast(&links->changed);
	pthread_mutex_unlock(&links->lock);
}

static bool name_is_taken(const struct links *links, const struct link *me, const char *name)
{
	for (const struct link *l = links->first; l; l = l->next)
		if (l != me && !strcmp(l->name, name))
			return true;
	return false;
}

static unsigned count_names(const struct links *links)
{
	unsigned n = 0;

	for (const struct link *l = links->first; l; l = l->next)
		n += l->name[0] != 0;
	return n;
}

int links_claim_name(struct links *links, struct link *link, const char *name, int wait_ms)
{
	struct timespec until = clock_timespec(clock_ns() + wait_ms * CLOCK_NS_PER_MS);
	int rc = 0;

	pthread_mutex_lock(&links->lock);
	while (!links->closing && name_is_taken(links, link, name) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&links->changed, &links->lock, &until);
	if (links->closing) {
		rc = -ESHUTDOWN;
	} else if (name_is_taken(links, link, name)) {
		rc = -EBUSY;
	} else if (count_names(links) >= links->max_vms) {
		rc = -EUSERS;
	} else {
		snprintf(link->name, sizeof(link->name), "%s", name);
		rc = 0;
	}
	pthread_mutex_unlock(&links->lock);
	return rc;
}

void links_set_vm(struct links *links, struct link *link, struct vm *vm)
{
	pthread_mutex_lock(&links->lock);
	link->vm = vm;
	pthread_mutex_unlock(&links->lock);
}

void links_lock(struct links *links)
{
	pthread_mutex_lock(&links->lock);
}

void links_unlock(struct links *links)
{
	pthread_mutex_unlock(&links->lock);
}

static struct link *link_of(struct links *links, const char *name)
{
	for (struct link *l = links->first; l; l = l->next)
		if (l->vm && !strcmp(l->name, name))
			return l;
	return NULL;
}

struct vm *links_find(struct links *links, const char *name)
{
	struct link *l = link_of(links, name);

	return l ? l->vm : NULL;
}

bool links_hang_up(struct links *links, const char *name)
{
	struct link *l = link_of(links, name);

	return l && !shutdown(l->sock, SHUT_RDWR);
}

int links_quiesce(struct links *links, const char *name)
{
	struct link *l = link_of(links, name);

	return l ? attach_send_quiesce(l->sock) : -ENOENT;
}

bool links_close(struct links *links, int wait_ms)
{
	struct timespec until = clock_timespec(clock_ns() + wait_ms * CLOCK_NS_PER_MS);
	bool done;
	int rc = 0;

	pthread_mutex_lock(&links->lock);
	links->closing = true;
	for (struct link *l = links->first; l; l = l->next)
		shutdown(l->sock, SHUT_RDWR);
	pthread_cond_broadcast(&links->changed);
	while (links->count && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&links->changed, &links->lock, &until);
	done = !links->count;
	pthread_mutex_unlock(&links->lock);
	return done;
}
