/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * matrix.elf: runs the batches of one mode and compares. 32- and 64-bit code, the guest's kernel, with trips to user mode.
 * Word n of each frame belongs to access n; its lowest byte is a RET, for fetches.
 */
#include "tests/guests/matrix.h"

#define SYSTEM_VECTOR	0x80u
#define RET_BYTE	0xc3u
#define WRITTEN		0x00b00000u
#define NOT_READ	0xdeadu

extern uint8_t matrix_user_stack[];	/* its end */

static struct matrix_batch batch;
static struct matrix_args kernel_args;
static uint64_t image[512] __attribute__((aligned(4096)));

/* What a word of frame k holds before the batch. */
static uint32_t word_initial(unsigned k, unsigned n)
{
	return RET_BYTE | n << 8 | (k + 1) << 24;
}

static volatile uint32_t *word_at(unsigned k, unsigned n)
{
	return (uint32_t *)(batch.mode->frame[k] + n * 8);
}

static uint64_t entry_load(const void *table, unsigned index)
{
	if (batch.mode->entry_size == 4)
		return ((const volatile uint32_t *)table)[index];
	return ((const volatile uint64_t *)table)[index];
}

static void entry_store(void *table, unsigned index, uint64_t value)
{
	if (entry_load(table, index) == value)
		return;
	if (batch.mode->entry_size == 4)
		((volatile uint32_t *)table)[index] = (uint32_t)value;
	else
		((volatile uint64_t *)table)[index] = value;
}

static unsigned chain_index(unsigned level)
{
	return (unsigned)(batch.mode->frame[0] >> batch.mode->shift[level]) & (batch.mode->entry_size == 4 ? 1023 : 511);
}

/* The varying table is made apart and copied over in one instruction, the rest is stored entry by entry. */
static void tables_build(void)
{
	const struct matrix_mode *m = batch.mode;
	void *table = m->table[batch.level], *from = image;
	unsigned n, k, level;
	unsigned long words = PAGE_BYTES / sizeof(long);

	memcpy(image, table, PAGE_BYTES);
	for (n = 0; n < batch.count; n++)
		entry_store(image, matrix_index(m, n), batch.entry[n]);
	__asm__ volatile("rep movs" PROBE_SUFFIX : "+D"(table), "+S"(from), "+c"(words) : : "memory");
	for (level = 0; level < batch.level; level++)
		entry_store(m->table[level], matrix_index(m, MATRIX_UPPER), batch.upper[level]);
	for (k = 0; k < MATRIX_FRAMES; k++)
		for (level = batch.level + 1; level < m->levels; level++)
			entry_store(m->chain[k][level], chain_index(level), batch.chain[k][level]);
}

static void config_load(const struct matrix_config *c)
{
	unsigned long cr4 = cr4_read() & ~(CR4_SMEP | CR4_SMAP | CR4_PSE);

	if (cpu_has_nx())
		msr_write(MSR_EFER, c->nxe ? msr_read(MSR_EFER) | EFER_NXE : msr_read(MSR_EFER) & ~EFER_NXE);
	cr0_write(c->wp ? cr0_read() | CR0_WP : cr0_read() & ~CR0_WP);
	cr4_write(cr4 | (c->smep ? CR4_SMEP : 0) | (c->smap ? CR4_SMAP : 0) | (c->pse ? CR4_PSE : 0));
}

static void args_prepare(struct matrix_args *args)
{
	unsigned n, k;

	args->count = batch.count;
	args->type = batch.type;
	args->flags = batch.config.ac ? RFLAGS_AC : 0;
	for (n = 0; n < batch.count; n++) {
		args->address[n] = matrix_va(&batch, n);
		args->value[n] = batch.type == ACCESS_WRITE ? RET_BYTE | n << 8 | WRITTEN : NOT_READ;
		matrix_error[n] = NO_FAULT;
		for (k = 0; k < MATRIX_FRAMES; k++)
			*word_at(k, n) = word_initial(k, n);
	}
}

static void accesses_make(struct matrix_args *args)
{
	config_load(&batch.config);
	cr3_write(batch.mode->test);
	matrix_active = 1;
	if (batch.user)
		user_run((unsigned long)matrix_user, sizeof(long) == 8 ? SEL_USER_CODE64 : SEL_USER_CODE32,
			 (unsigned long)matrix_user_stack, 0, 0, (unsigned long)args);
	else
		matrix_kernel(args);
	matrix_active = 0;
	cr3_write(batch.mode->home);
	if (batch.config.smap)
		cr4_write(cr4_read() & ~CR4_SMAP);
	if (batch.user && fault.vector != SYSTEM_VECTOR)
		panic("user code ended with exception %u, error code 0x%lx, at 0x%lx", fault.vector, fault.error, fault.ip);
}

static void access_of(unsigned n, struct matrix_access *a)
{
	unsigned level;

	*a = (struct matrix_access){ .mode = batch.mode, .config = batch.config, .va = matrix_va(&batch, n), .type = batch.type,
				     .user = batch.user };
	for (level = 0; level < batch.mode->levels; level++)
		a->entry[level] = level < batch.level ? batch.upper[level] : level == batch.level ? batch.entry[n] :
				  batch.chain[batch.chain_of[n]][level];
}

static void fail(const struct matrix_access *a, const char *what, uint64_t expected, uint64_t got)
{
	static const char *const types[] = { "read", "write", "fetch" };
	unsigned i;

	print("matrix: %s: %s %s of 0x%lx with WP %d NXE %d SMEP %d SMAP %d AC %d PSE %d, entries", a->mode->name,
	      a->user ? "user" : "supervisor", types[a->type], a->va, a->config.wp, a->config.nxe, a->config.smep,
	      a->config.smap, a->config.ac, a->config.pse);
	for (i = 0; i < a->mode->levels; i++)
		print(" 0x%llx", (unsigned long long)a->entry[i]);
	print(", level %u varies\n", batch.level);
	panic("%s: expected 0x%llx, got 0x%llx", what, (unsigned long long)expected, (unsigned long long)got);
}

static void expect(const struct matrix_access *a, const char *what, uint64_t expected, uint64_t got)
{
	if (expected != got)
		fail(a, what, expected, got);
}

/* An entry that one access alone uses. After a fault A may be set in what the walk has used; D never. */
static void entry_check(const struct matrix_access *a, const struct matrix_outcome *o, unsigned n)
{
	uint64_t before = batch.entry[n], now = entry_load(batch.mode->table[batch.level], matrix_index(batch.mode, n));

	if (!o->faults)
		before |= PTE_A | (o->leaf == batch.level && a->type == ACCESS_WRITE ? PTE_D : 0);
	else if (o->used > batch.level || cpu_is_tcg())		/* TCG sets A before it looks at reserved bits */
		before |= now & PTE_A;
	expect(a, "entry afterwards", before, now);
}

static void data_check(const struct matrix_access *a, const struct matrix_outcome *o, unsigned n, const struct matrix_args *args)
{
	unsigned k, at = MATRIX_FRAMES;

	for (k = 0; k < MATRIX_FRAMES; k++)
		if (!o->faults && o->physical == batch.mode->frame[k] + n * 8)
			at = k;
	if (!o->faults && at == MATRIX_FRAMES)
		fail(a, "the test's own address", batch.mode->frame[0], o->physical);
	for (k = 0; k < MATRIX_FRAMES; k++)
		expect(a, "word in memory", k == at && a->type == ACCESS_WRITE ? RET_BYTE | n << 8 | WRITTEN : word_initial(k, n),
		       *word_at(k, n));
	if (a->type == ACCESS_READ)
		expect(a, "value read", o->faults ? NOT_READ : word_initial(at, n), (uint32_t)args->value[n]);
}

/* Entries that many accesses share: A is set if one that worked used them, D if one of those wrote and it was the last. */
struct shared { uint64_t upper[MATRIX_LEVELS], chain[MATRIX_FRAMES][MATRIX_LEVELS]; };

static void shared_note(struct shared *s, const struct matrix_access *a, const struct matrix_outcome *o, unsigned n)
{
	unsigned level;

	for (level = 0; !o->faults && level <= o->leaf; level++) {
		uint64_t bits = PTE_A | (level == o->leaf && a->type == ACCESS_WRITE ? PTE_D : 0);

		if (level < batch.level)
			s->upper[level] |= bits;
		if (level > batch.level)
			s->chain[batch.chain_of[n]][level] |= bits;
	}
}

static void shared_check(const struct shared *s, const struct matrix_access *a)
{
	const struct matrix_mode *m = batch.mode;
	unsigned level, k;

	for (level = 0; level < batch.level; level++) {
		uint64_t now = entry_load(m->table[level], matrix_index(m, MATRIX_UPPER));

		expect(a, "entry above, afterwards", batch.upper[level] | s->upper[level] | (now & PTE_A), now);
	}
	for (k = 0; k < MATRIX_FRAMES; k++)
		for (level = batch.level + 1; level < m->levels; level++) {
			uint64_t now = entry_load(m->chain[k][level], chain_index(level));

			expect(a, "entry below, afterwards", batch.chain[k][level] | s->chain[k][level] | (now & PTE_A), now);
		}
}

static void batch_check(struct matrix_run *run, const struct matrix_args *args)
{
	struct shared shared = { 0 };
	struct matrix_access a;
	struct matrix_outcome o;
	uint32_t digest = 2166136261u;
	unsigned n;

	for (n = 0; n < batch.count; n++) {
		access_of(n, &a);
		matrix_judge(&a, &o);
		expect(&a, "error code", o.faults ? o.error : NO_FAULT, matrix_error[n]);
		if (o.faults)
			expect(&a, "CR2", a.va, matrix_cr2[n]);
		entry_check(&a, &o, n);
		data_check(&a, &o, n, args);
		shared_note(&shared, &a, &o, n);
		run->faults += o.faults;
		digest = (digest ^ ((matrix_error[n] & 0xff) | (o.error & PF_RSVD ? PF_P : 0))) * 16777619u;
	}
	shared_check(&shared, &a);
	run->digest += digest ^ run->next * 2654435761u;
	run->accesses += batch.count;
	run->batches++;
}

static void batch_run(struct matrix_run *run)
{
	struct matrix_args *args = batch.user ? &matrix_user_args : &kernel_args;

	matrix_batch_choose(&batch, run->seed + run->next);
	tables_build();
	args_prepare(args);
	accesses_make(args);
	batch_check(run, args);
}

static bool config_possible(const struct matrix_mode *m, const struct matrix_config *c)
{
	if ((c->nxe && !cpu_has_nx()) || (c->smep && !cpu_has_smep()) || (c->smap && !cpu_has_smap()))
		return false;
	return (c->smap || !c->ac) && (c->pse || m->entry_size == 4);
}

/* Mixed up, so that every slice has some of everything. */
static bool in_slice(const struct matrix_run *run)
{
	return (run->next * 2654435761u >> 8) % run->slices == run->slice;
}

static void config_run(struct matrix_run *run, const struct matrix_mode *m, const struct matrix_config *c)
{
	unsigned level, kind;

	for (level = 0; level < m->levels; level++)
		for (kind = 0; kind < 4 * ACCESS_TYPES; kind++) {
			bool user = kind / ACCESS_TYPES & 1;

			run->next++;
			if (!in_slice(run) || !config_possible(m, c) || (user && c->ac))
				continue;
			batch.mode = m;
			batch.config = *c;
			batch.level = level;
			batch.type = kind % ACCESS_TYPES;
			batch.user = user;
			batch.mixed = kind / ACCESS_TYPES >> 1;
			batch_run(run);
		}
}

void matrix_run(struct matrix_run *run, const struct matrix_mode *m)
{
	struct matrix_config c;
	unsigned n, accesses = run->accesses, faults = run->faults;

	traps_gate_dpl(SYSTEM_VECTOR, 3);
	traps_gate_set(VEC_PF, matrix_page_fault, 0);
	for (n = 0; n < 64; n++) {
		c = (struct matrix_config){ .wp = n & 1, .nxe = n & 2, .smep = n & 4, .smap = n & 8, .ac = n & 16, .pse = n & 32 };
		config_run(run, m, &c);
	}
	c = (struct matrix_config){ .wp = true, .nxe = cpu_has_nx(), .pse = true };
	config_load(&c);
	print("matrix: %s: %u accesses as they must be, %u of them faults\n", m->name, run->accesses - accesses,
	      run->faults - faults);
}

void matrix_run_init(struct matrix_run *run)
{
	*run = (struct matrix_run){ .slice = (unsigned)cmdline_number("slice", 0), .slices = (unsigned)cmdline_number("slices", 1),
				    .seed = (uint32_t)cmdline_number("seed", 1) << 16 };
	if (!run->slices || run->slice >= run->slices)
		panic("slice=%u slices=%u: the slice must be below their number", run->slice, run->slices);
}

void matrix_report(const struct matrix_run *run, const char *name, const char *key)
{
	bool all = cpu_has_nx() && cpu_has_1g() && cpu_has_smep() && cpu_has_smap();
	uint32_t digest = (uint32_t)cmdline_number(key, run->digest);

	print("matrix: %s: digest 0x%08x of %u batches, %u accesses\n", name, run->digest, run->batches, run->accesses);
	if (all)
		EXPECT_EQ(run->digest, digest, "digest");
	else
		print("matrix: digest not compared: NX %d, SMEP %d, SMAP %d, 1 GiB pages %d\n", cpu_has_nx(), cpu_has_smep(),
		      cpu_has_smap(), cpu_has_1g());
}
