/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trapd's side of one attach: objects, watcher of the socket. Private to pool_link*.c. */
#ifndef SHADOWPOOL_TRAPD_POOL_LINK_H
#define SHADOWPOOL_TRAPD_POOL_LINK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "trapd/trap/vcpu_priv.h"

struct pool_link {
	int sock;			/* its hang-up is the detach; -1: none */
	int eventfd;			/* wakes poold's loop */
	int watch_quit;			/* eventfd that ends the watcher */
	bool watching;
	pthread_t watcher;
	struct link_params params;
	struct memfd pool;		/* its address goes to the memslot call alone: nothing in trapd reads or writes the pool */
};

#endif
