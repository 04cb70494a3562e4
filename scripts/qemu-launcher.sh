#!/bin/bash
# Becomes the QEMU of one machine: qemu-launcher.sh RUN_DIR
#
# RUN_DIR/qemu.args holds the program and its arguments, each ended by NUL. The exclusive lock on RUN_DIR/lock
# is inherited by QEMU and lives as long as it does, so that a machine never has two. Exit 75: locked by another.
# RUN_DIR/qemu.fds, if there, has a line `FD PATH` for each device that QEMU inherits open.
# RUN_DIR/tpm.args, if there, holds the program of the machine's TPM, which lives as long as QEMU does.
set -u
# What is written here is for the BMC's eyes; QEMU may be another user of its group.
umask 077
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

# Words that give QEMU a user of its own and take every right from it, as far as there is one to give.
prefix=()
if [[ -e $run/qemu.user ]]; then mapfile -d '' -t prefix <"$run/qemu.user"; fi

# Blocked signals stay blocked: a supervisor that stops everything at once must not cut the guest's power while
# the BMC still shuts it down in order. The BMC ends QEMU by QMP, or by SIGKILL.
# A server's load does not slow its BMC down, which has a processor of its own: here it goes before the guest's.
begin=(nice -n 5 env -i --block-signal=INT --block-signal=TERM --block-signal=HUP "PATH=$PATH" "${prefix[@]}")

# The TPM is a child of this process, and so of QEMU: the kernel ends it when QEMU is gone, however that comes about.
# It gets neither the lock nor the devices.
if [[ -e $run/tpm.args ]]; then
  mapfile -d '' -t tpm <"$run/tpm.args"
  socket=$run/sockets/tpm.sock
  (
    umask 007
    exec "${begin[@]}" setpriv --pdeathsig KILL "${tpm[@]}" 9>&-
  ) &
  read -r stat <"/proc/$!/stat"
  read -r -a fields <<<"${stat##*) }"
  echo "$! ${fields[19]}" >"$run/tpm.pid"
  for ((tries = 0; tries < 500; tries++)); do
    if [[ -S $socket || ! -e /proc/$! ]]; then break; fi
    sleep 0.01
  done
  if [[ ! -S $socket ]]; then
    echo "qemu-launcher: the TPM does not start (${tpm[0]}, of the Debian package swtpm)" >&2
    exit 69
  fi
fi

# Devices that QEMU itself may have no right to open. Only devices: to open a missing file this way would make one.
fds=()
if [[ -e $run/qemu.fds ]]; then mapfile -t fds <"$run/qemu.fds"; fi
for line in "${fds[@]}"; do
  fd=${line%% *} node=${line#* }
  if [[ ! $fd =~ ^[0-9]+$ || ! -c $node ]]; then
    echo "qemu-launcher: $run/qemu.fds: $node is no device" >&2
    exit 78
  fi
  eval "exec $fd<>\"\$node\"" || exit 74
done

# QEMU's sockets are for its group, which the BMC is in.
umask 007

exec "${begin[@]}" "${argv[@]}"
