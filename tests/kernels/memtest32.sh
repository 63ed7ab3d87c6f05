#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# memtest86+ for i386 (a distribution's memtest86+ia32.bin): its first test over 32 MiB without an error.
. "$top_srcdir/tests/kernels/lib.sh"
need memtest86+ia32.bin
boot 1800 --mem 32M --cmdline "console=ttyS0,115200 nosmp" "$kernels/memtest86+ia32.bin"
await_text 300 "Testing" && await_text 1500 "#1 "
seen "Errors: +[1-9]" && fail "it has found errors"
stop
no_leftovers
finish
