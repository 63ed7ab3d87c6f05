#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every counter of the pool is described in doc/statistics.md, under its own name, once.
doc=$top_srcdir/doc/statistics.md
names=$(sed -n 's/\(X([a-z0-9_]*)\)/\n\1\n/gp' "$top_srcdir/common/pool_stats.h" | sed -n 's/^X(\([a-z0-9_]*\))$/\1/p')
failed=0
count=0
for name in $names; do
	count=$((count + 1))
	n=$(grep -o "\`$name\`" "$doc" | wc -l)
	[ "$n" -eq 1 ] || { echo "$name stands $n times in doc/statistics.md"; failed=1; }
done
[ $count -gt 100 ] || { echo "only $count names found in common/pool_stats.h"; failed=1; }
exit $failed
