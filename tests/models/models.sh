#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Checks the models of the link's handshakes: each without error, and each of its mutants (named in a comment of
# the model) with one, so that a model that finds nothing is found out.
models=${top_srcdir:-.}/tests/models
for tool in spin cc; do
	command -v $tool >/dev/null || { echo "skipped: $tool is missing (apt-get install spin gcc)"; exit 77; }
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cp "$models"/*.pml "$work" && cd "$work" || exit 1

# errors MODEL [DEFINE]: the number of errors that an exhaustive search finds
errors() {
	spin ${2:+-D$2} -a "$1" >spin.log 2>&1 || { cat spin.log >&2; return 1; }
	cc -O0 -w -DSAFETY -o pan pan.c || return 1
	./pan -m100000 >pan.log 2>&1
	grep -q 'max search depth too small' pan.log && { echo "$1: search depth" >&2; return 1; }
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

failed=0
count=0
for model in *.pml; do
	[ "$model" = tso.pml ] && continue
	mutants=$(sed -n 's/^ \* mutants: //p' "$model")
	[ -n "$mutants" ] || { echo "$model names no mutant"; failed=1; }
	n=$(errors "$model")
	[ "$n" = 0 ] || { echo "$model: ${n:-no} errors, must be none"; cat pan.log; failed=1; }
	for mutant in $mutants; do
		grep -qw "$mutant" "$model" || failed=1
		n=$(errors "$model" "$mutant")
		[ "${n:-0}" -ge 1 ] || { echo "$model: the mutant $mutant has ${n:-no} errors, must have one"; failed=1; }
		count=$((count + 1))
	done
	echo "$model: no error; $mutants: found"
done
[ $count -gt 0 ] || { echo "no model found in $models"; exit 1; }
exit $failed
