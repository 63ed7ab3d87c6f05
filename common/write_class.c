/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy of writes to guest tables as one table, so that trapd, poold, the replayer and the tests decide alike.
 * Pure: any process, any thread.
 */
#include "common/write_class.h"

/*
 * What to do with a write of each class to a plain monitored table, to a hot one, and to a root in use. A root stays
 * shadowed whatever is written to it. WRITE_DO_UNSHADOW for it means only that trapd cannot carry the write out: the
 * pool then answers with a single step of the instruction instead.
 * A device's store is always carried out by trapd: there is no instruction that could run natively.
 */
static const struct {
	uint8_t plain, hot, root;
} policy[WRITE_CLASS_COUNT] = {
	[WRITE_CLASS_UNKNOWN] = { WRITE_DO_UNSHADOW, WRITE_DO_UNSHADOW, WRITE_DO_UNSHADOW },
	[WRITE_CLASS_SIMPLE] = { WRITE_DO_EMULATE, WRITE_DO_UNSHADOW, WRITE_DO_EMULATE },
	[WRITE_CLASS_REP_STOS] = { WRITE_DO_EMULATE, WRITE_DO_UNSHADOW, WRITE_DO_EMULATE },
	[WRITE_CLASS_STRING] = { WRITE_DO_UNSHADOW, WRITE_DO_UNSHADOW, WRITE_DO_EMULATE },
	[WRITE_CLASS_REUSE] = { WRITE_DO_UNSHADOW, WRITE_DO_UNSHADOW, WRITE_DO_EMULATE },
	[WRITE_CLASS_FORK] = { WRITE_DO_UNSHADOW, WRITE_DO_UNSHADOW, WRITE_DO_EMULATE },
	[WRITE_CLASS_FRAME] = { WRITE_DO_UNSHADOW, WRITE_DO_UNSHADOW, WRITE_DO_EMULATE },
	[WRITE_CLASS_DEVICE] = { WRITE_DO_EMULATE, WRITE_DO_EMULATE, WRITE_DO_EMULATE },
};

/* What an extension is about: the class with it and without it. */
static const struct {
	uint32_t extension;
	uint8_t on, off;
} extended[WRITE_CLASS_COUNT] = {
	[WRITE_CLASS_FORK_LOCKED] = { WRITE_EXT_FORK_LOCKED, WRITE_CLASS_FORK, WRITE_CLASS_SIMPLE },
	[WRITE_CLASS_STOS_ANY] = { WRITE_EXT_STOS_ANY, WRITE_CLASS_REP_STOS, WRITE_CLASS_STRING },
};

enum write_class write_class_effective(enum write_class class, uint32_t extensions)
{
	if ((unsigned)class >= WRITE_CLASS_COUNT || !extended[class].extension)
		return class;
	return (enum write_class)(extensions & extended[class].extension ? extended[class].on : extended[class].off);
}

enum write_decision write_policy(enum write_class class, uint8_t state, uint32_t extensions)
{
	class = write_class_effective(class, extensions);
	/* The class travels through shared memory: any number may arrive. */
	if ((unsigned)class >= WRITE_CLASS_COUNT)
		return WRITE_DO_UNSHADOW;
	if (state & PAGE_STATE_ROOT)
		return policy[class].root;
	return state & PAGE_STATE_HOT ? policy[class].hot : policy[class].plain;
}
