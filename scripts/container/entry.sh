#!/bin/bash
# The container's first program, under tini: prepares as root, then becomes the supervisor of BMC and QEMU.
set -u
# BMC and QEMU are two users of one group, and nobody else has business with their files.
umask 007
mapfile -d '' -t argv < <(exec node /app/dist/main.js container)
wait $! || exit
exec "${argv[@]}"
