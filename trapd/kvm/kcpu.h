/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real CPU: one KVM vCPU that runs guest code at CPL 3 and comes back through the stub. Knows KVM_RUN, the synced
 * registers and the stub's frames; knows nothing of the guest's own paging or privilege. Used by vcpu.c and selftest.c.
 * Thread: the one that calls kcpu_run, always the same.
 */
#ifndef SHADOWPOOL_TRAPD_KCPU_H
#define SHADOWPOOL_TRAPD_KCPU_H

#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "trapd/kvm/stub.h"

enum kcpu_exit {
	KCPU_TRAP,		/* through the stub: vector and frame are valid */
	KCPU_IO,		/* IN or OUT by guest code with IOPL 3: run->io */
	KCPU_KICKED,		/* a signal; guest code was running, or nothing was entered */
	KCPU_WINDOW,		/* guest code has opened the interrupt window */
	KCPU_BROKEN,		/* any other exit reason: a bug of ours or of the host; kcpu_describe_exit says which */
};

/* What guest code starts or goes on with. */
struct kcpu_context {
	uint64_t gpr[GPR_COUNT];	/* RSP is frame.rsp */
	struct stub_frame frame;	/* error is unused; cs and ss are real selectors */
	uint64_t cr3;			/* 0: leave CR3 alone, no return program */
	bool direct;			/* guest code is entered by KVM's registers and not by IRETQ; rflags is then taken as it is */
	unsigned ntouch;
	uint64_t touch[STUB_MAX_TOUCH];	/* machine addresses; only with cr3 */
};

struct kcpu {
	int fd;
	struct kvm_run *run;
	uint32_t run_size;
	uint32_t tsc_khz;		/* never 0 */
	struct stub *stub;
	unsigned n;			/* block in the stub window */
	uint8_t vector;			/* last KCPU_TRAP */
	struct stub_frame *frame;	/* its frame in stub memory */
	struct kcpu_context resume;	/* what kcpu_resume was given, until guest code runs again */
	bool in_tail;			/* resume was given but guest code may not have been reached yet */
	uint64_t held_debug;		/* DR6 bits of a #DB that a MOV SS held back into the stub; taken by the caller */
};

/* Create vCPU n in vm_fd and its block in the stub. 0 or -errno. cpuid: what CPUID will say. */
int kcpu_create(struct kcpu *c, int kvm_fd, int vm_fd, unsigned n, struct stub *stub, const struct kvm_cpuid2 *cpuid);
void kcpu_destroy(struct kcpu *c);
/*
 * Put the vCPU into the stub with the control registers that never change (long mode, IDT, GDT, TSS) and CR3.
 * cr0_extra, cr4_extra: bits to set beside the fixed ones.
 */
int kcpu_reset(struct kcpu *c, uint64_t cr3);
/* Set where guest code goes on. Takes effect at the next kcpu_run; repeated if that is kicked before guest code runs. */
void kcpu_resume(struct kcpu *c, const struct kcpu_context *ctx);
/* Enter. After KCPU_TRAP, KCPU_KICKED, KCPU_IO and KCPU_WINDOW run->s.regs holds regs and sregs. */
enum kcpu_exit kcpu_run(struct kcpu *c);
/* After KCPU_TRAP: the guest's registers and the frame, read once from stub memory. */
void kcpu_trap_context(const struct kcpu *c, struct kcpu_context *ctx);
/*
 * After KCPU_KICKED, KCPU_IO or KCPU_WINDOW: the same, from the registers, finishing a pending I/O first. The vCPU may then
 * be resumed with kcpu_resume. If it was kicked before guest code ran (in_tail), this is what kcpu_resume was given.
 * 0 or -EIO.
 */
int kcpu_capture(struct kcpu *c, struct kcpu_context *ctx);
/*
 * After KCPU_KICKED: does KVM hold an exception of the guest code that it has not delivered yet? It would come wherever the
 * vCPU is resumed: enter as it stands, and the trap comes at once. forget drops it: a fault happens again.
 */
bool kcpu_holds_exception(const struct kcpu *c);
void kcpu_forget_exception(struct kcpu *c);
/* What kcpu_capture gives, from the registers as they stand, without finishing anything: a look only. */
void kcpu_peek(const struct kcpu *c, struct kcpu_context *ctx);
/* One line about an exit that should not be. */
void kcpu_describe_exit(const struct kcpu *c, char *text, unsigned size);
/*
 * From here on a kick of the calling thread reaches this vCPU, also one that comes before its first entry. Once per thread,
 * before it looks at what a kick may be about.
 */
void kcpu_bind_thread(struct kcpu *c);
/* Before the bound vCPU is destroyed on a thread that lives on. */
void kcpu_unbind_thread(void);
/* Makes the calling thread's next or current kcpu_run return KCPU_KICKED: for the signal handler. */
void kcpu_kick_self(void);
/* Install the handler of the kick signal (SIGUSR1) once per process. */
int kcpu_install_kick(void);
#define KCPU_KICK_SIGNAL SIGUSR1

#endif
