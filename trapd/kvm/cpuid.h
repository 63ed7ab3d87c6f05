/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What CPUID says in a VM: KVM's answer less everything that trapd does not virtualise. KVM gives it where CPUID exits. */
#ifndef SHADOWPOOL_TRAPD_CPUID_H
#define SHADOWPOOL_TRAPD_CPUID_H

#include <linux/kvm.h>
#include <stdint.h>

#define CPUID_MAX_ENTRIES 128u

struct cpuid_table {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[CPUID_MAX_ENTRIES];
};

/* 0 or -errno. *maxphyaddr: the host's physical-address width, which the guest sees unchanged. */
int cpuid_build(int kvm_fd, struct cpuid_table *out, uint8_t *maxphyaddr);
/*
 * EAX, EBX, ECX, EDX for a leaf and subleaf. A leaf that the table lacks is as on processors of the vendor that leaf 0 names:
 * zeros, or on Intel's the highest basic leaf (SDM vol. 2A CPUID). Changes nothing. Thread: any, once the table is
 * complete.
 */
void cpuid_look_up(struct cpuid_table *t, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/*
 * doc/hosts.md, P: for hosts whose guest code has XSAVE with this XCR0 whether it is announced or not: XSAVE, AVX and AVX-512 as this processor has
 * them, but XSAVES, which is privileged. Creating thread, before anybody uses the table.
 */
void cpuid_add_xsave(struct cpuid_table *t, uint64_t xcr0);
/* Leaf 1: the initial APIC ID, which differs between the vCPUs. */
void cpuid_set_apic_id(struct cpuid_table *t, uint8_t id);

#endif
