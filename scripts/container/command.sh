#!/bin/sh
# `qemu-bmc` in the container. `docker exec` comes as root, while state and sockets may belong to another user.
main=/app/dist/main.js
owner=$(stat -c %u "${RUN_DIR:-/run/qemu-bmc}" 2>/dev/null) || owner=0
if [ "$(id -u)" = 0 ] && [ "$owner" != 0 ]; then
  exec setpriv --reuid "$owner" --regid qemu --clear-groups --inh-caps=-all node "$main" "$@"
fi
exec node "$main" "$@"
