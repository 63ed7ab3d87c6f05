#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A distribution's Linux for x86-64 (vmlinuz): how far it gets is written down in doc/linux.md, and this holds it to that.
. "$top_srcdir/tests/kernels/lib.sh"
need vmlinuz
boot 600 --mem 512M --cmdline "console=ttyS0 earlyprintk=serial,ttyS0,115200 nokaslr nopv nopcid noinvpcid nofsgsbase noxsave nopti mitigations=off" \
	"$kernels/vmlinuz"
await_text 120 "Linux version" && await_text 300 "SLUB: HWalign" && await_text 300 "console \[ttyS0\] enabled"
stop
no_leftovers
finish
