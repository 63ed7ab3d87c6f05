#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Tables left out of step under real guests, every request audited: the guest must not notice, also through a trace, in
# which its unannounced stores show as changes of guest memory.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

trace=$work/trace
guest 0 churn --audit --pool 2M --pool-pages 4k --policy unsync=16 --cmdline edits=600 --trace "$trace" \
	--timeout $((60 * scale)) || finish
counters 'pool.unsync_grants>0' 'pool.unsync_now_high>0' 'pool.unsync_role_conflict>0' 'pool.resync_tables>0' \
	'pool.resync_scanned>0' 'pool.resync_kept>0' 'pool.audit_runs>0' audit_violations=0 pool.unsync_now=0
tail -n 1 "$work/out" | grep -q '^churn: ok' || fail "churn does not end with its verdict"
"$ctl" replay --check "$trace" >"$work/replay" 2>&1 || { fail "the trace does not replay"; show "$work/replay"; }
# The same guest with a pool that leaves nothing out of step, and with a single slot.
for policy in unsync=0 unsync=1; do
	"$ctl" replay --json --policy $policy "$trace" >"$work/replay" 2>"$work/err" || { fail "$policy"; show "$work/err"; }
	"$json" complete=true pool.errors_corrupt=0 pool.errors_inval=0 pool.audit_violations=0 <"$work/replay" \
		2>"$work/json" || fail "$policy: $(cat "$work/json")"
done
guest 0 user --audit --policy unsync=1 --cmdline loops=50 --timeout $((60 * scale)) &&
	counters 'pool.unsync_grants>0' audit_violations=0
"$ctl" run --policy unsync=many "$guests/hello.elf" >"$work/out" 2>"$work/err"
[ $? = 125 ] || fail "a policy that is no number is taken"
grep -q 'policy unsync: not a number: many' "$work/err" || { fail "it is not named"; show "$work/err"; }
no_leftovers
finish
