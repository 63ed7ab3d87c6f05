/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * matrix.elf, first half: 32-bit and PAE paging, then on to 4-level paging (matrix64.c). 32-bit code, the guest's kernel.
 * The guest itself is mapped by 4 KiB pages alone, so that CR4.PSE can be cleared.
 */
#include "tests/guests/matrix.h"

#define FRAME_AT	0x135000u
#define LOW_BYTES	0x400000u	/* image and tables end below it */

static uint8_t trap_stack[8192] __attribute__((aligned(16)));
static uint32_t frame_base;

static void frames_set(struct matrix_mode *m)
{
	unsigned k, level;

	for (k = 0; k < MATRIX_FRAMES; k++) {
		m->frame[k] = frame_base + k * FRAME_DISTANCE + FRAME_AT;
		for (level = 1; level < m->levels; level++)
			m->chain[k][level] = frame_alloc();
	}
}

/* One page of the guest's own; the table for it is made if there is none. */
static void map_legacy(uint32_t *directory, uint32_t at)
{
	uint32_t *e = &directory[at >> 22];

	if (!*e)
		*e = (uint32_t)frame_alloc() | PTE_P | PTE_W | PTE_U;
	((uint32_t *)(*e & (uint32_t)PAGE_MASK))[at >> 12 & 1023] = at | page_rights(at);
}

static void map_pae(uint64_t *directory, uint32_t at)
{
	uint64_t *e = &directory[at >> 21];

	if (!*e)
		*e = (uint32_t)frame_alloc() | PTE_P | PTE_W | PTE_U;
	((uint64_t *)((uint32_t)*e & (uint32_t)PAGE_MASK))[at >> 12 & 511] = at | page_rights(at);
}

static void legacy(struct matrix_run *run)
{
	uint32_t *home = frame_alloc(), *test = frame_alloc(), at;
	struct matrix_mode mode = {
		.name = "32-bit paging", .entry_size = 4, .levels = 2, .shift = { 22, 12 }, .first_index = 512,
		.home = (uint32_t)home, .test = (uint32_t)test, .table = { test, frame_alloc() },
	};
	unsigned k;

	frames_set(&mode);
	for (at = 0; at < LOW_BYTES; at += PAGE_BYTES)
		map_legacy(home, at);
	for (k = 0; k < MATRIX_FRAMES; k++)
		map_legacy(home, mode.frame[k]);
	memcpy(test, home, 512 * sizeof(*home));
	paging_on(mode.home, CR4_PSE);
	matrix_run(run, &mode);
	paging_off();
}

/* Every bit of a page-directory-pointer entry: a reserved one makes the load of CR3 fail if P is set (SDM vol. 3A 4.4.1). */
static void pae_pointers(uint64_t *pointers)
{
	uint64_t reserved = 0x1e6 | 1ull << 63, valid = pointers[2];
	unsigned n;

	for (n = cpu_maxphyaddr(); n < 63; n++)
		reserved |= 1ull << n;
	for (n = 1; n < 64; n++) {
		bool fails = reserved >> n & 1;

		if (!fails && n >= 12)
			continue;		/* an address bit */
		pointers[2] = valid | PTE_P | 1ull << n;
		PROBE_INSN("mov %0, %%cr3", : : "r"(pointers) : "memory");
		EXPECT_EQ(fault.vector, fails ? VEC_GP : FAULT_NONE, "vector of a CR3 load with one more bit in a PDPTE");
		EXPECT_EQ(fails ? fault.error : 0, 0, "its error code");
		pointers[2] = 1ull << n;
		PROBE_INSN("mov %0, %%cr3", : : "r"(pointers) : "memory");
		EXPECT_EQ(fault.vector, FAULT_NONE, "vector of a CR3 load with a bit in a PDPTE without P");
	}
	pointers[2] = 0;
}

static void pae(struct matrix_run *run)
{
	uint64_t *home = frame_alloc(), *test = frame_alloc(), *low = frame_alloc(), *high = frame_alloc();
	struct matrix_mode mode = {
		.name = "PAE paging", .entry_size = 8, .levels = 2, .shift = { 21, 12 }, .first_index = 128, .va = 0xc0000000u,
		.home = (uint32_t)home, .test = (uint32_t)test, .table = { high, frame_alloc() },
	};
	uint32_t at;
	unsigned k;

	frames_set(&mode);
	for (at = 0; at < LOW_BYTES; at += PAGE_BYTES)
		map_pae(low, at);
	for (k = 0; k < MATRIX_FRAMES; k++)
		map_pae(low, mode.frame[k]);
	home[0] = test[0] = (uint32_t)low | PTE_P;
	test[3] = (uint32_t)high | PTE_P;
	paging_on(mode.home, CR4_PSE | CR4_PAE);
	if (cpu_is_tcg())
		print("matrix: PAE paging: check of PDPTEs at CR3 loads skipped, TCG does none\n");
	else
		pae_pointers(home);
	matrix_run(run, &mode);
	paging_off();
}

int guest_main(void)
{
	unsigned modes = (unsigned)cmdline_number("modes", 7);
	struct matrix_run run;

	matrix_run_init(&run);
	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	frame_base = (uint32_t)((boot_info.ram_end - MATRIX_FRAMES * FRAME_DISTANCE) & ~(uint64_t)(FRAME_DISTANCE - 1));
	if (modes & 1)
		legacy(&run);
	if (modes & 2)
		pae(&run);
	matrix_report(&run, "32-bit code", "digest32");
	long_enter_identity(cpu_has_nx() ? EFER_NXE : 0, guest_main64);
}
