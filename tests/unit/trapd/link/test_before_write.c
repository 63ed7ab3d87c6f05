/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When poold is asked before a store of trapd's own accord: what the write policy says, once for each page. */
#include <criterion/criterion.h>
#include <errno.h>

#include "common/write_class.h"
#include "trapd/cpu/machine.h"
#include "trapd/link/pool_request.h"
#include "trapd/link/vcpu_link.h"

#define GPA	0x5000ull

static uint8_t page_state[16];
static struct machine machine = { .page_state = page_state };
static struct vcpu_link link_end;
static struct vcpu v = { .machine = &machine, .link = &link_end, .link_up = true };
static unsigned asked;
static int result;

/* In place of link/pool_request.c. Notes nothing in emulate_gfn: that is the real one's. */
int pool_request_write_fault(struct vcpu *vcpu, uint64_t gva, uint64_t gpa, enum write_class class, unsigned size,
			     enum pool_status *status)
{
	cr_assert(vcpu == &v && gva == 0xffff5000 && gpa == GPA + 8 && size == 8);
	asked++;
	*status = POOL_UNSHADOW;
	return result;
}

static unsigned asks(uint8_t state, enum write_class class)
{
	asked = 0;
	page_state[GPA >> PAGE_SHIFT] = state;
	cr_assert_eq(vcpu_before_write(&v, 0xffff5000, GPA + 8, 8, class), 0);
	return asked;
}

Test(before_write, asks_where_the_policy_lets_a_table_go)
{
	for (unsigned class = 0; class < WRITE_CLASS_COUNT; class++) {
		static const uint8_t states[] = { PAGE_STATE_MONITORED, PAGE_STATE_MONITORED | PAGE_STATE_HOT,
						  PAGE_STATE_MONITORED | PAGE_STATE_ROOT };

		for (unsigned i = 0; i < 3; i++)
			cr_assert_eq(asks(states[i], (enum write_class)class),
				     write_policy((enum write_class)class, states[i], 0) == WRITE_DO_UNSHADOW, "class %u, state %u", class, i);
	}
	cr_assert(asks(PAGE_STATE_MONITORED, WRITE_CLASS_FRAME), "an interrupt frame is reuse of the page");
	cr_assert(asks(PAGE_STATE_MONITORED, WRITE_CLASS_REUSE));
	cr_assert(!asks(PAGE_STATE_MONITORED, WRITE_CLASS_DEVICE), "what a device stores is carried out always");
	cr_assert(!asks(PAGE_STATE_MONITORED | PAGE_STATE_ROOT, WRITE_CLASS_FRAME));
	cr_assert(!asks(PAGE_STATE_MONITORED | PAGE_STATE_UNSYNC, WRITE_CLASS_FRAME));
	cr_assert(!asks(PAGE_STATE_TRACKED, WRITE_CLASS_FRAME));
	cr_assert(!asks(0, WRITE_CLASS_FRAME));
}

Test(before_write, asks_once_for_the_words_of_a_frame)
{
	link_end.emulate_gfn = (GPA >> PAGE_SHIFT) + 1;
	cr_assert(!asks(PAGE_STATE_MONITORED, WRITE_CLASS_FRAME), "poold has answered EMULATE");
	link_end.emulate_gfn = (GPA >> PAGE_SHIFT) + 2;
	cr_assert(asks(PAGE_STATE_MONITORED, WRITE_CLASS_FRAME), "that was about another page");
}

Test(before_write, a_lost_link_lets_the_store_go_on)
{
	result = -ENOTCONN;
	cr_assert(asks(PAGE_STATE_MONITORED, WRITE_CLASS_FRAME), "and says that it is done");
	result = -ECANCELED;
	page_state[GPA >> PAGE_SHIFT] = PAGE_STATE_MONITORED;
	cr_assert_eq(vcpu_before_write(&v, 0xffff5000, GPA + 8, 8, WRITE_CLASS_FRAME), -ECANCELED);
	result = 0;
	v.link_up = false;
	cr_assert(!asks(PAGE_STATE_MONITORED, WRITE_CLASS_FRAME));
	v.link_up = true;
	machine.page_state = NULL;
	cr_assert(!asks(PAGE_STATE_MONITORED, WRITE_CLASS_FRAME));
}
