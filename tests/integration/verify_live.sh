#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# verify --full of a guest that writes its page tables at full speed: it stands for the audit, is found sound each time, and
# goes on. That a broken entry is found: test_poold_verify.c.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

# begin: churn for ever, as $run; its sockets in $at
begin()
{
	"$ctl" run --verbose --pool 2M --pool-pages 4k --stats "$work/stats" --timeout $((100 * scale)) \
		--cmdline "edits=100000000" "$guests/churn.elf" >"$work/out" 2>"$work/run.err" </dev/null &
	run=$!
	await 20 grep -q 'runtime directory' "$work/run.err" || { fail "no run"; show "$work/run.err"; finish; }
	at=$(sed -n 's/^shadowctl: runtime directory //p' "$work/run.err")
	await 20 events 1000 || { fail "the guest does nothing"; show "$work/run.err"; finish; }
}
events() { "$ctl" stats vm --socket "$at" --json 2>/dev/null | "$json" "trapd.write_events>$1" 2>/dev/null; }
now() { "$ctl" stats vm --socket "$at" | sed -n 's/^write_events *//p'; }
end() { kill -TERM $run; wait $run; }

begin
for ((i = 0; i < 40; i++)); do
	"$ctl" verify vm --full --socket "$at" >"$work/verify" 2>&1 || { fail "verify --full, round $i: $?"; show "$work/verify"; break; }
	"$ctl" verify vm --socket "$at" >"$work/verify" 2>&1 || { fail "verify, round $i: $?"; show "$work/verify"; break; }
	((i % 10)) || await 20 events "$(now)" || fail "the guest does not go on"
done
"$ctl" verify vm --full --json --socket "$at" | "$json" audits=1 full=true violations_total=0 || fail "verify --json"
end
counters trapd.audit_requests=41 trapd.recoveries=0 pool.audit_violations=0
no_leftovers

finish
