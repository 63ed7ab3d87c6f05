#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guests that judge themselves end well on shadow tables, under audit, and the counters show that the tables are used.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

real=(pool.map_requests\>0 pool.cache_hits\>0 pool.cache_misses\>0 pool.mon_write_events\>0 pool.gtables_high\>0
	pool.audit_runs\>0 pool.audit_violations=0 audit_violations=0 vm.stop_reason=exit)
checks=0
"$top_builddir/tests/integration/alignment_checks" && checks=1
for g in tour faults user quirks; do
	guest 0 $g --audit --cmdline alignment=$checks --timeout $((50 * scale)) && counters "${real[@]}"
	tail -n 1 "$work/out" | grep -q "^$g: ok" || fail "$g does not end with its verdict"
done
# Interrupts, with less than an ordinary host could do (doc/hosts.md): check-hosts asks for all of it.
for g in irq32:exact=0 irq64:exact=1; do
	options=${g#*:} g=${g%:*}
	guest 0 $g --audit --timeout $((50 * scale)) --cmdline "$options" && counters audit_violations=0 trapd.irqs_delivered\>100 trapd.halts\>10
	tail -n 1 "$work/out" | grep -q "^$g: ok" || fail "$g does not end with its verdict"
done
guest 0 irq32 --if=trap --audit --timeout $((50 * scale)) && counters trapd.exit_irq_window=0 trapd.irqs_delivered\>100
# Random values for all devices: the daemons and the VM go on.
guest 0 hostile --timeout $((50 * scale)) --cmdline "seed=$$" && counters trapd.irqs_delivered\>10 || echo "seed $$"
guest 0 hello --audit=full --timeout $((20 * scale)) && counters pool.map_requests\>0 audit_violations=0
no_leftovers
finish
