/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of library calls. poold (the session's thread, its lock held), the replayer and tests run it. It decides nothing and
 * checks nothing but the number of the operation: arguments were checked by whoever filled the call in.
 */
#include "poold/trace/call.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/x86.h"

typedef void call_fn(struct pool *p, const struct pool_call *c, struct pool_call_out *o);

static void call_set_root(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	struct pool_modes modes = {
		.cr0 = c->cr0, .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->efer, .ac = c->flags & POOL_CALLF_AC,
		.watch_code = c->flags & POOL_CALLF_CODE,
	};

	memcpy(modes.pdpte, c->walk, sizeof(modes.pdpte));
	pool_set_root(p, c->vcpu, &modes, &o->result);
}

static void call_map(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	struct pool_map_args args = {
		.gva = c->gva, .gpa = c->gpa, .nwalk = (uint8_t)c->nwalk,
		.write = c->flags & POOL_CALLF_WRITE, .fetch = c->flags & POOL_CALLF_FETCH,
		.user_view = c->flags & POOL_CALLF_USER,
	};

	memcpy(args.walk, c->walk, sizeof(args.walk));
	pool_map(p, c->vcpu, &args, &o->result);
}

static void call_dirty(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_dirty(p, c->vcpu, c->gva, c->flags & POOL_CALLF_USER, &o->result);
}

static void call_guest_write(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_guest_write(p, c->vcpu, c->gpa, (uint32_t)c->len, (enum write_class)c->write_class,
			 c->flags & POOL_CALLF_USER, c->rip, &o->result);
}

static void call_range_changed(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_guest_range_changed(p, c->gpa, c->len, &o->result);
}

static void call_write_fault(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_write_fault(p, c->vcpu, c->gva, c->gpa, (enum write_class)c->write_class, c->rip, (uint32_t)c->len,
			 &o->result);
}

static void call_unshadow(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_unshadow(p, c->vcpu, c->gva, c->gpa, c->rip, &o->result);
}

static void call_open(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_open(p, c->vcpu, c->gpa >> PAGE_SHIFT, &o->result);
}

static void call_close(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_close(p, c->vcpu, &o->result);
}

static void call_invlpg(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_invlpg(p, c->vcpu, c->gva, c->flags & POOL_CALLF_ALL, &o->result);
}

static void call_track(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_track(p, c->gpa >> PAGE_SHIFT, c->flags & POOL_CALLF_ON, &o->result);
}

static void call_code(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_set_code_state(p, c->gpa >> PAGE_SHIFT, (enum pool_code_state)c->len, &o->result);
}

static void call_flush_done(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_flush_done(p, c->vcpu, c->flags & POOL_CALLF_ALL, (uint32_t)c->len);
}

static void call_merge_pending(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_merge_pending(p, c->vcpu, &o->result);
}

static void call_audit(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	o->nviolations = pool_audit(p, c->flags & POOL_CALLF_ALL ? POOL_AUDIT_FULL : POOL_AUDIT_CHEAP, o->violation,
				    POOL_CALL_MAX_VIOLATIONS);
}

static void call_poison(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_poison_leaf(p, c->len);
}

static void call_resync(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_resync(p, c->vcpu, c->flags & POOL_CALLF_ALL ? POOL_RESYNC_ALL : c->gpa >> PAGE_SHIFT, &o->result);
}

static void call_root_dying(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_root_dying(p, c->cr3, &o->result);
}

static void call_clear_all(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_clear_all(p, &o->result);
}

static void call_flush_all(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_flush_all(p, &o->result);
}

static void call_flush_gpa(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_flush_gpa(p, c->gpa, &o->result);
}

static void call_flush_root(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_flush_root(p, c->cr3, &o->result);
}

static void call_cache(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_cache_switch(p, c->flags & POOL_CALLF_ON, &o->result);
}

static void call_clear_root(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_clear_root(p, c->vcpu, &o->result);
}

static void call_reset(struct pool *p, const struct pool_call *c, struct pool_call_out *o)
{
	pool_reset(p);
}

static const struct {
	const char *name;
	call_fn *fn;
} call_table[POOL_CALL_COUNT] = {
	[POOL_CALL_SET_ROOT]		= { "set_root", call_set_root },
	[POOL_CALL_MAP]			= { "map", call_map },
	[POOL_CALL_DIRTY]		= { "dirty", call_dirty },
	[POOL_CALL_GUEST_WRITE]		= { "guest_write", call_guest_write },
	[POOL_CALL_RANGE_CHANGED]	= { "guest_range_changed", call_range_changed },
	[POOL_CALL_WRITE_FAULT]		= { "write_fault", call_write_fault },
	[POOL_CALL_UNSHADOW]		= { "unshadow", call_unshadow },
	[POOL_CALL_OPEN]		= { "open", call_open },
	[POOL_CALL_CLOSE]		= { "close", call_close },
	[POOL_CALL_INVLPG]		= { "invlpg", call_invlpg },
	[POOL_CALL_TRACK]		= { "track", call_track },
	[POOL_CALL_FLUSH_DONE]		= { "flush_done", call_flush_done },
	[POOL_CALL_MERGE_PENDING]	= { "merge_pending", call_merge_pending },
	[POOL_CALL_AUDIT]		= { "audit", call_audit },
	[POOL_CALL_ROOT_DYING]		= { "root_dying", call_root_dying },
	[POOL_CALL_POISON]		= { "poison_leaf", call_poison },
	[POOL_CALL_RESYNC]		= { "resync", call_resync },
	[POOL_CALL_CODE]		= { "code", call_code },
	[POOL_CALL_CLEAR_ALL]		= { "clear_all", call_clear_all },
	[POOL_CALL_FLUSH_ALL]		= { "flush_all", call_flush_all },
	[POOL_CALL_FLUSH_GPA]		= { "flush_gpa", call_flush_gpa },
	[POOL_CALL_FLUSH_ROOT]		= { "flush_root", call_flush_root },
	[POOL_CALL_CACHE]		= { "cache", call_cache },
	[POOL_CALL_CLEAR_ROOT]		= { "clear_root", call_clear_root },
	[POOL_CALL_RESET]		= { "reset", call_reset },
};

const char *call_name(unsigned op)
{
	return op < POOL_CALL_COUNT ? call_table[op].name : NULL;
}

int call_run(struct pool *pool, const struct pool_call *call, struct pool_call_out *out)
{
	if (call->op >= POOL_CALL_COUNT || !call_table[call->op].fn)
		return -EINVAL;
	if (call->op != POOL_CALL_MERGE_PENDING || call->flags & POOL_CALLF_FRESH)
		memset(&out->result, 0, sizeof(out->result));
	out->nviolations = 0;
	call_table[call->op].fn(pool, call, out);
	return 0;
}
