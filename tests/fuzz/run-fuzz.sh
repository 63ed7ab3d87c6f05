#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every fuzz target for a few seconds from its corpus; longer with FUZZ_SECONDS. New inputs go to a folder that is
# removed, so the corpus grows only on purpose.
new=$(mktemp -d) || exit 1
trap 'rm -rf "$new"' EXIT
for target in "$top_builddir"/tests/fuzz/fuzz_*; do
	[ -x "$target" ] && [ -f "$target" ] || continue
	case $target in *.*) continue ;; esac
	name=${target##*/fuzz_}
	mkdir "$new/$name"
	# What is longer than a target looks at is only slow.
	case $name in pool) length=1026 ;; *) length=4096 ;; esac
	"$target" -max_total_time="${FUZZ_SECONDS:-10}" -max_len=$length -artifact_prefix="$new/" -print_final_stats=1 \
		"$new/$name" "$top_srcdir/tests/fuzz/corpus/$name" >"$new/log" 2>&1 || {
		cat "$new/log"
		for crash in "$new"/crash-* "$new"/leak-* "$new"/timeout-* "$new"/oom-*; do
			[ -f "$crash" ] && { echo "$crash:"; od -An -tx1 "$crash"; }
		done
		exit 1
	}
	tail -6 "$new/log"
done
