/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real CPU: one KVM vCPU that runs guest code at CPL 3 and comes back through the stub. It knows KVM_RUN, the synced
 * registers and the stub's frames, and nothing of the guest's own paging or privilege. Used by the vCPU's thread and by
 * selftest.c. Thread: the one that calls kcpu_run(), always the same, unless said otherwise.
 */
#ifndef SHADOWPOOL_TRAPD_KCPU_H
#define SHADOWPOOL_TRAPD_KCPU_H

#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "trapd/kvm/stub.h"

enum kcpu_exit {
	KCPU_TRAP,		/* an exception came through the stub: vector and frame are valid */
	KCPU_IO,		/* guest code with IOPL 3 has executed IN, OUT, INS or OUTS: run->io */
	KCPU_KICKED,		/* a signal came: guest code was interrupted, or has not run at all */
	KCPU_WINDOW,		/* the interrupt window that was asked for is open: the guest's IF is 1 */
	KCPU_BROKEN,		/* any other exit: an error of ours or of the host; kcpu_describe_exit() says which */
};

/* The state with which guest code starts or goes on. */
struct kcpu_context {
	uint64_t gpr[GPR_COUNT];	/* RSP is frame.rsp */
	struct stub_frame frame;	/* error is not used; cs and ss are selectors of the real GDT */
	uint64_t cr3;			/* the return program loads this; 0: no return program, CR3 stays */
	bool direct;			/* enter guest code by KVM's registers, not by IRETQ, which clears IOPL on P */
	unsigned ntouch;		/* tables that the return program touches; needs cr3 */
	uint64_t touch[STUB_MAX_TOUCH];	/* their machine addresses */
};

struct kcpu {
	int fd;
	struct kvm_run *run;
	uint32_t run_size;
	uint32_t tsc_khz;		/* frequency of the guest's TSC, never 0 */
	struct stub *stub;
	unsigned n;			/* number of the vCPU, and of its block in the stub window */
	uint8_t vector;			/* of the last KCPU_TRAP */
	struct stub_frame *frame;	/* of the last KCPU_TRAP, in stub memory */
	struct kcpu_context resume;	/* what kcpu_resume() was given last */
	bool in_tail;			/* since kcpu_resume() guest code may not have run at all */
	uint64_t held_debug;		/* DR6 bits of a #DB that MOV SS held back until the stub; the caller clears them */
};

/*
 * Create vCPU n of the VM vm_fd, and its block in the stub window. cpuid: what CPUID will say. Returns 0 or -errno. Thread:
 * control.
 */
int kcpu_create(struct kcpu *c, int kvm_fd, int vm_fd, unsigned n, struct stub *stub, const struct kvm_cpuid2 *cpuid);
void kcpu_destroy(struct kcpu *c);
/*
 * Put the vCPU into the stub: segment registers, IDT, GDT, TSS and control registers for long mode, LSTAR, and CR3 as given.
 * Returns 0 or -errno. Thread: control.
 */
int kcpu_reset(struct kcpu *c, uint64_t cr3);
/*
 * Set the state with which the next kcpu_run() enters guest code. Set again by kcpu_run() itself if a kick comes before guest
 * code runs.
 */
void kcpu_resume(struct kcpu *c, const struct kcpu_context *ctx);
/* Enter the VM. After KCPU_TRAP, KCPU_KICKED, KCPU_IO and KCPU_WINDOW run->s.regs holds regs and sregs of the real CPU. */
enum kcpu_exit kcpu_run(struct kcpu *c);
/* After KCPU_TRAP: the guest's registers and the frame, read once from stub memory. */
void kcpu_trap_context(const struct kcpu *c, struct kcpu_context *ctx);
/*
 * After KCPU_KICKED, KCPU_IO or KCPU_WINDOW: the guest's registers, in the form of a trap's. An I/O that is pending is finished
 * first. If the kick came before guest code ran (in_tail), *ctx is what kcpu_resume() was given. Afterwards the vCPU may be
 * resumed with kcpu_resume(). Returns 0, or -EIO: KVM does not finish the I/O.
 */
int kcpu_capture(struct kcpu *c, struct kcpu_context *ctx);
/*
 * kcpu_holds_exception(): after KCPU_KICKED, does KVM hold an exception of guest code that it has not delivered yet? KVM would
 * deliver it wherever the vCPU is resumed, so enter the vCPU as it stands: the trap comes at once. kcpu_forget_exception(): drop
 * it; a fault will happen again.
 */
bool kcpu_holds_exception(const struct kcpu *c);
void kcpu_forget_exception(struct kcpu *c);
/* The guest's registers as they stand, without finishing a pending I/O. Changes nothing. */
void kcpu_peek(const struct kcpu *c, struct kcpu_context *ctx);
/* One line that describes the exit of the last KCPU_BROKEN. */
void kcpu_describe_exit(const struct kcpu *c, char *text, unsigned size);
/*
 * From here on kicks of the calling thread are for this vCPU; a kick before the first entry is not lost. Called once by each
 * vCPU's thread, before it looks for the first time at what a kick may be about.
 */
void kcpu_bind_thread(struct kcpu *c);
/* Undo kcpu_bind_thread(): before the vCPU is destroyed, if the thread lives on. */
void kcpu_unbind_thread(void);
/* Make the calling thread's current or next kcpu_run() return KCPU_KICKED. Safe in a signal handler. */
void kcpu_kick_self(void);
/* Install the handler of the kick signal (SIGUSR1) once per process. */
int kcpu_install_kick(void);
#define KCPU_KICK_SIGNAL SIGUSR1

#endif
