/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be seen of a VM from outside: show has the interrupt state of a running guest, screen its VGA text, and both still have
 * them when it has ended.
 */
#include <string.h>

#include "tests/integration/harness/harness.h"

#define ON_THE_SCREEN "spin: on the screen\n"
/* What pace masks: all lines of the 8259 pair but the timer's. */
#define ALL_BUT_THE_TIMER 0xfffeu

sp_suite_kvm(screen);

static struct sp_vm *boot_spin(void)
{
	return sp_boot(NULL, &(struct sp_guest){ .image = "spin", .vcpus = 2, .pool = "2M", .pool_pages = "4k" });
}

static struct sp_vm *boot_pace(void)
{
	return sp_boot(NULL, &(struct sp_guest){ .image = "pace", .cmdline = "slices=100000", .pool = "2M", .pool_pages = "4k" });
}

static bool is_drawn(struct sp_vm *vm)
{
	return strstr(sp_screen(vm)->text, ON_THE_SCREEN) != NULL;
}

/* Row n, with its newline. */
static const char *row(const char *text, unsigned n)
{
	while (n--)
		text = strchr(text, '\n') + 1;
	return sp_text("%.*s", (int)strcspn(text, "\n") + 1, text);
}

sp_test(screen, has_the_guests_text_in_its_place)
{
	struct sp_vm *vm = boot_spin();
	const Shadowpool__Screen *s;

	sp_must(20, is_drawn(vm));
	s = sp_screen(vm);
	cr_expect_str_eq(s->name, vm->name);
	cr_expect_eq(s->columns, 80);
	cr_expect_eq(s->rows, 25);
	cr_expect_eq(sp_count_lines(s->text), 25);
	cr_expect_str_eq(row(s->text, 2), ON_THE_SCREEN);
}

sp_test(screen, shadowctl_prints_it)
{
	struct sp_vm *vm = boot_spin();
	struct sp_process *p;

	sp_must(20, is_drawn(vm));
	p = sp_call("shadowctl", "screen", vm->name, "--socket", vm->daemons->dir);
	sp_expect(!p->code, "code %d", p->code);
	cr_expect_eq(sp_count_lines(sp_out(p)), 25);
	cr_expect_str_eq(row(sp_out(p), 2), ON_THE_SCREEN);
	p = sp_call("shadowctl", "screen", vm->name, "--json", "--socket", vm->daemons->dir);
	sp_expect_json(sp_out(p), "name=vm", "columns=80", "rows=25", "text=*");
}

sp_test(screen, stays_when_the_vm_has_ended)
{
	struct sp_vm *vm = boot_spin();

	sp_must(20, is_drawn(vm));
	sp_vm_stop(vm);
	sp_expect(is_drawn(vm), "the screen is lost");
}

sp_test(screen, show_has_the_interrupt_state_of_each_vcpu)
{
	struct sp_vm *vm = boot_spin();
	const Shadowpool__VmInfo *info;

	sp_must(20, is_drawn(vm));
	info = sp_show(vm);
	cr_expect_eq(info->vcpus, 2);
	cr_assert_eq(info->n_vcpu_states, 2);
	cr_expect(!info->vcpu_states[0]->interrupt_flag);
	cr_expect(!info->vcpu_states[0]->apic_enabled);
	cr_expect_eq(info->vcpu_states[1]->index, 1);
}

/* The guest masks all lines but the timer's, and sleeps between its ticks. */
sp_test(screen, show_has_the_pic_and_a_sleeping_vcpu)
{
	struct sp_vm *vm = boot_pace();

	sp_must(20, sp_show(vm)->pic && sp_show(vm)->pic->masked == ALL_BUT_THE_TIMER);
	cr_expect_eq(sp_show(vm)->n_vcpu_states, 1);
	sp_must(20, sp_show(vm)->vcpu_states[0]->halted && sp_show(vm)->vcpu_states[0]->interrupt_flag);
}

sp_test(screen, shadowctl_show_prints_the_interrupt_state)
{
	struct sp_vm *vm = boot_pace();
	struct sp_process *p;

	sp_must(20, sp_show(vm)->pic && sp_show(vm)->pic->masked == ALL_BUT_THE_TIMER);
	p = sp_call("shadowctl", "show", vm->name, "--json", "--socket", vm->daemons->dir);
	sp_expect_json(sp_out(p), "pic.masked=[15]", "vcpu_states=[1]", "vcpu_states.0.index=0", "vcpu_states.0.apic_enabled=false");
	p = sp_call("shadowctl", "show", vm->name, "--socket", vm->daemons->dir);
	sp_expect(sp_match(sp_out(p), "^pic  *masked 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15, requested .*, in service "), "%s", sp_out(p));
	sp_expect(sp_match(sp_out(p), "^vcpu 0  *IF [01].*, APIC off, task priority 0.*, requested none, in service none$"), "%s",
		  sp_out(p));
}

sp_test(screen, show_has_the_state_of_a_vm_that_has_ended)
{
	struct sp_vm *vm = boot_spin();

	sp_must(20, is_drawn(vm));
	sp_vm_stop(vm);
	cr_expect_str_eq(sp_show(vm)->state, "stopped");
	cr_expect_eq(sp_show(vm)->n_vcpu_states, 2);
	cr_expect(sp_show(vm)->pic);
}
