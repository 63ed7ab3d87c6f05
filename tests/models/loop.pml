/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * P1 to P4 against L1 to L3: trapd publishes events in batches, poold's loop arms, looks again and sleeps on the
 * eventfd. A lost wake is a loop that sleeps forever over events: an invalid end state.
 * mutants: NO_P4 NO_L2 NO_L3 MARK_TOO_HIGH
 */
#define TAIL 0
#define ARMED 1
#define WAKE_AT 2
#define EVENTS 4
#define START run producer(); run loop()

#ifdef MARK_TOO_HIGH
#define AFTER 2
#else
#define AFTER 1
#endif

#include "tso.pml"

bit kicked;

proctype producer()		/* CPU 0 */
{
	byte old, new, wake_at;
	bit armed;

	do
	:: old == EVENTS -> break
	:: old < EVENTS ->
		if
		:: new = old + 1
		:: old + 2 <= EVENTS -> new = old + 2
		fi;
		STORE(0, TAIL, new);				/* P3 */
#ifndef NO_P4
		FENCE(0);					/* P4 */
#endif
		armed = LOAD(ARMED);
		wake_at = LOAD(WAKE_AT);
		if
		:: armed && ((new - wake_at) & 255) < new - old -> kicked = 1
		:: else
		fi;
		old = new
	od
}

proctype loop()			/* CPU 1 */
{
	byte head, tail;

	do
	:: head == EVENTS -> break
	:: else ->
		tail = LOAD(TAIL);				/* C1 */
		if
		:: tail != head -> head = tail
		:: else ->
			STORE(1, WAKE_AT, head + AFTER);	/* L1 */
			STORE(1, ARMED, 1);
#ifndef NO_L2
			FENCE(1);				/* L2 */
#endif
#ifdef NO_L3
			tail = head;
#else
			tail = LOAD(TAIL);			/* L3 */
#endif
			if
			:: tail == head -> atomic { kicked -> kicked = 0 }
			:: else
			fi;
			STORE(1, ARMED, 0)
		fi
	od
}
