/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faults.elf, first half: every permission fault of 32-bit and PAE paging, then on to 4-level paging (faults64.c). 32-bit
 * code, the guest's kernel. Kept to a few hundred cases: some hosts emulate 32-bit code.
 */
#include "tests/guests/faults.h"

#define TEST_VA		0xc0c03000u	/* PDPTE 3, upper half of it */

static uint8_t trap_stack[8192] __attribute__((aligned(16)));

static void legacy(uint64_t *random)
{
	uint32_t *directory = identity_legacy_build(), *table = frame_alloc();
	const struct fault_mode mode = {
		.name = "32-bit paging", .entry_size = 4, .levels = 2, .shift = { 22, 12 }, .table = { directory, table },
		.first_large = 0, .va = TEST_VA, .one_in = 3, .random_cases = 64,
	};

	paging_on((uint32_t)directory, CR4_PSE);
	faults_run(&mode, random);
	paging_off();
}

/* The four page-directory-pointer entries have P alone, and are checked when CR3 is loaded (SDM vol. 3A 4.4.1). */
static void pae_pointers(uint64_t *pointers)
{
	unsigned long at = 0x40001008, value;

	EXPECT_EQ(probe_read((void *)at, &value, 0), -1, "read below an absent PDPTE");
	EXPECT_EQ(fault.vector << 8 | fault.error, VEC_PF << 8, "vector and error code of a read below an absent PDPTE");
	EXPECT_EQ(fault.cr2, at, "CR2 of a read below an absent PDPTE");
	EXPECT_EQ(probe_write((void *)at, 0, 0), -1, "write below an absent PDPTE");
	EXPECT_EQ(fault.vector << 8 | fault.error, VEC_PF << 8 | PF_W, "vector and error code of a write below an absent PDPTE");
	if (cpu_is_tcg()) {
		print("faults: PAE paging: check of PDPTEs at CR3 loads skipped, TCG does none\n");
		return;
	}
	pointers[1] = PTE_P | PTE_W;	/* bits 1, 2 and 5 to 8 are reserved */
	PROBE_INSN("mov %0, %%cr3", : : "r"(pointers) : "memory");
	EXPECT_EQ(fault.vector, VEC_GP, "vector of a CR3 load with a reserved bit in a PDPTE");
	EXPECT_EQ(fault.error, 0, "error code of a CR3 load with a reserved bit in a PDPTE");
	pointers[1] = PTE_W;		/* not present: the rest is ignored */
	PROBE_INSN("mov %0, %%cr3", : : "r"(pointers) : "memory");
	EXPECT_EQ(fault.vector, FAULT_NONE, "vector of a CR3 load with bits in an absent PDPTE");
}

static void pae(uint64_t *random)
{
	uint64_t *pointers = frame_alloc(), *directory = frame_alloc(), *low = frame_alloc(), *high = frame_alloc();
	uint64_t *table = frame_alloc();
	uint32_t at;
	const struct fault_mode mode = {
		.name = "PAE paging", .entry_size = 8, .levels = 2, .shift = { 21, 12 }, .table = { high, table },
		.first_large = 0, .va = TEST_VA, .one_in = 5, .random_cases = 128,
	};

	for (at = 0; at < 0x200000; at += PAGE_BYTES)
		low[at >> 12] = at | page_rights(at);
	directory[0] = (uint32_t)low | PTE_P | PTE_W | PTE_U;
	for (at = 0x200000; at < boot_info.ram_end; at += 0x200000)
		directory[at >> 21] = at | PTE_P | PTE_W | PTE_PS;
	pointers[0] = (uint32_t)directory | PTE_P;
	pointers[3] = (uint32_t)high | PTE_P;
	paging_on((uint32_t)pointers, CR4_PSE | CR4_PAE);
	pae_pointers(pointers);
	faults_run(&mode, random);
	paging_off();
}

int guest_main(void)
{
	uint64_t random = cmdline_number("seed", 1) * 0x9e3779b97f4a7c15ull | 1;

	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	legacy(&random);
	pae(&random);
	long_enter_identity(cpu_has_nx() ? EFER_NXE : 0, guest_main64);
}
