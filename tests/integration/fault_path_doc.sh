#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# doc/fault-path.md names at most ten functions from KVM_RUN to the reply; each is defined in the file that it names.
doc=$top_srcdir/doc/fault-path.md
failed=0
rows=$(sed -n 's/^| [0-9]* | `\([a-z_0-9]*\)` | \([a-z_/]*\.c\) |.*/\1:\2/p' "$doc")
n=$(echo "$rows" | wc -l)
[ "$n" -ge 5 ] && [ "$n" -le 10 ] || { echo "$n functions in the table of doc/fault-path.md"; failed=1; }
for row in $rows; do
	function=${row%%:*} file=${row##*:}
	grep -Eq "^[a-z].*[ *]$function\(" "$top_srcdir/$file" || { echo "$file defines no $function"; failed=1; }
done
exit $failed
