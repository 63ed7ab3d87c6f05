#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# doc/fault-path.md names at most ten functions between KVM_RUN and the reply, and each is defined where it says.
set -u
cd "$top_srcdir" || exit 1
failed=0 n=0
while read -r function file; do
	n=$((n + 1))
	grep -Eq "^(static )?[a-z].*[ *]$function\(" "$file" || { echo "FAIL: $function is not in $file"; failed=1; }
done < <(sed -n 's/^| [0-9]* | `\([a-z_]*\)` | \([^ ]*\) |.*/\1 \2/p' doc/fault-path.md)
[ $n -ge 8 ] && [ $n -le 10 ] || { echo "FAIL: the table has $n rows"; failed=1; }
exit $failed
