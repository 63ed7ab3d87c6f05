/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about one VM by its name. Each function fills *r and returns what is to be sent; it is good as long as *r and name are,
 * and nothing is to be freed.
 */
#ifndef SHADOWPOOL_CTL_VM_REQUEST_H
#define SHADOWPOOL_CTL_VM_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "control.pb-c.h"

struct vm_request {
	Shadowpool__Request request;
	union {
		Shadowpool__NameRequest name;
		Shadowpool__StopRequest stop;	/* force and timeout are the caller's to set */
		Shadowpool__WaitRequest wait;
		Shadowpool__FlushRequest flush;
		Shadowpool__CacheRequest cache;
	};
};

const Shadowpool__Request *vm_request_cache(struct vm_request *r, const char *name, bool on);
/* what, address: as in control.proto. */
const Shadowpool__Request *vm_request_flush(struct vm_request *r, const char *name, uint32_t what, uint64_t address);
const Shadowpool__Request *vm_request_screen(struct vm_request *r, const char *name);
const Shadowpool__Request *vm_request_show(struct vm_request *r, const char *name);
const Shadowpool__Request *vm_request_stats(struct vm_request *r, const char *name);
const Shadowpool__Request *vm_request_stop(struct vm_request *r, const char *name);
const Shadowpool__Request *vm_request_wait(struct vm_request *r, const char *name);

#endif
