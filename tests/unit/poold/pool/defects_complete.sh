#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each of the defects D1 to D68 has a test of its name, and a mutant that this test has to notice (make check-mutants).
bad=0
for ((i = 1; i <= 68; i++)); do
	number=D$(printf %02d $i)
	grep -q "defect_${number}_" "$top_srcdir"/tests/unit/*/*/test_*defects*.c || { echo "no test defect_${number}_*"; bad=1; }
	grep -q "^mutant .* $number\( \|\$\)" "$top_srcdir"/tests/mutants/*.mutants || { echo "no mutant of $number"; bad=1; }
done
exit $bad
