#!/bin/sh
# Takes out of the image's system what no BMC and no x86 machine needs. Runs once, while the image is built, in a
# stage whose files are then copied as one layer. Packages stay known to dpkg, so that apt works in images made on
# top of this one; sbom.mjs leaves out those of which nothing is left.
set -eu
library=/usr/lib/x86_64-linux-gnu

# Node's headers, npm and what else stands in public Node images to build with.
rm -rf /usr/local/include /usr/local/lib/node_modules /usr/local/share/man /usr/local/share/doc /opt/yarn*
rm -f /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg \
  /usr/local/bin/docker-entrypoint.sh /usr/local/CHANGELOG.md /usr/local/README.md

# The language; Debian's own tools need perl-base alone.
rm -rf /usr/share/perl $library/perl $library/libperl.so.* /usr/bin/perl5.*-x86_64-linux-gnu

# QEMU's other programs, other machines' firmware, smaller copies of OVMF, sound, and two storage clusters.
rm -f /usr/bin/qemu-storage-daemon /usr/bin/qemu-pr-helper /usr/bin/qemu-system-x86_64-microvm /usr/bin/qemu-io
rm -f /usr/share/OVMF/OVMF_CODE.* /usr/share/OVMF/OVMF_VARS.* /usr/share/OVMF/*snakeoil*
rm -rf /usr/share/ovmf /usr/share/qemu/OVMF.fd
cd /usr/share/qemu
rm -f ./*.dtb QEMU,* hppa-firmware* npcm7xx* openbios-* opensbi-* palcode-* s390-* skiboot.lid slof.bin vof.bin trace-events-all
cd $library
rm -rf ceph librbd.so.* librados.so.* libglusterfs.so.* libgf*.so.* libboost_*
rm -f qemu/block-rbd.so qemu/block-gluster.so qemu/audio-* qemu/*spice* libspice-server.so.* libgst*.so.* liborc-*.so.*

# Words about things, but no licence: the files named `copyright` stay.
find /usr/share/doc -type f ! -name copyright ! -path '*/qemu-bmc/*' -delete
find /usr/share/doc -depth -type d -empty -delete
rm -rf /usr/share/man /usr/share/info /usr/share/locale /usr/share/iso-codes /usr/share/xml/iso-codes \
  /usr/share/lintian /usr/share/bug /usr/share/zoneinfo/right /usr/share/zoneinfo/posix /usr/share/bash-completion

# No program in here gives its caller more rights than he has.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +

# What is left must still run.
ldconfig
qemu-system-x86_64 -machine q35 -display none -version >/dev/null
qemu-img --version >/dev/null
for program in /usr/bin/qemu-system-x86_64 /usr/bin/qemu-img /usr/bin/swtpm /usr/sbin/ip; do
  if ldd $program | grep 'not found'; then
    echo "trim.sh: $program lacks a library" >&2
    exit 1
  fi
done
for driver in curl iscsi nfs ssh; do
  if ldd $library/qemu/block-$driver.so | grep 'not found'; then
    echo "trim.sh: QEMU's $driver driver lacks a library" >&2
    exit 1
  fi
done
