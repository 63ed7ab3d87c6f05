#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a guest sees does not depend on who emulates its code: with --emulate=ahead guests end as well, and faults prints the same.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

guest 0 irq32 --emulate=ahead --audit --timeout $((60 * scale)) --cmdline exact=0 && counters trapd.irqs_delivered\>100 audit_violations=0
tail -n 1 "$work/out" | grep -q "^irq32: ok" || fail "irq32 does not end with its verdict"
guest 0 user --emulate=ahead --audit --timeout $((60 * scale)) --cmdline loops=300 && counters audit_violations=0
guest 0 faults --timeout $((60 * scale)) --cmdline one_in=100 && mv "$work/out" "$work/traps"
guest 0 faults --emulate=ahead --audit --timeout $((60 * scale)) --cmdline one_in=100 && counters audit_violations=0
cmp "$work/traps" "$work/out" || { fail "faults prints something else"; diff "$work/traps" "$work/out" | show; }
no_leftovers
finish
