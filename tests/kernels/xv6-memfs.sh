#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# xv6 for x86 from its RAM disk (xv6/kernelmemfs): to its shell, a command, forktest.
. "$top_srcdir/tests/kernels/lib.sh"
need xv6/kernelmemfs
boot 3600 --mem 240M --audit "$kernels/xv6/kernelmemfs"
await_text 900 "init: starting sh" && {
	type_line "echo one two | wc"
	await_text 300 "1 2 8"
	type_line forktest
	await_text 1800 "fork test OK"
}
stop
no_leftovers
finish
