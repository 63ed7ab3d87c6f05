#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# memtest86+ for i386 (a distribution's memtest86+ia32.bin): its first test over 32 MiB without an error.
. "$top_srcdir/tests/kernels/lib.sh"
need memtest86+ia32.bin
boot 1800 --mem 32M --cmdline "console=ttyS0,115200 nosmp" "$kernels/memtest86+ia32.bin"
# The bar of the test at 100 % (the console is drawn every few seconds, so a short test may never be seen), or a later test.
await_text 300 "Testing" && await_text 1500 '\[3;35H100%|#[1-9] '
seen "Errors: +[1-9]" && fail "it has found errors"
stop
no_leftovers
finish
