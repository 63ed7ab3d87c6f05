/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PUSHF patching. The supervisor's code pages where the CPU does not keep IF for the guest: looked at before they are executed,
 * and executed from a private copy in which HLT stands for PUSHF, POPF and CPUID. doc/flags-patcher.md. Where IF is native
 * machine->code is NULL, and nothing here does anything.
 *
 * Thread: the vCPU's own, unless said otherwise. Return values of vcpu.h.
 */
#ifndef SHADOWPOOL_TRAPD_CODE_PAGES_H
#define SHADOWPOOL_TRAPD_CODE_PAGES_H

#include <stddef.h>

#include "trapd/cpu/vcpu.h"

/*
 * Make the window of copies, behind that of RAM, with its memslots, if this VM needs it (IF is not native). m->if_native_*, facts
 * and RAM must be set. vm_fd: KVM's file of the VM. Returns 0, also where the window is not needed, or where physical addresses have
 * too few bits for it; -errno with one line in err. Thread: control.
 */
int code_pages_create(struct machine *m, int vm_fd, char *err, size_t err_size);
/* Free the window. Called after the VM's file is closed. Thread: control. */
void code_pages_destroy(struct machine *m);
/*
 * Forget what each page is: after an attach the pool, which is a fresh one, knows of none. Thread: a vCPU's, while the others
 * rest.
 */
void code_pages_reset(struct machine *m);
/* Machine address of gpa 0 in the window of copies, which poold is told at the attach; 0: there is no window. */
uint64_t code_pages_maddr(const struct machine *m);

/* Is supervisor code watched when the guest runs with this EFER? */
bool code_is_watched(const struct vcpu *v, uint64_t efer);
/* Is the code watched that the guest runs now? Without paging also code of CPL 3, because both views are one then. */
bool code_is_watched_now(const struct vcpu *v);
/*
 * A fetch of the instruction at RIP has faulted at gva, which leads to gpa: look at the page, and copy it if need be, before the
 * pool is asked to map it.
 */
int code_before_fetch(struct vcpu *v, uint64_t gva, uint64_t gpa);
/*
 * The page at gpa is about to be written, by the guest natively or by trapd for a trapped instruction: give its copy up first.
 * open: a step has opened the page, so it was given up already and that write is meant.
 */
int code_before_write(struct vcpu *v, uint64_t gpa, bool open);
/* The instruction at RIP has trapped, so it is executed: follow the code from there and replace what is found. */
int code_executed(struct vcpu *v);
/*
 * Do PUSHF and POPF trap in the code that this vCPU executes now? True where pages are watched, though single pages may be left
 * alone.
 */
bool code_flags_trap(const struct vcpu *v);
/*
 * trapd has stored bytes to RAM at gpa for the guest. Only notes it, and so cannot fail; code_settle() does what follows for the
 * copy.
 */
void code_stored(struct vcpu *v, uint64_t gpa, uint64_t bytes);
/*
 * Called before the guest goes on: give up the copies of pages that code_stored() was told of, and look again at pages that are
 * due.
 */
int code_settle(struct vcpu *v);

#endif
