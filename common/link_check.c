// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Headers of the two link objects, the mailbox predicate and the names of faults. Runs once per attach, in either
 * daemon; nothing is ever taken from a peer's header, it is only compared.
 */
#include <errno.h>
#include <string.h>

#include "common/barrier.h"
#include "common/link.h"

static const char *const fault_text[LINK_FAULT_COUNT] = {
	[LINK_FAULT_NONE] = "none",
	[LINK_FAULT_HEAD] = "head of the ring is out of range",
	[LINK_FAULT_TAIL] = "tail of the ring or the number of an event is wrong",
	[LINK_FAULT_EVENT] = "event with a field out of range",
	[LINK_FAULT_REQUEST_SEQ] = "request out of sequence",
	[LINK_FAULT_REQUEST] = "request with a field out of range",
	[LINK_FAULT_CLAIM] = "request claims more events than are published",
	[LINK_FAULT_REPLY_SEQ] = "reply out of sequence",
	[LINK_FAULT_REPLY] = "reply with a field out of range",
};

const char *link_fault_text(enum link_fault fault)
{
	return (unsigned)fault < LINK_FAULT_COUNT ? fault_text[fault] : "unknown";
}

static struct link_header header_of(uint64_t magic, const struct link_params *p)
{
	return (struct link_header){
		.lh_magic = magic, .lh_version = LINK_VERSION, .lh_header_size = LINK_HEADER_SIZE,
		.lh_epoch = p->epoch, .lh_vm_id = p->vm_id, .lh_nvcpu = p->nvcpu, .lh_nslots = p->nslots,
		.lh_start_index = p->start_index,
	};
}

static int header_check(const void *base, uint64_t magic, const struct link_params *p)
{
	struct link_header want = header_of(magic, p), is;

	memcpy(&is, base, sizeof(is));
	fence_compiler();
	return memcmp(&is, &want, sizeof(is)) ? -EPROTO : 0;
}

/* Indices too: the peer may poll from the moment that it has the object, before our end is set up. */
void link_t_init(void *base, const struct link_params *p)
{
	struct link_header h = header_of(LINK_T_MAGIC, p);
	uint32_t v, w;

	memcpy(base, &h, sizeof(h));
	for (v = 0; v < p->nvcpu; v++) {
		struct link_t_vcpu *t = (struct link_t_vcpu *)((char *)base + LINK_T_VCPU(v));

		store_release(&t->lt_tail, p->start_index);
		/* A tail that is never claimed counts as consumed. */
		for (w = 0; w < p->nvcpu; w++)
			store_relaxed(&t->lt_tails[w], p->start_index);
	}
}

void link_p_init(void *base, const struct link_params *p)
{
	struct link_header h = header_of(LINK_P_MAGIC, p);
	uint32_t v;

	memcpy(base, &h, sizeof(h));
	for (v = 0; v < p->nvcpu; v++)
		store_release(&((struct link_p_vcpu *)((char *)base + LINK_P_VCPU(v)))->lp_head, p->start_index);
}

int link_t_check(const void *base, const struct link_params *p)
{
	return header_check(base, LINK_T_MAGIC, p);
}

int link_p_check(const void *base, const struct link_params *p)
{
	return header_check(base, LINK_P_MAGIC, p);
}

bool link_mailbox_valid(const struct link_req *req, const struct link_rep *rep)
{
	return req->rq_seq - rep->rp_seq <= 1;
}
