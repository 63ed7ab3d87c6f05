/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What follows a store of trapd's to guest RAM: if the page is watched code its copy is brought up to date first; then the pool is
 * told. Process trapd, the vCPU's own thread. Part of the port (cpu/vcpu.h).
 */
#include <string.h>

#include "trapd/code/code_pages.h"
#include "trapd/link/events.h"

void vcpu_post_write(struct vcpu *v, uint64_t gpa, unsigned size, const void *new_bytes, const void *old_bytes, uint16_t ev_flags)
{
	struct link_event ev = { .ev_type = LINK_EV_WRITE, .ev_size = (uint8_t)size, .ev_flags = ev_flags, .ev_gpa = gpa,
				 .ev_rip = v->cpu.rip, .ev_count = 1 };

	code_stored(v, gpa, size);
	if (size > 16 || (size & (size - 1))) {	/* a store of odd size is told as a range of unknown content */
		ev.ev_type = LINK_EV_RANGE;
		ev.ev_count = size;
		ev.ev_size = 1;
	} else {
		memcpy(ev.ev_new, new_bytes, size);
		memcpy(ev.ev_old, old_bytes, size);
	}
	events_post(v, &ev);
}

void vcpu_post_fill(struct vcpu *v, uint64_t gpa, unsigned size, unsigned count, uint64_t value, uint16_t ev_flags)
{
	struct link_event ev = { .ev_type = LINK_EV_FILL, .ev_size = (uint8_t)size, .ev_flags = ev_flags, .ev_gpa = gpa,
				 .ev_new = { value }, .ev_rip = v->cpu.rip, .ev_count = count };

	code_stored(v, gpa, (uint64_t)size * count);
	events_post(v, &ev);
}
