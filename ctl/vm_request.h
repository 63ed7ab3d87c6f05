/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about one VM by its name. Each function fills *r and returns what is to be sent; it is good as long as *r and name are,
 * and nothing is to be freed.
 */
#ifndef SHADOWPOOL_CTL_VM_REQUEST_H
#define SHADOWPOOL_CTL_VM_REQUEST_H

#include "control.pb-c.h"

struct vm_request {
	Shadowpool__Request request;
	union {
		Shadowpool__NameRequest name;
		Shadowpool__StopRequest stop;	/* force and timeout are the caller's to set */
		Shadowpool__WaitRequest wait;
	};
};

const Shadowpool__Request *vm_request_screen(struct vm_request *r, const char *name);
const Shadowpool__Request *vm_request_show(struct vm_request *r, const char *name);
const Shadowpool__Request *vm_request_stats(struct vm_request *r, const char *name);
const Shadowpool__Request *vm_request_stop(struct vm_request *r, const char *name);
const Shadowpool__Request *vm_request_wait(struct vm_request *r, const char *name);

#endif
