/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link_client_kill against W2 to W4: poold never answers, a third thread ends the link. The waiter must leave the
 * futex.
 * mutants: NO_W3 NO_FENCE WAKE_ONCE
 */
#define DEAD 0
#define WAITING 1
#define START run waiter(); run killer()

#include "tso.pml"

bit asleep;

proctype waiter()		/* CPU 0 */
{
	bit dead;

	STORE(0, WAITING, 1);					/* W2 */
#ifndef NO_W3
	FENCE(0);						/* W3 */
#endif
	do
	:: dead = LOAD(DEAD);
		if
		:: dead -> break
		:: else -> asleep = 1; !asleep			/* the word itself never changes */
		fi
	od;
	STORE(0, WAITING, 0)
}

proctype killer()		/* CPU 2 */
{
	STORE(2, DEAD, 1);
#ifndef NO_FENCE
	FENCE(2);
#endif
	do
	:: LOAD(WAITING) == 0 -> break
	:: LOAD(WAITING) == 1 -> asleep = 0;
#ifdef WAKE_ONCE
		break
#endif
	od
}
