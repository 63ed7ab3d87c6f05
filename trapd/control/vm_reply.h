/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM of the table as messages of the control protocol. Thread: the control thread. */
#ifndef SHADOWPOOL_TRAPD_VM_REPLY_H
#define SHADOWPOOL_TRAPD_VM_REPLY_H

#include "control.pb-c.h"
#include "trapd/control/vm_table.h"

#define VM_REPLY_FACTS	16u

/* A VmInfo message with all that it points to. Valid as long as this struct and the entry of the table that it was made from. */
struct vm_info_reply {
	Shadowpool__VmInfo info;
	Shadowpool__Counter fact[VM_REPLY_FACTS];
	Shadowpool__Counter *facts[VM_REPLY_FACTS];
	struct vm_snapshot snapshot;
	Shadowpool__VcpuState vcpu[LINK_MAX_VCPUS], *vcpus[LINK_MAX_VCPUS];
	Shadowpool__PicState pic;
};

struct vm_stats_reply {
	Shadowpool__Stats stats;
	Shadowpool__Counter trap[TRAP_STAT_COUNT], pool[POOL_STAT_COUNT];
	Shadowpool__Counter *traps[TRAP_STAT_COUNT], *pools[POOL_STAT_COUNT];
	struct vm_snapshot snapshot;	/* the durations point into it */
	Shadowpool__Duration duration[POOL_DURATION_COUNT + 1], *durations[POOL_DURATION_COUNT + 1];
};

/* Fill r from an entry. with_report: also report and state of the interrupt controllers, which are long and left out of lists. */
void vm_info_fill(struct vm_info_reply *r, struct vm_entry *e, bool with_report);
/* A Screen message: the screen as it is now, or as it was when the VM ended. */
struct vm_screen_reply {
	Shadowpool__Screen screen;
	struct vm_snapshot snapshot;
};
void vm_screen_fill(struct vm_screen_reply *r, struct vm_entry *e);
void vm_stats_fill(struct vm_stats_reply *r, struct vm_entry *e);

#endif
