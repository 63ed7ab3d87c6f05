#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A minute of random guests against the pool, from seed 1 on: as many plans as the machine makes in POOL_RANDOM_SECONDS. Then
# that a failure can be had again: a pool that is told to install one wrong leaf must fail, and twice the same way.
program=$top_builddir/tests/unit/poold/pool/test_pool_random
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT

run() # SEED OPS SECONDS POISON
{
	POOL_RANDOM_SEED=$1 POOL_RANDOM_OPS=$2 POOL_RANDOM_SECONDS=$3 POOL_RANDOM_POISON=$4 \
		"$program" --filter 'pool_random/long_run' 2>&1
}

run 1 1000000000 "${POOL_RANDOM_SECONDS:-60}" 0 >"$out/slice" || {
	tail -20 "$out/slice"
	echo "the last seed above fails: POOL_RANDOM_SEED=N POOL_RANDOM_OPS=1 make check-random"
	exit 1
}
steps=$(sed -n 's/^pool_random: \([0-9]*\) steps, no difference$/\1/p' "$out/slice")
[ "${steps:-0}" -ge 10000 ] || { tail -5 "$out/slice"; echo "no step was made"; exit 1; }
echo "$steps steps"

# Some plans never use the leaf that is wrong: the first two that do are enough.
noticed=0
for seed in 3 4 5 6 7 8 9 10 11 12; do
	run $seed 1 0 400 >"$out/first" && continue
	run $seed 1 0 400 >"$out/second" && { echo "seed $seed: no failure the second time"; exit 1; }
	for time in first second; do
		grep 'seed' "$out/$time" >"$out/$time.seed"
	done
	cmp "$out/first.seed" "$out/second.seed" || { echo "seed $seed: another failure the second time"; cat "$out/first" "$out/second"; exit 1; }
	noticed=$((noticed + 1))
	[ $noticed -lt 2 ] || exit 0
done
echo "a wrong leaf is noticed with $noticed of ten seeds"
exit 1
