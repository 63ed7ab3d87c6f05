/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Self-tests at VM creation: coherence of changed shadow entries, interrupt flag and IOPL, SYSCALL, INT n. They run through
 * the same stub and the same entry code as a guest, in a private VM that is thrown away. Process trapd, creating thread.
 * The facts and the hosts they were measured on: doc/hosts.md.
 */
#include "trapd/kvm/selftest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/x86.h"
#include "trapd/kvm/kcpu.h"
#include "trapd/kvm/slots.h"
#include "trapd/kvm/windows.h"

#define TEST_POOL_BYTES	(2ull << 20)
#define TEST_RAM_BYTES	(64ull << 10)
#define CODE_VA		0x400000ull
#define STACK_VA	0x401000ull
#define DATA_VA		0x402000ull	/* the page that is remapped */
#define LEAF_PAGE	4u		/* pool pages: 1 PML4, 2 PDPT, 3 PD, 4 PT */
#define ENTRY_FLAGS	(PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)

struct rig {
	int vm_fd;
	uint8_t *stub_mem, *pool, *ram;
	struct stub stub;
	struct kcpu cpu;
	struct segment cs, ss;
	uint16_t cs_real, ss_real;
	bool direct;			/* enter guest code without IRETQ */
};

static uint64_t *pool_table(struct rig *r, unsigned page)
{
	return (uint64_t *)(void *)(r->pool + page * PAGE_SIZE);
}

static uint64_t pool_maddr(unsigned page)
{
	return VM_POOL_MADDR + page * PAGE_SIZE;
}

static void map_page(struct rig *r, uint64_t va, unsigned ram_page)
{
	store_release(&pool_table(r, LEAF_PAGE)[(va >> 12) & 511], (VM_RAM_MADDR + ram_page * PAGE_SIZE) | ENTRY_FLAGS);
}

static void build_tables(struct rig *r)
{
	pool_table(r, 1)[0] = pool_maddr(2) | ENTRY_FLAGS;
	pool_table(r, 1)[VM_STUB_SLOT] = stub_pml4_entry(&r->stub);
	pool_table(r, 2)[0] = pool_maddr(3) | ENTRY_FLAGS;
	pool_table(r, 3)[CODE_VA >> 21] = pool_maddr(LEAF_PAGE) | ENTRY_FLAGS;
	map_page(r, CODE_VA, 1);
	map_page(r, STACK_VA, 2);
	map_page(r, DATA_VA, 3);
}

static void *anonymous(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void rig_destroy(struct rig *r)
{
	kcpu_unbind_thread();
	kcpu_destroy(&r->cpu);
	if (r->vm_fd >= 0)
		close(r->vm_fd);
	if (r->stub_mem)
		munmap(r->stub_mem, VM_STUB_BYTES);
	if (r->pool)
		munmap(r->pool, TEST_POOL_BYTES);
	if (r->ram)
		munmap(r->ram, TEST_RAM_BYTES);
}

static int rig_create(struct rig *r, int kvm_fd, const struct kvm_cpuid2 *cpuid)
{
	int rc;

	memset(r, 0, sizeof(*r));
	r->cpu.fd = -1;
	r->vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (r->vm_fd < 0)
		return -errno;
	r->stub_mem = anonymous(VM_STUB_BYTES);
	r->pool = anonymous(TEST_POOL_BYTES);
	r->ram = anonymous(TEST_RAM_BYTES);
	if (!r->stub_mem || !r->pool || !r->ram)
		return -ENOMEM;
	stub_build(&r->stub, r->stub_mem, VM_STUB_SLOT);
	stub_map_pool(&r->stub, VM_POOL_MADDR, TEST_POOL_BYTES);
	build_tables(r);
	if ((rc = slots_set(r->vm_fd, VM_SLOT_STUB, VM_STUB_MADDR, VM_STUB_BYTES, r->stub_mem)) ||
	    (rc = slots_set(r->vm_fd, VM_SLOT_POOL, VM_POOL_MADDR, TEST_POOL_BYTES, r->pool)) ||
	    (rc = slots_set(r->vm_fd, VM_SLOT_RAM_LOW, VM_RAM_MADDR, TEST_RAM_BYTES, r->ram)) ||
	    (rc = kcpu_create(&r->cpu, kvm_fd, r->vm_fd, 0, &r->stub, cpuid)))
		return rc;
	kcpu_bind_thread(&r->cpu);
	return kcpu_reset(&r->cpu, pool_maddr(1));
}

/* Select 64-bit or flat 32-bit code and load the instructions to run. */
static void rig_code(struct rig *r, bool code64, const char *bytes, size_t n)
{
	r->cs = (struct segment){ .selector = code64 ? 0x10 : 0x18, .usable = true, .type = 11, .present = true,
				  .l = code64, .db = !code64, .g = true, .limit = 0xffffffff };
	r->ss = (struct segment){ .selector = 0x20, .usable = true, .type = 3, .present = true, .db = true, .g = true,
				  .limit = 0xffffffff };
	stub_set_code_and_stack(&r->stub, 0, &r->cs, &r->ss, &r->cs_real, &r->ss_real);
	memcpy(r->ram + PAGE_SIZE, bytes, n);
}

/* Go on at rip; returns the exit. touch: also touch the leaf table; flush: load CR3. */
static enum kcpu_exit rig_go(struct rig *r, uint64_t rip, uint64_t rflags, bool touch, bool flush, struct kcpu_context *out)
{
	struct kcpu_context ctx = { .frame = { .rip = rip, .cs = r->cs_real, .rflags = rflags, .rsp = STACK_VA + 0xf00,
					       .ss = r->ss_real } };
	enum kcpu_exit exit;

	ctx.direct = r->direct;
	if (flush) {
		ctx.cr3 = pool_maddr(1);
		ctx.ntouch = touch;
		ctx.touch[0] = pool_maddr(LEAF_PAGE);
	}
	kcpu_resume(&r->cpu, &ctx);
	do {
		exit = kcpu_run(&r->cpu);
	} while (exit == KCPU_KICKED);	/* nobody waits for us: a kick for the process means nothing here */
	memset(out, 0, sizeof(*out));
	if (exit == KCPU_TRAP)
		kcpu_trap_context(&r->cpu, out);
	return exit;
}

#define CODE(r, code64, s) rig_code(r, code64, s, sizeof(s) - 1)

/* Remap a present page while the guest stands at its trap: does the guest read the new page afterwards? */
static bool sees_remap(struct rig *r, bool touch)
{
	struct kcpu_context out;

	CODE(r, true, "\x8b\x04\x25\x00\x20\x40\x00\x0f\x0b");	/* mov eax, [DATA_VA]; ud2 */
	map_page(r, DATA_VA, 3);
	rig_go(r, CODE_VA, RFLAGS_FIXED, true, true, &out);
	rig_go(r, CODE_VA, RFLAGS_FIXED, false, false, &out);
	map_page(r, DATA_VA, 4);
	if (rig_go(r, CODE_VA, RFLAGS_FIXED, touch, true, &out) != KCPU_TRAP)
		return false;
	return (uint32_t)out.gpr[GPR_RAX] == 0xb4;
}

/* With IOPL 3 and IF 0: does PUSHF show IF 0, and does STI work without a trap? */
static bool iopl_is_native(struct rig *r, bool code64, bool direct)
{
	struct kcpu_context out;
	enum kcpu_exit exit;

	/* pushf; pop ax; sti; ud2 */
	CODE(r, code64, "\x9c\x58\xfb\x0f\x0b");
	r->direct = direct;
	exit = rig_go(r, CODE_VA, RFLAGS_FIXED | RFLAGS_IOPL, false, true, &out);
	r->direct = false;
	if (exit != KCPU_TRAP)
		return false;
	return r->cpu.vector == VEC_UD && !(out.gpr[GPR_RAX] & RFLAGS_IF) && (out.frame.rflags & RFLAGS_IF);
}

/*
 * Does KVM exit for an interrupt window that is open for one instruction only? Hosts that emulate guest code look now and then.
 * (sti; nop; cli; ud2)
 */
static bool window_is_precise(struct rig *r, bool code64, bool direct)
{
	struct kcpu_context out;
	enum kcpu_exit exit;

	CODE(r, code64, "\xfb\x90\xfa\x0f\x0b");
	r->direct = direct;
	r->cpu.run->request_interrupt_window = 1;
	exit = rig_go(r, CODE_VA, RFLAGS_FIXED | RFLAGS_IOPL, false, true, &out);
	r->cpu.run->request_interrupt_window = 0;
	r->direct = false;
	return exit == KCPU_WINDOW;
}

/*
 * Does IRET to selectors that are not in the VM's GDT trap? On a host that runs guest code with its own GDT, those of its own
 * user code and data work without a trap: a guest that uses the same ones enters user mode unseen.
 */
static bool iret_traps(struct rig *r)
{
	struct kcpu_context out;

	/* push 0x2b; push rsp; pushf; push 0x33; lea rax, [rip+3]; push rax; iretq; ud2 */
	CODE(r, true, "\x6a\x2b\x54\x9c\x6a\x33\x48\x8d\x05\x03\x00\x00\x00\x50\x48\xcf\x0f\x0b");
	rig_go(r, CODE_VA, RFLAGS_FIXED, false, true, &out);
	return r->cpu.vector != VEC_UD;
}

/* Does an instruction breakpoint in guest code raise #DB? */
static bool breakpoints_work(struct rig *r)
{
	const struct kvm_debugregs set = { .db[0] = CODE_VA + 1, .dr6 = DR6_FIXED, .dr7 = DR7_FIXED | 1 };
	const struct kvm_debugregs clear = { .dr6 = DR6_FIXED, .dr7 = DR7_FIXED };
	struct kcpu_context out;

	CODE(r, true, "\x90\x90\x0f\x0b");
	if (ioctl(r->cpu.fd, KVM_SET_DEBUGREGS, &set))
		return false;
	rig_go(r, CODE_VA, RFLAGS_FIXED, false, true, &out);
	ioctl(r->cpu.fd, KVM_SET_DEBUGREGS, &clear);
	return r->cpu.vector == VEC_DB;
}

/* XCR0 where guest code can read it although the VM has not set CR4.OSXSAVE; else 0. */
static uint64_t xcr0_of_host(struct rig *r)
{
	struct kcpu_context out;

	CODE(r, true, "\x31\xc9\x0f\x01\xd0\x0f\x0b");	/* xor ecx, ecx; xgetbv; ud2 */
	if (rig_go(r, CODE_VA, RFLAGS_FIXED, false, true, &out) != KCPU_TRAP || r->cpu.vector != VEC_UD || out.frame.rip != CODE_VA + 5)
		return 0;
	return out.gpr[GPR_RDX] << 32 | (uint32_t)out.gpr[GPR_RAX];
}

int selftest_run(int kvm_fd, const struct kvm_cpuid2 *cpuid, struct host_facts *facts, char *err, unsigned err_size)
{
	struct rig r;
	struct kcpu_context out;
	int rc = rig_create(&r, kvm_fd, cpuid);

	if (rc) {
		snprintf(err, err_size, "cannot create the self-test VM: %s; check memory and limits", strerror(-rc));
		goto done;
	}
	r.ram[3 * PAGE_SIZE] = 0xa3;
	r.ram[4 * PAGE_SIZE] = 0xb4;
	CODE(&r, true, "\x0f\x0b");
	if (rig_go(&r, CODE_VA, RFLAGS_FIXED, false, true, &out) != KCPU_TRAP || r.cpu.vector != VEC_UD || out.frame.rip != CODE_VA) {
		char exit[160];

		kcpu_describe_exit(&r.cpu, exit, sizeof(exit));
		snprintf(err, err_size, "this host's KVM cannot run deprivileged code: the first trap came out wrong (vector %u, %s)",
			 r.cpu.vector, exit);
		rc = -ENOSYS;
		goto done;
	}
	facts->coherent_after_flush = sees_remap(&r, false);
	facts->coherent_after_touch = sees_remap(&r, true);
	facts->iopl_native_32 = iopl_is_native(&r, false, false) && window_is_precise(&r, false, false);
	facts->iopl_native_64 = iopl_is_native(&r, true, false) && window_is_precise(&r, true, false);
	facts->iopl_direct_32 = !facts->iopl_native_32 && iopl_is_native(&r, false, true);
	facts->iret_traps = iret_traps(&r);
	facts->breakpoints_native = breakpoints_work(&r);
	facts->xcr0 = xcr0_of_host(&r);
	facts->tsc_khz = r.cpu.tsc_khz;
	CODE(&r, true, "\x0f\x05\x0f\x0b");			/* syscall */
	rig_go(&r, CODE_VA, RFLAGS_FIXED, false, true, &out);
	facts->syscall_faults_at_lstar = r.cpu.vector == VEC_PF && out.frame.rip == r.stub.va + STUB_SYSCALL_PAGE;
	CODE(&r, true, "\xcd\x80\x0f\x0b");			/* int 0x80 through a gate with DPL 0 */
	rig_go(&r, CODE_VA, RFLAGS_FIXED, false, true, &out);
	facts->int_n_gives_ud = r.cpu.vector == VEC_UD && out.frame.rip == CODE_VA;
done:
	rig_destroy(&r);
	return rc;
}
