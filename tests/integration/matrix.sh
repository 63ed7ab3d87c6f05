#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The access-rights matrix under audit: a slice of it, or with MATRIX_SLICES=1 all of it (make check-long). What the guest sees
# is summed up in digests that are the same on every host and in every mode, for CPUs with all the features it asks for.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

slices=${MATRIX_SLICES:-$((12 * scale))} options=
case $slices in
1) options=' digest32=0x13b4dc0e digest64=0x157d3568' ;;
12) options=' digest32=0x95a6ea0b digest64=0x4b5eef7c' ;;
esac
guest 0 matrix --audit --timeout $((100 + 2000 * scale / slices)) --cmdline "slices=$slices$options" &&
	counters trapd.fault_guest\>0 trapd.write_fault_requests\>0 pool.map_requests\>0 pool.audit_runs\>0 audit_violations=0
cat "$work/out"
tail -n 1 "$work/out" | grep -q '^matrix: ok' || fail "matrix does not end with its verdict"
no_leftovers
finish
