#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a guest is given besides memory: modules with arguments, the clock, disks that it reads and writes by programmed I/O, also
# into a page table in use; a reset ends it; files that are no disk or no image are refused in one line.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

disk() { { printf '%s' "$2"; head -c $((64 * 512 - ${#2})) /dev/zero; } >"$work/$1"; }
# The console's lines end with CR LF.
expect_line() { tr -d '\r' <"$work/out" | grep -q "$1" || { fail "no line '$1'"; show "$work/out"; }; }

disk master "master"
disk slave "slave "
printf 'abc' >"$work/one"
head -c 5000 /dev/zero | tr '\0' '\001' >"$work/two"
before=$(date -u +%s)
guest 0 platform --audit --timeout $((60 * scale)) --module "$work/one,root=1 quiet" --module "$work/two" \
	--disk "$work/master" --disk "$work/slave" && {
	counters audit_violations=0 vm.stop_reason=exit pool.mon_write_events\>0
	expect_line "^module 0: 3 bytes, sum 294, \".*/one root=1 quiet\"$"
	expect_line "^module 1: 5000 bytes, sum 5000, \".*/two\"$"
	expect_line "^modules: 2$"
	expect_line "^disk 1: 64 sectors, 32-bit paging$"
	expect_line "^disk: a sector became a page table, 32-bit paging$"
	expect_line "^disk: a sector became a page table, 4-level paging$"
	expect_line "^platform: ok$"
	time=$(date -u -d "$(tr -d '\r' <"$work/out" | sed -n 's/^time: //p')" +%s)
	[ "$time" -ge "$before" ] && [ "$time" -le "$(date -u +%s)" ] || fail "the guest's clock says $(grep ^time: "$work/out")"
	# The guest's words i * 17, little endian: bytes 2 and 3 of sector 3 are 17 0.
	[ "$(od -An -tu2 -j $((3 * 512 + 20)) -N 2 "$work/slave" | tr -d ' ')" = 170 ] || fail "what the guest wrote is not in the file"
	[ "$(head -c 6 "$work/master")" = master ] || fail "the master's first sector has changed"
}

# A pool that dies while a word is on its way from the disk to a page that is mapped: the word arrives all the same.
"$ctl" run --stats "$work/stats" --timeout $((60 * scale)) --cmdline seconds=3 --disk "$work/master" --disk "$work/slave" \
	"$guests/platform.elf" >"$work/out" 2>"$work/err" </dev/null &
run=$!
kill_poold 6 3
[ $killed -ge 1 ] || fail "the guest ended before poold could be killed"
expect_line "^platform: ok$"

guest 0 platform --timeout $((20 * scale)) --cmdline reset=1 && counters vm.stop_reason=reset

# refused TEXT OPTIONS...: exit code 125, one line with TEXT, and the guest has not run.
refused()
{
	local text=$1 got
	shift
	"$ctl" run "$@" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	[ $got = 125 ] || fail "$*: exit code $got, not 125"
	grep -q "^shadowctl: .*$text" "$work/err" || { fail "$*: not refused with '$text'"; show "$work/err"; }
	[ -s "$work/out" ] && fail "$*: the guest has run"
}
printf 'x' >"$work/short"
printf 'HdrS' | dd of="$work/bzimage" bs=1 seek=$((0x202)) 2>"$work/dd"
refused "less than one sector" --disk "$work/short" "$guests/hello.elf"
refused "no regular file" --disk /dev/null "$guests/hello.elf"
refused "more disks than 2" --disk "$work/master" --disk "$work/slave" --disk "$work/one" "$guests/hello.elf"
refused "in use" --disk "$work/master" --disk "$work/master" "$guests/hello.elf"
refused "no Linux kernel" --initrd "$work/one" "$guests/hello.elf"
refused "neither a Multiboot 1 image nor a Linux bzImage" "$work/two"
refused "no boot signature\|truncated" "$work/bzimage"
refused "cannot read module" --module "$work/none,x" "$guests/hello.elf"
no_leftovers
finish
