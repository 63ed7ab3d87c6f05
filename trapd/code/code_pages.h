/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PUSHF patching. The supervisor's code pages where the CPU does not keep IF for the guest: looked at before they are executed, and executed
 * from a private copy in which HLT stands for PUSHF, POPF and CPUID. doc/flags-patcher.md. Where IF is native vm->code is NULL, and
 * nothing here does anything.
 *
 * Thread: the vCPU's own, unless said otherwise. Return values of vcpu.h.
 */
#ifndef SHADOWPOOL_TRAPD_CODE_PAGES_H
#define SHADOWPOOL_TRAPD_CODE_PAGES_H

#include "trapd/trap/vcpu_priv.h"

struct code_pages;

/*
 * If this VM needs it: the window of copies behind that of RAM, and its memslots. After vm->if_native_* and RAM are known.
 * 0, also where it is not needed or the processor's physical addresses have no room for the window; -errno with a line in err.
 * Thread: control.
 */
int code_pages_create(struct vm *vm, char *err, size_t err_size);
/* After the VM's file is closed. */
void code_pages_destroy(struct vm *vm);
/* A fresh pool knows of no page. No vCPU is in the VM. */
void code_pages_reset(struct vm *vm);
/* Machine address of the window for the attach; 0: none. */
uint64_t code_pages_maddr(const struct vm *vm);

/* Is supervisor code watched under this EFER? */
bool code_is_watched(const struct vcpu *v, uint64_t efer);
/* Is the code that runs now? Unpaged, the user's is too: both views are one. */
bool code_is_watched_now(const struct vcpu *v);
/* Before the pool is asked to map gpa, which gva leads to, for a fetch of the instruction at RIP. */
int code_before_fetch(struct vcpu *v, uint64_t gva, uint64_t gpa);
/* Before the guest writes gpa natively, or trapd does so for a trapped instruction. */
int code_before_write(struct vcpu *v, uint64_t gpa);
/* The instruction at RIP has trapped: control does get there. */
int code_executed(struct vcpu *v);
/* Does PUSHF, or POPF, trap where this vCPU executes now? Not on each page, but on most. */
bool code_flags_trap(const struct vcpu *v);
/* trapd has stored to RAM for the guest. Never fails: what it means for the copy is seen to by code_settle(). */
void code_stored(struct vcpu *v, uint64_t gpa, uint64_t bytes);
/* Before the guest goes on. */
int code_settle(struct vcpu *v);

#endif
