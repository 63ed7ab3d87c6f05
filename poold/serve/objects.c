/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Creation and checking of a session's memory objects. poold, the connection's thread, during the handshake. Every size here was
 * computed by poold itself; the peer's descriptors are measured against them, never the other way round.
 */
#include "poold/serve/objects.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/duration.h"
#include "common/x86.h"

#define ROUND_UP(n, unit) (((n) + (unit) - 1) / (unit) * (unit))

void objects_init(struct session_objects *o)
{
	const struct memfd none = MEMFD_NONE;

	*o = (struct session_objects){
		.link_t = none, .ram = none, .stats_t = none, .link_p = none, .pool = none, .page_state = none,
		.stats_p = none, .event_fd = -1,
	};
}

uint64_t objects_stats_bytes(void)
{
	return ROUND_UP(STATS_P_SIZE, PAGE_SIZE);
}

/* Takes fd, like memfd_open_sealed. */
static int open_peer(struct memfd *m, int fd, uint64_t size, const char *what, char *err, size_t err_size)
{
	int rc = memfd_open_sealed(m, fd, size, false);

	if (rc == -EPERM)
		snprintf(err, err_size, "%s: seals SHRINK, GROW and FUTURE_WRITE are required", what);
	else if (rc == -EMSGSIZE)
		snprintf(err, err_size, "%s: size is not %llu bytes", what, (unsigned long long)size);
	else if (rc)
		snprintf(err, err_size, "%s: %s", what, strerror(-rc));
	return rc;
}

/* The one object whose size the peer chooses, within a bound. */
static int open_stats_t(struct memfd *m, int fd, char *err, size_t err_size)
{
	struct stat st;

	if (fstat(fd, &st) || st.st_size < (off_t)PAGE_SIZE || st.st_size > ATTACH_MAX_STATS) {
		snprintf(err, err_size, "stats-t: size is not between %llu and %u bytes", (unsigned long long)PAGE_SIZE,
			 ATTACH_MAX_STATS);
		close(fd);
		return -EMSGSIZE;
	}
	return open_peer(m, fd, (uint64_t)st.st_size, "stats-t", err, err_size);
}

/* A first read tells if it is an eventfd, or at least behaves like one. */
static int open_eventfd(int fd, char *err, size_t err_size)
{
	if (!link_server_drain(fd))
		return 0;
	snprintf(err, err_size, "eventfd: the descriptor is not one");
	return -EINVAL;
}

int objects_open_peer(struct session_objects *o, const struct objects_wanted *w, int fds[HELLO_NFDS], char *err,
		      size_t err_size)
{
	int rc;

	o->event_fd = fds[HELLO_FD_EVENT];
	rc = open_peer(&o->link_t, fds[HELLO_FD_LINK_T], LINK_T_SIZE(w->nslots, w->nvcpu), "link-t", err, err_size);
	if (rc) {
		close(fds[HELLO_FD_RAM]);
		close(fds[HELLO_FD_STATS_T]);
		return rc;
	}
	rc = open_peer(&o->ram, fds[HELLO_FD_RAM], w->ram_span, "guest RAM", err, err_size);
	if (rc) {
		close(fds[HELLO_FD_STATS_T]);
		return rc;
	}
	rc = open_stats_t(&o->stats_t, fds[HELLO_FD_STATS_T], err, err_size);
	return rc ? rc : open_eventfd(o->event_fd, err, err_size);
}

static void explain_hugepages(char *text, size_t size, uint64_t bytes, const struct hugepages *huge,
			      const char *fallback)
{
	uint64_t need = bytes / HUGEPAGE_SIZE, nr_free = hugepages_free(huge), total = hugepages_total(huge);
	/* A page may be free and yet reserved by someone else's mapping: then ask for all of them anew. */
	uint64_t missing = nr_free < need ? need - nr_free : need;

	snprintf(text, size,
		 "the pool needs %llu hugepages of 2 MiB, %llu of %llu are free; %s: sysctl vm.nr_hugepages=%llu",
		 (unsigned long long)need, (unsigned long long)nr_free, (unsigned long long)total, fallback,
		 (unsigned long long)(total + missing));
}

static int create_pool(struct session_objects *o, const struct objects_wanted *w, const struct hugepages *huge, char *err,
		       size_t err_size, char *note, size_t note_size)
{
	int rc;

	if (w->pool_pages != ATTACH_PAGES_4K) {
		rc = memfd_create_sealed(&o->pool, "shadowpool-pool", w->pool_bytes, MEMFD_2M, true, true);
		o->pool_pages = ATTACH_PAGES_2M;
		if (!rc)
			return 0;
		if (w->pool_pages == ATTACH_PAGES_2M) {
			explain_hugepages(err, err_size, w->pool_bytes, huge,
					  "choose small pages (pool-pages 4k) or provide them");
			return rc;
		}
		explain_hugepages(note, note_size, w->pool_bytes, huge, "using pages of 4 KiB; to have them");
	}
	rc = memfd_create_sealed(&o->pool, "shadowpool-pool", w->pool_bytes, MEMFD_4K, true, true);
	o->pool_pages = ATTACH_PAGES_4K;
	if (rc)
		snprintf(err, err_size,
			 "the pool of %llu MiB cannot be reserved: %s; choose a smaller pool or free memory",
			 (unsigned long long)(w->pool_bytes >> 20), strerror(-rc));
	return rc;
}

static int create_own(struct memfd *m, const char *name, uint64_t size, char *err, size_t err_size)
{
	int rc = memfd_create_sealed(m, name, size, MEMFD_4K, true, false);

	if (rc)
		snprintf(err, err_size, "%s of %llu KiB cannot be reserved: %s", name, (unsigned long long)(size >> 10),
			 strerror(-rc));
	return rc;
}

int objects_create(struct session_objects *o, const struct objects_wanted *w, const struct hugepages *huge, char *err,
		   size_t err_size, char *note, size_t note_size)
{
	uint64_t state_bytes = ROUND_UP(w->ram_span / PAGE_SIZE, PAGE_SIZE);
	int rc;

	if (note_size)
		note[0] = 0;
	rc = create_pool(o, w, huge, err, err_size, note, note_size);
	if (!rc)
		rc = create_own(&o->link_p, "shadowpool-link-p", LINK_P_SIZE, err, err_size);
	if (!rc)
		rc = create_own(&o->page_state, "shadowpool-page-state", state_bytes, err, err_size);
	if (!rc)
		rc = create_own(&o->stats_p, "shadowpool-stats-p", objects_stats_bytes(), err, err_size);
	if (rc)
		return rc;
	/* Private: never a memfd, so that it can reach no VM. */
	o->tracking = mmap(NULL, w->tracking_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (o->tracking == MAP_FAILED) {
		rc = -errno;
		o->tracking = NULL;
		snprintf(err, err_size, "tracking memory of %llu MiB: %s",
			 (unsigned long long)(w->tracking_bytes >> 20),
			 strerror(-rc));
		return rc;
	}
	/* All of it is used, a few words here and there at a time. Without huge pages it works as well. */
	madvise(o->tracking, w->tracking_bytes, MADV_HUGEPAGE);
	o->tracking_bytes = w->tracking_bytes;
	return 0;
}

void objects_destroy(struct session_objects *o)
{
	memfd_close(&o->link_t);
	memfd_close(&o->ram);
	memfd_close(&o->stats_t);
	memfd_close(&o->link_p);
	memfd_close(&o->pool);
	memfd_close(&o->page_state);
	memfd_close(&o->stats_p);
	if (o->event_fd >= 0)
		close(o->event_fd);
	if (o->tracking)
		munmap(o->tracking, o->tracking_bytes);
	objects_init(o);
}
