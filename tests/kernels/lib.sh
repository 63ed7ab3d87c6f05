# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Drives a kernel of the user's through its serial console; sourced by the tests of this folder. They run outside `make check`:
# make check-kernels KERNELS=DIR. A kernel that DIR lacks is skipped by name. KERNEL_SCALE multiplies every time limit.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm
kernels=${KERNELS:-}
kernel_scale=${KERNEL_SCALE:-1}
console=$work/console

# need FILE...: paths below KERNELS; exit 77 if one is absent.
need()
{
	local f
	for f; do
		[ -n "$kernels" ] && [ -f "$kernels/$f" ] || skip "$f is not in KERNELS=${kernels:-(unset)}"
	done
}

# boot SECONDS OPTIONS... IMAGE: start it; its console goes to $console, type writes to it.
boot()
{
	local seconds=$1
	shift
	mkfifo "$work/keys"
	exec {keys}<>"$work/keys"
	: >"$console"
	"$ctl" run --status "$work/status" --stats "$work/stats" --timeout $((seconds * kernel_scale)) "$@" \
		<"$work/keys" >"$console" 2>"$work/err" &
	run=$!
}

type_line() { printf '%s\n' "$1" >&"$keys"; }

seen() { tr -d '\r' <"$console" | grep -qaE -- "$1"; }
ended() { ! kill -0 "$run" 2>/dev/null; }
seen_or_ended() { seen "$1" || ended; }

# await_text SECONDS REGEX: 1 if the console does not show it in time, or the VM ends first.
await_text()
{
	local end=$((SECONDS + $1 * kernel_scale))
	until seen_or_ended "$2" || [ $SECONDS -gt $end ]; do
		pause
	done
	seen "$2" && { echo "seen after ${SECONDS} s: $2"; return 0; }
	fail "the console did not show '$2'"
	tail -c 2000 "$console" | tr -d '\r' | show -
	show "$work/err"
	return 1
}

# xv6_command SECONDS COMMAND REGEX: wait for the shell's prompt, type a command, and wait for what it prints.
xv6_prompts=0
xv6_command()
{
	xv6_prompts=$((xv6_prompts + 1))
	await_prompts "$1" && type_line "$2" && await_text "$1" "$3"
}

prompts_or_ended() { [ "$(tr -d '\r' <"$console" | grep -acE '^\$ ')" -ge $xv6_prompts ] || ended; }
await_prompts()
{
	local end=$((SECONDS + $1 * kernel_scale))
	until prompts_or_ended || [ $SECONDS -gt $end ]; do
		pause
	done
	! ended && prompts_or_ended && return 0
	fail "no prompt number $xv6_prompts"
	tail -c 2000 "$console" | tr -d '\r' | show -
	show "$work/err"
	return 1
}

# What every xv6 has to do: its shell, three commands, forktest, and no violation in the pool.
xv6_commands()
{
	await_text 900 "init: starting sh" && xv6_command 300 "echo hello" "^hello" && xv6_command 300 ls "^README +2 " &&
		xv6_command 300 "echo one two | wc" "^1 2 8" && xv6_command 1800 forktest "fork test OK"
}

stop() { kill "$run" 2>/dev/null; wait "$run" 2>/dev/null; exec {keys}>&-; }
