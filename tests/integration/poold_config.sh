#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# poold's command line and configuration file: exit codes of -n, messages that name what is wrong.
poold=${top_builddir:-.}/poold/poold
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

# expect CODE WORD ARGS...: exit code, and a word of stderr ("" for none)
expect() {
	code=$1 word=$2
	shift 2
	timeout 10 "$poold" "$@" >"$dir/out" 2>"$dir/err"
	rc=$?
	if [ $rc -ne "$code" ]; then
		echo "poold $*: exit code $rc instead of $code"
		cat "$dir/err"
		failed=1
	elif [ -n "$word" ] && ! grep -q -- "$word" "$dir/err"; then
		echo "poold $*: no '$word' in: $(cat "$dir/err")"
		failed=1
	elif [ "$(wc -l <"$dir/err")" -gt 1 ]; then
		echo "poold $*: more than one line: $(cat "$dir/err")"
		failed=1
	fi
}

: >"$dir/empty"
cat >"$dir/good" <<EOF
# all keys
attach-socket = $dir/a.sock
control-socket = $dir/c.sock
log-level = debug
pool-pages = 4k
max-vm-pool = 256M
max-vm-ram = 8G
max-vms = 3
allow-inject = yes
EOF
echo 'pool-page = 4k' >"$dir/unknown"
echo 'max-vm-pool = many' >"$dir/value"
echo 'pool-pages = 1g' >"$dir/enum"

expect 0 '' -n -c "$dir/empty"
expect 0 '' -n -c "$dir/good"
expect 0 '' --test --runtime-dir "$dir"
expect 0 '' -n -c "$dir/empty" -o max-vm-pool=64M -o log-level=error
expect 2 'pool-pages' -n -c "$dir/unknown"
expect 2 'unknown' -n -c "$dir/unknown"
expect 2 'max-vm-pool' -n -c "$dir/value"
expect 2 '4k' -n -c "$dir/enum"
expect 2 "$dir/absent" -n -c "$dir/absent"
expect 2 'KEY=VALUE' -n -c "$dir/empty" -o max-vms
expect 2 'max-vms' -n -c "$dir/empty" -o max-vms=0
expect 2 '--frobnicate' --frobnicate
expect 2 '-c' -c
expect 2 'surplus' -n -c "$dir/empty" surplus
# Start-up errors are no configuration errors: what cannot be bound or written is said in one line, exit code 1.
expect 1 "$dir/nowhere" --runtime-dir "$dir/nowhere"
: >"$dir/poold-attach.sock"
expect 1 'poold-attach.sock' --runtime-dir "$dir"
rm "$dir/poold-attach.sock"
expect 1 'trace' --runtime-dir "$dir" --trace "$dir/no/trace"

. "$top_srcdir/tests/integration/manual_knows.sh"
manual_knows poold 8 7
exit $failed
