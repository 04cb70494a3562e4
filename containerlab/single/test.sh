#!/usr/bin/env bash
# One server with a BMC: identity, login, power, console. Settings: see ../lab.sh.
here=$(dirname "$(readlink -f "$0")")
. "$here/../lab.sh"

lab_start "$here/single.clab.yml" qemu-bmc:latest

check 'the BMC answers' within 60 answers server
check 'a wrong password is refused' refused ipmi server -P wrong mc info
check 'the machine is on' within 30 power_is server on
check 'the console opens' console_open server
check 'the demo system comes up' guest_ready server
check 'the console takes commands' guest server 'uname -r | grep amd64'
check 'without a wire the machine has one card' guest server 'test "$(ls -d /sys/class/net/eth*)" = /sys/class/net/eth0'
check 'power off' ipmi server power off
check 'the machine is off' within 20 power_is server off
check 'power on' ipmi server power on
check 'the machine is on again' within 20 power_is server on
check 'the console closes' console_close server
lab_result
