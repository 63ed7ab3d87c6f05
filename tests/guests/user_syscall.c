/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.elf: SYSCALL, SYSRET and SWAPGS. 64-bit code, the guest's kernel.
 * Source: SDM vol. 3A 5.8.8, vol. 2B SYSCALL, SYSRET, SWAPGS.
 */
#include "tests/guests/user.h"

#define GS_MAGIC	0x5ca1ab1e0ddba11ull
#define CODE64		SEL_USER_CODE64

extern char syscall_entry[], user_syscall_loop[], user_syscall_flags[], user_syscall_once[], user_swapgs[], user_sysret[];

/* What GS points at in the kernel; offsets are used in user_syscall.S. */
static struct {
	uint64_t kernel_sp, user_sp, flags, rcx, r11, count;
} percpu;
static uint8_t syscall_stack[4096] __attribute__((aligned(16)));

static void swapgs_check(void)
{
	uint64_t gs = (uint64_t)user_page;

	msr_write(MSR_GS_BASE, 0x1111000);
	msr_write(MSR_KERNEL_GS_BASE, 0xffff888012345000);
	__asm__ volatile("swapgs" : : : "memory");
	EXPECT_EQ(msr_read(MSR_GS_BASE), 0xffff888012345000, "GS base after SWAPGS");
	EXPECT_EQ(msr_read(MSR_KERNEL_GS_BASE), 0x1111000, "kernel GS base after SWAPGS");
	*(volatile uint64_t *)user_page = GS_MAGIC;
	msr_write(MSR_GS_BASE, gs);
	msr_write(MSR_KERNEL_GS_BASE, (uint64_t)&percpu);
}

static void loop_check(unsigned loops)
{
	uint64_t expected = 5, i;

	for (i = 0; i < loops; i++)
		expected = expected * 3 + 1;
	EXPECT_EQ(program_run(CODE64, user_syscall_loop, 5, loops), expected, "AX after SYSCALL in a loop");
	EXPECT_EQ(percpu.count, loops, "system calls that the kernel saw");
	EXPECT_EQ(percpu.user_sp, (uint64_t)user_stack + sizeof(user_stack), "user stack pointer at SYSCALL");
	EXPECT_EQ(msr_read(MSR_GS_BASE), (uint64_t)user_page, "GS base after the loop");
	EXPECT_EQ(msr_read(MSR_KERNEL_GS_BASE), (uint64_t)&percpu, "kernel GS base after the loop");
}

/* SFMASK clears flags for the kernel, R11 keeps them, SYSRET brings them back. */
static void flags_check(void)
{
	uint64_t both = RFLAGS_DF | RFLAGS_CF;

	program_run(CODE64, user_syscall_flags, 0, 0);
	EXPECT_EQ(percpu.flags & both, 0, "DF and CF in the kernel after SYSCALL");
	EXPECT_EQ(percpu.r11 & both, both, "DF and CF in R11");
	EXPECT_EQ(user_after.si & both, both, "DF and CF of the user after SYSRET");
	EXPECT_EQ(user_after.cs, SEL_USER_CODE64, "user CS after SYSRET");
	EXPECT_EQ(user_after.ss, SEL_USER_DATA, "user SS after SYSRET");
}

void user_syscall(unsigned loops)
{
	swapgs_check();
	percpu.kernel_sp = (uint64_t)syscall_stack + sizeof(syscall_stack);
	msr_write(MSR_STAR, (uint64_t)(SEL_USER_CODE32 & ~3) << 48 | (uint64_t)SEL_CODE64 << 32);
	msr_write(MSR_LSTAR, (uint64_t)syscall_entry);
	msr_write(MSR_SFMASK, RFLAGS_DF | RFLAGS_CF | RFLAGS_TF | RFLAGS_IF | RFLAGS_AC);
	msr_write(MSR_EFER, msr_read(MSR_EFER) & ~EFER_SCE);
	program_fails(CODE64, user_syscall_once, 0, VEC_UD, 0, "SYSCALL without EFER.SCE");
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE);
	loop_check(loops);
	flags_check();
	program_fails(CODE64, user_swapgs, 0, VEC_GP, 0, "SWAPGS");
	program_fails(CODE64, user_sysret, 0, VEC_GP, 0, "SYSRET");
	print("user: 64-bit: %u SYSCALL round trips with SWAPGS\n", loops);
}
