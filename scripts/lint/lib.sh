# SPDX-License-Identifier: GPL-2.0-or-later
# What several checks need. Each runs at the top of the tree.
# shellcheck shell=bash
folders="ctl trapd poold common proto"

# rooms [MAKEFILE PART]: the rooms, each above those that it may use: the order in which the local.mk include each other.
rooms()
{
	local folder line
	for folder in ${1:-$folders}; do
		echo "$folder"
		while read -r line; do
			case $line in "include $folder/"*/local.mk) line=${line#include }; rooms "${line%/local.mk}" ;; esac
		done <"$folder/local.mk"
	done
}

# sources: every file that is compiled into the programs, or included there.
# shellcheck disable=SC2086 # a list of words
sources() { find $folders -name '*.[chS]' | sort; }

# report KNOWN: of the findings on stdin, KEY<TAB>MESSAGE each, prints those whose key is no line of the file KNOWN, and the lines there
# that were not found: the list can only become shorter. 1 if it printed something.
report()
{
	local known=$1
	[ -e "$known" ] || known=/dev/null
	awk -F '\t' -v name="$known" '
		FILENAME == name { if ($0 !~ /^(#|$)/) { line[$0] = FNR; lines++ } next }
		$1 in line { found[$1] = 1; next }
		!seen[$0]++ { print $2; bad = 1 }
		END {
			if (name != "/dev/null" && !lines) { print name ":1: the list is empty: remove the file"; bad = 1 }
			for (key in line) if (!(key in found)) {
				print name ":" line[key] ": no longer found: remove this line (" key ")"
				bad = 1
			}
			exit bad
		}' "$known" -
}

# symbols BUILD: the external symbols of what was built, a line each: D (defined) or U (needed), symbol, source file. What was generated,
# and objects left over from an older tree, are no source files.
symbols()
{
	local room
	{
		sources
		for room in $(rooms); do
			find "$1/$room" -maxdepth 1 \( -name '*.a' -o -name '*main.o' -o -path '*/ctl/*.o' \)
		done | xargs nm -A -g
	} | awk -v build="$1/" '
		NF == 1 { source[$1] = 1; next }
		NF > 1 {
			room = file = substr($1, length(build) + 1)
			sub(/\/[^\/]*$/, "", room)
			sub(/:[0-9a-f]*$/, "", file)
			sub(/^.*[:\/]/, "", file)
			sub(/\.o$/, "", file)
			for (tries = 0; tries < 2; tries++) {
				name = room "/" file
				if ((name ".c") in source || (name ".S") in source) {
					print $(NF - 1) ~ /^[Uw]$/ ? "U" : "D", $NF, name ((name ".c") in source ? ".c" : ".S")
					break
				}
				sub(/^[^-]*-/, "", file)	# of an object with flags of its own
			}
		}'
}
