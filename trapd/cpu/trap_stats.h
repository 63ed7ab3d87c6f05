/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trapd's counters by name, one block per vCPU. Meanings: doc/statistics.md. */
#ifndef SHADOWPOOL_TRAPD_TRAP_STATS_H
#define SHADOWPOOL_TRAPD_TRAP_STATS_H

#define TRAP_STATS(X) \
	X(exits) X(exit_trap) X(exit_io) X(exit_irq_window) X(exit_interrupted) X(exit_other) \
	X(trap_pf) X(trap_gp) X(trap_ud) X(trap_db) X(trap_other) \
	X(fault_guest) X(fault_mmio) X(fault_monitored) X(fault_retry) \
	X(write_emulated) X(write_events) X(write_fault_requests) X(unshadow_requests) X(steps) X(write_pairs) \
	X(map_requests) X(dirty_requests) X(invlpg_requests) X(set_root_requests) X(audit_requests) X(requests_total) \
	X(privileged_emulated) X(ahead_privileged) X(ahead_simple) X(exceptions_delivered) X(irqs_delivered) X(halts) \
	X(shadow_steps) X(unaligned_steps) X(iret_emulated) X(iret_unseen) X(syscall_emulated) X(flags_emulated) X(cpuid_emulated) \
	X(code_requests) X(code_pages) X(code_copies) X(code_sites) X(code_drops) X(code_loose) \
	X(tables_touched) X(slot_cycles) X(return_programs) X(recoveries)

enum trap_stat {
#define X(name) TRAP_STAT_##name,
	TRAP_STATS(X)
#undef X
	TRAP_STAT_COUNT
};

/* Indexed by enum trap_stat. */
extern const char *const trap_stat_name[TRAP_STAT_COUNT];

#endif
