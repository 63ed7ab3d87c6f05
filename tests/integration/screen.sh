#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shadowctl show has the interrupt state of a running guest, shadowctl screen its VGA text, and both still do when it has ended.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

printf 'image = %s\nvcpus = 2\npool = 2M\npool-pages = 4k\n' "$guests/spin.elf" >"$work/spin.conf"
printf 'image = %s\ncmdline = slices=100000\npool = 2M\npool-pages = 4k\n' "$guests/pace.elf" >"$work/pace.conf"
"$top_builddir/poold/poold" --runtime-dir "$work" 2>"$work/poold.log" &
"$top_builddir/trapd/trapd" --runtime-dir "$work" 2>"$work/trapd.log" >/dev/null </dev/null &
ready() { [ -S "$work/poold-attach.sock" ] && "$ctl" list --socket "$work" >/dev/null 2>&1; }
await 20 ready || { fail "the daemons did not get ready"; show "$work/trapd.log" "$work/poold.log"; finish; }
for vm in spin pace; do
	"$ctl" start $vm --config "$work/$vm.conf" --socket "$work" --timeout $((20 * scale)) >"$work/err" 2>&1 || { fail "$vm: not started"; show "$work/err"; }
done
# matches VM CONDITION...: of show --json
matches() { "$ctl" show "$1" --json --socket "$work" --timeout $((20 * scale)) 2>&1 | "$json" "${@:2}" 2>"$work/json"; }
screen() { "$ctl" screen spin --socket "$work" --timeout $((20 * scale)) >"$work/screen" 2>&1; }
drawn() { screen && grep -q '^spin: on the screen$' "$work/screen"; }
await 20 drawn || { fail "spin: the screen is empty"; show "$work/screen"; }
[ "$(wc -l <"$work/screen")" = 25 ] && [ "$(sed -n 3p "$work/screen")" = 'spin: on the screen' ] || { fail "the screen has other rows"; show "$work/screen"; }
"$ctl" screen spin --json --socket "$work" | "$json" name=spin columns=80 rows=25 text=\* || fail "screen --json"
matches spin vcpus=2 vcpu_states=[2] vcpu_states.0.interrupt_flag=false vcpu_states.0.apic_enabled=false vcpu_states.1.index=1 ||
	fail "show spin: $(cat "$work/json")"
# The guest masks all lines but the timer's, and sleeps between its ticks.
await 20 matches pace 'pic.masked=[15]' 'vcpu_states=[1]' || fail "show pace: $(cat "$work/json")"
await 20 matches pace vcpu_states.0.halted=true vcpu_states.0.interrupt_flag=true || fail "show pace, asleep: $(cat "$work/json")"
"$ctl" show pace --socket "$work" | grep -q '^pic  *masked 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15, requested .*, in service ' || fail "show, as text"
"$ctl" show pace --socket "$work" | grep -q '^vcpu 0  *IF [01].*, APIC off, task priority 0.*, requested none, in service none$' || fail "show, as text: vcpu"
for vm in spin pace; do
	"$ctl" stop $vm --socket "$work" --timeout $((20 * scale)) >"$work/err" 2>&1 || { fail "$vm: not stopped"; show "$work/err"; }
	"$ctl" wait $vm --socket "$work" --timeout $((20 * scale)) >"$work/err" 2>&1
done
drawn || fail "the screen is lost with the end of the VM"
matches spin state=stopped vcpu_states=[2] pic=\* || fail "show spin, stopped: $(cat "$work/json")"
finish
