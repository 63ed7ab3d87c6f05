/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guests that judge themselves end well on shadow tables, under audit, and the counters show that the tables are used. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/x86.h"
#include "tests/integration/harness/harness.h"

sp_suite_kvm(guests);

/* With AC set, and with CR0.AM, which Linux has set, a misaligned read is #AC (SDM vol. 3A 6.15), which is SIGBUS. */
static void read_misaligned(void)
{
	static uint64_t words[2];
	uint32_t value;

	__asm__ volatile("pushfq; orl %2, (%%rsp); popfq; mov 1(%1), %0; pushfq; andl %3, (%%rsp); popfq"
			 : "=&r"(value) : "r"(words), "i"((uint32_t)RFLAGS_AC), "i"(~(uint32_t)RFLAGS_AC) : "memory", "cc");
}

/* Does the processor that this runs on make alignment checks? Emulated ones make none. */
static bool checks_alignment(void)
{
	pid_t child = fork();
	int status = 0;

	if (!child) {
		signal(SIGBUS, SIG_DFL);
		read_misaligned();
		_exit(0);
	}
	sp_assert(child > 0 && waitpid(child, &status, 0) == child, "no child");
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
}

static void judges_itself(const char *image)
{
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = image, .audit = "cheap", .cmdline = sp_text("alignment=%d", checks_alignment()),
	});

	sp_expect_exit(vm, 0, 50);
	sp_expect_verdict(vm, sp_text("%s: ok", image));
	sp_expect_counter(vm, "pool.map_requests", >, 0);
	sp_expect_counter(vm, "pool.cache_hits", >, 0);
	sp_expect_counter(vm, "pool.cache_misses", >, 0);
	sp_expect_counter(vm, "pool.mon_write_events", >, 0);
	sp_expect_counter(vm, "pool.gtables_high", >, 0);
	/* More than the one at the end of each VM. */
	sp_expect_counter(vm, "pool.audit_runs", >, 1);
	sp_expect_counter(vm, "pool.audit_violations", ==, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(guests, tour)
{
	judges_itself("tour");
}

sp_test(guests, faults)
{
	judges_itself("faults");
}

sp_test(guests, user)
{
	judges_itself("user");
}

sp_test(guests, quirks)
{
	judges_itself("quirks");
}

/* Interrupts, with less than an ordinary host could do (doc/hosts.md): check-hosts asks for all of it. */
static struct sp_vm *takes_interrupts(const struct sp_guest *guest)
{
	struct sp_vm *vm = sp_run(guest, 50);

	sp_expect_exit(vm, 0, 0);
	sp_expect_verdict(vm, sp_text("%s: ok", guest->image));
	sp_expect_counter(vm, "trapd.irqs_delivered", >, 100);
	return vm;
}

sp_test(guests, irq32)
{
	struct sp_vm *vm = takes_interrupts(&(struct sp_guest){ .image = "irq32", .audit = "cheap",
		.cmdline = sp_text("exact=0 tcg=%d", sp_tcg()) });

	sp_expect_counter(vm, "trapd.halts", >, 10);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(guests, irq64)
{
	struct sp_vm *vm = takes_interrupts(&(struct sp_guest){ .image = "irq64", .audit = "cheap",
		.cmdline = sp_text("exact=1 tcg=%d", sp_tcg()) });

	sp_expect_counter(vm, "trapd.halts", >, 10);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(guests, irq32_with_a_trapped_interrupt_flag)
{
	struct sp_vm *vm = takes_interrupts(&(struct sp_guest){ .image = "irq32", .audit = "cheap", .interrupt_flag = "trap",
		.cmdline = sp_text("tcg=%d", sp_tcg()) });

	sp_expect_counter(vm, "trapd.exit_irq_window", ==, 0);
}

/* Random values for all devices: the daemons and the VM go on. */
sp_test(guests, hostile)
{
	struct sp_vm *vm;

	sp_say("hostile: seed %d", (int)getpid());
	vm = sp_boot(NULL, &(struct sp_guest){ .image = "hostile", .cmdline = sp_text("seed=%d", (int)getpid()) });
	sp_expect_exit(vm, 0, 50);
	sp_expect_counter(vm, "trapd.irqs_delivered", >, 10);
}

sp_test(guests, hello_under_full_audit)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "hello", .audit = "full" }, 20);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "pool.map_requests", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
