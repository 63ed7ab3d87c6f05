/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Enters and leaves the VM. Process trapd, the vCPU's own thread. See doc/fault-path.md for the stub protocol.
 * Source: Linux Documentation/virt/kvm/api.rst (KVM_RUN, KVM_CAP_SYNC_REGS, immediate_exit); SDM vol. 3A 6.14.
 */
#include "trapd/kvm/kcpu.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/x86.h"

/* SDM vol. 3A 2.5: PE, MP, ET, NE, WP, PG; PAE, OSFXSR, OSXMMEXCPT, UMIP. */
#define REAL_CR0	(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG)
#define REAL_CR4	(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT)
#define REAL_EFER	(EFER_LME | EFER_LMA | EFER_NXE)	/* SCE off: SYSCALL traps */

static _Thread_local struct kvm_run *current_run;

void kcpu_bind_thread(struct kcpu *c)
{
	current_run = c->run;
}

void kcpu_unbind_thread(void)
{
	current_run = NULL;
}

void kcpu_kick_self(void)
{
	struct kvm_run *run = current_run;

	if (run)
		store_relaxed(&run->immediate_exit, 1);	/* same thread: the handler ran on it */
}

static void on_kick(int sig)
{
	(void)sig;
	kcpu_kick_self();
}

int kcpu_install_kick(void)
{
	struct sigaction sa = { .sa_handler = on_kick };

	return sigaction(KCPU_KICK_SIGNAL, &sa, NULL) ? -errno : 0;
}

/* KVM's own word for the guest's TSC, or 10 ms of measurement. */
static uint32_t tsc_khz(int fd)
{
	const struct timespec wait = { .tv_nsec = 10000000 };
	int khz = ioctl(fd, KVM_GET_TSC_KHZ, 0);
	uint64_t ticks;
	int64_t start, ns;

	if (khz > 0)
		return (uint32_t)khz;
	start = clock_ns();
	ticks = __rdtsc();
	ppoll(NULL, 0, &wait, NULL);
	ns = clock_ns() - start;
	ticks = __rdtsc() - ticks;
	return (uint32_t)(ticks * 1000 / ((uint64_t)ns / 1000 + 1)) + 1;
}

int kcpu_create(struct kcpu *c, int kvm_fd, int vm_fd, unsigned n, struct stub *stub, const struct kvm_cpuid2 *cpuid)
{
	int size, err;

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	c->stub = stub;
	c->n = n;
	stub_build_vcpu(stub, n);
	size = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run))
		return -EINVAL;
	c->fd = ioctl(vm_fd, KVM_CREATE_VCPU, n);
	if (c->fd < 0)
		return -errno;
	c->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	if (c->run == MAP_FAILED) {
		err = -errno;
		c->run = NULL;
		kcpu_destroy(c);
		return err;
	}
	c->run_size = (uint32_t)size;
	c->tsc_khz = tsc_khz(c->fd);
	if (ioctl(c->fd, KVM_SET_CPUID2, cpuid)) {
		err = -errno;
		kcpu_destroy(c);
		return err;
	}
	return 0;
}

void kcpu_destroy(struct kcpu *c)
{
	if (c->run)
		munmap(c->run, c->run_size);
	if (c->fd >= 0)
		close(c->fd);
	c->run = NULL;
	c->fd = -1;
}

static bool host_has_umip(const struct kcpu *c)
{
	struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 entry[128]; } q = { .head.nent = 128 };

	if (ioctl(c->fd, KVM_GET_CPUID2, &q))
		return false;
	for (uint32_t i = 0; i < q.head.nent; i++)
		if (q.entry[i].function == 7 && q.entry[i].index == 0)
			return q.entry[i].ecx & (1u << 2);
	return false;
}

static const struct kvm_segment stub_cs = {
	.selector = STUB_SEL_CS, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1, .limit = 0xffffffff,
};
static const struct kvm_segment stub_ss = {
	.selector = STUB_SEL_DS, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1, .limit = 0xffffffff,
};

int kcpu_reset(struct kcpu *c, uint64_t cr3)
{
	struct kvm_sregs s;
	uint64_t block = c->stub->va + STUB_VCPU(c->n);
	struct kvm_msrs_one { struct kvm_msrs head; struct kvm_msr_entry entry[1]; } lstar = { .head.nmsrs = 1 };

	if (ioctl(c->fd, KVM_GET_SREGS, &s))
		return -errno;
	s.cs = stub_cs;
	s.ss = stub_ss;
	s.ds = s.es = s.fs = s.gs = (struct kvm_segment){ .type = 3, .present = 1, .s = 1, .db = 1, .g = 1, .limit = 0xffffffff, .dpl = 3 };
	s.ldt = (struct kvm_segment){ .unusable = 1 };
	s.tr = (struct kvm_segment){ .base = block + STUB_VCPU_TSS, .limit = 0x67, .selector = STUB_SEL_TSS, .type = 11, .present = 1 };
	s.gdt.base = block + STUB_VCPU_GDT;
	s.gdt.limit = 0xffff;
	s.idt.base = c->stub->va + STUB_IDT;
	s.idt.limit = 0xfff;
	s.cr0 = REAL_CR0;
	s.cr4 = REAL_CR4 | (host_has_umip(c) ? CR4_UMIP : 0);
	s.efer = REAL_EFER;
	s.cr3 = cr3;
	if (ioctl(c->fd, KVM_SET_SREGS, &s))
		return -errno;
	/* On hosts that ignore SCE, SYSCALL goes to LSTAR: the fetch there faults, and its address says what it was. */
	lstar.entry[0] = (struct kvm_msr_entry){ .index = MSR_LSTAR, .data = c->stub->va + STUB_SYSCALL_PAGE };
	ioctl(c->fd, KVM_SET_MSRS, &lstar);
	c->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	c->run->kvm_dirty_regs = 0;
	c->run->s.regs.sregs = s;
	memset(&c->run->s.regs.regs, 0, sizeof(c->run->s.regs.regs));
	return 0;
}

static void put_gprs(struct kvm_regs *r, const uint64_t g[GPR_COUNT])
{
	r->rax = g[GPR_RAX]; r->rcx = g[GPR_RCX]; r->rdx = g[GPR_RDX]; r->rbx = g[GPR_RBX];
	r->rbp = g[GPR_RBP]; r->rsi = g[GPR_RSI]; r->rdi = g[GPR_RDI];
	r->r8 = g[GPR_R8]; r->r9 = g[GPR_R9]; r->r10 = g[GPR_R10]; r->r11 = g[GPR_R11];
	r->r12 = g[GPR_R12]; r->r13 = g[GPR_R13]; r->r14 = g[GPR_R14]; r->r15 = g[GPR_R15];
}

static void get_gprs(const struct kvm_regs *r, uint64_t g[GPR_COUNT])
{
	g[GPR_RAX] = r->rax; g[GPR_RCX] = r->rcx; g[GPR_RDX] = r->rdx; g[GPR_RBX] = r->rbx;
	g[GPR_RBP] = r->rbp; g[GPR_RSI] = r->rsi; g[GPR_RDI] = r->rdi;
	g[GPR_R8] = r->r8; g[GPR_R9] = r->r9; g[GPR_R10] = r->r10; g[GPR_R11] = r->r11;
	g[GPR_R12] = r->r12; g[GPR_R13] = r->r13; g[GPR_R14] = r->r14; g[GPR_R15] = r->r15;
}

void kcpu_trap_context(const struct kcpu *c, struct kcpu_context *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	get_gprs(&c->run->s.regs.regs, ctx->gpr);
	ctx->frame = *c->frame;
	ctx->gpr[GPR_RSP] = ctx->frame.rsp;
}

/* After a kick or an I/O exit in guest code the real CPU stands at CPL 3, where the tail cannot even be fetched. */
static void enter_ring0(struct kcpu *c)
{
	struct kvm_sregs *s = &c->run->s.regs.sregs;

	if (!(s->cs.selector & 3))
		return;
	s->cs = stub_cs;
	s->ss = stub_ss;
	c->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
}

static struct kvm_segment kvm_segment_of(const struct segment *s)
{
	return (struct kvm_segment){ .selector = s->selector, .base = s->base, .limit = s->limit, .type = s->type, .present = s->present,
				     .s = s->code_or_data, .dpl = s->dpl, .avl = s->avl, .l = s->l, .db = s->db, .g = s->g };
}

/*
 * Straight into guest code. On hosts that emulate the stub its IRETQ clears IOPL, and KVM's own registers do not
 * (doc/hosts.md).
 */
static void enter_direct(struct kcpu *c)
{
	struct kvm_sregs *s = &c->run->s.regs.sregs;
	struct kvm_regs *r = &c->run->s.regs.regs;
	const struct stub_frame *f = &c->resume.frame;
	struct segment cs = stub_segment(c->stub, c->n, (uint16_t)f->cs), ss = stub_segment(c->stub, c->n, (uint16_t)f->ss);

	s->cs = kvm_segment_of(&cs);
	s->ss = kvm_segment_of(&ss);
	put_gprs(r, c->resume.gpr);
	r->rip = f->rip;
	r->rsp = f->rsp;
	r->rflags = f->rflags;
	c->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
}

/* Registers and stack for the tail, from c->resume. The same again after a kick inside the tail. */
static void apply_resume(struct kcpu *c)
{
	struct kvm_regs *r = &c->run->s.regs.regs;
	const struct kcpu_context *x = &c->resume;
	struct stub_return way;
	struct stub_start start;

	if (x->direct && !x->cr3) {
		enter_direct(c);
		return;
	}
	enter_ring0(c);
	put_gprs(r, x->gpr);
	way = (struct stub_return){ .frame = x->direct ? stub_flushed_frame(c->stub, c->n) : x->frame, .cr3 = x->cr3,
				    .ntouch = x->ntouch, .touch = x->touch, .rax = x->gpr[GPR_RAX], .rcx = x->gpr[GPR_RCX] };
	start = stub_prepare_return(c->stub, c->n, &way);
	r->rip = start.rip;
	r->rsp = start.rsp;
	r->rax = start.rax;
	r->rflags = RFLAGS_FIXED;
	c->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

void kcpu_resume(struct kcpu *c, const struct kcpu_context *ctx)
{
	c->resume = *ctx;
	apply_resume(c);
	c->in_tail = true;
}

static uint64_t stub_offset(const struct kcpu *c, uint64_t rip)
{
	return rip - c->stub->va;
}

/*
 * A trap whose saved CS is the stub's own: a data breakpoint across MOV SS or POP SS, held back until the stub's first
 * instruction. Note it for the guest and let the stub go on (SDM vol. 3A 6.8.3).
 */
static bool swallow_held_debug(struct kcpu *c, const struct stub_frame *f)
{
	struct kvm_debugregs d;
	struct kvm_regs *r = &c->run->s.regs.regs;

	if (c->vector != VEC_DB || (f->cs & 3) || stub_offset(c, f->rip) >= STUB_VECTORS_END)
		return false;
	if (ioctl(c->fd, KVM_GET_DEBUGREGS, &d))
		return false;
	c->held_debug |= d.dr6 & 15;
	/* the stack of the interrupted entry is untouched: continue it where it was, without IRET */
	r->rip = f->rip;
	r->rsp = f->rsp;
	r->rflags = RFLAGS_FIXED;
	c->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	return true;
}

static enum kcpu_exit classify_io(struct kcpu *c)
{
	uint64_t rip = c->run->s.regs.regs.rip;

	c->in_tail = false;
	if (!stub_contains(c->stub, rip)) {
		return KCPU_IO;
	}
	c->vector = (uint8_t)c->run->io.port;
	c->frame = c->vector == VEC_DB ? stub_db_frame_of(c->stub, c->n) : stub_frame_of(c->stub, c->n);
	return KCPU_TRAP;
}

enum kcpu_exit kcpu_run(struct kcpu *c)
{
	struct kvm_run *run = c->run;

	for (;;) {
		uint64_t offset;
		int rc = ioctl(c->fd, KVM_RUN, 0), err = errno;

		run->kvm_dirty_regs = 0;
		if (rc == 0 && run->exit_reason == KVM_EXIT_IO) {
			enum kcpu_exit exit;

			if (stub_is_flushed(c->stub, run->s.regs.regs.rip)) {
				enter_direct(c);
				continue;
			}
			exit = classify_io(c);

			if (exit == KCPU_TRAP && swallow_held_debug(c, c->frame))
				continue;
			return exit;
		}
		if (rc == 0 && run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN) {
			c->in_tail = false;
			return KCPU_WINDOW;
		}
		if (rc == 0 && run->exit_reason != KVM_EXIT_INTR)
			return KCPU_BROKEN;
		if (rc && err != EINTR && err != EAGAIN) {
			run->exit_reason = KVM_EXIT_UNKNOWN;
			run->hw.hardware_exit_reason = (uint64_t)err;
			return KCPU_BROKEN;
		}
		run->immediate_exit = 0;
		offset = stub_offset(c, run->s.regs.regs.rip);
		if (offset < STUB_VECTORS_END) {	/* before the trap's OUT: enter again, it comes at once */
			c->in_tail = false;
			continue;
		}
		if (offset < STUB_CODE_END) {	/* in the tail: nothing of the guest has run, start the tail again */
			apply_resume(c);
			return KCPU_KICKED;
		}
		c->in_tail = false;
		return KCPU_KICKED;
	}
}

void kcpu_peek(const struct kcpu *c, struct kcpu_context *ctx)
{
	const struct kvm_sregs *s = &c->run->s.regs.sregs;
	const struct kvm_regs *r = &c->run->s.regs.regs;

	memset(ctx, 0, sizeof(*ctx));
	get_gprs(r, ctx->gpr);
	ctx->gpr[GPR_RSP] = r->rsp;
	ctx->frame = (struct stub_frame){ .rip = r->rip, .cs = s->cs.selector | 3u, .rflags = r->rflags, .rsp = r->rsp,
					  .ss = s->ss.selector | 3u };
}

int kcpu_capture(struct kcpu *c, struct kcpu_context *ctx)
{
	if (c->in_tail) {	/* kicked before guest code ran: what it was given still holds */
		*ctx = c->resume;
		return 0;
	}
	/* A pending I/O is finished by an entry that leaves at once (api.rst, immediate_exit). */
	c->run->immediate_exit = 1;
	if (ioctl(c->fd, KVM_RUN, 0) == 0 || errno != EINTR)
		return -EIO;
	c->run->immediate_exit = 0;
	kcpu_peek(c, ctx);
	return 0;
}

bool kcpu_holds_exception(const struct kcpu *c)
{
	struct kvm_vcpu_events e = { 0 };

	return !ioctl(c->fd, KVM_GET_VCPU_EVENTS, &e) && (e.exception.injected || e.exception.pending);
}

void kcpu_forget_exception(struct kcpu *c)
{
	struct kvm_vcpu_events e = { 0 };

	if (ioctl(c->fd, KVM_GET_VCPU_EVENTS, &e))
		return;
	e.exception.injected = e.exception.pending = 0;
	e.flags = 0;
	ioctl(c->fd, KVM_SET_VCPU_EVENTS, &e);
}

void kcpu_describe_exit(const struct kcpu *c, char *text, unsigned size)
{
	const struct kvm_run *run = c->run;

	switch (run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		snprintf(text, size, "the real CPU shut down (triple fault in the stub)");
		break;
	case KVM_EXIT_MMIO:
		snprintf(text, size, "a shadow entry leads outside the VM's windows: machine address 0x%llx",
			 (unsigned long long)run->mmio.phys_addr);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		snprintf(text, size, "KVM internal error, suberror %u", run->internal.suberror);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(text, size, "KVM refused to enter the VM, hardware reason 0x%llx",
			 (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_UNKNOWN:
		snprintf(text, size, "KVM_RUN failed: %s", strerror((int)run->hw.hardware_exit_reason));
		break;
	default:
		snprintf(text, size, "unexpected KVM exit reason %u", run->exit_reason);
	}
}
