/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of a vCPU that only the trap path needs: the real CPU, the trap in hand, what the return program must do, the step;
 * and what the files of this room offer each other. vcpu_real.c goes between virtual and real registers, trap.c has the vectors,
 * fault.c #PF, write_fault.c writes to monitored pages, exits.c exits without a trap.
 */
#ifndef SHADOWPOOL_TRAPD_VCPU_PRIV_H
#define SHADOWPOOL_TRAPD_VCPU_PRIV_H

#include "common/write_class.h"
#include "trapd/cpu/machine.h"
#include "trapd/cpu/vcpu.h"
#include "trapd/devices/timer.h"
#include "trapd/kvm/kcpu.h"
#include "trapd/link/vcpu_link.h"
#include "trapd/trap/next.h"

#define STEP_MAX_GFNS 4u
#define KERNEL_STACKS 4u
#define BARREN_SLOTS 256u

/* One instruction of the guest that runs with tables open for writing (doc/spec/pool.md section 6, Step). */
struct step {
	bool active;
	unsigned ngfns;
	uint64_t gfn[STEP_MAX_GFNS];
};

/* Breakpoints of the guest on hosts where DR0 to DR3 do nothing: every instruction is stepped and compared (breakpoints.c). */
struct soft_breakpoints {
	bool active;
	bool loads_tf;			/* the stepped instruction is POPF: the TF that it leaves is the guest's own */
	uint64_t rip;			/* address of the stepped instruction */
	bool shadows;			/* the stepped instruction is MOV SS or POP SS: its #DB waits for the next one */
	uint64_t hits;			/* DR6 bits of the #DB that is due when the stepped instruction is done */
	uint64_t carried;		/* DR6 bits of a #DB that MOV SS or POP SS has held back */
};

struct vcpu_priv {
	struct kcpu kcpu;
	uint8_t vector;			/* the trap in hand */
	uint32_t error;
	uint64_t real_cr2;
	bool segment_adopted;		/* real-address mode: a segment was set right, run the trapped instruction again */
	uint16_t cs_real, ss_real;	/* selectors of the guest's CS and SS in the real GDT */
	uint64_t real_root;		/* the real CPU's CR3, 0: unknown */
	uint64_t kernel_rsp[KERNEL_STACKS];	/* RSP with which the guest's kernel last ran on each of its last four stacks */
	bool runs_user_pages;		/* the guest's kernel executes U=1 pages: unseen_iret.c can find no IRET any more */
	bool loaded_ac;			/* the AC for which the present roots were made */
	uint32_t epoch_in_flight;	/* flush epoch that the return program in the CPU completes; 0: none */
	struct step step;
	struct timer window_sample;	/* kicks the vCPU while it waits for IF on hosts that see windows late; bus lock */
	uint32_t window_wanted;		/* atomic: the vCPU waits for IF to become 1 */
	bool shadow_step;		/* an instruction is stepped because an interrupt waits for its end: interrupt.c */
	bool unaligned;			/* one instruction is stepped with the real AC 0: alignment.c */
	struct soft_breakpoints breakpoints;
	uint64_t last_rip, last_gva, last_others, last_trap;	/* is it the same fault again? same_fault_forever(), fault.c */
	unsigned repeats;		/* times that it was */
	uint64_t barren[BARREN_SLOTS];	/* RIPs behind which look-ahead has saved no trap: look_ahead.c */
};

/* Does the real TF belong to trapd, because one of the four single steps is under way? */
static inline bool vcpu_is_stepped(const struct vcpu *v)
{
	return v->priv->step.active || v->priv->breakpoints.active || v->priv->shadow_step || v->priv->unaligned;
}

/* vcpu_real.c */
/* After a trap or kcpu_capture(): set the virtual registers from the real ones. */
void vcpu_load_state(struct vcpu *v, const struct kcpu_context *ctx);
/*
 * Before an entry: set what changed of the real registers from the virtual ones, and prepare the return program. Publishes
 * events.
 */
void vcpu_store_state(struct vcpu *v);
/* After a kick that came before the return program ran: what it was to do is to be done before the next entry. */
void vcpu_take_back_return(struct vcpu *v);
/* The pool is gone: forget its roots and the flushes that it demanded. The next entry sets CR3 by KVM's registers. */
void vcpu_forget_roots(struct vcpu *v);
/* Put the real CPU into its initial state, from which vcpu_store_state() can go on. Returns 0 or -errno. */
int vcpu_real_init(struct vcpu *v);
/* Is the real IF the virtual one in the code that runs now? */
bool vcpu_if_is_native(const struct vcpu *v);
/* Returns B0 to B3, BD and BS of the real DR6, and clears them there. */
uint64_t vcpu_take_real_dr6(struct vcpu *v);

/* trap.c: handle the trap in hand: priv->vector, priv->error, priv->real_cr2. */
enum next trap_dispatch(struct vcpu *v);
/* trap.c: handle #GP, #UD, #NP, #SS, #TS: the instruction is one that trapd emulates, or the exception is the guest's own. */
enum next trap_privileged(struct vcpu *v);
/* fault.c: handle #PF. */
enum next fault_page(struct vcpu *v);
/*
 * write_fault.c: handle a write to a monitored page; walk is that of gva. NEXT_WALK_AGAIN: the page is to be mapped writable
 * now.
 */
enum next write_fault_monitored(struct vcpu *v, uint64_t gva, const struct walk_result *walk);
/*
 * alignment.c: handle #AC. It is the guest's own, or the real CPU has made a check that the virtual one does not: then the
 * instruction runs without the check.
 */
enum next alignment_trap(struct vcpu *v);
/* Is the real AC kept at 0 at present, whatever the virtual AC is? */
bool alignment_hides_ac(const struct vcpu *v);
/*
 * unseen_iret.c: can a guest that runs with this EFER enter user mode by an IRET that does not trap? Then its supervisor view
 * must not execute U=1 pages.
 */
bool unseen_iret_is_possible(const struct vcpu *v, uint64_t efer);
/* Remember that the guest's kernel goes on with this RSP. */
void unseen_iret_note_stack(struct vcpu *v, uint64_t rsp);
/*
 * A fetch at RIP has faulted. user_page: the guest's tables let user code execute the page; else they do not map it. Returns
 * NEXT_GO_ON: no IRET was missed, the fault is what it seems; NEXT_TRY_AGAIN: a missed IRET has been carried out now, or the view
 * allows such fetches from now on; others: the IRET has not been carried out.
 */
enum next unseen_iret(struct vcpu *v, bool user_page);
/*
 * Before something is delivered to the guest: carry out an IRET that was missed and whose fetch has not come yet. NEXT_EXCEPTION:
 * the IRET faults.
 */
enum next unseen_iret_before_event(struct vcpu *v);
/*
 * before_event.c: on hosts that ignore EFER.SCE, SYSCALL arrives as a fetch fault at the real LSTAR, with RCX and R11 set. true:
 * the CPU stood there, and RIP is that of the SYSCALL instruction again. false: it did not, nothing changed.
 */
bool before_event_take_back_syscall(struct vcpu *v);
/*
 * Called before an interrupt is delivered: finish an instruction that the host has carried out by half (SYSCALL, IRET). Return
 * values of unseen_iret_before_event().
 */
enum next before_event(struct vcpu *v);
/*
 * breakpoints.c: called before the guest goes on; nothing happens on hosts whose debug registers work. NEXT_EXCEPTION: there
 * is an instruction breakpoint at RIP, #DB is raised.
 */
enum next breakpoints_arm(struct vcpu *v);
/*
 * Called when a trap has been handled and next would follow: raises the data breakpoints that the instruction has hit. Returns next
 * or NEXT_EXCEPTION.
 */
enum next breakpoints_settle(struct vcpu *v, enum next next);
/* step.c: open the table at gpa, and have the guest's next instruction stepped. */
enum next step_begin(struct vcpu *v, uint64_t gpa);
/* The stepped instruction is done, or an exception is about to be delivered: close all open tables. NEXT_GO_ON or NEXT_END. */
enum next step_end(struct vcpu *v);
/* The pool in which tables were open is gone: no step is under way any more. */
void step_forget(struct vcpu *v);
bool step_is_open(const struct vcpu *v, uint64_t gfn);
/*
 * stub_move.c: the guest uses an address in the PML4 slot that maps stub and pool: move these to another slot, which takes a
 * fresh pool. Returns NEXT_ATTACH, or NEXT_END: it cannot be done.
 */
enum next vcpu_move_stub(struct vcpu *v);
/* exits.c: handle KCPU_IO. NEXT_AS_IT_STANDS, or the state was taken over and what follows is returned. */
enum next exit_io(struct vcpu *v);

/* report.c: the vCPU's registers, its paging, and the decoded bytes at RIP as text, malloc'ed; NULL: no memory. */
char *report_vcpu(struct vcpu *v);

#endif
