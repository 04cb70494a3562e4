#!/bin/bash
# Becomes the QEMU of one machine: qemu-launcher.sh RUN_DIR
#
# RUN_DIR/qemu.args holds the program and its arguments, each ended by NUL. The exclusive lock on RUN_DIR/lock
# is inherited by QEMU and lives as long as it does, so that a machine never has two. Exit 75: locked by another.
set -u
run=${1:?qemu-launcher: the run directory is missing}

# A supervisor's message channel is not for QEMU; nor is a core file with the guest's memory in it for anyone.
exec 3>&- 9>>"$run/lock" || exit 74
ulimit -c 0
if ! flock --nonblock 9; then
  echo "qemu-launcher: another QEMU holds $run/lock" >&2
  exit 75
fi

mapfile -d '' -t argv <"$run/qemu.args"
if ((${#argv[@]} == 0)); then
  echo "qemu-launcher: $run/qemu.args: no arguments" >&2
  exit 78
fi

# Standard error belongs to the run from here on: a start that fails is explained by it.
exec </dev/null >/dev/null 2>"$run/qemu.err"

# Field 22 of stat, behind a name that may hold blanks. With the number it names this process for good.
read -r stat <"/proc/$$/stat"
read -r -a fields <<<"${stat##*) }"
echo "$$ ${fields[19]}" >"$run/qemu.pid"

# Blocked signals stay blocked: a supervisor that stops everything at once must not cut the guest's power while
# the BMC still shuts it down in order. The BMC ends QEMU by QMP, or by SIGKILL.
exec env -i --block-signal=INT --block-signal=TERM --block-signal=HUP PATH="$PATH" "${argv[@]}"
