/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One vCPU: its thread, its KVM file, its virtual CPU state and its end of the link. Everything here belongs to the vCPU's
 * own thread unless said otherwise.
 *
 * The functions below, but for those of raise.c, are a port: the things that emulation (cpu/, insn/, emulate/, priv/)
 * needs of whatever runs the guest. They have two implementations. The real one lies in rooms above: vcpu/, trap/, code/, link/.
 * The other one is tests/unit/fakes/fake_vcpu.c, which records what it is asked and needs neither KVM nor poold. The linker gives
 * a program one or the other, and it takes members of archives whole: a test with the fake can have no member that defines a
 * function of the port, and what it needs of such a member it brings itself.
 *
 * Return values of everything that acts for the guest (emulation, delivery, guest memory):
 *   0           done
 *   -EFAULT     the guest gets an exception: vcpu->exc holds it (vcpu_raise)
 *   -EAGAIN     nothing was done: resume and let the guest try the instruction again
 *   -EOPNOTSUPP not something this code knows: nothing was done, the caller falls back
 *   -ENOTCONN   the link to poold is lost, nothing was committed: the trap is handled anew after the next attach
 *   -ECANCELED  the VM is stopped: machine->stop says why (stop.h)
 */
#ifndef SHADOWPOOL_TRAPD_VCPU_H
#define SHADOWPOOL_TRAPD_VCPU_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/shm_layout.h"
#include "common/walk.h"
#include "trapd/cpu/cpu_state.h"
#include "trapd/cpu/modes.h"
#include "trapd/cpu/trap_stats.h"

struct insn;
struct machine;
struct pool_link;
struct vcpu_link;
struct vcpu_priv;
struct vcpu_threads;
struct world;
struct x87_image;

struct exception {
	bool pending;
	uint8_t vector;
	bool has_error;
	uint32_t error;
	uint64_t cr2;		/* VEC_PF only */
	bool external;		/* an interrupt from a device */
	bool software;		/* INT n, INT3, INTO: gate DPL is checked, no EXT */
	uint8_t insn_length;	/* software, INT1: added to cpu.rip in the frame, so that a fault on the way still points at
				 * the instruction; 0 for faults and for traps whose cpu.rip is already the next one */
	uint64_t dr6;		/* VEC_DB: bits to merge into DR6 */
};

struct vcpu {
	struct machine *machine;	/* vm->machine */
	/* what rooms above cpu/ keep: the link of the VM and of this vCPU, what the vCPUs do together, the trap path, the threads */
	struct pool_link *pool;
	struct vcpu_link *link;
	struct world *world;
	struct vcpu_priv *priv;
	struct vcpu_threads *threads;
	uint32_t index;
	struct cpu_state cpu;
	struct exception exc;
	struct walk_mode walk;		/* the modes in cpu as the guest walker wants them; ac is set anew at each trap */
	bool ac_is_native;		/* AC was set without a trap, so it may be cleared without a trap: alignment.c */
	bool cs_detached;		/* the guest's GDT no longer holds what CS was loaded from: seg_gdt_changed() */
	bool sregs_dirty;		/* segments, CR0 or CR4 in cpu changed: the real ones are loaded before the next entry */
	uint64_t root[2];		/* machine addresses of supervisor and user view */
	/* the link */
	bool link_up;
	uint32_t flush_epoch;		/* flush epoch of poold's that this vCPU has completed by a full flush */
	bool events_since_reply;	/* an event was posted since the last reply: flush rule of a delivered #PF */
	pthread_t thread;
	bool thread_started;		/* used by the control thread alone: there is a thread to join */
	/* kicks and sleep, under sleep_lock: link/kick.c */
	pthread_mutex_t sleep_lock;
	pthread_cond_t sleep_cond;
	pthread_t self;			/* valid while alive */
	bool alive, woken;		/* the thread can be kicked; a kick has come since the last sleep */
	/* under the lock of v->world: world.c */
	bool in_guest;			/* between world_enter() and world_leave(): may run guest code */
	bool at_rest;			/* touches nothing that an attach to a pool replaces */
	bool parked;			/* waits for another vCPU; its trap is handled, its events are published */
	bool flush_demanded;		/* another vCPU's shootdown: load CR3 before the next guest instruction */
	uint32_t writing;		/* atomic; odd: stores are in RAM whose events may not be published yet */
	uint32_t startup;		/* atomic: INIT and start-up messages that have come, startup.c */
	bool waits_for_startup;		/* runs nothing until a start-up message comes */
	uint32_t irq_request;		/* atomic; 1: ask the interrupt controllers before the guest goes on */
	uint64_t *stat;			/* TRAP_STAT_COUNT counters in shared memory; this thread writes them */
};

/* Record an exception for delivery and return -EFAULT. error is ignored for vectors that push none. raise.c */
int vcpu_raise(struct vcpu *v, uint8_t vector, uint32_t error);
/* Record a #PF with this error code; gva becomes CR2 at delivery. Returns -EFAULT. raise.c */
int vcpu_raise_pf(struct vcpu *v, uint64_t gva, uint32_t error);

/*
 * CR0, CR3, CR4, EFER or AC changed: send SET_ROOT with the modes that are to hold (not yet in v->cpu), and only when poold has
 * answered store them in v->cpu and v->walk. 0, -ENOTCONN, -ECANCELED. AC is the one in v->cpu.rflags.
 */
int vcpu_set_modes(struct vcpu *v, const struct modes *modes);
/*
 * Tell poold once more what holds: what it depends on beside the modes has changed, or poold is a fresh one. As vcpu_set_modes.
 */
static inline int vcpu_send_modes(struct vcpu *v)
{
	const struct modes now = modes_now(&v->cpu);

	return vcpu_set_modes(v, &now);
}
/* INVLPG of gva in this vCPU's roots, answered. 0, -ENOTCONN, -ECANCELED. */
int vcpu_invlpg(struct vcpu *v, uint64_t gva);
/*
 * Before a store to guest RAM that may have to be posted. From here until vcpu_write_end() no other vCPU's request is sent, since
 * it might rest on what this one has stored. doc/spec/ring.md, "Which events a request must wait for".
 */
void vcpu_write_begin(struct vcpu *v);
/*
 * Before a store of size bytes inside one page of guest RAM, at gva and gpa, that the guest's write to the page was not already
 * judged for: if it is a guest table, and the write policy lets a table go for a write of this class, poold is asked. Then the
 * table is gone, or the store is told as ever. class: enum write_class. 0, -ECANCELED.
 */
int vcpu_before_write(struct vcpu *v, uint64_t gva, uint64_t gpa, unsigned size, unsigned class);
/*
 * Stores between these two that lie side by side are told as one event of unknown content, in place of one each. For strings, and
 * for what is longer than an operand. They are not nested. vcpu_write_begin() and vcpu_write_end() hold as ever.
 */
void vcpu_run_begin(struct vcpu *v);
void vcpu_run_end(struct vcpu *v);
/* Publish what was posted. Before the guest goes on, and before anything that waits for another vCPU. */
void vcpu_write_end(struct vcpu *v);
/*
 * One store of size bytes is done in RAM: post its write event if the page is monitored (sites S1, P1 to P3 of doc/ring.md).
 * Never fails: when the link is lost the event is owed to nobody. new_bytes, old_bytes: content after and before.
 * ev_flags: LINK_EVF_*, the class of the write (gva_event_flags).
 */
void vcpu_post_write(struct vcpu *v, uint64_t gpa, unsigned size, const void *new_bytes, const void *old_bytes,
		     uint16_t ev_flags);
/*
 * Post one write event for count stores of one value of size bytes (1, 2, 4, 8), done in RAM at ascending addresses inside one
 * page.
 */
void vcpu_post_fill(struct vcpu *v, uint64_t gpa, unsigned size, unsigned count, uint64_t value, uint16_t ev_flags);
/*
 * The opcode (PUSHF, POPF, first byte of CPUID) that the HLT at linear address gva was before the guest moved the code. 0: it is
 * a HLT. Raises nothing.
 */
uint8_t vcpu_moved_opcode(struct vcpu *v, uint64_t gva);
/* cpu.dr[], dr6 or dr7 changed: load the real debug registers before the guest runs again. Never fails. */
void vcpu_debug_changed(struct vcpu *v);
/* The local APIC behind CR8, IA32_TSC_DEADLINE and cpu.apic_base: vcpu_apic.c. Never fail. */
uint8_t vcpu_read_cr8(struct vcpu *v);
void vcpu_write_cr8(struct vcpu *v, uint8_t cr8);
uint64_t vcpu_read_tsc_deadline(struct vcpu *v);
void vcpu_write_tsc_deadline(struct vcpu *v, uint64_t deadline);
void vcpu_apic_base_changed(struct vcpu *v);
/* What the guest would read with RDTSC now: its TSC runs natively, with an offset of KVM's. */
uint64_t vcpu_read_tsc(struct vcpu *v);
/* The guest's x87 state in KVM: vcpu_x87.c. 0, or -EOPNOTSUPP where the host does not give it. */
int vcpu_read_x87(struct vcpu *v, struct x87_image *out);
int vcpu_write_x87(struct vcpu *v, const struct x87_image *in);

#endif
