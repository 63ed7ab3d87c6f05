#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The shadow tables are load-bearing and the audit is not blind: one shadow entry, broken on purpose, makes the guest fail
# without audit, and is reported with it.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

# broken GUEST N OPTIONS...: the n-th leaf leads to the neighbour of its frame.
broken()
{
	local name=$1 n=$2 rc
	shift 2
	"$ctl" run --timeout $((20 * scale)) --inject-poison "$n" "$@" "$guests/$name.elf" >"$work/out" 2>"$work/err" </dev/null
	rc=$?
	case $rc in
	1 | 126) ;;	# the guest saw wrong memory and said so, or lost its way
	*) fail "$name with leaf $n broken: exit code $rc, the guest did not fail"; show "$work/out" "$work/err" ;;
	esac
	"$ctl" run --timeout $((20 * scale)) --audit=full --stats "$work/stats" --inject-poison "$n" "$@" "$guests/$name.elf" \
		>"$work/out" 2>"$work/err" </dev/null
	rc=$?
	[ $rc = 125 ] || { fail "$name with leaf $n broken, under audit: exit code $rc, not 125"; show "$work/err"; }
	counters pool.audit_violations\>0
	grep -q 'audit: rule A[0-9]* violated: page [0-9]* slot [0-9]*' "$work/err" || { fail "no report of the rule"; show "$work/err"; }
}

for n in 1 2 5; do broken tour $n; done
broken churn 3000 --pool 16M --cmdline edits=100
guest 0 tour --audit=full --timeout $((20 * scale)) && counters audit_violations=0	# without the hook nothing is found
no_leftovers
finish
