/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the self-tests have found out about this host. Filled by selftest.c when a VM is created, by the creating thread; nobody
 * writes it afterwards. Each fact with the hosts where it holds: doc/hosts.md.
 */
#ifndef SHADOWPOOL_TRAPD_HOST_FACTS_H
#define SHADOWPOOL_TRAPD_HOST_FACTS_H

#include <stdbool.h>
#include <stdint.h>

struct host_facts {
	bool coherent_after_flush;	/* a CR3 load alone makes changed present entries visible: no touches needed */
	bool coherent_after_touch;	/* touch + CR3 load does */
	bool iopl_native_32, iopl_native_64;	/* guest code with IOPL 3 changes the real IF: in compatibility mode, in 64-bit mode */
	bool iopl_direct_32;		/* ... in compatibility mode if it is entered without IRETQ, but windows are seen late: interrupt.c samples */
	bool syscall_faults_at_lstar;	/* SYSCALL with SCE=0 arrives as a fetch #PF at LSTAR */
	bool int_n_gives_ud;		/* INT n through a DPL 0 gate: #UD at the instruction */
	bool iret_traps;		/* IRET to Linux's user selectors traps like any other */
	bool breakpoints_native;	/* DR0 to DR3 fire in guest code */
	uint8_t maxphyaddr;		/* bits of a physical address, which the guest sees unchanged */
	uint32_t tsc_khz;		/* frequency of the TSC, of the host's and of the guest's; never 0 */
	uint64_t xcr0;			/* guest code has XSAVE with this XCR0, whatever CR4 and CPUID say; 0: it has none */
};

#endif
