# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034 # what is read here is used by who sources this
# How rules are read and put in, for run-mutants, which says what a rule looks like, and run-daemons; sourced.
# A rule is in the variables rules (its file, without ending), name, file, numbers, known, old and new.
nl='
'

rule_end() # COMMAND
{
	[ -z "$name" ] || "$1"
	name=
	old=
	new=
}

# rules_read PATH COMMAND: the command for each rule of the file
rules_read()
{
	local line word named

	name=
	rule_end "$2"
	while IFS= read -r line; do
		case $line in
		"mutant "*)
			rule_end "$2"
			read -r _ name file named <<<"$line"
			numbers=
			known=
			for word in $named; do
				case $word in
				D[0-9][0-9]) numbers="$numbers $word" ;;
				*) known=$word ;;
				esac
			done
			;;
		"- "*) old=$old${old:+$nl}${line#- } ;;
		"+ "*) new=$new${new:+$nl}${line#+ } ;;
		"" | "#"*) ;;
		*)
			echo "cannot read: $line"
			exit 2
			;;
		esac
	done <"$1"
	rule_end "$2"
}

# rule_selected [WORD...]: is the rule among the words? group is that of its file.
rule_selected()
{
	local word

	[ $# -gt 0 ] || return 0
	for word; do
		# shellcheck disable=SC2053
		[[ $name == $word || $file == $word || $rules == $word || $group == $word || " $numbers " == *" $word "* ]] && return
	done
	return 1
}

# rule_apply SOURCE MUTANT: the source with the error in it. If its text does not stand there once: 1, with the reason printed.
rule_apply()
{
	local text rest

	text=$(cat "$1" 2>/dev/null; echo x)
	text=${text%x}
	rest=${text#*"$old"}
	if [ -z "$old" ] || [ "$rest" = "$text" ]; then
		echo "BROKEN   $name: the rule does not apply to $file any more"
		return 1
	elif [ "${rest#*"$old"}" != "$rest" ]; then
		echo "BROKEN   $name: the rule applies to $file more than once"
		return 1
	fi
	printf %s "${text/"$old"/"$new"}" >"$2"
}
