#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every counter of the pool and of trapd is described in doc/statistics.md, in its part, under its own name, once.
doc=$top_srcdir/doc/statistics.md
failed=0

# check HEADER FEWEST TEXT: TEXT is the part of the document about the counters of HEADER.
check()
{
	count=0
	for name in $(sed -n 's/\(X([a-z0-9_]*)\)/\n\1\n/gp' "$top_srcdir/$1" | sed -n 's/^X(\([a-z0-9_]*\))$/\1/p'); do
		[ "$name" = name ] && continue	# the macro's own parameter
		count=$((count + 1))
		n=$(echo "$3" | grep -o "\`$name\`" | wc -l)
		[ "$n" -eq 1 ] || { echo "$name stands $n times in doc/statistics.md"; failed=1; }
	done
	[ $count -ge "$2" ] || { echo "only $count names found in $1"; failed=1; }
}
check common/pool_stats.h 100 "$(sed '/^## trapd/,$d' "$doc")"
check trapd/cpu/trap_stats.h 30 "$(sed '1,/^## trapd/d' "$doc")"
exit $failed
