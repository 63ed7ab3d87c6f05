/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMs as messages, see vm_reply.h. Process trapd, control thread. */
#include "trapd/control/vm_reply.h"

#include <string.h>

#include "trapd/link/vcpu_link.h"

static const char *const reasons[] = {
	[VM_RUNNING] = "", [VM_STOP_GUEST_EXIT] = "exit", [VM_STOP_FAULT] = "fault", [VM_STOP_ERROR] = "error",
	[VM_STOP_REQUESTED] = "requested", [VM_STOP_TIMEOUT] = "timeout", [VM_STOP_RESET] = "reset",
	[VM_STOP_POWEROFF] = "poweroff",
};

/* protobuf-c's structs hold char *, and the strings they point to are only read while a message is packed. */
static char *text(const char *s)
{
	return (char *)(uintptr_t)(s ? s : "");
}

static void counter_fill(Shadowpool__Counter *c, const char *name, uint64_t value)
{
	shadowpool__counter__init(c);
	c->name = text(name);
	c->value = value;
}

static void facts_fill(struct vm_info_reply *r, const struct host_facts *f)
{
	const struct {
		const char *name;
		uint64_t value;
	} list[] = {
		{ "coherent_after_flush", f->coherent_after_flush },
		{ "coherent_after_touch", f->coherent_after_touch },
		{ "iopl_native_32", f->iopl_native_32 },
		{ "iopl_native_64", f->iopl_native_64 },
		{ "iopl_direct_32", f->iopl_direct_32 },
		{ "syscall_faults_at_lstar", f->syscall_faults_at_lstar },
		{ "int_n_gives_ud", f->int_n_gives_ud },
		{ "iret_traps", f->iret_traps },
		{ "breakpoints_native", f->breakpoints_native },
		{ "maxphyaddr", f->maxphyaddr },
		{ "tsc_khz", f->tsc_khz },
		{ "xcr0", f->xcr0 },
	};
	size_t i;

	_Static_assert(sizeof(list) / sizeof(list[0]) <= VM_REPLY_FACTS, "room for every fact");
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		counter_fill(&r->fact[i], list[i].name, list[i].value);
		r->facts[i] = &r->fact[i];
	}
	r->info.n_facts = i;
	r->info.facts = r->facts;
}

static void machine_fill(struct vm_info_reply *r)
{
	struct vm_snapshot *s = &r->snapshot;

	for (uint32_t i = 0; i < s->nvcpu; i++) {
		Shadowpool__VcpuState *v = &r->vcpu[i];

		shadowpool__vcpu_state__init(v);
		v->index = i;
		v->interrupt_flag = s->vcpu[i].interrupt_flag;
		v->halted = s->vcpu[i].halted;
		v->apic_enabled = s->vcpu[i].apic.enabled;
		v->task_priority = s->vcpu[i].apic.task_priority;
		v->n_requested = v->n_in_service = 8;
		v->requested = s->vcpu[i].apic.requested;
		v->in_service = s->vcpu[i].apic.in_service;
		r->vcpus[i] = v;
	}
	r->info.n_vcpu_states = s->nvcpu;
	r->info.vcpu_states = r->vcpus;
	shadowpool__pic_state__init(&r->pic);
	r->pic.masked = s->pic.masked;
	r->pic.requested = s->pic.requested;
	r->pic.in_service = s->pic.in_service;
	r->info.pic = &r->pic;
}

static const char *page_size(uint32_t pool_pages)
{
	return pool_pages == ATTACH_PAGES_2M ? "2m" : pool_pages == ATTACH_PAGES_4K ? "4k" : "";
}

void vm_info_fill(struct vm_info_reply *r, struct vm_entry *e, bool with_report)
{
	Shadowpool__VmInfo *info = &r->info;
	struct vm_snapshot *s = &r->snapshot;

	vm_entry_look(e, s);
	shadowpool__vm_info__init(info);
	info->name = e->name;
	info->state = text(vm_entry_state(e));
	info->mem_bytes = e->conf.mem;
	info->pool_bytes = s->pool_bytes ? s->pool_bytes : e->conf.pool;
	info->pool_page_size = text(page_size(s->pool_pages));
	info->pool = text(s->pool_up ? "up" : "down");
	info->epoch = s->epoch;
	info->vcpus = (uint32_t)e->conf.vcpus;
	info->image = text(e->conf.image);
	info->cmdline = text(e->conf.cmdline);
	info->stop_reason = text(reasons[e->stop.reason]);
	info->exit_code = e->stop.exit_code;
	info->message = e->stop.message;
	if (with_report) {
		info->report = text(e->stop.report);
		facts_fill(r, &s->facts);
		machine_fill(r);
	}
}

void vm_screen_fill(struct vm_screen_reply *r, struct vm_entry *e)
{
	vm_entry_look(e, &r->snapshot);
	shadowpool__screen__init(&r->screen);
	r->screen.name = e->name;
	r->screen.columns = VGA_COLUMNS;
	r->screen.rows = VGA_ROWS;
	r->screen.text = r->snapshot.screen;
}

static void duration_fill(struct vm_stats_reply *r, const struct duration_name *name, struct duration *d)
{
	size_t i = r->stats.n_durations++;
	Shadowpool__Duration *m = &r->duration[i];

	shadowpool__duration__init(m);
	m->name = text(name->name);
	m->one_in = name->one_in;
	m->samples = d->samples;
	m->ticks = d->ticks;
	m->longest = d->longest;
	m->n_buckets = DURATION_BUCKETS;
	m->buckets = d->bucket;
	r->durations[i] = m;
}

static void durations_fill(struct vm_stats_reply *r)
{
	const struct duration_name request = { "request", REQUEST_TIMED_ONE_IN };

	for (size_t i = 0; i < POOL_DURATION_COUNT; i++)
		duration_fill(r, &duration_pool_names[i], &r->snapshot.pool_duration[i]);
	duration_fill(r, &request, &r->snapshot.request);
	r->stats.durations = r->durations;
	r->stats.tsc_khz = r->snapshot.facts.tsc_khz;
}

void vm_stats_fill(struct vm_stats_reply *r, struct vm_entry *e)
{
	struct vm_snapshot *s = &r->snapshot;
	size_t i;

	vm_entry_look(e, s);
	shadowpool__stats__init(&r->stats);
	r->stats.name = e->name;
	r->stats.pool_page_size = text(page_size(s->pool_pages));
	for (i = 0; i < TRAP_STAT_COUNT; i++) {
		counter_fill(&r->trap[i], trap_stat_name[i], s->trap[i]);
		r->traps[i] = &r->trap[i];
	}
	for (i = 0; i < POOL_STAT_COUNT; i++) {
		counter_fill(&r->pool[i], pool_stat_name[i], s->pool[i]);
		r->pools[i] = &r->pool[i];
		if (!strcmp(pool_stat_name[i], "audit_violations"))
			r->stats.audit_violations = s->pool[i];
	}
	r->stats.trapd = r->traps;
	r->stats.n_trapd = TRAP_STAT_COUNT;
	r->stats.pool = r->pools;
	r->stats.n_pool = POOL_STAT_COUNT;
	durations_fill(r);
}
