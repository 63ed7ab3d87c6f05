/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory as x86 has it (SDM vol. 3A 8.2): a store waits in its CPU's buffer, in order, and reaches memory at any
 * later time; a load reads memory at once; a full fence waits until the buffer is empty. In these models every word
 * has one writer, which never loads it, so a load never finds its word in its own buffer.
 */
#define NCPU 3
#define NWORDS 4

byte mem[NWORDS];
chan buffer[NCPU] = [2] of { byte, byte };

#define STORE(cpu, word, value)	buffer[cpu]!word,value
#define LOAD(word)		mem[word]
#define FENCE(cpu)		empty(buffer[cpu])

proctype drain(byte cpu)
{
	byte word, value;

end:	do
	:: atomic { buffer[cpu]?word,value -> mem[word] = value }
	od
}

init {
	byte cpu;

	atomic {
		for (cpu : 0 .. NCPU - 1) {
			run drain(cpu);
		}
		START;
	}
}
