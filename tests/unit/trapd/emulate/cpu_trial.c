/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See cpu_trial.h. Test code. */
#include "tests/unit/trapd/emulate/cpu_trial.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "common/x86.h"
#include "trapd/cpu/cpu_state.h"

/* Linux's __USER32_CS, __USER_CS and __USER_DS: the ABI of every x86-64 kernel. */
#define USER_CS32	0x23ull
#define USER_DS		0x2b
#define STACK_BYTES	65536u

static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
/* Encoding order of the registers. */
static const int gregs[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11,
			       REG_R12, REG_R13, REG_R14, REG_R15 };

static struct trial {
	enum { IDLE, ENTERING, RUNNING } phase;
	const struct native_state *in;
	uint64_t rip;
	unsigned bits;
	struct cpu_result *out;
	gregset_t test;			/* where the test stands meanwhile */
} trial;

static void enter(gregset_t regs)
{
	memcpy(trial.test, regs, sizeof(trial.test));
	for (unsigned i = 0; i < 16; i++)
		regs[gregs[i]] = (greg_t)trial.in->gpr[i];
	regs[REG_EFL] = (greg_t)trial.in->rflags;
	regs[REG_RIP] = (greg_t)trial.rip;
	if (trial.bits == 32)		/* CS is the lowest quarter, SS the highest */
		regs[REG_CSGSFS] = (greg_t)(((uint64_t)regs[REG_CSGSFS] & ~0xffffull) | USER_CS32);
	trial.phase = RUNNING;
}

static void leave(gregset_t regs)
{
	struct cpu_result *r = trial.out;

	for (unsigned i = 0; i < 16; i++)
		r->state.gpr[i] = (uint64_t)regs[gregs[i]];
	r->state.rflags = (uint64_t)regs[REG_EFL];
	r->rip = (uint64_t)regs[REG_RIP];
	r->vector = (uint8_t)regs[REG_TRAPNO];
	r->error = (uint32_t)regs[REG_ERR];
	r->cr2 = (uint64_t)regs[REG_CR2];
	memcpy(regs, trial.test, sizeof(trial.test));
	regs[REG_RIP] += 2;		/* behind the UD2 of cpu_trial_run */
	trial.phase = IDLE;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	if (trial.phase == ENTERING)
		enter(u->uc_mcontext.gregs);
	else if (trial.phase == RUNNING)
		leave(u->uc_mcontext.gregs);
	else
		signal(sig, SIG_DFL);	/* the test's own: it comes again */
}

void cpu_trial_init(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_ONSTACK | SA_SIGINFO };
	void *p = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = p, .ss_size = STACK_BYTES };

	cr_assert(p != MAP_FAILED && !sigaltstack(&stack, NULL));
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
	/* For 32-bit code; 64-bit code does not look at them. */
	__asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(USER_DS));
}

void cpu_trial_run(const struct native_state *in, uint64_t rip, unsigned bits, struct cpu_result *out)
{
	trial.in = in;
	trial.rip = rip;
	trial.bits = bits;
	trial.out = out;
	trial.phase = ENTERING;
	__asm__ volatile("ud2" : : : "memory", "cc");
}

bool cpu_trial_has32(uint8_t *code)
{
	const struct native_state in = { .rflags = 0x202 };
	struct cpu_result out;

	/* 40 is INC EAX there, a prefix in 64-bit code. */
	memcpy(code, "\x40\x0f\x0b", 3);
	cpu_trial_run(&in, (uintptr_t)code, 32, &out);
	return out.state.gpr[0] == 1;
}

bool cpu_trial_resumes_any_rsp(uint8_t *code)
{
	const struct native_state in = { .rflags = 0x202, .gpr[GPR_RSP] = 1ull << 47 };
	struct cpu_result out;

	memcpy(code, "\x0f\x0b", 2);
	cpu_trial_run(&in, (uintptr_t)code, 64, &out);
	return out.vector == VEC_UD;
}
