/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest walker: one loop for all paging modes, the formats are the tables below. trapd runs it in its vCPU threads on
 * the guest's RAM, poold on its read-only view of it, tests and the replayer on memory of their own. It takes no lock, makes
 * no system call, and writes nothing but the A and D bits of guest entries, and those only for WALK_SET_AD.
 * Source: SDM vol. 3A 4.3 to 4.8, APM vol. 2 5.2 to 5.6.
 */
#include "common/walk.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/barrier.h"
#include "common/x86.h"

/*
 * Lost compare-and-swaps after which a walk gives up: another vCPU would have to hit the very entry between load and swap
 * that often in a row. A CPU would go on for ever; here the vCPU must stay interruptible.
 */
#define WALK_RESTARTS_MAX 1000

#define PHYS_BITS_MAX	52u	/* SDM vol. 3A 4.1.4 */
#define PSE36_BITS_MAX	40u	/* SDM vol. 3A table 4-4: M is the minimum of 40 and MAXPHYADDR */

static const struct walk_level levels_32bit[] = {
	{ .level = 2, .index_shift = 22, .index_bits = 10, .entry_size = 4, .large_shift = 22 },
	{ .level = 1, .index_shift = 12, .index_bits = 10, .entry_size = 4, .large_shift = 0 },
};

static const struct walk_level levels_pae[] = {
	{ .level = 3, .index_shift = 30, .index_bits = 2, .entry_size = 8, .large_shift = 0 },
	{ .level = 2, .index_shift = 21, .index_bits = 9, .entry_size = 8, .large_shift = 21 },
	{ .level = 1, .index_shift = 12, .index_bits = 9, .entry_size = 8, .large_shift = 0 },
};

static const struct walk_level levels_4level[] = {
	{ .level = 4, .index_shift = 39, .index_bits = 9, .entry_size = 8, .large_shift = 0 },
	{ .level = 3, .index_shift = 30, .index_bits = 9, .entry_size = 8, .large_shift = 30 },
	{ .level = 2, .index_shift = 21, .index_bits = 9, .entry_size = 8, .large_shift = 21 },
	{ .level = 1, .index_shift = 12, .index_bits = 9, .entry_size = 8, .large_shift = 0 },
};

static const struct {
	const struct walk_level *level;
	unsigned count;
	uint64_t va_mask;	/* linear addresses of the mode */
	uint64_t cr3_mask;	/* address field of CR3: SDM vol. 3A tables 4-3, 4-7, 4-12 */
} formats[] = {
	[WALK_UNPAGED] = { NULL, 0, 0xffffffffull, 0 },
	[WALK_32BIT] = { levels_32bit, 2, 0xffffffffull, 0xfffff000ull },
	[WALK_PAE] = { levels_pae, 3, 0xffffffffull, 0xffffffe0ull },
	[WALK_4LEVEL] = { levels_4level, 4, ~0ull, PTE_ADDR },
};

#define BITS(high, low)	((~0ull >> (63 - (high))) & (~0ull << (low)))

/*
 * Reserved bits that depend on no CPU parameter, by paging mode and level: of an entry that refers to a table (or is a PTE)
 * and of one that maps a large page; and the field in which bits from MAXPHYADDR up are reserved.
 * Source: SDM vol. 3A tables 4-8 to 4-11 (PAE) and 4-15 to 4-20 (4-level).
 */
static const struct reserved_row {
	uint64_t table, large, above_phys;
} reserved_rows[][5] = {
	[WALK_PAE] = {
		[3] = { BITS(2, 1) | BITS(8, 5), BITS(2, 1) | BITS(8, 5), BITS(63, 12) },
		[2] = { 0, BITS(20, 13), BITS(62, 12) },
		[1] = { 0, 0, BITS(62, 12) },
	},
	[WALK_4LEVEL] = {
		[4] = { PTE_PS, PTE_PS, BITS(51, 12) },
		[3] = { 0, BITS(29, 13), BITS(51, 12) },
		[2] = { 0, BITS(20, 13), BITS(51, 12) },
		[1] = { 0, 0, BITS(51, 12) },
	},
};

const struct walk_level *walk_levels(enum walk_paging paging, unsigned *count)
{
	*count = formats[paging].count;
	return formats[paging].level;
}

/* Address bits 0 to maxphyaddr - 1. */
static uint64_t phys_mask(unsigned maxphyaddr)
{
	return (1ull << (maxphyaddr < PHYS_BITS_MAX ? maxphyaddr : PHYS_BITS_MAX)) - 1;
}

/* A 4 MiB PDE has physical address bits M-1 to 32 in bits M-20 to 13, and bits 21 to M-19 reserved: SDM table 4-4. */
static uint64_t pse36_reserved(unsigned maxphyaddr)
{
	unsigned m = maxphyaddr < PSE36_BITS_MAX ? maxphyaddr : PSE36_BITS_MAX;

	return m <= 32 ? BITS(21, 13) : BITS(21, m - 19);
}

uint64_t walk_reserved_bits(const struct walk_mode *mode, unsigned level, bool large)
{
	const struct reserved_row *row;
	uint64_t bits;

	if (mode->paging == WALK_UNPAGED || level < 1 || level > 4)
		return 0;
	if (mode->paging == WALK_32BIT)
		return level == 2 && large && mode->pse ? pse36_reserved(mode->maxphyaddr) : 0;

	row = &reserved_rows[mode->paging][level];
	bits = large ? row->large : row->table;
	bits |= row->above_phys & ~phys_mask(mode->maxphyaddr);
	/* In PDPTE registers bit 63 is reserved anyway, as an address bit. */
	if (!mode->nxe)
		bits |= PTE_NX;
	return bits;
}

uint64_t walk_large_base(enum walk_paging paging, unsigned level, uint64_t entry)
{
	if (paging == WALK_32BIT)
		return (entry & BITS(31, 22)) | (entry & BITS(20, 13)) << (32 - 13);
	return entry & (level == 3 ? BITS(51, 30) : BITS(51, 21));
}

void walk_mode_from_cr(struct walk_mode *mode, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer, uint64_t rflags,
		       uint8_t maxphyaddr)
{
	if (!(cr0 & CR0_PG))
		mode->paging = WALK_UNPAGED;
	else if (efer & (EFER_LMA | EFER_LME))
		mode->paging = WALK_4LEVEL;
	else
		mode->paging = cr4 & CR4_PAE ? WALK_PAE : WALK_32BIT;

	mode->pse = cr4 & CR4_PSE;
	mode->wp = cr0 & CR0_WP;
	mode->nxe = (efer & EFER_NXE) && (mode->paging == WALK_PAE || mode->paging == WALK_4LEVEL);
	mode->smep = cr4 & CR4_SMEP;
	mode->smap = cr4 & CR4_SMAP;
	mode->ac = rflags & RFLAGS_AC;
	mode->pge = cr4 & CR4_PGE;
	mode->maxphyaddr = maxphyaddr;
	mode->cr3 = cr3;
}

/* One load of a guest entry, whole: other vCPUs write it at the same time. Outside RAM: all ones, as unassigned memory. */
static uint64_t entry_load(const struct guest_ram *ram, uint64_t gpa, unsigned size)
{
	if (!guest_ram_contains(ram, gpa, size))
		return size == 4 ? 0xffffffffull : ~0ull;
	if (size == 4)
		return load_relaxed((const uint32_t *)guest_ram_ptr(ram, gpa));
	return load_relaxed((const uint64_t *)guest_ram_ptr(ram, gpa));
}

int walk_load_pdptes(const struct guest_ram *ram, uint64_t cr3, uint8_t maxphyaddr, uint64_t out[4])
{
	const struct walk_mode mode = { .paging = WALK_PAE, .maxphyaddr = maxphyaddr };
	uint64_t reserved = walk_reserved_bits(&mode, 3, false);
	uint64_t pdpte[4];
	unsigned i;

	for (i = 0; i < 4; i++) {
		pdpte[i] = entry_load(ram, (cr3 & formats[WALK_PAE].cr3_mask) + i * 8, 8);
		if ((pdpte[i] & PTE_P) && (pdpte[i] & reserved))
			return -EINVAL;
	}
	memcpy(out, pdpte, sizeof(pdpte));
	return 0;
}

/* U of the error code, and which set of access rights applies: an implicit access is a supervisor's at any CPL. */
static bool access_is_user(uint32_t access)
{
	return (access & WALK_USER) && !(access & WALK_IMPLICIT);
}

/* The bits of the error code that describe the access, SDM vol. 3A 4.7. */
static uint32_t error_of_access(const struct walk_mode *mode, uint32_t access)
{
	uint32_t code = 0;

	if (access & WALK_WRITE)
		code |= PF_W;
	if (access_is_user(access))
		code |= PF_U;
	if ((access & WALK_FETCH) && (mode->smep || (mode->nxe && mode->paging != WALK_32BIT)))
		code |= PF_I;
	return code;
}

/* Access rights, SDM vol. 3A 4.6.1. */
static bool access_is_permitted(const struct walk_mode *mode, uint32_t access, const struct walk_result *r)
{
	bool user = access_is_user(access);

	if (user && !r->user)
		return false;
	if (access & WALK_FETCH)
		return !r->nx && (user || !r->user || !mode->smep);
	/* SMAP: AC lifts it for explicit accesses only, and it never applies to fetches. */
	if (!user && r->user && mode->smap && ((access & WALK_IMPLICIT) || !mode->ac))
		return false;
	return !(access & WALK_WRITE) || r->writable || (!user && !mode->wp);
}

/* The entry of this level for gva: from RAM, or from the PDPTE registers, which no walk reads from memory (SDM 4.4.1). */
static uint64_t level_entry(const struct guest_ram *ram, const struct walk_mode *mode, const struct walk_level *level,
			    uint64_t table, uint64_t gva, uint64_t *entry_gpa)
{
	uint64_t index = gva >> level->index_shift & ((1u << level->index_bits) - 1);

	if (mode->paging == WALK_PAE && level->level == 3) {
		*entry_gpa = ~0ull;
		return mode->pdpte[index];
	}
	*entry_gpa = table + index * level->entry_size;
	return entry_load(ram, *entry_gpa, level->entry_size);
}

/* Does the walk end here with a large page? PS is honoured in 32-bit PDEs only with CR4.PSE. */
static bool entry_is_large(const struct walk_mode *mode, const struct walk_level *level, uint64_t entry)
{
	return level->large_shift && (entry & PTE_PS) && (mode->paging != WALK_32BIT || mode->pse);
}

/*
 * Read the path to gva: fills entries, rights, gpa. Returns 0, or the bits of the error code that tell why there is no
 * translation, with PF_P | PF_RSVD for a reserved bit and, as 0 means success, PATH_ABSENT for a P that is 0.
 */
#define PATH_ABSENT 0x80000000u
static uint32_t path_read(const struct guest_ram *ram, const struct walk_mode *mode, uint64_t gva, struct walk_result *r)
{
	const struct walk_level *level = formats[mode->paging].level;
	uint64_t table = mode->cr3 & formats[mode->paging].cr3_mask;
	uint64_t entry = 0, base;
	unsigned i;
	bool registers, large = false;

	r->page_shift = PAGE_SHIFT;
	r->writable = r->user = true;
	r->nx = r->ad_changed = false;

	for (i = 0; i < formats[mode->paging].count && !large; i++, level++) {
		entry = level_entry(ram, mode, level, table, gva, &r->entry_gpa[i]);
		registers = mode->paging == WALK_PAE && level->level == 3;
		r->entry[i] = entry;
		r->nentries = i + 1;
		if (!(entry & PTE_P))
			return PATH_ABSENT;
		large = entry_is_large(mode, level, entry);
		/* Reserved bits of PDPTE registers were checked when they were loaded. */
		if (!registers && (entry & walk_reserved_bits(mode, level->level, large)))
			return PF_P | PF_RSVD;
		if (!registers) {
			r->writable &= !!(entry & PTE_W);
			r->user &= !!(entry & PTE_U);
			r->nx |= !!(entry & PTE_NX);
		}
		table = entry & PTE_ADDR;
		if (large)
			r->page_shift = level->large_shift;
	}
	if (large)
		base = walk_large_base(mode->paging, level[-1].level, entry);
	else
		base = r->nentries ? table : gva & PAGE_MASK;
	r->gpa = base | (gva & ((1ull << r->page_shift) - 1));
	return 0;
}

/* Set bits in a guest entry if it still is what was read. */
static bool entry_set(const struct guest_ram *ram, uint64_t gpa, unsigned size, uint64_t *entry, uint64_t bits)
{
	uint64_t old = *entry, new = old | bits;
	uint32_t old32 = (uint32_t)old;
	bool set;

	/* Ordered as a locked operation of a CPU: the guest may order its own stores by it. */
	if (size == 4)
		set = locked_cas((uint32_t *)guest_ram_ptr(ram, gpa), &old32, (uint32_t)new);
	else
		set = locked_cas((uint64_t *)guest_ram_ptr(ram, gpa), &old, new);
	if (set)
		*entry = new;
	return set;
}

/*
 * A in every entry of the path, D in the last one for a write, top first. False: an entry changed meanwhile, walk again; the
 * bits already set stay, as they may (SDM vol. 3A 4.8). Entries outside RAM have both bits set already: they are all ones.
 */
static bool path_set_ad(const struct guest_ram *ram, const struct walk_mode *mode, uint32_t access, struct walk_result *r)
{
	const struct walk_level *level = formats[mode->paging].level;
	uint64_t bits;
	unsigned i, j;

	for (i = 0; i < r->nentries; i++) {
		if (mode->paging == WALK_PAE && level[i].level == 3)
			continue;
		bits = PTE_A;
		if (i + 1 == r->nentries && (access & WALK_WRITE))
			bits |= PTE_D;
		if ((r->entry[i] & bits) == bits)
			continue;
		if (!entry_set(ram, r->entry_gpa[i], level[i].entry_size, &r->entry[i], bits))
			return false;
		r->ad_changed = true;
		/* A recursive mapping meets one entry at several levels. */
		for (j = 0; j < r->nentries; j++)
			if (r->entry_gpa[j] == r->entry_gpa[i])
				r->entry[j] = r->entry[i];
	}
	return true;
}

int walk_guest(const struct guest_ram *ram, const struct walk_mode *mode, uint64_t gva, uint32_t access,
	       struct walk_result *out)
{
	bool ad_changed = false;
	uint32_t fault;
	unsigned tries;

	memset(out, 0, sizeof(*out));
	if ((access & WALK_FETCH) && (access & WALK_WRITE))
		return -EINVAL;
	if (mode->paging == WALK_4LEVEL && !x86_is_canonical(gva))
		return -EINVAL;
	gva &= formats[mode->paging].va_mask;

	for (tries = 0; tries < WALK_RESTARTS_MAX; tries++) {
		memset(out, 0, sizeof(*out));
		fault = path_read(ram, mode, gva, out);
		if (!fault && mode->paging != WALK_UNPAGED && !(access & WALK_PROBE) &&
		    !access_is_permitted(mode, access, out))
			fault = PF_P;
		if (fault) {
			out->ad_changed = ad_changed;
			out->error_code = (fault & ~PATH_ABSENT) | error_of_access(mode, access);
			return -EFAULT;
		}
		if (!(access & WALK_SET_AD) || (access & WALK_PROBE))
			return 0;
		if (path_set_ad(ram, mode, access, out)) {
			out->ad_changed |= ad_changed;
			return 0;
		}
		ad_changed |= out->ad_changed;
	}
	return -EAGAIN;
}
