/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a vCPU is entered with (vcpu_real.c), without KVM: the stub's window and KVM's registers are plain memory. Unit tests. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "trapd/cpu/trap_stats.h"
#include "trapd/kvm/windows.h"
#include "trapd/link/vcpu_link.h"
#include "trapd/link/world.h"
#include "trapd/trap/vcpu_priv.h"

#define OLD_ROOT 0x40001000ull
#define NEW_ROOT 0x40005000ull

static struct vcpu_priv priv[2];
static struct vcpu cpu[2];
static struct machine machine;
static struct world world;
static struct vcpu_link vcpu_link[2];
static struct stub stub;
static uint64_t counters[TRAP_STAT_COUNT];

/* Both vCPUs have left the guest on OLD_ROOT; the first one has loaded NEW_ROOT meanwhile. */
static void setup(void)
{
	machine.vcpu = cpu;
	machine.nvcpu = 2;
	world_init(&world);
	stub_build(&stub, calloc(1, VM_STUB_BYTES), VM_STUB_SLOT);
	for (unsigned i = 0; i < 2; i++) {
		stub_build_vcpu(&stub, i);
		cpu[i] = (struct vcpu){ .machine = &machine, .world = &world, .link = &vcpu_link[i], .priv = &priv[i], .index = i,
					.stat = counters, .root = { NEW_ROOT, NEW_ROOT } };
		priv[i].kcpu = (struct kcpu){ .run = calloc(1, sizeof(struct kvm_run)), .stub = &stub, .n = i };
		priv[i].kcpu.run->s.regs.sregs.cr3 = priv[i].real_root = OLD_ROOT;
	}
}

TestSuite(vcpu_real, .init = setup);

static uint64_t cr3_by_registers(unsigned i)
{
	const struct kvm_run *run = priv[i].kcpu.run;

	return run->kvm_dirty_regs & KVM_SYNC_X86_SREGS ? run->s.regs.sregs.cr3 : 0;
}

Test(vcpu_real, a_new_root_is_loaded_by_the_return_program)
{
	vcpu_store_state(&cpu[0]);
	cr_assert_eq(cr3_by_registers(0), 0);
	cr_assert_eq(priv[0].kcpu.resume.cr3, NEW_ROOT);
}

/* The pool may have made another table of the old root: the stub would end in a triple fault on it. */
Test(vcpu_real, a_root_left_before_a_shootdown_by_another_vcpu_is_not_run_on)
{
	world_shootdown(&cpu[1]);
	vcpu_store_state(&cpu[0]);
	cr_assert_eq(cr3_by_registers(0), NEW_ROOT);
	cr_assert_eq(priv[0].kcpu.resume.cr3, NEW_ROOT, "the flush that was promised");
}

Test(vcpu_real, a_root_left_before_ones_own_shootdown_is_not_run_on)
{
	vcpu_link[0].work.flush = vcpu_link[0].work.promised = true;	/* request() */
	vcpu_store_state(&cpu[0]);
	cr_assert_eq(cr3_by_registers(0), NEW_ROOT);
	cr_assert(!vcpu_link[0].work.promised, "once only");
}

Test(vcpu_real, the_root_in_use_outlives_a_shootdown)
{
	cpu[0].root[0] = OLD_ROOT;
	world_shootdown(&cpu[1]);
	vcpu_store_state(&cpu[0]);
	cr_assert_eq(cr3_by_registers(0), 0);
	cr_assert_eq(priv[0].kcpu.resume.cr3, OLD_ROOT);
}

/* Enter with these virtual flags, leave with the real ones xor changed; what AC is then, real at the entry and virtual now. */
static void enter_and_leave(uint64_t changed, bool real, bool virtual, const char *what)
{
	struct kcpu_context left;

	vcpu_store_state(&cpu[0]);
	left = priv[0].kcpu.resume;
	cr_assert_eq(!!(left.frame.rflags & RFLAGS_AC), real, "%s: the real AC", what);
	left.frame.rflags ^= changed;
	vcpu_load_state(&cpu[0], &left);
	cr_assert_eq(!!(cpu[0].cpu.rflags & RFLAGS_AC), virtual, "%s: the virtual AC", what);
}

/* trapd/trap/alignment.c; IF is not native here. */
Test(vcpu_real, AC_of_STAC_is_not_the_real_one)
{
	struct cpu_state *c = &cpu[0].cpu;

	enter_and_leave(0, false, false, "AC 0");
	c->rflags |= RFLAGS_AC;			/* by STAC, which traps */
	enter_and_leave(0, false, true, "behind STAC");
	enter_and_leave(RFLAGS_CF, false, true, "later");
	c->rflags &= ~RFLAGS_AC;		/* by CLAC */
	enter_and_leave(RFLAGS_AC, false, true, "POPF without a trap sets it");
	enter_and_leave(0, true, true, "what did not trap is real");
	enter_and_leave(RFLAGS_AC, true, false, "and goes without a trap");
	c->rflags |= RFLAGS_AC;
	cpu[0].ac_is_native = false;		/* priv_ac */
	enter_and_leave(0, false, true, "STAC again");
	c->cpl = 3;
	enter_and_leave(0, true, true, "user code, which has alignment checks");
	priv[0].unaligned = true;
	enter_and_leave(0, false, true, "one that the guest has not switched on");
	priv[0].unaligned = false;
	c->cpl = 0;
	machine.if_native_32 = machine.if_native_64 = true;
	enter_and_leave(0, true, true, "native flags");
}
