#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# xv6 for x86-64 (swetland/xv6, built with its RAM disk) as a Multiboot image: user mode by IRETQ, system calls by INT, two processors
# found in the ACPI tables; to its shell, commands, forktest.
. "$top_srcdir/tests/kernels/lib.sh"
need xv6-64/kernelmemfs
boot 3600 --mem 512M --vcpus 2 --audit "$kernels/xv6-64/kernelmemfs"
await_text 900 "cpu1: starting" && xv6_commands
stop
no_leftovers
finish
