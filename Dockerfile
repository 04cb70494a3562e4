# One container = one server with a BMC. `docker build -t qemu-bmc .`, then `docker run`: README, "In a container".
# Builds with the classic builder as well as with BuildKit, and asks no registry when the base image is there:
# hence no `# syntax=` line, no RUN --mount, no COPY --chmod and no here-documents.
ARG NODE_IMAGE=node:24-bookworm-slim

# --- The program: compiled, then its run-time packages alone ---
FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY tsconfig.json vite.bmc.config.ts vite.config.ts vite.server.config.ts ./
COPY src src
COPY scripts/code-cache.mjs scripts/code-cache.ts scripts/licences.ts scripts/
RUN npm run build \
 && npm ci --omit=dev \
 && find dist node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.test.*' \) -delete \
 && find node_modules -type d \( -name test -o -name tests -o -name benchmarks -o -name examples -o -name docs \) -prune \
      -exec rm -rf {} + \
 && rm -rf node_modules/.bin node_modules/.package-lock.json

# --- The demo machine: made of Debian packages, as `npm run setup` does ---
FROM ${NODE_IMAGE} AS demo
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      grub-common grub-efi-amd64-bin grub-pc-bin mtools qemu-utils xorriso
COPY scripts/demo-guest /src/scripts/demo-guest
RUN node /src/scripts/demo-guest/build.mjs --out /demo && rm -rf /demo-cache

# --- The system: what runs, and nothing else ---
FROM ${NODE_IMAGE} AS system
# libcap2-bin: capsh takes the last capabilities from QEMU. qemu-block-extra: configured disks over HTTP, NFS, iSCSI and
# SSH. libnfs-utils: images for virtual media over NFS.
# udhcpc: the BMC's own address by DHCP, when an IPMI client asks for it.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ethtool ipxe-qemu iproute2 libcap2-bin libnfs-utils ovmf qemu-block-extra qemu-system-x86 qemu-utils seabios swtpm tini \
      udhcpc \
 && rm -rf /var/lib/apt/lists/*
# Who runs what: the BMC and its supervisor as `bmc`, QEMU as `qemu`. They share one group, by which they reach each
# other's sockets; the numbers are fixed, so that a volume's owner means the same in every version of the image.
RUN groupadd --system --gid 6230 qemu \
 && useradd --system --uid 6230 --gid qemu --no-create-home --home-dir / --shell /usr/sbin/nologin qemu \
 && useradd --system --uid 6231 --gid qemu --no-create-home --home-dir / --shell /usr/sbin/nologin bmc
COPY scripts/container/trim.sh /tmp/
RUN sh /tmp/trim.sh && rm /tmp/trim.sh
COPY scripts/container/command.sh /usr/local/bin/qemu-bmc
COPY package.json LICENSE NOTICE /app/
COPY configs /app/configs
COPY scripts/container/sbom.mjs /tmp/
COPY --from=build /src/node_modules /app/node_modules
RUN chmod 755 /usr/local/bin/qemu-bmc \
 && mkdir -p /usr/share/doc/qemu-bmc /vm /iso /var/lib/qemu-bmc /app/build \
 && node /tmp/sbom.mjs /app >/usr/share/doc/qemu-bmc/sbom.cdx.json \
 && cp /app/LICENSE /app/NOTICE /usr/share/doc/qemu-bmc/ \
 && rm -rf /tmp/* /var/log/* /var/cache/* \
 && mkdir -p /var/cache/apt/archives/partial

# --- The image: one layer of the system, so that what was removed takes no space, and the program on it ---
FROM scratch
COPY --from=system / /
COPY --from=demo /demo /app/build/demo
COPY --from=build /src/dist /app/dist
COPY scripts/qemu-launcher.sh scripts/dhcp-lease.sh /app/scripts/
COPY scripts/container/entry.sh /app/scripts/container/

ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_ENV=production \
    BMC_ADDR=0.0.0.0 \
    STATE_DIR=/var/lib/qemu-bmc \
    RUN_DIR=/run/qemu-bmc \
    MEDIA_LIBRARY=/iso \
    VM_NETWORKS=auto \
    SHUTDOWN_GRACE=7
WORKDIR /
VOLUME ["/vm", "/iso", "/var/lib/qemu-bmc"]
EXPOSE 623/udp 443/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/local/bin/qemu-bmc", "health"]
ENTRYPOINT ["/usr/bin/tini", "-g", "--", "/bin/bash", "/app/scripts/container/entry.sh"]

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="qemu-bmc" \
      org.opencontainers.image.description="A virtual bare-metal server: a QEMU machine behind a BMC that speaks IPMI" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="node:24-bookworm-slim"
