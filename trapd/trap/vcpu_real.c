/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the virtual CPU and the real one: which real segments, flags and control bits stand for those of the guest. Process
 * trapd, the vCPU's own thread. doc/fault-path.md, doc/hosts.md.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#include "common/counters.h"
#include "trapd/cpu/real_mode.h"
#include "trapd/link/pool_link.h"
#include "trapd/link/vcpu_link.h"
#include "trapd/link/world.h"
#include "trapd/trap/vcpu_priv.h"

static const struct { enum sreg sreg; size_t offset; } data_segments[] = {
	{ SREG_ES, offsetof(struct kvm_sregs, es) },
	{ SREG_DS, offsetof(struct kvm_sregs, ds) },
	{ SREG_FS, offsetof(struct kvm_sregs, fs) },
	{ SREG_GS, offsetof(struct kvm_sregs, gs) },
};
#define NDATA (sizeof(data_segments) / sizeof(data_segments[0]))

static struct kvm_segment *real_segment(struct kvm_sregs *s, size_t i)
{
	return (struct kvm_segment *)(void *)((char *)s + data_segments[i].offset);
}

bool vcpu_if_is_native(const struct vcpu *v)
{
	/* only the supervisor view runs with IOPL 3 */
	return v->cpu.cpl == 0 && (cpu_code64(&v->cpu) ? v->machine->if_native_64 : v->machine->if_native_32);
}

/*
 * Take DS, ES, FS and GS over from the real registers, because the guest may have loaded null selectors without a trap. Hosts of
 * kind P show other selectors than were loaded (doc/hosts.md): a virtual register is kept as long as base and usability agree.
 */
static void load_data_segments(struct vcpu *v)
{
	struct kvm_sregs *s = &v->priv->kcpu.run->s.regs.sregs;

	for (size_t i = 0; i < NDATA; i++) {
		const struct kvm_segment *k = real_segment(s, i);
		struct segment *seg = &v->cpu.seg[data_segments[i].sreg];

		if (real_mode(&v->cpu)) {
			const struct segment real = { .selector = k->selector, .usable = !k->unusable, .base = k->base, .type = k->type };

			v->priv->segment_adopted |= real_mode_adopt(v, data_segments[i].sreg, &real);
			continue;
		}
		if (seg->usable == !k->unusable && seg->base == k->base && (k->selector & ~3u) == 0)
			continue;
		if ((seg->selector & ~3u) == (k->selector & ~3u) && seg->usable == !k->unusable && seg->base == k->base)
			continue;
		*seg = (struct segment){ .selector = k->selector, .usable = !k->unusable, .type = k->type,
					 .code_or_data = k->s, .dpl = k->dpl, .present = k->present, .avl = k->avl,
					 .l = k->l, .db = k->db, .g = k->g, .base = k->base, .limit = k->limit };
	}
}

void vcpu_load_state(struct vcpu *v, const struct kcpu_context *ctx)
{
	struct cpu_state *c = &v->cpu;
	uint64_t keep = RFLAGS_IOPL | (vcpu_if_is_native(v) ? 0 : RFLAGS_IF);

	if (vcpu_is_stepped(v) && !v->priv->breakpoints.loads_tf)
		keep |= RFLAGS_TF;	/* TF in the frame is that of trapd's step */
	if (alignment_hides_ac(v))
		keep |= RFLAGS_AC;
	else if (ctx->frame.rflags & ~c->rflags & RFLAGS_AC)
		v->ac_is_native = true;
	if (ctx->frame.rip != v->priv->kcpu.resume.frame.rip)
		c->inhibit = false;	/* at least one instruction has run */

	memcpy(c->gpr, ctx->gpr, sizeof(c->gpr));
	c->rip = ctx->frame.rip;
	c->rflags = (ctx->frame.rflags & ~keep) | (c->rflags & keep);
	load_data_segments(v);
	v->walk.ac = c->rflags & RFLAGS_AC;
	v->priv->real_root = v->priv->kcpu.run->s.regs.sregs.cr3;
	if (v->priv->epoch_in_flight) {
		v->flush_epoch = v->priv->epoch_in_flight;
		v->priv->epoch_in_flight = 0;
	}
}

static bool store_data_segments(struct vcpu *v)
{
	struct kvm_sregs *s = &v->priv->kcpu.run->s.regs.sregs;
	bool changed = false;

	for (size_t i = 0; i < NDATA; i++) {
		struct kvm_segment *k = real_segment(s, i);
		const struct segment *seg = &v->cpu.seg[data_segments[i].sreg];
		struct kvm_segment want = { .unusable = 1 };

		/* DPL 3: all guest code runs at CPL 3. A code segment stands in as readable data. */
		if (seg->usable)
			want = (struct kvm_segment){ .selector = seg->selector, .type = (seg->type & 8) ? 1 : (seg->type | 1),
						     .s = 1, .dpl = 3, .present = 1, .avl = seg->avl, .db = seg->db,
						     .g = seg->g, .base = seg->base, .limit = seg->limit };
		else
			want = (struct kvm_segment){ .selector = seg->selector, .unusable = 1, .base = seg->base };
		if (memcmp(&want, k, sizeof(want))) {
			*k = want;
			changed = true;
		}
	}
	return changed;
}

/* Of CR0, TS, EM, MP and NE are the guest's. AM is so only in the user view, where AC means alignment checks and not SMAP. */
static bool store_control_bits(struct vcpu *v)
{
	struct kvm_sregs *s = &v->priv->kcpu.run->s.regs.sregs;
	const uint64_t cr0_bits = CR0_TS | CR0_EM | CR0_MP | CR0_NE | CR0_AM, cr4_bits = CR4_TSD | CR4_DE;
	uint64_t cr0 = v->cpu.cr0 & (v->cpu.cpl == 3 ? cr0_bits : cr0_bits & ~CR0_AM);
	uint64_t real0 = (s->cr0 & ~cr0_bits) | cr0, real4 = (s->cr4 & ~cr4_bits) | (v->cpu.cr4 & cr4_bits);

	if (real0 == s->cr0 && real4 == s->cr4)
		return false;
	s->cr0 = real0;
	s->cr4 = real4;
	return true;
}

static uint64_t real_rflags(const struct vcpu *v)
{
	uint64_t flags = v->cpu.rflags & ~RFLAGS_IOPL;

	/* Where IF is not native, CLI and STI of the kernel have to trap: the real IOPL is 0 whatever the virtual one is. */
	flags |= vcpu_if_is_native(v) ? RFLAGS_IOPL : v->cpu.cpl == 0 ? 0 : v->cpu.rflags & RFLAGS_IOPL;
	/*
	 * Where IF is not native, a PUSHF that is not replaced shows IF 1 on P; make it so on every host, so that tests see the
	 * same.
	 */
	if (v->cpu.cpl == 0 && !vcpu_if_is_native(v))
		flags |= RFLAGS_IF;
	if (alignment_hides_ac(v))
		flags &= ~RFLAGS_AC;
	if (vcpu_is_stepped(v))
		flags |= RFLAGS_TF;
	return (flags | RFLAGS_FIXED) & ~(RFLAGS_VM | RFLAGS_NT | RFLAGS_VIF | RFLAGS_VIP);
}

void vcpu_store_state(struct vcpu *v)
{
	struct vcpu_priv *p = v->priv;
	struct return_work *work = &v->link->work;
	uint64_t root = v->root[v->cpu.cpl == 3];
	struct kcpu_context ctx = { .frame = { .rip = v->cpu.rip, .rsp = v->cpu.gpr[GPR_RSP], .rflags = real_rflags(v) } };

	if (v->sregs_dirty) {
		bool segments, control;

		struct segment cs = v->cpu.seg[SREG_CS];

		if (v->cs_detached)
			cs.selector = 0;	/* so that CS gets a descriptor of trapd's own */
		stub_set_code_and_stack(p->kcpu.stub, v->index, &cs, &v->cpu.seg[SREG_SS], &p->cs_real, &p->ss_real);
		v->sregs_dirty = false;
		segments = store_data_segments(v);
		control = store_control_bits(v);
		if (segments || control)
			p->kcpu.run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	}
	if (v->cpu.cpl == 0)
		unseen_iret_note_stack(v, v->cpu.gpr[GPR_RSP]);
	memcpy(ctx.gpr, v->cpu.gpr, sizeof(ctx.gpr));
	ctx.direct = v->machine->if_direct_32 && vcpu_if_is_native(v) && !cpu_code64(&v->cpu);
	ctx.frame.cs = p->cs_real;
	ctx.frame.ss = p->ss_real;
	if (world_take_flush(v))
		work->flush = work->promised = true;
	if (work->cycle)
		slots_dummy_cycle(&v->pool->dummy_slot, &v->stat[TRAP_STAT_slot_cycles]);
	/*
	 * After an attach, and after a flush that was promised, the table in the real CR3 may not map the stub any more: set CR3
	 * directly.
	 */
	if (!p->real_root || (work->promised && root != p->real_root)) {
		p->kcpu.run->s.regs.sregs.cr3 = root;
		p->kcpu.run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	}
	if (work->flush || work->cycle || root != p->real_root) {
		ctx.cr3 = root;
		if (!work->cycle && !v->machine->facts.coherent_after_flush) {
			ctx.ntouch = work->ntouch;
			memcpy(ctx.touch, work->touch, sizeof(ctx.touch));
		}
		counter_add(&v->stat[TRAP_STAT_return_programs], 1);
		counter_add(&v->stat[TRAP_STAT_tables_touched], ctx.ntouch);
		if (work->flush || work->cycle)
			p->epoch_in_flight = work->epoch;
	}
	memset(work, 0, sizeof(*work));
	vcpu_write_end(v);	/* publish the events of this trap: poold consumes them while the guest runs on */
	kcpu_resume(&p->kcpu, &ctx);
}

void vcpu_take_back_return(struct vcpu *v)
{
	struct vcpu_priv *p = v->priv;
	struct return_work *work = &v->link->work;
	const struct kcpu_context *given = &p->kcpu.resume;

	if (!given->cr3)
		return;
	work->flush = true;
	work->ntouch = given->ntouch;
	memcpy(work->touch, given->touch, sizeof(work->touch));
	work->epoch = p->epoch_in_flight;
	p->epoch_in_flight = 0;
	p->real_root = p->kcpu.run->s.regs.sregs.cr3;
}

void vcpu_forget_roots(struct vcpu *v)
{
	v->priv->epoch_in_flight = 0;
	v->priv->real_root = 0;
	memset(&v->link->work, 0, sizeof(v->link->work));
	v->root[0] = v->root[1] = 0;
}

uint64_t vcpu_take_real_dr6(struct vcpu *v)
{
	struct kvm_debugregs d;
	uint64_t bits;

	if (ioctl(v->priv->kcpu.fd, KVM_GET_DEBUGREGS, &d))
		return 0;
	bits = d.dr6 & (DR6_BS | DR6_BD | 15);
	d.dr6 = DR6_FIXED;
	ioctl(v->priv->kcpu.fd, KVM_SET_DEBUGREGS, &d);
	return bits;
}

/*
 * The guest's breakpoints go into the real debug registers, but for those in the stub's slot: they would fire in the stub. SDM
 * vol. 3B 17.2.
 */
void vcpu_debug_changed(struct vcpu *v)
{
	struct kvm_debugregs d = { .dr6 = DR6_FIXED, .dr7 = (v->cpu.dr7 & ~DR7_GD) | DR7_FIXED };

	for (unsigned i = 0; i < 4; i++) {
		if (stub_contains(v->priv->kcpu.stub, v->cpu.dr[i]))
			d.dr7 &= ~(3ull << (2 * i));
		else
			d.db[i] = v->cpu.dr[i];
	}
	ioctl(v->priv->kcpu.fd, KVM_SET_DEBUGREGS, &d);
}

uint64_t vcpu_read_tsc(struct vcpu *v)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry entry; } msrs = { .head.nmsrs = 1, .entry.index = MSR_TSC };

	/* A host that does not give its guest's TSC: the host's own runs on as well. */
	return ioctl(v->priv->kcpu.fd, KVM_GET_MSRS, &msrs) == 1 ? msrs.entry.data : __rdtsc();
}

int vcpu_real_init(struct vcpu *v)
{
	int rc = kcpu_reset(&v->priv->kcpu, 0);

	v->sregs_dirty = true;
	v->priv->real_root = 0;
	return rc;
}
