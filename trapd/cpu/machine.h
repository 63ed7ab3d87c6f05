/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may be seen of a VM by code that acts for its guest: RAM, devices, what the host and the pool can do, how it ends.
 * struct vm embeds it; rooms from priv/ down know nothing else of a VM. Filled while the VM is created; what changes later
 * says so.
 */
#ifndef SHADOWPOOL_TRAPD_MACHINE_H
#define SHADOWPOOL_TRAPD_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/guest_ram.h"
#include "trapd/cpu/stop.h"
#include "trapd/kvm/host_facts.h"

struct bus;
struct code_moved;
struct code_pages;
struct cpuid_table;
struct irqs;
struct timers;
struct vcpu;

struct machine {
	struct guest_ram ram;
	struct host_facts facts;
	struct cpuid_table *cpuid;
	/* the devices: the same lock for all three, bus_lock() */
	struct bus *bus;
	struct irqs *irqs;
	struct timers *timers;
	struct stop stop;
	struct vcpu *vcpu;		/* nvcpu of them */
	uint32_t nvcpu;
	/* how this VM uses what the host can do */
	bool if_native_32, if_native_64;	/* the virtual IF is the real one in supervisor code that is not 64-bit, that is */
	bool if_direct_32;		/* ... if that is not entered by IRETQ */
	struct code_pages *code;	/* code/: supervisor code is watched, as its flags need help; NULL: it is not */
	struct code_moved *code_moved;	/* with code, else NULL */
	bool emulate_ahead;		/* trapd emulates what the host would emulate, more slowly (doc/fault-path.md, Look-ahead) */
	/* of the attached pool; changed by an attach, while every vCPU rests */
	uint32_t extensions;		/* WRITE_EXT_* */
	const uint8_t *page_state;	/* one byte per gfn, poold writes; NULL while no pool is attached */
};

#endif
