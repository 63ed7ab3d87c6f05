#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# xv6 for x86 from its disk images (xv6/kernel, xv6/xv6.img, xv6/fs.img; copies are written), with two processors: a file survives on the disk.
. "$top_srcdir/tests/kernels/lib.sh"
need xv6/kernel xv6/xv6.img xv6/fs.img
cp "$kernels/xv6/xv6.img" "$work/hda" && cp "$kernels/xv6/fs.img" "$work/hdb"
boot 3600 --mem 240M --emulate ahead --vcpus 2 --audit --disk "$work/hda" --disk "$work/hdb" "$kernels/xv6/kernel"
xv6_commands && xv6_command 300 "echo shadowpool-was-here > note" "" && xv6_command 300 "cat note" "^shadowpool-was-here" &&
	xv6_command 300 ls "^note +2 " && { grep -qa shadowpool-was-here "$work/hdb" || fail "the file is not on the disk"; }
stop
no_leftovers
finish
