/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What CPUID says in a VM: KVM's answer without everything that trapd does not virtualise. KVM gives this answer by itself on
 * hosts where CPUID exits; elsewhere trapd emulates CPUID from this table.
 */
#ifndef SHADOWPOOL_TRAPD_CPUID_H
#define SHADOWPOOL_TRAPD_CPUID_H

#include <linux/kvm.h>
#include <stdint.h>

#define CPUID_MAX_ENTRIES 128u

struct cpuid_table {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[CPUID_MAX_ENTRIES];
};

/*
 * Fill the table. *maxphyaddr gets the number of physical address bits, which is the host's. Returns 0 or -errno. Thread:
 * control.
 */
int cpuid_build(int kvm_fd, struct cpuid_table *out, uint8_t *maxphyaddr);
/*
 * out: EAX, EBX, ECX, EDX that CPUID gives for a leaf and subleaf. A leaf that the table lacks reads as on processors of the
 * vendor that leaf 0 names: zeros, or on Intel's what the highest basic leaf has (SDM vol. 2A CPUID). Changes nothing. Thread:
 * any, once the table is complete.
 */
void cpuid_look_up(struct cpuid_table *t, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/*
 * Announce XSAVE, AVX and AVX-512 as far as this processor has them, but not XSAVES, which is privileged. For hosts whose guest
 * code has XSAVE whether it is announced or not, with this XCR0 (doc/hosts.md, P). Thread: control, before the table is used.
 */
void cpuid_add_xsave(struct cpuid_table *t, uint64_t xcr0);
/* Put the initial APIC ID into leaf 1, before the table is given to the vCPU that has this ID. */
void cpuid_set_apic_id(struct cpuid_table *t, uint8_t id);

#endif
