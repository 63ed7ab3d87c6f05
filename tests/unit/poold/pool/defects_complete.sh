#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each of the defects D1 to D68 has a test of its name, and three mutants at least that this test has to notice (make check-mutants).
bad=0
for ((i = 1; i <= 68; i++)); do
	number=D$(printf %02d $i)
	grep -q "defect_${number}_" "$top_srcdir"/tests/unit/*/*/test_*defects*.c || { echo "no test defect_${number}_*"; bad=1; }
	n=$(cat "$top_srcdir"/tests/mutants/*.mutants | grep -c "^mutant .* $number\( \|\$\)")
	[ "$n" -ge 3 ] || { echo "$n mutants of $number, three are meant to be there"; bad=1; }
done
exit $bad
