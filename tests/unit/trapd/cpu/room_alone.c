/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is tested here is that this program can be linked: all of one room of trapd, what it needs of rooms below it, each archive
 * once and from top to bottom, and the fake vCPU in place of everything above. A call upwards is an undefined reference.
 */
#include <criterion/criterion.h>

#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/cpu/gva.h"

#define RAM (1u << 20)

Test(room_alone, needs_nothing_but_the_port_and_rooms_below)
{
	static struct fake_vcpu f;
	uint32_t word = 0;

	fake_vcpu_init(&f, RAM);
	fake_put32(&f, 0x1000, 0x12345678);
	cr_assert_eq(gva_read(&f.v, 0x1000, &word, sizeof(word), 0), 0);
	cr_assert_eq(word, 0x12345678);
	fake_vcpu_fini(&f);
}
