/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * S1 against S2: trapd stores to guest RAM without a fault while poold begins to monitor that page and reads it. Either
 * trapd sees the page monitored and posts an event, or poold reads the new value.
 * mutants: NO_S1 NO_S2 READ_FIRST
 */
#define RAM 0
#define PAGE_STATE 1
#define START run store(); run monitor()

#include "tso.pml"

bit posted, stored, done;
byte value;

proctype store()		/* CPU 0 */
{
	bit monitored;

	STORE(0, RAM, 1);
#ifndef NO_S1
	FENCE(0);						/* S1 */
#endif
	monitored = LOAD(PAGE_STATE);
	posted = monitored;
	stored = 1;
	done;
	assert(posted || value == 1)
}

proctype monitor()		/* CPU 1 */
{
#ifdef READ_FIRST
	value = LOAD(RAM);
#endif
	STORE(1, PAGE_STATE, 1);
#ifndef NO_S2
	FENCE(1);						/* S2 */
#endif
#ifndef READ_FIRST
	value = LOAD(RAM);
#endif
	stored;
	done = 1
}
