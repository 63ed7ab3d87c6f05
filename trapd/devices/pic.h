/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pair of 8259A interrupt controllers. irqs.c tells it the levels of the ISA lines. All functions are called with the bus
 * lock held.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_PIC_H
#define SHADOWPOOL_TRAPD_DEVICES_PIC_H

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct pic;

/*
 * Add the pair to the bus, which owns *out: ports 0x20 and 0x21, 0xa0 and 0xa1, ELCR at 0x4d0. output() is called when the level
 * of the pair's INTR line has changed. Returns 0, -EEXIST, -ENOMEM.
 */
int pic_add(struct pic **out, struct bus *b, void (*output)(void *ctx, bool level), void *ctx);
/* Level of ISA line 0 to 15. Line 2 is where the second chip hangs: it is ignored. */
void pic_set_line(struct pic *p, unsigned line, bool level);
bool pic_output(const struct pic *p);
/* What `shadowctl show` tells of the pair: bit n of each set is line n. */
struct pic_state { uint16_t masked, requested, in_service; };
void pic_look(const struct pic *p, struct pic_state *out);
/* The CPU's interrupt acknowledge. Returns the vector; that of input 7 (spurious) if the request has gone away meanwhile. */
unsigned pic_acknowledge(struct pic *p);

#endif
