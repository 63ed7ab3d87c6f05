/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pair of 8259A interrupt controllers, behind irqs.c. All calls with the bus lock held. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_PIC_H
#define SHADOWPOOL_TRAPD_DEVICES_PIC_H

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct pic;

/*
 * Ports 0x20, 0xa0 and ELCR at 0x4d0. output: the level of the pair's INTR pin has changed. The bus owns *out. 0, -EEXIST,
 * -ENOMEM.
 */
int pic_add(struct pic **out, struct bus *b, void (*output)(void *ctx, bool level), void *ctx);
/* Line 0 to 15; 2 is the cascade and ignored. */
void pic_set_line(struct pic *p, unsigned line, bool level);
bool pic_output(const struct pic *p);
/* Both chips' registers: bit n is line n. */
struct pic_state { uint16_t masked, requested, in_service; };
void pic_look(const struct pic *p, struct pic_state *out);
/* INTA: the vector, which is the spurious one (input 7) if the request has gone away. */
unsigned pic_acknowledge(struct pic *p);

#endif
