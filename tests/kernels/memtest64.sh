#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# memtest86+ for x86-64 (a distribution's memtest86+x64.bin): a whole pass over 64 MiB without an error.
. "$top_srcdir/tests/kernels/lib.sh"
need memtest86+x64.bin
boot 1800 --mem 64M --cmdline "console=ttyS0,115200 nosmp" "$kernels/memtest86+x64.bin"
await_text 60 "Memtest86\+" && await_text 60 "Testing" && await_text 1700 "Pass: +1 "
seen "Errors: +0" || fail "no count of errors"
seen "Errors: +[1-9]" && fail "it has found errors"
stop
no_leftovers
finish
