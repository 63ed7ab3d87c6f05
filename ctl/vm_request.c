/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See vm_request.h. */
#include "ctl/vm_request.h"

/* protobuf-c writes no string that it is given for sending. */
static char *sent(const char *name)
{
	return (char *)(uintptr_t)name;
}

/* The members of the request's union share one place, so any of them takes the pointer. */
static const Shadowpool__Request *by_name(struct vm_request *r, Shadowpool__Request__OpCase op, const char *name)
{
	shadowpool__request__init(&r->request);
	shadowpool__name_request__init(&r->name);
	r->name.name = sent(name);
	r->request.op_case = op;
	r->request.show = &r->name;
	return &r->request;
}

const Shadowpool__Request *vm_request_cache(struct vm_request *r, const char *name, bool on)
{
	shadowpool__request__init(&r->request);
	shadowpool__cache_request__init(&r->cache);
	r->cache.name = sent(name);
	r->cache.on = on;
	r->request.op_case = SHADOWPOOL__REQUEST__OP_CACHE;
	r->request.cache = &r->cache;
	return &r->request;
}

const Shadowpool__Request *vm_request_flush(struct vm_request *r, const char *name, uint32_t what, uint64_t address)
{
	shadowpool__request__init(&r->request);
	shadowpool__flush_request__init(&r->flush);
	r->flush.name = sent(name);
	r->flush.what = what;
	r->flush.address = address;
	r->request.op_case = SHADOWPOOL__REQUEST__OP_FLUSH;
	r->request.flush = &r->flush;
	return &r->request;
}

const Shadowpool__Request *vm_request_screen(struct vm_request *r, const char *name)
{
	return by_name(r, SHADOWPOOL__REQUEST__OP_SCREEN, name);
}

const Shadowpool__Request *vm_request_show(struct vm_request *r, const char *name)
{
	return by_name(r, SHADOWPOOL__REQUEST__OP_SHOW, name);
}

const Shadowpool__Request *vm_request_stats(struct vm_request *r, const char *name)
{
	return by_name(r, SHADOWPOOL__REQUEST__OP_STATS, name);
}

const Shadowpool__Request *vm_request_stop(struct vm_request *r, const char *name)
{
	shadowpool__request__init(&r->request);
	shadowpool__stop_request__init(&r->stop);
	r->stop.name = sent(name);
	r->request.op_case = SHADOWPOOL__REQUEST__OP_STOP;
	r->request.stop = &r->stop;
	return &r->request;
}

const Shadowpool__Request *vm_request_wait(struct vm_request *r, const char *name)
{
	shadowpool__request__init(&r->request);
	shadowpool__wait_request__init(&r->wait);
	r->wait.name = sent(name);
	r->request.op_case = SHADOWPOOL__REQUEST__OP_WAIT;
	r->request.wait = &r->wait;
	return &r->request;
}
