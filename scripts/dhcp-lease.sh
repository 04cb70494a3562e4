#!/bin/sh
# What udhcpc calls with news: puts a lease onto the interface, and takes it off when it is lost. The address in force
# stands in $LEASE_FILE. Other addresses of the interface are not ours.
set -eu

forget() {
  [ -e "$LEASE_FILE" ] || return 0
  old=$(cat "$LEASE_FILE")
  for one in $(ip -o -4 address show dev "$interface" | awk '{ print $4 }'); do
    if [ "${one%/*}" = "$old" ]; then ip address delete "$one" dev "$interface"; fi
  done
  rm -f "$LEASE_FILE"
}

case "$1" in
  bound | renew)
    if [ -e "$LEASE_FILE" ] && [ "$(cat "$LEASE_FILE")" != "$ip" ]; then forget; fi
    ip -4 address replace "$ip/${mask:-32}" broadcast + dev "$interface"
    while ip -4 route delete default dev "$interface" 2>/dev/null; do :; done
    for gateway in ${router:-}; do
      ip -4 route add default via "$gateway" dev "$interface" onlink
      break
    done
    printf '%s\n' "$ip" >"$LEASE_FILE.new"
    mv "$LEASE_FILE.new" "$LEASE_FILE"
    ;;
  deconfig) forget ;;
esac
