#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# xv6 for x86 from its RAM disk (xv6/kernelmemfs), with two processors: to its shell, commands, forktest.
. "$top_srcdir/tests/kernels/lib.sh"
need xv6/kernelmemfs
boot 3600 --mem 240M --emulate ahead --vcpus 2 --audit "$kernels/xv6/kernelmemfs"
await_text 900 "cpu1: starting" && xv6_commands
stop
no_leftovers
finish
