#!/usr/bin/env bash
# Servers boot from the network when told so, under BIOS and UEFI. Settings: see ../lab.sh.
here=$(dirname "$(readlink -f "$0")")
. "$here/../lab.sh"

lab_start "$here/provisioning.clab.yml" qemu-bmc:latest qemu-bmc-deploy:latest

booted_by() { guest "$1" "grep -o 'demo.boot=$2' /proc/cmdline"; }
# A lease of the lab's network; the clients ask for one beside the login prompt.
has_lease() { within 30 guest "$1" 'ip -4 address show dev eth0 | grep "inet 10.10.0.1[0-9][0-9]/24"'; }
deploy_says() { docker logs "$(container deploy)" 2>&1 | grep -F "$1"; }

for server in server1 server2 server3; do check "$server: the BMC answers" within 60 answers "$server"; done
check 'server3: the console opens' console_open server3
check 'server1: off, as a server that has just been put into the rack' power_is server1 off
check 'server1: next boot from the network' ipmi server1 chassis bootdev pxe
check 'server1: power on' ipmi server1 power on
check 'server2: next boot from the network' ipmi server2 chassis bootdev pxe options=efiboot
check 'server2: power on' ipmi server2 power on
for server in server1 server2; do check "$server: the console opens" console_open "$server"; done

check 'server3: its own system comes up' guest_ready server3
check 'server3: booted from disk' booted_by server3 disk
check 'server3: next boot from the network' ipmi server3 chassis bootdev pxe
check 'server3: power cycle' ipmi server3 power cycle

check 'server1: a system comes up' guest_ready server1 180
check 'server1: booted from the network' booted_by server1 pxe
check 'server1: by BIOS' guest server1 '! test -d /sys/firmware/efi'
check 'server1: has an address of the deploy server' has_lease server1
check 'server2: a system comes up' guest_ready server2 180
check 'server2: booted from the network' booted_by server2 pxe
check 'server2: by UEFI' guest server2 'test -d /sys/firmware/efi'
check 'server2: has an address of the deploy server' has_lease server2
check 'server3: a system comes up' guest_ready server3 180
check 'server3: booted from the network this time' booted_by server3 pxe
check 'server3: reaches the deploy server over the switch' within 30 guest server3 'ping -c 2 -W 5 10.10.0.1'
check 'the script came by TFTP' deploy_says 'sent /srv/tftp/start.ipxe'
check 'kernels came by HTTP' deploy_says 'url:/vmlinuz'
lab_result
