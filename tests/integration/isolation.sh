#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# During a run: poold holds no /dev/kvm, sees guest RAM read-only and cannot get it otherwise; the pool's address in trapd
# reaches nothing but the memslot call.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm
need_root	# to look at descriptors of processes that are not dumpable

"$ctl" run --timeout $((30 * scale)) "$guests/spin.elf" >"$work/out" 2>"$work/err" </dev/null &
run=$!
child() { pgrep -P "$1" -x "$2"; }
await 20 test -s "$work/out" || fail "the guest does not run"
poold=$(child $run poold) trapd=$(child $run trapd)
[ -n "$poold" ] && [ -n "$trapd" ] || { fail "no poold or no trapd"; finish; }

# ---- descriptors
held() { for fd in /proc/"$1"/fd/*; do readlink "$fd"; done; }
held "$trapd" | grep -qx /dev/kvm || fail "trapd holds no /dev/kvm: this test is blind"
held "$poold" | grep -E "^/dev/|kvm" | grep -vx /dev/null && fail "poold holds a device"

# ---- guest RAM
ram=$(awk '/memfd:shadowpool-ram/' "/proc/$poold/maps")
[ -n "$ram" ] || { fail "poold does not map guest RAM?"; show "/proc/$poold/maps"; }
echo "$ram" | awk '$2 !~ /^r--/' | grep . && fail "poold maps guest RAM writable"
awk '/memfd:shadowpool-ram/ && $2 ~ /w/' "/proc/$trapd/maps" | grep -q . || fail "trapd does not map guest RAM writable: this test is blind"
grep -q '^CapEff:.*[1-9a-f]' "/proc/$poold/status" && [ "$(awk '/^Uid/ { print $2 }' "/proc/$poold/status")" != 0 ] &&
	fail "poold has capabilities"
# As root, from outside, with poold's descriptor: the seal refuses even that.
found=0
for fd in /proc/"$poold"/fd/*; do
	case $(readlink "$fd") in *memfd:shadowpool-ram*) ;; *) continue ;; esac
	found=1
	"$top_builddir/tests/integration/map_writable" "$fd" refused || fail "guest RAM can be mapped for writing through $fd"
done
# trapd keeps the descriptor even if poold has closed its own; it is the same object with the same seal.
for fd in /proc/"$trapd"/fd/*; do
	case $(readlink "$fd") in *memfd:shadowpool-ram*) ;; *) continue ;; esac
	found=1
	"$top_builddir/tests/integration/map_writable" "$fd" refused || fail "guest RAM can be mapped for writing through $fd"
done
[ $found = 1 ] || fail "no descriptor of guest RAM found"
: >"$work/plain" && "$top_builddir/tests/integration/map_writable" "$work/plain" possible || fail "map_writable always says refused"

# ---- the pool in trapd: mapped once, and nowhere written to
[ "$(grep -c 'memfd:shadowpool-pool' "/proc/$trapd/maps")" = 1 ] || { fail "the pool is not mapped exactly once in trapd"; grep memfd "/proc/$trapd/maps"; }
cd "$top_srcdir" || exit 1
uses=$(grep -n 'link->pool\b\|l->pool\b' trapd/*.[ch] trapd/*/*.[ch])
echo "$uses" | grep -v '^trapd/link/pool_link.c:' && fail "the pool's mapping is used outside trapd/link/pool_link.c"
echo "$uses" | grep 'pool\.base' | grep -v 'slots_set(vm->fd, VM_SLOT_POOL\|if (!vm->link->pool\.base)' && fail "the pool's address goes elsewhere"
echo "$uses" | grep -v 'pool\.base' | grep -v 'memfd_open_sealed(&\|memfd_close(&\|l->pool = (struct memfd)MEMFD_NONE' &&
	fail "the pool's mapping goes elsewhere"
[ "$(echo "$uses" | grep -c 'slots_set')" = 2 ] || fail "the memslot is not set and removed: this test is blind"
finish
