/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * W2 to W4 against Q2, Q3: trapd sends requests and sleeps in the futex, poold answers and wakes. The same handshake,
 * with head for rp_seq, makes room in a full ring (C3). FUTEX_WAIT compares its own word and sleeps in one step;
 * nothing is assumed of what it does to stores of other words, futex(2) promises nothing.
 * mutants: NO_W3 NO_Q3 WAKE_FIRST
 */
#define RQ 0
#define RP 1
#define WAITING 2
#define REQUESTS 3
#define START run waiter(); run server()

#include "tso.pml"

bit asleep;

proctype waiter()		/* CPU 0 */
{
	byte seq, reply;

	do
	:: seq == REQUESTS -> break
	:: else ->
		seq++;
		STORE(0, RQ, seq);				/* R1 */
		if
		:: LOAD(RP) == seq				/* W1: the reply came while spinning */
		:: true ->
			STORE(0, WAITING, 1);			/* W2 */
#ifndef NO_W3
			FENCE(0);				/* W3 */
#endif
			do
			:: reply = LOAD(RP);			/* W4 */
				if
				:: reply == seq -> break
				:: else ->
					atomic {
						if
						:: LOAD(RP) != seq -> asleep = 1
						:: else
						fi
					}
					!asleep
				fi
			od;
			STORE(0, WAITING, 0)
		fi
	od
}

proctype server()		/* CPU 1 */
{
	byte seq;
	bit waiting;

	do
	:: seq == REQUESTS -> break
	:: LOAD(RQ) == seq + 1 ->				/* Q1 */
		seq++;
#ifdef WAKE_FIRST
		waiting = LOAD(WAITING);
		STORE(1, RP, seq);
#else
		STORE(1, RP, seq);				/* Q2 */
#ifndef NO_Q3
		FENCE(1);					/* Q3 */
#endif
		waiting = LOAD(WAITING);
#endif
		if
		:: waiting -> asleep = 0
		:: else
		fi
	od
}
