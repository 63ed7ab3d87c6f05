#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Both units under a real systemd: they become ready, run as their own users, run a VM by name, and shadowctl's verbs work
# against them with --json; poold comes back after SIGKILL and the VM goes on.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm
need_root
[ -x /lib/systemd/systemd ] || skip "needs the systemd package"
unshare --pid --fork --mount --cgroup true 2>/dev/null || skip "needs to make namespaces"

box=
at_exit()
{
	[ -z "$box" ] || kill -KILL "$box" 2>/dev/null
}
die()
{
	fail "$*"
	inside journalctl -u trapd -u poold --no-pager -n 40 2>/dev/null | show
	finish
}

mkdir -p "$work/units" "$work/box"
# installed below /usr, as a package would be
make -s -C "$top_builddir" install DESTDIR="$work/files" prefix=/usr libexecdir=/usr/libexec \
	systemdsystemunitdir=/usr/lib/systemd/system >"$work/install.log" 2>&1 || { show "$work/install.log"; die "make install"; }
# the build tree's units may have been made for another prefix
for unit in poold trapd; do
	sed 's|@DAEMONS@|/usr/libexec|g' "$top_srcdir/systemd/$unit.service.in" >"$work/files/usr/lib/systemd/system/$unit.service"
done
mkdir -p "$work/files/etc/shadowpool/vm.d" "$work/files/opt"
cp "$guests/spin.elf" "$guests/hello.elf" "$work/files/opt/"
# this machine may have no hugepages to give away
echo 'pool-pages = 4k' >"$work/files/etc/shadowpool/poold.conf"
printf 'image = /opt/spin.elf\nmem = 16M\npool-pages = 4k\n' >"$work/files/etc/shadowpool/vm.d/spinner.conf"
printf '[Unit]\nWants=poold.service trapd.service\n' >"$work/units/box.target"

"$top_srcdir/tests/systemd/systemd-box" "$work/box" "$work/units" "$work/files" >"$work/box.log" 2>&1 &
box=$!
inside() { nsenter -t "$pid1" -m -p -u -i -C -n "$@"; }
# The manager is the only child of unshare.
manager() { pid1=$(pgrep -P "$box" -f lib/systemd/systemd) && inside systemctl show-environment >/dev/null 2>&1 || ! kill -0 "$box" 2>/dev/null; }
await 20 manager
kill -0 "$box" 2>/dev/null && [ -n "$pid1" ] || { show "$work/box.log"; fail "systemd did not start"; finish; }
inside systemctl start poold.service trapd.service || die "units do not start"
for unit in poold trapd; do
	[ "$(inside systemctl is-active $unit)" = active ] || die "$unit is not active"
	user=$(inside ps -o user= -p "$(inside systemctl show -P MainPID $unit)" | tr -d ' ')
	[ "$user" = $unit ] || die "$unit runs as $user"
done

# ---- who may connect
access() { inside stat -c '%U:%G %a' "$1"; }
[ "$(access /run/shadowpool/link/attach.sock)" = "poold:shadowpool-link 660" ] || fail "attach.sock: $(access /run/shadowpool/link/attach.sock)"
[ "$(access /run/shadowpool/poold/control.sock)" = "poold:shadowpool-admin 660" ] || fail "poold's control.sock"
[ "$(access /run/shadowpool/trapd/control.sock)" = "trapd:shadowpool 660" ] || fail "trapd's control.sock"
as() { inside setpriv --reuid nobody --regid nogroup --groups "$1" shadowctl "${@:2}" >"$work/as" 2>&1; }
as shadowpool list || { fail "a member of shadowpool may not list"; show "$work/as"; }
as shadowpool-admin list && fail "who is no member of shadowpool may list"

# ---- a VM by name
in_box() { inside shadowctl "$@" --json >"$work/reply" 2>"$work/err"; }
want() { "$json" "$@" <"$work/reply" 2>"$work/json" || { cat "$work/json" "$work/err"; show "$work/reply"; false; }; }
in_box start spinner || die "start: $(cat "$work/err")"
attached() { in_box list && "$json" vms.0.pool=up <"$work/reply" 2>/dev/null; }
await 10 attached
in_box list && want vms=[1] vms.0.name=spinner vms.0.state=running vms.0.pool=up || die "list"
in_box show spinner && want state=running mem_bytes=16777216 pool_page_size=4k image=/opt/spin.elf || die "show"
mapped() { in_box stats spinner && "$json" pool.map_requests\>0 trapd.exits\>0 audit_violations=0 <"$work/reply" 2>/dev/null; }
await 10 mapped || die "stats: $(cat "$work/reply" "$work/err")"
in_box walk spinner 0x100000 && want guest.gpa=0x100000 shadow.gpa=0x100000 paging=4-level || die "walk"

# ---- poold dies and comes back
before=$(inside systemctl show -P MainPID poold)
inside systemctl kill -s KILL poold.service
replaced() { [ "$(inside systemctl show -P MainPID poold)" != "$before" ] && in_box stats spinner && "$json" trapd.recoveries=1 <"$work/reply" 2>/dev/null; }
await 10 replaced || die "the VM did not get a new poold: $(cat "$work/reply")"
in_box show spinner && want state=running pool=up || die "the VM did not survive poold"

# ---- the end
in_box stop spinner --wait || die "stop: $(cat "$work/err")"
in_box list && want vms=[0] || die "list after stop"
inside systemctl stop trapd.service poold.service || die "units do not stop"
for unit in poold trapd; do
	[ "$(inside systemctl show -P Result $unit)" = success ] || fail "$unit ended with $(inside systemctl show -P Result $unit)"
done
inside systemctl poweroff >/dev/null 2>&1
gone() { ! kill -0 "$box" 2>/dev/null; }
await 20 gone || fail "the box does not end"
box=
finish
