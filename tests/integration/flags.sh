#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# PUSHF, POPF and CPUID where IF is trapped: the guest that checks them prints what it prints with native IF, under audit, with other
# policies, from a trace, and while poold is killed. Where IF is native in all code, nothing is watched.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

trace=$work/trace
guest 0 flags --if=trap --cmdline cpuid=1 --audit=full --pool 2M --pool-pages 4k --timeout $((60 * scale)) --trace "$trace" || finish
counters trapd.code_copies\>20 trapd.code_sites\>100 trapd.code_drops\>20 trapd.code_loose\>0 trapd.flags_emulated\>200 trapd.cpuid_emulated\>20 \
	trapd.exit_io=0 'pool.audit_runs>0' audit_violations=0
tail -n 1 "$work/out" | grep -q '^flags: ok' || fail "flags does not end with its verdict"
mv "$work/out" "$work/trap"
"$ctl" replay --check "$trace" >"$work/replay" 2>&1 || { fail "the trace does not replay"; show "$work/replay"; }
for policy in prefetch=1 cache=off format=f32 large-leaves=on unsync=16; do
	"$ctl" replay --json --policy $policy "$trace" >"$work/replay" 2>"$work/err" || { fail "$policy"; show "$work/err"; }
	"$json" complete=true difference=null pool.errors_corrupt=0 pool.errors_inval=0 pool.audit_violations=0 <"$work/replay" \
		2>"$work/json" || fail "$policy: $(cat "$work/json")"
done
for policy in large-leaves=on unsync=16,leaf-limit=4; do
	guest 0 flags --if=trap --cmdline cpuid=1 --audit --policy $policy --timeout $((60 * scale)) && counters audit_violations=0 trapd.code_copies\>20
	cmp "$work/trap" "$work/out" || fail "$policy: the console differs"
done

if "$ctl" run --if=native --timeout $((20 * scale)) "$guests/hello.elf" >"$work/out" 2>"$work/err" </dev/null; then
	guest 0 flags --if=native --cmdline cpuid=1 --timeout $((60 * scale))
	# A host may have native IF in 32-bit code alone: the rest of the guest is watched there.
	if "$json" vm.facts.iopl_native_64=1 <"$work/stats" 2>"$work/json"; then
		counters trapd.code_requests=0 trapd.code_pages=0
	else
		counters trapd.code_copies\>20
	fi
	cmp "$work/trap" "$work/out" || { fail "flags prints something else with --if=native"; diff "$work/trap" "$work/out" | show; }
fi

# A fresh pool knows of no page: each is looked at again.
guest 0 flags --if=trap --timeout $((60 * scale)) --cmdline 'loops=150 cpuid=1'
mv "$work/out" "$work/trap"
"$ctl" run --if=trap --audit --stats "$work/stats" --timeout $((90 * scale)) --cmdline 'loops=150 cpuid=1' "$guests/flags.elf" \
	>"$work/out" 2>"$work/err" </dev/null &
run=$!
kill_poold 3 20
[ $killed -ge 1 ] || fail "the guest ended before poold could be killed"
cmp "$work/trap" "$work/out" || fail "the console differs"
counters trapd.recoveries\>0 audit_violations=0
no_leftovers
finish
