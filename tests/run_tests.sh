#!/bin/sh
# The tests by subject, through the same runner and the same files as `npm test`. Prints `N passed, N failed` at the end;
# exit code 0 when all passed, 2 for a subject that is not there.
set -eu

usage() {
	cat <<'END'
Usage: tests/run_tests.sh [SUBJECT]

  all           everything (the default)
  quick         without QEMU, Docker and real clients: under a minute
  container     the image and what runs in it
  ipmi          IPMI over LAN and in-band, with ipmitool, FreeIPMI and others
  power         power, boot, reset, watchdog, and the processes behind them
  network       the machine's network cards
  redfish       Redfish over HTTPS, virtual media
  operations    metrics, health, support bundle, accounts on every door, supply chain
  sol           Serial-over-LAN, console and screen
  web           the web console, in a real browser
  containerlab  topologies, compose and Kubernetes files, and the labs themselves

What a test needs and this machine cannot have is said in the title of the skipped test.
END
}

# Vitest takes words as parts of file names.
case ${1-all} in
all) set -- ;;
quick) set -- --project unit ;;
container) set -- tests/container/ ;;
ipmi)
	set -- tests/unit/ipmi/ tests/golden/ tests/e2e/ipmi- tests/e2e/clients tests/e2e/users tests/e2e/in-band \
		tests/e2e/login-flood tests/e2e/sel tests/e2e/sensors tests/e2e/pef tests/e2e/lan-
	;;
power)
	set -- tests/unit/bmc/power tests/unit/bmc/watchdog tests/e2e/chassis tests/e2e/qemu-machine tests/e2e/watchdog \
		tests/e2e/bmc-reset tests/e2e/appliance tests/e2e/cli tests/e2e/boot- \
		tests/e2e/kvm-probe tests/e2e/power- tests/e2e/bmc-process tests/e2e/hung-machine tests/e2e/full-disk \
		tests/e2e/secrets tests/unit/reliability/
	;;
network) set -- tests/unit/network/ tests/e2e/network tests/container/compose tests/container/containerlab-pair ;;
redfish)
	set -- tests/unit/redfish/ tests/unit/http/ tests/unit/media/ tests/e2e/redfish tests/e2e/virtual-media \
		tests/container/redfish
	;;
operations)
	set -- tests/unit/metrics/ tests/unit/support/ tests/unit/bmc/every-door tests/unit/bmc/secrets-stay \
		tests/unit/log-output tests/unit/supply-chain tests/unit/docs/
	;;
sol)
	set -- tests/unit/ipmi/sol/ tests/unit/bmc/console tests/unit/http/sockets/ tests/e2e/sol tests/e2e/screen \
		tests/e2e/web-sockets
	;;
web) set -- tests/unit/web/ tests/unit/http/ tests/e2e/web- ;;
containerlab) set -- tests/unit/containerlab/ tests/container/containerlab ;;
-h | --help | help)
	usage
	exit 0
	;;
*)
	echo "run_tests.sh: no subject named $1" >&2
	usage >&2
	exit 2
	;;
esac

exec node "$(dirname "$(dirname "$(readlink -f "$0")")")/scripts/test.mjs" "$@"
