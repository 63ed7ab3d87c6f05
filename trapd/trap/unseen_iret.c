/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unseen IRETs. On hosts of kind P (doc/hosts.md) IRETQ to CS 0x33, SS 0x2b does not trap; many 64-bit kernels give their user
 * code these selectors. After such an IRETQ the guest stands in user code while trapd takes it for the kernel. So the supervisor
 * view denies fetches from U=1 pages, as SMEP does, and the first fetch of user code traps. The frame that IRETQ has popped is
 * then still in memory below the stack pointer that the kernel had: to find it proves that there was an IRETQ, and it holds the
 * flags that the real CPU did not load. Process trapd, the vCPU's own thread.
 *
 * Residue: if a guest's kernel itself executes a U=1 page (it can without SMEP), the view allows that from then on, and IRETs
 * stay unseen.
 */
#include <errno.h>
#include <string.h>

#include "common/counters.h"
#include "trapd/cpu/gva.h"
#include "trapd/cpu/tss.h"
#include "trapd/insn/insn.h"
#include "trapd/priv/priv.h"
#include "trapd/trap/vcpu_priv.h"

#define NATIVE_CS	0x33u
#define NATIVE_SS	0x2bu
#define STACK_BYTES	8192u		/* bytes that are searched around a stack pointer of the kernel */
#define CHUNK_BYTES	64u

/* RIP, CS, RFLAGS, RSP, SS: SDM vol. 3A 6.14.3. */
enum { FRAME_RIP, FRAME_CS, FRAME_FLAGS, FRAME_RSP, FRAME_SS, FRAME_WORDS };
#define FRAME_BYTES	(FRAME_WORDS * sizeof(uint64_t))

bool unseen_iret_is_possible(const struct vcpu *v, uint64_t efer)
{
	return !v->machine->facts.iret_traps && (efer & EFER_LMA) && !v->priv->runs_user_pages;
}

/* Read guest memory without an effect on the guest. false: it is not readable. */
static bool peek(struct vcpu *v, uint64_t gva, void *out, unsigned size)
{
	bool pending = v->exc.pending;

	if (!x86_is_canonical(gva) || !x86_is_canonical(gva + size - 1))
		return false;
	if (!gva_read(v, gva, out, size, GVA_SYSTEM))
		return true;
	v->exc.pending = pending;
	return false;
}

static bool is_frame(const struct vcpu *v, const uint64_t word[FRAME_WORDS])
{
	return word[FRAME_RIP] == v->cpu.rip && word[FRAME_CS] == NATIVE_CS && word[FRAME_RSP] == v->cpu.gpr[GPR_RSP] &&
	       word[FRAME_SS] == NATIVE_SS;
}

static bool frame_is_at(struct vcpu *v, uint64_t gva)
{
	uint64_t word[FRAME_WORDS];

	return peek(v, gva, word, sizeof(word)) && is_frame(v, word);
}

void unseen_iret_note_stack(struct vcpu *v, uint64_t rsp)
{
	uint64_t *known = v->priv->kernel_rsp;
	unsigned i = 0;

	while (i < KERNEL_STACKS - 1 && known[i] / STACK_BYTES != rsp / STACK_BYTES)
		i++;
	memmove(known + 1, known, i * sizeof(*known));
	known[0] = rsp;
}

static bool find_frame_near(struct vcpu *v, uint64_t rsp, uint64_t *gva)
{
	uint64_t first = (rsp & ~7ull) - STACK_BYTES / 2, word[(CHUNK_BYTES + FRAME_BYTES) / sizeof(uint64_t)];

	for (unsigned at = 0; at < STACK_BYTES; at += CHUNK_BYTES) {
		memset(word, 0, sizeof(word));
		if (!peek(v, first + at, word, CHUNK_BYTES))
			continue;
		peek(v, first + at + CHUNK_BYTES, word + CHUNK_BYTES / sizeof(uint64_t), FRAME_BYTES);
		for (unsigned i = 0; i < CHUNK_BYTES / sizeof(uint64_t); i++) {
			if (is_frame(v, word + i)) {
				*gva = first + at + i * sizeof(uint64_t);
				return true;
			}
		}
	}
	return false;
}

/* Find the frame: at the top of the stack for traps from user mode (RSP0), or near the last stack pointers of the kernel. */
static bool find_frame(struct vcpu *v, uint64_t *gva)
{
	bool found;

	*gva = 0;
	found = !tss_rsp(v, 0, gva);
	v->exc.pending = false;		/* tss_rsp() has failed: there is no TSS, so no frame at RSP0 */
	*gva -= FRAME_BYTES;
	found = found && frame_is_at(v, *gva);
	for (unsigned i = 0; !found && i < KERNEL_STACKS; i++)
		found = find_frame_near(v, v->priv->kernel_rsp[i], gva);
	return found;
}

static bool one_may_be_missed(const struct vcpu *v)
{
	return v->cpu.cpl != 3 && cpu_code64(&v->cpu) && unseen_iret_is_possible(v, v->cpu.efer);
}

enum next unseen_iret(struct vcpu *v, bool user_page)
{
	static const struct insn iretq = { .opsize = 8 };
	uint64_t frame, rsp = v->cpu.gpr[GPR_RSP];
	int rc;

	if (!one_may_be_missed(v))
		return NEXT_GO_ON;
	if (find_frame(v, &frame)) {
		/*
		 * Carry IRETQ out once more, by the rules: with the guest's descriptors, the flags of the frame, and a change of
		 * view.
		 */
		v->cpu.gpr[GPR_RSP] = frame;
		v->cpu.rflags &= ~RFLAGS_TF;	/* TF is already that of the frame; IRETQ itself was not single-stepped */
		rc = iret_insn(v, &iretq);
		if (rc)
			v->cpu.gpr[GPR_RSP] = rsp;
		else
			counter_add(&v->stat[TRAP_STAT_iret_unseen], 1);
		return rc ? next_of(rc) : NEXT_TRY_AGAIN;
	}
	if (!user_page || (v->cpu.cr4 & CR4_SMEP))
		return NEXT_GO_ON;
	v->priv->runs_user_pages = true;
	rc = vcpu_send_modes(v);
	return rc ? next_of(rc) : NEXT_TRY_AGAIN;
}

enum next unseen_iret_before_event(struct vcpu *v)
{
	struct walk_result walk;
	enum next next;
	int rc;

	if (!one_may_be_missed(v))
		return NEXT_GO_ON;
	rc = walk_guest(&v->machine->ram, &v->walk, v->cpu.rip, WALK_FETCH | WALK_PROBE, &walk);
	if (!rc && !walk.user)
		return NEXT_GO_ON;
	next = unseen_iret(v, false);
	return next == NEXT_TRY_AGAIN ? NEXT_GO_ON : next;
}
