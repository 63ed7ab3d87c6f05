/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faults.elf: builds the cases of one mode, makes the accesses, compares. 32- and 64-bit code; the guest's kernel, with
 * trips to user mode. A and D are clear before every access; afterwards A must be set on the whole way of one that worked,
 * and may be where the walk of one that faulted came by; D is set in the last entry by a write that worked, by nothing else.
 */
#include "tests/guests/faults.h"

#define RET_AT		0u		/* what the page holds: RET for the kernel to call */
#define INT_AT		16u		/* INT 0x80 for user code to run */
#define WORD_AT		0x100u
#define SYSTEM_VECTOR	0x80u
#define FULL		(PTE_P | PTE_W | PTE_U)
#define VARIANTS	10u		/* of one entry: absent, 8 combinations of W, U, NX, one reserved bit */

struct run {
	const struct fault_mode *mode;
	uint64_t *random;
	uint8_t *frame;
	struct fault_config config;
	unsigned cases, faults;
};

static const struct fault_config configs[] = {
	{ .wp = true, .nxe = true },
	{ .wp = false, .nxe = true },
	{ .wp = true, .nxe = false },
	{ .wp = true, .nxe = true, .smep = true },
	{ .wp = true, .nxe = true, .smap = true },
	{ .wp = false, .nxe = true, .smap = true, .ac = true },
	{ .wp = true, .nxe = true, .smep = true, .smap = true },
	{ .wp = false, .nxe = false, .smep = true, .smap = true },
};

static unsigned random_below(struct run *r, unsigned below)
{
	return (unsigned)((uint32_t)(random_next(r->random) >> 24)) % below;
}

static bool config_possible(const struct fault_mode *mode, const struct fault_config *f)
{
	if (f->nxe && !cpu_has_nx() && mode->entry_size == 8)
		return false;
	return (!f->smep || cpu_has_smep()) && (!f->smap || cpu_has_smap());
}

static void config_load(const struct fault_config *f)
{
	unsigned long cr4 = cr4_read() & ~(CR4_SMEP | CR4_SMAP);

	cr0_write(f->wp ? cr0_read() | CR0_WP : cr0_read() & ~CR0_WP);
	cr4_write(cr4 | (f->smep ? CR4_SMEP : 0) | (f->smap ? CR4_SMAP : 0));
	if (cpu_has_nx())
		msr_write(MSR_EFER, f->nxe ? msr_read(MSR_EFER) | EFER_NXE : msr_read(MSR_EFER) & ~EFER_NXE);
}

static void *slot_at(const struct fault_mode *mode, unsigned level)
{
	unsigned index = (unsigned)(mode->va >> mode->shift[level]) & (mode->entry_size == 4 ? 1023 : 511);

	return (uint8_t *)mode->table[level] + index * mode->entry_size;
}

static uint64_t entry_load(const struct fault_mode *mode, unsigned level)
{
	void *at = slot_at(mode, level);

	return mode->entry_size == 4 ? *(volatile uint32_t *)at : *(volatile uint64_t *)at;
}

static void entry_store(const struct fault_mode *mode, unsigned level, uint64_t value)
{
	void *at = slot_at(mode, level);

	if (mode->entry_size == 4)
		*(volatile uint32_t *)at = (uint32_t)value;
	else
		*(volatile uint64_t *)at = value;
}

/* The entry of a level with all rights: leads on to the next table or to the frame. */
static uint64_t entry_full(const struct run *r, unsigned level, bool leaf)
{
	const struct fault_mode *m = r->mode;

	if (!leaf)
		return (unsigned long)m->table[level + 1] | FULL;
	return ((unsigned long)r->frame & ~((1ul << m->shift[level]) - 1)) | FULL | (level < m->levels - 1 ? PTE_PS : 0);
}

static uint64_t entry_variant(struct run *r, unsigned level, bool leaf, unsigned variant)
{
	uint64_t e = entry_full(r, level, leaf);

	if (variant == 0)
		return e & ~PTE_P;
	if (variant == VARIANTS - 1)
		return e | reserved_bit(r->mode, level, leaf, r->random);
	variant--;
	e &= ~((variant & 1 ? PTE_W : 0) | (variant & 2 ? PTE_U : 0));
	return e | (variant & 4 && r->mode->entry_size == 8 ? PTE_NX : 0);
}

static void case_fail(const struct fault_case *c, const char *what, uint64_t expected, uint64_t got)
{
	static const char *const types[] = { "read", "write", "fetch" };
	unsigned i;

	print("faults: %s: %s %s with WP %d NXE %d SMEP %d SMAP %d AC %d, entries", c->mode->name, c->user ? "user" : "supervisor",
	      types[c->type], c->config.wp, c->config.nxe, c->config.smep, c->config.smap, c->config.ac);
	for (i = 0; i <= c->leaf; i++)
		print(" 0x%llx", (unsigned long long)c->entry[i]);
	print("\n");
	panic("%s: expected 0x%llx, got 0x%llx", what, (unsigned long long)expected, (unsigned long long)got);
}

static void case_expect(const struct fault_case *c, const char *what, uint64_t expected, uint64_t got)
{
	if (expected != got)
		case_fail(c, what, expected, got);
}

/* True: it faulted, and *fault* says how. */
static bool access_user(const struct fault_case *c, unsigned long at, unsigned long value, unsigned long *got)
{
	const char *code = c->type == ACCESS_READ ? user_read : user_write;
	bool is64 = sizeof(long) == 8;

	user_run(c->type == ACCESS_FETCH ? at : (unsigned long)code, is64 ? SEL_USER_CODE64 : SEL_USER_CODE32, 0, 0, value, at);
	*got = user_after.ax;
	return fault.vector != SYSTEM_VECTOR;
}

static bool access_kernel(const struct fault_case *c, unsigned long at, unsigned long value, unsigned long *got)
{
	unsigned long flags = c->config.ac ? RFLAGS_AC : 0;

	if (c->type == ACCESS_READ)
		return probe_read((void *)at, got, flags);
	if (c->type == ACCESS_WRITE)
		return probe_write((void *)at, value, flags);
	return probe_fetch((void *)at, flags);
}

static void entries_check(const struct fault_case *c, bool faulted)
{
	unsigned level;

	for (level = 0; level <= c->leaf; level++) {
		uint64_t e = entry_load(c->mode, level), expected = c->entry[level];

		if (faulted) {
			case_expect(c, "entry but for A after a fault", expected, e & ~PTE_A);
			continue;
		}
		expected |= PTE_A | (level == c->leaf && c->type == ACCESS_WRITE ? PTE_D : 0);
		case_expect(c, "entry after an access that worked", expected, e);
	}
}

static void case_run(struct run *r, const struct fault_case *c)
{
	const struct fault_mode *m = c->mode;
	unsigned long size = 1ul << m->shift[c->leaf], at = (m->va & ~(size - 1)) | ((unsigned long)r->frame & (size - 1));
	volatile uint32_t *word = (volatile uint32_t *)(r->frame + WORD_AT);
	unsigned long error, got = 0;
	uint32_t value = (uint32_t)random_next(r->random);
	bool expected = fault_expected(c, &error), faulted;
	unsigned level;

	for (level = 0; level <= c->leaf; level++)
		entry_store(m, level, c->entry[level]);
	page_invalidate((void *)at);
	at += c->type == ACCESS_FETCH ? (c->user ? INT_AT : RET_AT) : WORD_AT;
	*word = ~value;
	faulted = c->user ? access_user(c, at, value, &got) : access_kernel(c, at, value, &got);
	case_expect(c, "fault", expected, faulted);
	if (faulted) {
		if (cpu_is_tcg() && fault.error & PF_RSVD)
			fault.error |= PF_P;	/* QEMU 7.2 forgets it; SDM vol. 3A 4.7: RSVD only with P */
		case_expect(c, "vector", VEC_PF, fault.vector);
		case_expect(c, "#PF error code", error, fault.error);
		case_expect(c, "CR2", at, fault.cr2);
		r->faults++;
	} else if (c->type == ACCESS_READ) {
		case_expect(c, "value read", (uint32_t)~value, (uint32_t)got);
	}
	case_expect(c, "word in memory", !faulted && c->type == ACCESS_WRITE ? value : (uint32_t)~value, *word);
	entries_check(c, faulted);
	r->cases++;
}

/* Every variant of one level, all others with full rights, every kind of access. */
static void list_run(struct run *r, struct fault_case *c)
{
	unsigned level, variant, kind, l;

	for (level = 0; level <= c->leaf; level++)
		for (variant = 0; variant < VARIANTS; variant++)
			for (kind = 0; kind < 2 * ACCESS_TYPES; kind++) {
				if (r->mode->one_in > 1 && random_below(r, r->mode->one_in))
					continue;
				for (l = 0; l <= c->leaf; l++)
					c->entry[l] = l == level ? entry_variant(r, l, l == c->leaf, variant) :
						      entry_full(r, l, l == c->leaf);
				c->type = kind % ACCESS_TYPES;
				c->user = kind / ACCESS_TYPES;
				case_run(r, c);
			}
}

static void random_run(struct run *r, struct fault_case *c, unsigned n)
{
	unsigned l;

	for (; n; n--) {
		for (l = 0; l <= c->leaf; l++)
			c->entry[l] = entry_variant(r, l, l == c->leaf, random_below(r, 8) ? 1 + random_below(r, 8) :
						    random_below(r, VARIANTS));
		c->type = random_below(r, ACCESS_TYPES);
		c->user = random_below(r, 2);
		case_run(r, c);
	}
}

void faults_run(const struct fault_mode *mode, uint64_t *random)
{
	struct run r = { .mode = mode, .random = random, .frame = frame_alloc() };
	struct fault_case c = { .mode = mode };
	unsigned i, n = sizeof(configs) / sizeof(configs[0]), leaves = mode->levels - mode->first_large;

	r.frame[RET_AT] = 0xc3;
	r.frame[INT_AT] = 0xcd;
	r.frame[INT_AT + 1] = SYSTEM_VECTOR;
	traps_gate_dpl(SYSTEM_VECTOR, 3);
	for (i = 0; i < n; i++) {
		if (!config_possible(mode, &configs[i])) {
			print("faults: %s: NXE %d SMEP %d SMAP %d skipped, the CPU lacks it\n", mode->name, configs[i].nxe,
			      configs[i].smep, configs[i].smap);
			continue;
		}
		config_load(&configs[i]);
		c.config = configs[i];
		for (c.leaf = mode->first_large; c.leaf < mode->levels; c.leaf++) {
			list_run(&r, &c);
			random_run(&r, &c, mode->random_cases / n / leaves);
		}
	}
	config_load(&configs[cpu_has_nx() ? 0 : 2]);
	print("faults: %s: %u accesses as they must be, %u of them faults\n", mode->name, r.cases, r.faults);
}
