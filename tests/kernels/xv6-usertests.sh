#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# xv6's own tests of its system calls, from the disk (xv6/kernel and images): usertests whole. It takes hours where the host emulates
# 32-bit code: KERNELS_LONG=1 asks for it, else it has to get through its first tests.
. "$top_srcdir/tests/kernels/lib.sh"
need xv6/kernel xv6/xv6.img xv6/fs.img
cp "$kernels/xv6/xv6.img" "$work/hda" && cp "$kernels/xv6/fs.img" "$work/hdb"
boot 14400 --mem 240M --emulate ahead --disk "$work/hda" --disk "$work/hdb" "$kernels/xv6/kernel"
last="createdelete ok"
[ -z "${KERNELS_LONG:-}" ] || last="ALL TESTS PASSED"
await_text 900 "init: starting sh" && xv6_command 14000 usertests "$last"
seen "FAILED|failed|panic" && { fail "usertests"; tail -c 2000 "$console" | tr -d '\r' | show -; }
stop
no_leftovers
finish
