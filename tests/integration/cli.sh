#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shadowctl as scripts see it: usage errors, exit codes, the same error as JSON, help and completion from one table;
# with no daemon, with daemons that misbehave, and with a real trapd that has no VM.
set -u
ctl=$top_builddir/ctl/shadowctl
json=$top_builddir/tests/integration/json_check
odd=$top_builddir/tests/integration/odd_daemon
dir=$(mktemp -d "${TMPDIR:-/tmp}/cli.XXXXXX") || exit 1
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null; done; rm -rf "$dir"' EXIT
failed=0
: >"$dir/err"
unset SHADOWCTL_SOCKET

fail()
{
	echo "FAIL: $*"
	sed 's/^/    stderr: /' "$dir/err"
	failed=1
}

# expect CODE ARGUMENTS...: the exit code; on an error one line on stderr, nothing on stdout; the same with --json.
expect()
{
	want=$1
	shift
	timeout 20 "$ctl" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	[ $got -eq "$want" ] || fail "shadowctl $*: exit code $got, not $want"
	if [ "$want" -ne 0 ]; then
		[ "$(wc -l <"$dir/err")" -eq 1 ] || fail "shadowctl $*: not one line on stderr"
		[ -s "$dir/out" ] && fail "shadowctl $*: an error wrote to stdout"
	fi
	verb=$1
	shift
	timeout 20 "$ctl" "$verb" --json "$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	[ $got -eq "$want" ] || fail "shadowctl $verb --json $*: exit code $got, not $want"
	if [ "$want" -ne 0 ]; then
		"$json" "error.code=$want" "error.message=*" "error.hint=*" <"$dir/out" 2>>"$dir/err" ||
			fail "shadowctl $verb --json $*: bad error object"
	else
		"$json" <"$dir/out" 2>>"$dir/err" || fail "shadowctl $verb --json $*: bad document"
	fi
}

# with MODE CODE ARGUMENTS...: against a daemon that misbehaves that way.
with()
{
	mode=$1
	want=$2
	shift 2
	"$odd" "$dir/odd.sock" "$mode" >"$dir/ready" &
	odd_pid=$!
	pids="$pids $odd_pid"
	await_line "$dir/ready" ready
	timeout 20 "$ctl" "$@" --json --socket "$dir/odd.sock" --timeout 0.5 >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got -eq "$want" ] || fail "$mode daemon, $1: exit code $got, not $want"
	"$json" "error.code=$want" <"$dir/out" 2>>"$dir/err" || fail "$mode daemon, $1: bad error object"
	wait $odd_pid
}

# Wait for a line in a file, at most 10 s.
await_line()
{
	timeout 10 sh -c 'until grep -q "$2" "$1" 2>/dev/null; do :; done' - "$1" "$2" || fail "no $2 in $1"
}

await_socket()
{
	timeout 10 sh -c 'until [ -S "$1" ]; do :; done' - "$1" || fail "no socket $1"
}

# ---- one table: --help, help --json, completion
"$ctl" --help | sed -n '/^verbs:/,/^common/s/^  \([a-z]*\) .*/\1/p' >"$dir/verbs"
"$ctl" help --json | "$json" -l verbs name >"$dir/verbs.json"
cmp -s "$dir/verbs" "$dir/verbs.json" || fail "--help and help --json list other verbs"
for verb in run start stop list show screen stats walk verify trace replay version help; do
	grep -qx "$verb" "$dir/verbs" || fail "no verb $verb"
done
[ "$(sort "$dir/verbs" | uniq -d | wc -l)" -eq 0 ] || fail "a verb is listed twice"
"$ctl" completion bash >"$dir/completion"
bash -n "$dir/completion" || fail "completion is no bash"
bash -c '. "$1"; COMP_WORDS=(shadowctl ""); COMP_CWORD=1; _shadowctl; printf "%s\n" "${COMPREPLY[@]}"' - \
	"$dir/completion" |
	grep -v '^--' | cmp -s - "$dir/verbs" || fail "completion offers other verbs"
bash -c '. "$1"; COMP_WORDS=(shadowctl run --po) COMP_CWORD=2
	compopt() { :; }; _shadowctl; echo "${COMPREPLY[@]}"' - \
	"$dir/completion" >"$dir/out"
[ "$(cat "$dir/out")" = "--pool= --pool-pages= --policy=" ] || fail "completion of options: $(cat "$dir/out")"

# ---- the manual page knows every verb and option
man=$top_srcdir/man/shadowctl.1
while read -r verb; do
	grep -q "^\\.It Cm $verb" "$man" || fail "shadowctl(1) lacks $verb"
	"$ctl" help "$verb" | sed -n 's/^  --\([a-z-]*\).*/\1/p' >"$dir/options"
	while read -r option; do
		grep -q "Fl -$option" "$man" || fail "shadowctl(1) lacks --$option of $verb"
	done <"$dir/options"
done <"$dir/verbs"
if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning "$man" >"$dir/err" || fail "mandoc finds fault with shadowctl(1)"
fi

# ---- what every verb has in common
expect 2 no-such-verb
while read -r verb; do
	"$ctl" "$verb" --help >"$dir/out" 2>"$dir/err" || fail "$verb --help fails"
	grep -q "^usage: shadowctl $verb " "$dir/out" || fail "$verb --help has no usage"
	"$ctl" help "$verb" | cmp -s - "$dir/out" || fail "help $verb differs from $verb --help"
	code=2
	[ "$verb" = run ] && code=125
	expect $code "$verb" --no-such-option
	expect $code "$verb" --sock /tmp/x
	expect $code "$verb" --timeout
	expect $code "$verb" --timeout 0
	expect $code "$verb" --timeout 1x
	expect $code "$verb" a b c d e f g h i j k l m n o p q r s t
	case $verb in run | start | stop | wait | show | screen | stats | walk | verify | replay | completion) expect $code "$verb" ;; esac
done <"$dir/verbs"
"$ctl" >"$dir/out" 2>"$dir/err"
[ $? -eq 2 ] || fail "no verb: not a usage error"
"$ctl" list >/dev/full 2>"$dir/err" && fail "a full disk looks like success"
"$ctl" help >/dev/full 2>"$dir/err" && fail "a full disk looks like success"

# ---- no daemon
for args in "list" "show x" "screen x" "stats x" "start x" "stop x" "wait x" "walk x 0x1000" "verify x"; do
	# shellcheck disable=SC2086 # words
	expect 4 $args --socket "$dir/none.sock"
done
expect 0 version --socket "$dir/none.sock"
expect 0 help
expect 0 completion bash
expect 2 completion tcsh
expect 2 help no-such-verb
expect 2 walk x nonsense
expect 2 walk x 0x1 --view sideways
expect 2 walk x 0x1 --vcpu -1
expect 2 walk x 0x10000000000000000
expect 2 replay "$dir/none" --check --pool 4M
expect 2 replay "$dir/none" --pool 3M
expect 1 replay "$dir/none"
expect 1 replay "$dir"
expect 1 replay "$0"
expect 2 list --socket "$(printf '%0200d' 0)"
SHADOWCTL_SOCKET=$dir/elsewhere "$ctl" list 2>&1 | grep -q "$dir/elsewhere" || fail "SHADOWCTL_SOCKET is not used"

# ---- daemons that misbehave
with version 8 list
grep -q 'speaks control protocol 42.*speaks 1' "$dir/err" || fail "version mismatch without both numbers"
with silent 6 list
with close 4 list
with garbage 8 list
with error 1 show x
LC_ALL=C tr -d '\n\040-\176\200-\377' <"$dir/err" | grep -qa . && fail "control characters of a daemon reach the terminal"
with other 8 show x

# ---- a trapd without VMs
"$top_builddir/trapd/trapd" --runtime-dir "$dir" -o "vm-dir=$dir" 2>"$dir/trapd.log" &
pids="$pids $!"
trapd=$!
await_socket "$dir/trapd-control.sock"
SHADOWCTL_SOCKET=$dir
export SHADOWCTL_SOCKET
expect 0 list
"$ctl" list --json | "$json" "vms=[0]" || fail "an empty list is not []"
expect 0 list --all
expect 0 version
"$ctl" version --json | "$json" trapd.program=trapd trapd.protocol=1 poold=null shadowctl.protocol=1 || fail "version"
for args in "show x" "screen x" "stats x" "stop x" "wait x" "start x"; do
	# shellcheck disable=SC2086 # words
	expect 3 $args
done
expect 2 start Bad_Name
expect 2 start x --config "$dir/none.conf"
echo 'imag = x' >"$dir/bad.conf"
expect 2 start x --config "$dir/bad.conf"
grep -q 'image' "$dir/err" || fail "an unknown key without the nearest one"
cp "$dir/bad.conf" "$dir/bad-vm.conf"
expect 1 start bad-vm
"$top_builddir/trapd/trapd" -n -o "vm-dir=$dir" 2>"$dir/err" && fail "trapd -n does not see a bad vm.d file"
rm "$dir/bad-vm.conf" "$dir/bad.conf"
"$top_builddir/trapd/trapd" -n -o "vm-dir=$dir" 2>"$dir/err" || fail "trapd -n"
echo "image = $dir/none" >"$dir/noimage.conf"
expect 1 start noimage
expect 4 walk x 0x1000
"$top_builddir/trapd/trapd" --runtime-dir "$dir" 2>"$dir/err"
[ $? -eq 1 ] && grep -q 'another daemon' "$dir/err" || fail "a second trapd takes the socket of the first"

# ---- a stale socket, and the end
kill -KILL $trapd
wait $trapd 2>/dev/null
expect 4 list
"$top_builddir/trapd/trapd" --runtime-dir "$dir" 2>"$dir/trapd.log" &
trapd=$!
pids="$pids $trapd"
timeout 10 sh -c 'until "$1" list >/dev/null 2>&1; do :; done' - "$ctl" || fail "a stale socket stops trapd"
kill -TERM $trapd
wait $trapd
[ $? -eq 0 ] || fail "SIGTERM: exit code of trapd"
[ -e "$dir/trapd-control.sock" ] && fail "the control socket is left behind"
exit $failed
