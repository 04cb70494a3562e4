# Functions for the labs' test.sh (bash). Sourced, not run.
#
#   CONTAINERLAB     the program that deploys, in one or more words (default: containerlab; as a user: "sudo containerlab")
#   DEPLOY_OPTIONS   more words for its `deploy`
#   TOPOLOGY         another topology file than the folder's own, with the same nodes
#   KEEP=1           leave the lab running at the end
#   IPMI_PASS        password of the user admin (default: password)

set -euo pipefail

read -ra clab <<<"${CONTAINERLAB:-containerlab}"
read -ra deploy_options <<<"${DEPLOY_OPTIONS:-}"
work=$(mktemp -d)
topology=
lab=
failed=0
commands=0
declare -A console_input console_process

# lab_start FILE IMAGE...: deploys it, and has it removed at the end
lab_start() {
	topology=${TOPOLOGY:-$1}
	lab=$(sed -n 's/^name: *//p' "$topology")
	shift
	for program in "${clab[0]}" docker ipmitool; do
		command -v "$program" >/dev/null || lab_cannot "$program is not installed"
	done
	if [ -z "${TOPOLOGY:-}" ]; then
		for image in "$@"; do
			docker image inspect "$image" >/dev/null 2>&1 || lab_cannot "no image $image: README.md says how to build it"
		done
	fi
	# Where containerlab writes what it knows about the lab: nothing is left in the folder where the test was started.
	[ -n "${KEEP:-}" ] || export CLAB_LABDIR_BASE=$work
	trap lab_end EXIT
	trap 'exit 130' INT TERM
	# A console whose session has ended takes no more keys; that is a failed check, not the end of the test.
	trap '' PIPE
	"${clab[@]}" deploy -t "$topology" "${deploy_options[@]}"
}

lab_cannot() {
	echo "test.sh: $*" >&2
	rm -rf "$work"
	exit 2
}

lab_end() {
	local status=$?
	for node in "${!console_input[@]}"; do console_close "$node" || true; done
	if [ -n "${KEEP:-}" ]; then
		echo "the lab is left running: ${clab[*]} destroy -t $topology"
	else
		"${clab[@]}" destroy -t "$topology" >/dev/null || status=1
	fi
	rm -rf "$work"
	exit "$status"
}

# lab_result: the last line of a test
lab_result() {
	[ "$failed" = 0 ] || { echo "$lab: $failed failed"; exit 1; }
	echo "$lab: all passed"
}

# check SENTENCE COMMAND...: one line for the reader; a failure shows what the command said
check() {
	local sentence=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		echo "ok - $sentence"
	else
		echo "not ok - $sentence"
		tail -n 20 "$work/said" | sed 's/\x1b\[6n//; s/^/    /'
		failed=$((failed + 1))
	fi
}

# within SECONDS COMMAND...: tries again until it works
within() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.5
	done
}

refused() { ! "$@"; }

container() { echo "clab-$lab-$1"; }

# address NODE: where its BMC answers
address() {
	docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$(container "$1")" | cut -d' ' -f1
}

# ipmi NODE ARGUMENT...: ipmitool to its BMC
ipmi() {
	local node=$1
	shift
	ipmitool -I lanplus -H "$(address "$node")" -U admin -P "${IPMI_PASS:-password}" "$@"
}

# answers NODE: it says yes to a first, short question
answers() { ipmi "$1" -N 1 -R 1 mc info; }

# power_is NODE on|off
power_is() { [ "$(ipmi "$1" power status)" = "Chassis Power is $2" ]; }

# console_open NODE: Serial-over-LAN, kept open for `guest`
console_open() {
	mkfifo "$work/$1.in"
	ipmi "$1" sol activate <"$work/$1.in" >"$work/$1.out" 2>&1 &
	console_process[$1]=$!
	exec {console_input[$1]}>"$work/$1.in"
	within 60 grep -q 'SOL Session operational' "$work/$1.out"
}

console_close() {
	local input=${console_input[$1]}
	[ -n "$input" ] || return 0
	printf '\r~.' >&"$input" || true
	exec {input}>&-
	wait "${console_process[$1]}" || true
	unset "console_input[$1]"
	rm -f "$work/$1.in"
}

# guest_ready NODE [SECONDS]: logs in to the demo system on its console, whatever is on it now
guest_ready() {
	local node=$1 mark
	mark=$(wc -c <"$work/$node.out")
	within "${2:-120}" prompts "$node" "$mark"
}

prompts() {
	printf '\r' >&"${console_input[$1]}"
	case $(tail -c "+$(($2 + 1))" "$work/$1.out" | tail -n 1) in
	*'~# '*) return 0 ;; # behind it the shell asks the terminal where its cursor is
	*'login: ') printf 'root\r' >&"${console_input[$1]}" ;;
	esac
	return 1
}

# guest NODE COMMAND: runs it on the console; with its exit code, within 60 s
guest() {
	local node=$1 number=$((++commands))
	# What is typed comes back as an echo, but with $? in place of the number.
	printf '%s; echo end of %s: $?\r' "$2" "$number" >&"${console_input[$node]}"
	within 60 grep -qE "^end of $number: [0-9]" "$work/$node.out" || return 1
	tail -n 20 "$work/$node.out"
	grep -qE "^end of $number: 0" "$work/$node.out"
}
