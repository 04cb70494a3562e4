#!/usr/bin/env bash
# Two servers back to back: their machines reach one another by both wires. Settings: see ../lab.sh.
here=$(dirname "$(readlink -f "$0")")
. "$here/../lab.sh"

lab_start "$here/pair.clab.yml" qemu-bmc:latest

for node in node1 node2; do
	check "$node: the BMC answers" within 60 answers "$node"
	check "$node: the machine is on" within 60 power_is "$node" on
	check "$node: the console opens" console_open "$node"
done
for node in node1 node2; do
	number=${node#node}
	check "$node: the demo system comes up" guest_ready "$node"
	# Nobody gives out addresses here; the clients would only clear ours.
	check "$node: no DHCP here" guest "$node" 'killall udhcpc'
	check "$node: two cards, eth2 and eth3 in this order" guest "$node" \
		'test "$(cat /sys/class/net/eth*/mtu | tr "\n" " ")" = "9500 1500 "'
	check "$node: addresses" guest "$node" \
		"ip a add 10.1.0.$number/24 dev eth0 && ip a add fd00:1::$number/64 dev eth0 && ip a add 10.2.0.$number/24 dev eth1"
done
check 'IPv4 by the first wire' within 30 guest node1 'ping -c 2 -W 5 10.1.0.2'
check 'IPv6 by the first wire' within 30 guest node1 'ping -c 2 -W 5 fd00:1::2'
check 'frames of 9,014 bytes by the first wire' guest node1 'ping -c 2 -W 5 -s 8972 10.1.0.2'
check 'IPv4 by the second wire' within 30 guest node1 'ping -c 2 -W 5 10.2.0.2'
check 'the same from the other side' guest node2 'ping -c 2 -W 5 10.1.0.1 && ping -c 2 -W 5 10.2.0.1'

check 'node2: power off' ipmi node2 power off
check 'node2: off' within 20 power_is node2 off
check 'a machine that is off answers nobody' refused guest node1 'ping -c 1 -W 2 10.1.0.2'
check 'node2: power on' ipmi node2 power on
check 'node2: the demo system comes up again' guest_ready node2
check 'node2: address' guest node2 'killall udhcpc && ip a add 10.1.0.2/24 dev eth0'
check 'it answers again' within 30 guest node1 'ping -c 1 -W 2 10.1.0.2'
lab_result
