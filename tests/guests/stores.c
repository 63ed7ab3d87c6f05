/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stores.elf: cases=N (20000) random instructions that write memory, seed=N, tcg=1 on hosts that QEMU emulates. Each runs twice
 * from the same registers, flags and memory: on data pages, where the CPU carries it out, and, in another address space, at the
 * same addresses on pages that are page tables in use, where the hypervisor has to. Registers, flags and memory must agree.
 * 64-bit code, the guest's kernel; interrupts are off, and the stack pointer is an operand like any other: what faults arrives on
 * a stack of its own.
 */
#include "tests/guests/stores.h"

#define BATCH		32u		/* cases between two loads of CR3 */
#define CODE_BYTES	48u		/* a gap, an instruction, and the jump behind it */
#define CODE_GAP	16u		/* longer than an instruction */
#define AROUND		32u		/* bytes before and behind what a case writes that are compared at once */
#define SNAPSHOT_BYTES	1024u
#define FLAGS		(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF | RFLAGS_DF)

struct batch_case {
	struct instance insn;
	struct native_state cpu;		/* after it ran on data pages */
	uint8_t before[SNAPSHOT_BYTES], after[SNAPSHOT_BYTES];
};

extern char trap_stubs[];

static struct batch_case batch[BATCH];
static uint8_t code[4096] __attribute__((aligned(4096)));	/* all of the page: no data beside code */
_Static_assert(BATCH * CODE_BYTES <= sizeof(code), "a batch fits");
static uint8_t fault_stack[16384] __attribute__((aligned(16)));
static const struct batch_case *running;
static uint64_t seed, first_case;	/* of the batch */
static struct { char name[16]; uint64_t n; } used[64];
static struct { uint64_t entries, pages, locked, strings; } counts;

static uint8_t *code_of(const struct batch_case *c)
{
	return code + (c - batch) * CODE_BYTES + CODE_GAP;
}

/* ---- reports */

static void bytes_print(const char *what, const uint8_t *from, unsigned n)
{
	print("%s", what);
	while (n--)
		print(" %02x", *from++);
	print("\n");
}

static void case_print(const struct batch_case *c)
{
	const struct instance *in = &c->insn;
	unsigned page = (unsigned)((in->ea - WINDOW_VA) / PAGE_BYTES);

	print("stores: seed %llu case %llu, %s at 0x%llx (%s), code at 0x%lx:\n", (unsigned long long)seed,
	      (unsigned long long)(first_case + (unsigned)(c - batch)), in->form->name, (unsigned long long)in->ea, page_name(page),
	      (unsigned long)code_of(c));
	bytes_print("instruction", in->bytes, in->length);
}

static void states_print(const struct batch_case *c, const struct native_state *got)
{
	static const char names[16][4] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
					   "r13", "r14", "r15" };
	const struct native_state *was = &c->insn.in;
	unsigned i;

	print("before, on data, on tables:\n");
	for (i = 0; i < 16; i++)
		print("%s %016llx %016llx %016llx%s\n", names[i], (unsigned long long)was->gpr[i], (unsigned long long)c->cpu.gpr[i],
		      (unsigned long long)got->gpr[i], c->cpu.gpr[i] != got->gpr[i] ? " *" : "");
	print("flags %llx %llx %llx, undefined %llx\n", (unsigned long long)was->rflags, (unsigned long long)c->cpu.rflags,
	      (unsigned long long)got->rflags, (unsigned long long)c->insn.undefined);
}

static bool on_fault(struct trap_regs *regs)
{
	if (!running)
		return false;
	case_print(running);
	panic("exception %lu, error code 0x%lx, CR2 0x%lx, RIP 0x%lx", regs->vector, regs->error, cr2_read(), regs->ip);
}

/* ---- one case */

static unsigned compared_bytes(const struct instance *in)
{
	return in->touched + 2 * AROUND;
}

static const uint8_t *compared_first(const struct instance *in)
{
	return (const uint8_t *)in->ea - AROUND;
}

/*
 * As compilers write it, with nothing but instructions on the page: where a hypervisor has to find PUSHF and POPF by looking at
 * code, it is not to be led astray by data.
 */
static void code_write(const struct batch_case *c)
{
	uint8_t *to = code_of(c), *end = to + c->insn.length;
	uint32_t back = (uint32_t)((uint64_t)stores_return - (uint64_t)(end + 5));

	memset(to - CODE_GAP, 0xcc, CODE_BYTES);
	memcpy(to, c->insn.bytes, c->insn.length);
	*end = 0xe9;			/* JMP rel32 */
	memcpy(end + 1, &back, 4);
}

static void run(const struct batch_case *c, struct native_state *state)
{
	*state = c->insn.in;
	running = c;
	stores_run(state, code_of(c));
	running = NULL;
}

static void run_on_data(struct batch_case *c)
{
	const struct instance *in = &c->insn;

	memcpy(c->before, compared_first(in), compared_bytes(in));
	run(c, &c->cpu);
	memcpy(c->after, compared_first(in), compared_bytes(in));
}

static void run_on_tables(const struct batch_case *c)
{
	const struct instance *in = &c->insn;
	struct native_state got;
	bool differs;
	unsigned i;

	tables_use(in->ea, in->ea + in->touched);
	run(c, &got);
	differs = (got.rflags ^ c->cpu.rflags) & FLAGS & ~in->undefined;
	for (i = 0; i < 16; i++)
		differs |= got.gpr[i] != c->cpu.gpr[i];
	if (!differs && !memcmp(c->after, compared_first(in), compared_bytes(in)))
		return;
	case_print(c);
	states_print(c, &got);
	bytes_print("before   ", c->before, compared_bytes(in));
	bytes_print("on data  ", c->after, compared_bytes(in));
	bytes_print("on tables", compared_first(in), compared_bytes(in));
	panic("the CPU and the hypervisor differ");
}

static void count(const struct instance *in)
{
	uint64_t at = in->ea % 8;
	char name[16];
	unsigned i;

	insn_name(in, name);
	for (i = 0; used[i].name[0] && memcmp(used[i].name, name, sizeof(name)); i++)
		EXPECT_EQ(i < sizeof(used) / sizeof(used[0]) - 1, 1, "room for another name");
	memcpy(used[i].name, name, sizeof(name));
	used[i].n++;
	counts.locked += in->lock;
	if (in->form->kind == KIND_STRING)
		counts.strings++;
	else if (in->ea / PAGE_BYTES != (in->ea + in->touched - 1) / PAGE_BYTES)
		counts.pages++;
	else if (at && at + in->touched > 8)
		counts.entries++;
}

/* ---- all */

static void pages_compare(void)
{
	unsigned i;

	for (i = 0; i < PAGES; i++)
		if (memcmp(space_page(SPACE_DATA, i), space_page(SPACE_TABLES, i), PAGE_BYTES))
			panic("seed %llu: page %u (%s) differs after cases %llu to %llu", (unsigned long long)seed, i, page_name(i),
			      (unsigned long long)first_case, (unsigned long long)first_case + BATCH - 1);
}

static void batch_run(uint64_t *random, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		memset(&batch[i], 0, sizeof(batch[i]));
		insn_choose(random, (uint64_t)code_of(&batch[i]), &batch[i].insn);
		EXPECT_EQ(compared_bytes(&batch[i].insn) <= SNAPSHOT_BYTES, 1, "a snapshot holds what a case writes");
		code_write(&batch[i]);
		count(&batch[i].insn);
	}
	for (i = 0; i < n; i++)
		run_on_data(&batch[i]);
	space_load(SPACE_TABLES);
	for (i = 0; i < n; i++)
		run_on_tables(&batch[i]);
	space_load(SPACE_DATA);
	pages_compare();
}

static void prepare(uint64_t *random)
{
	static const uint8_t vectors[] = { VEC_UD, VEC_DF, VEC_SS, VEC_GP, VEC_PF, VEC_AC };
	static uint8_t xmm[256];
	unsigned i;

	traps_init();
	traps_stack_set(fault_stack + sizeof(fault_stack));
	for (i = 0; i < sizeof(vectors); i++)
		traps_ist_set(vectors[i], (void (*)(void))(trap_stubs + vectors[i] * 16), fault_stack + sizeof(fault_stack));
	trap_hook = on_fault;
	cr0_write((cr0_read() & ~(CR0_EM | CR0_TS)) | CR0_MP);
	cr4_write(cr4_read() | CR4_OSFXSR);
	for (i = 0; i < sizeof(xmm); i++)
		xmm[i] = (uint8_t)native_random(random);
	__asm__ volatile(".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
			 "movups 16 * \\n(%0), %%xmm\\n\n\t.endr" : : "r"(xmm), "m"(xmm));
	stores_fs_base = 0x123456789000 + (native_random(random) >> 40);
	msr_write(MSR_FS_BASE, stores_fs_base);
	space_build(random);
}

static void results_print(uint64_t cases)
{
	unsigned i;

	print("stores: by instruction:");
	for (i = 0; used[i].name[0]; i++)
		print("%s %s %llu", i ? "," : "", used[i].name, (unsigned long long)used[i].n);
	print("\nstores: ok, %llu cases, %llu locked, %llu strings, %llu across entries, %llu across pages\n", (unsigned long long)cases,
	      (unsigned long long)counts.locked, (unsigned long long)counts.strings, (unsigned long long)counts.entries,
	      (unsigned long long)counts.pages);
}

void guest_main64(void)
{
	uint64_t cases = cmdline_number("cases", 20000), random;

	seed = cmdline_number("seed", 1);
	random = seed * 0x9e3779b97f4a7c15ull | 1;
	stores_tcg = cmdline_number("tcg", cpu_is_tcg());
	print("stores: %llu cases, seed %llu%s\n", (unsigned long long)cases, (unsigned long long)seed,
	      stores_tcg ? ", without what QEMU's TCG does otherwise" : "");
	prepare(&random);
	for (; first_case < cases; first_case += BATCH)
		batch_run(&random, cases - first_case < BATCH ? (unsigned)(cases - first_case) : BATCH);
	results_print(cases);
	guest_exit(0);
}
