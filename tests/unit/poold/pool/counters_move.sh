#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every counter of the pool is moved by some unit test of the pool: one that never moves tells nobody anything.
names=$(sed -n 's/\(X([a-z0-9_]*)\)/\n\1\n/gp' "$top_srcdir/common/pool_stats.h" | sed -n 's/^X(\([a-z0-9_]*\))$/\1/p')
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
failed=0

for source in "$top_srcdir"/tests/unit/poold/pool/test_*.c; do
	program=$top_builddir/tests/unit/poold/pool/$(basename "$source" .c)
	case $source in
	*random*) continue ;;	# minutes long, and nothing that the others lack
	esac
	POOL_COUNTERS=$out/moved "$program" --jobs 2 >"$out/log" 2>&1 || { tail -5 "$out/log"; echo "$program fails"; failed=1; }
done
sort -u "$out/moved" >"$out/names"
for name in $names; do
	case $name in
	trace_records | trace_dropped) continue ;;	# the recorder's, not the library's: test_trace and test_trace_live
	*) want=1 ;;
	esac
	[ "$(grep -cx "$name" "$out/names")" = $want ] || { echo "$name: expected to move $want times"; failed=1; }
done
[ "$(wc -l <"$out/names")" -gt 100 ] || { echo "only $(wc -l <"$out/names") counters have moved"; failed=1; }
exit $failed
