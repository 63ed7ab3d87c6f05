#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# xv6 for x86 from its disk images (xv6/kernel, xv6/xv6.img, xv6/fs.img; copies are written): a file survives on the disk.
. "$top_srcdir/tests/kernels/lib.sh"
need xv6/kernel xv6/xv6.img xv6/fs.img
cp "$kernels/xv6/xv6.img" "$work/hda" && cp "$kernels/xv6/fs.img" "$work/hdb"
boot 1800 --mem 240M --audit --disk "$work/hda" --disk "$work/hdb" "$kernels/xv6/kernel"
await_text 900 "init: starting sh" && {
	type_line "echo shadowpool-was-here > note"
	type_line "cat note"
	await_text 300 "^(\\$ )?shadowpool-was-here"
	type_line "ls"
	await_text 300 "^note +2 "
	grep -qa shadowpool-was-here "$work/hdb" || fail "the file is not on the disk"
}
stop
no_leftovers
finish
