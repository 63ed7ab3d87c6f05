#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest may use the whole address space, also the slot that stub and pool are in: they move, under a fresh pool.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

# One kind of host cannot hold slot 256 (doc/hosts.md): there that one alone is left out.
options=()
if ! "$ctl" run --timeout $((30 * scale)) "$guests/slots.elf" >"$work/out" 2>"$work/err" </dev/null; then
	grep -q 'this host cannot hold the address 0xffff8000' "$work/err" || { fail "slots"; show "$work/out" "$work/err"; }
	options=(--cmdline skip=256)
fi
guest 0 slots --audit --timeout $((30 * scale)) "${options[@]}" && counters trapd.recoveries\>0 audit_violations=0
no_leftovers
finish
