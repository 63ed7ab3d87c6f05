/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only the trap path of a vCPU needs: the real CPU, the trap in hand, what the return program must do, the step.
 * Files: vcpu_real.c (between virtual and real registers), trap.c (vectors), fault.c (#PF), write_fault.c (monitored pages), step.c,
 * breakpoints.c, exits.c (exits without a frame).
 */
#ifndef SHADOWPOOL_TRAPD_VCPU_PRIV_H
#define SHADOWPOOL_TRAPD_VCPU_PRIV_H

#include "common/write_class.h"
#include "trapd/cpu/vcpu.h"
#include "trapd/devices/timer.h"
#include "trapd/kvm/kcpu.h"
#include "trapd/link/corrupt_limit.h"
#include "trapd/link/write_pair.h"
#include "trapd/vm/vm.h"

#define STEP_MAX_GFNS 4u
#define KERNEL_STACKS 4u
#define BARREN_SLOTS 256u

/* One instruction of the guest run with a table open (doc/spec/pool.md section 6, Step). */
struct step {
	bool active;
	unsigned ngfns;
	uint64_t gfn[STEP_MAX_GFNS];
};

/* Breakpoints that are compared in software: every instruction is stepped. */
struct soft_breakpoints {
	bool active;
	bool loads_tf;			/* the instruction that runs is POPF: TF behind it is the guest's word */
	uint64_t rip;			/* of the instruction that runs */
	bool shadows;			/* it is MOV SS or POP SS: what is due waits for the next one */
	uint64_t hits;			/* DR6 bits that are due when it is done */
	uint64_t carried;		/* ... that MOV SS has held back */
};

/* What poold's replies since the last entry demand of the return program. */
struct return_work {
	bool flush;			/* load CR3 */
	bool promised;			/* poold has been told that this flush is done: a root that was left since the last exit may be
					 * a table of anything by now, and the way back may not run on it */
	bool cycle;			/* too many tables: cycle the dummy memslot */
	unsigned ntouch;
	uint64_t touch[STUB_MAX_TOUCH];
	uint32_t epoch;			/* flush epoch that this flush will complete */
};

struct vcpu_priv {
	struct kcpu kcpu;
	uint8_t vector;			/* the trap in hand */
	uint32_t error;
	uint64_t real_cr2;
	bool segment_adopted;		/* in real mode: the instruction that trapped may work now */
	uint16_t cs_real, ss_real;	/* selectors of the guest's CS and SS in the real GDT */
	uint64_t real_root;		/* CR3 that the real CPU has, 0: unknown */
	uint64_t kernel_rsp[KERNEL_STACKS];	/* with which the guest's kernel was resumed: last on each of its last stacks */
	bool runs_user_pages;		/* its kernel executes U=1 pages: unseen_iret.c stands aside */
	bool loaded_ac;			/* AC that the roots in use were made for */
	struct return_work work;
	uint32_t epoch_in_flight;	/* of the return program that was handed to the CPU, 0: none */
	struct step step;
	struct timer window_sample;	/* bus lock */
	uint32_t window_wanted;		/* atomic: the vCPU waits for IF to become 1 */
	struct write_pair pair;
	bool shadow_step;		/* one instruction runs with TF set because an interrupt waits behind it: interrupt.c */
	bool unaligned;			/* one instruction runs with TF set and AC 0: alignment.c */
	struct soft_breakpoints breakpoints;
	uint64_t last_rip, last_gva, last_others, last_trap;	/* livelock check of fault.c */
	unsigned repeats;
	uint64_t barren[BARREN_SLOTS];	/* RIPs behind which look-ahead found nothing to do: look_ahead.c */
	bool audit_failed;
	uint64_t corrupt_at_s[CORRUPT_LIMIT];	/* of corrupt_too_often() */
};

/* Does guest code run with a TF that is ours? */
static inline bool vcpu_is_stepped(const struct vcpu *v)
{
	return v->priv->step.active || v->priv->breakpoints.active || v->priv->shadow_step || v->priv->unaligned;
}

/* vcpu_real.c */
/* After a trap or capture: virtual registers from the real ones. */
void vcpu_load_state(struct vcpu *v, const struct kcpu_context *ctx);
/* Before an entry: everything that changed goes into the real CPU, and the way back is prepared. */
void vcpu_store_state(struct vcpu *v);
/* After a kick in the tail: what the return program was to do is still to be done, before the next entry. */
void vcpu_take_back_return(struct vcpu *v);
/* The pool is gone: neither its roots nor what it wanted flushed are of use; the next entry loads CR3 by the registers. */
void vcpu_forget_roots(struct vcpu *v);
/* The real CPU's initial state for the virtual one in v->cpu. */
int vcpu_real_init(struct vcpu *v);
/* Is the virtual IF the real one in the code that runs now? */
bool vcpu_if_is_native(const struct vcpu *v);
/* DR6 of the real CPU, B0 to B3, BD, BS only; cleared in the real CPU. */
uint64_t vcpu_take_real_dr6(struct vcpu *v);

/* trap.c: handle the trap in hand (priv->vector ...). Return values of vcpu.h. */
int trap_dispatch(struct vcpu *v);
/* #GP, #UD and their like: an instruction that trapd stands in for, or the guest's own fault. */
int trap_privileged(struct vcpu *v);
/* fault.c, write_fault.c */
int fault_page(struct vcpu *v);
int fault_monitored(struct vcpu *v, uint64_t gva, const struct walk_result *walk);
/* alignment.c */
/* #AC: the guest's own, or the real CPU's, of which the guest must not know: then the instruction goes on without the check. */
int alignment_trap(struct vcpu *v);
/* Is the real AC 0 although the virtual one may be 1? */
bool alignment_hides_ac(const struct vcpu *v);
/* unseen_iret.c */
/* Can the guest enter user mode without a trap? Then its supervisor view must not execute U=1 pages. efer: the one to come. */
bool unseen_iret_is_possible(const struct vcpu *v, uint64_t efer);
/* The guest's kernel goes on with this RSP. */
void unseen_iret_note_stack(struct vcpu *v, uint64_t rsp);
/*
 * A fetch at RIP failed, on a page that the guest's tables make executable for user code (user_page) or that they do not map.
 * 0: no IRET was missed; -EAGAIN: one was and now is done, or the view allows such a fetch from now on; other: as vcpu.h.
 */
int unseen_iret(struct vcpu *v, bool user_page);
/* The same in front of that fetch. 0, -EFAULT (that IRET faults, raised), other: as vcpu.h. */
int unseen_iret_before_event(struct vcpu *v);
/* before_event.c */
/*
 * On hosts that ignore EFER.SCE a SYSCALL arrives as a fetch fault at the real LSTAR, RCX and R11 already set. Does the CPU stand there?
 * Then RIP is that of the instruction again.
 */
bool syscall_take_back(struct vcpu *v);
/* Before something is delivered that no instruction of the guest has caused. Return values of the one above. */
int before_event(struct vcpu *v);
/* breakpoints.c */
/* Before the guest goes on. 0; -EFAULT: an instruction breakpoint, raised. Does nothing where debug registers work. */
int breakpoints_arm(struct vcpu *v);
/* After a trap was handled with rc: adds the data breakpoints that the instruction has hit. Returns rc or -EFAULT. */
int breakpoints_settle(struct vcpu *v, int rc);
/* step.c */
int step_begin(struct vcpu *v, uint64_t gpa);
/* The instruction is done, or a trap is about to be delivered: close the tables. 0 or -ECANCELED. */
int step_end(struct vcpu *v);
/* The pool in which tables were open is gone. */
void step_forget(struct vcpu *v);
bool step_is_open(const struct vcpu *v, uint64_t gfn);
/*
 * stub_move.c: the guest uses an address in the slot that holds stub and pool: take another slot and a fresh pool.
 * -ENOTCONN: the trap is handled anew after the next attach.
 */
int vcpu_move_stub(struct vcpu *v);
/* exits.c: KCPU_IO. 1: enter as it stands; 0: the state was taken over; -EFAULT: an exception is to be delivered; other: as vcpu.h. */
int exit_io(struct vcpu *v);

/* report.c: registers, paging, bytes at RIP decoded; malloc'ed text or NULL. */
char *report_vcpu(struct vcpu *v);

#endif
