/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kind of write an instruction makes to a guest table, and what the policy says about it: decided by the same code
 * in trapd (which decodes), poold (which counts), the replayer and the tests. doc/spec/pool.md section 6.
 */
#ifndef SHADOWPOOL_COMMON_WRITE_CLASS_H
#define SHADOWPOOL_COMMON_WRITE_CLASS_H

#include <stdbool.h>
#include <stdint.h>

/* Travels in bits 8 to 11 of ev_flags and rq_flags: numbers are stable. */
enum write_class {
	WRITE_CLASS_UNKNOWN = 0,	/* cannot be emulated */
	WRITE_CLASS_SIMPLE = 1,		/* mov, xchg, cmpxchg, and/or/..., bts/btr/btc of other bits */
	WRITE_CLASS_REP_STOS = 2,	/* short REP STOS that the policy accepts */
	WRITE_CLASS_STRING = 3,		/* other string stores, REP or not */
	WRITE_CLASS_REUSE = 4,		/* push, call, fxsave, stack-based, CPL 3, non-temporal, large REP */
	WRITE_CLASS_FORK = 5,		/* BTR of the R/W bit of an entry */
	WRITE_CLASS_FRAME = 6,		/* interrupt or exception frame pushed by trapd: counts as reuse */
	WRITE_CLASS_DEVICE = 7,		/* a device wrote guest RAM */
	WRITE_CLASS_FORK_LOCKED = 8,	/* LOCK AND or CMPXCHG that clears nothing but R/W of an entry */
	WRITE_CLASS_STOS_ANY = 9,	/* as REP_STOS but for its value */
	WRITE_CLASS_COUNT
};

/*
 * Extensions of the policy, bits of a word: part of the pool's configuration, told to trapd at the attach. Without any of
 * them everything works; each is there to be measured.
 */
#define WRITE_EXT_FORK_LOCKED	(1u << 0)	/* WRITE_CLASS_FORK_LOCKED is a fork, else a simple write */
#define WRITE_EXT_STOS_ANY	(1u << 1)	/* WRITE_CLASS_STOS_ANY is a REP_STOS, else a string */
#define WRITE_EXT_PAIR		(1u << 2)	/* trapd looks for the other half of an 8-byte entry */
#define WRITE_EXT_ZEROS		(1u << 3)	/* whole entries zeroed one after the other: the table is let go */
#define WRITE_EXT_REINIT	(1u << 4)	/* entries written one after the other by one loop */
#define WRITE_EXT_FLOOD		(1u << 5)	/* an upper table written again and again without being used */
#define WRITE_EXT_ALL		0x3fu

/* page_state bits, one byte per gfn, published by poold (doc/spec/ring.md, Objects). */
#define PAGE_STATE_MONITORED	(1u << 0)
#define PAGE_STATE_HOT		(1u << 1)
#define PAGE_STATE_ROOT		(1u << 2)
#define PAGE_STATE_TRACKED	(1u << 3)
#define PAGE_STATE_UNSYNC	(1u << 4)	/* monitored, but may be written until the next flush point */
#define PAGE_STATE_EXEC		(1u << 5)	/* trapd has looked at it: watched supervisor code may be fetched from it */
#define PAGE_STATE_COPY		(1u << 6)	/* ... and is, from trapd's copy of the page */
/* What trapd has asked for. The other bits follow from the page's being a guest table. */
#define PAGE_STATE_ASKED	(PAGE_STATE_TRACKED | PAGE_STATE_EXEC | PAGE_STATE_COPY)

/* Must a write to a page in this state be seen? If so, no leaf maps it writable. */
static inline bool page_state_guards(uint8_t state)
{
	return (state & (PAGE_STATE_MONITORED | PAGE_STATE_TRACKED)) && !(state & PAGE_STATE_UNSYNC);
}

enum write_decision {
	WRITE_DO_EMULATE,	/* carry it out once, post an event */
	WRITE_DO_UNSHADOW,	/* let the table go, run natively */
	WRITE_DO_UNSYNC,	/* leave the table writable until the next flush point */
};

/* The class that policy and counters go by: what an extension adds is something else without it. */
enum write_class write_class_effective(enum write_class class, uint32_t extensions);

/*
 * Pure. state: page_state byte of the gfn; extensions: WRITE_EXT_*. A root in use is never unshadowed: its writes are
 * always emulated if they can be. trapd emulates at once for WRITE_DO_EMULATE of a page that is not hot, and asks poold
 * (WRITE_FAULT) otherwise.
 */
enum write_decision write_policy(enum write_class class, uint8_t state, uint32_t extensions);

#endif
