/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IDT, fault recorder, user trips of the guests: see traps.h. Runs as the guest's kernel, in 32- and 64-bit code. */
#include "tests/guests/traps.h"

#define GATES		256
#define STUB_SIZE	16	/* traps32.S, traps64.S */
#define GATE_INTERRUPT	0x8e00u	/* present, DPL 0, 32- or 64-bit interrupt gate */
#define TSS_AVAILABLE	0x89ull

extern char trap_stubs[];
extern uint64_t gdt[];
extern unsigned long trap_recover;	/* where a probe goes on after a fault; 0: no probe */
extern unsigned long user_saved_sp;	/* not 0 during a trip to user mode */

struct fault fault;
struct trap_regs user_after;
bool (*trap_hook)(struct trap_regs *regs);

#ifdef __x86_64__
#define CODE_SELECTOR	SEL_CODE64
#define TSS_SELECTOR	SEL_TSS64
struct gate { uint16_t offset_low, selector, type, offset_mid; uint32_t offset_high, zero; };
struct tss { uint32_t zero; uint64_t rsp0, rest[11]; uint16_t reserved, iomap; } __attribute__((packed));
#else
#define CODE_SELECTOR	SEL_CODE32
#define TSS_SELECTOR	SEL_TSS32
struct gate { uint16_t offset_low, selector, type, offset_mid; };
struct tss { uint32_t link, esp0, ss0, rest[22]; uint16_t trap, iomap; };
#endif

static struct gate idt[GATES] __attribute__((aligned(16)));
static struct tss tss __attribute__((aligned(128)));

void traps_gate_set(unsigned vector, void (*handler)(void), unsigned dpl)
{
	unsigned long at = (unsigned long)handler;
	struct gate *g = &idt[vector];

	g->offset_low = (uint16_t)at;
	g->selector = CODE_SELECTOR;
	g->type = (uint16_t)(GATE_INTERRUPT | dpl << 13);
	g->offset_mid = (uint16_t)(at >> 16);
#ifdef __x86_64__
	g->offset_high = (uint32_t)(at >> 32);
	g->zero = 0;
#endif
}

#ifdef __x86_64__
void traps_ist_set(unsigned vector, void (*handler)(void), void *stack_top)
{
	tss.rest[3] = (unsigned long)stack_top;		/* IST 1, SDM vol. 3A figure 7-11 */
	traps_gate_set(vector, handler, 0);
	idt[vector].type |= 1;
}
#endif

void traps_gate_dpl(unsigned vector, unsigned dpl)
{
	idt[vector].type = (uint16_t)(GATE_INTERRUPT | dpl << 13);
}

void traps_init(void)
{
	struct { uint16_t limit; unsigned long base; } __attribute__((packed)) idtr = { sizeof(idt) - 1, (unsigned long)idt };
	unsigned i;

	for (i = 0; i < GATES; i++)
		traps_gate_set(i, (void (*)(void))(trap_stubs + i * STUB_SIZE), 0);
	__asm__ volatile("lidt %0" : : "m"(idtr));
}

void traps_stack_set(void *stack_top)
{
	unsigned long base = (unsigned long)&tss;
	uint64_t low = base & 0xffffff, limit = sizeof(tss) - 1;

	tss.iomap = sizeof(tss);
#ifdef __x86_64__
	tss.rsp0 = (unsigned long)stack_top;
	gdt[TSS_SELECTOR / 8 + 1] = (uint64_t)base >> 32;
#else
	tss.esp0 = (unsigned long)stack_top;
	tss.ss0 = SEL_DATA;
#endif
	gdt[TSS_SELECTOR / 8] = limit | low << 16 | TSS_AVAILABLE << 40 | (uint64_t)(base >> 24 & 0xff) << 56;
	__asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR) : "memory");
}

void trap_dispatch(struct trap_regs *regs)
{
	if (trap_hook && trap_hook(regs))
		return;
	fault.vector = (unsigned)regs->vector;
	fault.error = regs->error;
	fault.cr2 = regs->vector == VEC_PF ? cr2_read() : 0;
	fault.ip = regs->ip;
	fault.cs = regs->cs;
	fault.flags = regs->flags;
	if ((regs->cs & 3) && user_saved_sp) {
		user_after = *regs;
		user_leave();
	}
	if (!trap_recover)
		panic("unexpected exception %u, error code 0x%lx, CR2 0x%lx at %lx:0x%lx", fault.vector, fault.error,
		      fault.cr2, fault.cs, fault.ip);
	regs->ip = trap_recover;
	trap_recover = 0;
}

void user_run(unsigned long ip, unsigned long cs, unsigned long sp, unsigned long user_flags, unsigned long ax,
	      unsigned long di)
{
	const unsigned long frame[5] = { ip, cs, user_flags | RFLAGS_FIXED, sp,
					cs == SEL_USER_CODE64_LINUX ? SEL_USER_DATA_LINUX : SEL_USER_DATA };

	user_enter(frame, ax, di);
}
