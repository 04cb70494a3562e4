/** The reference page of the licences of what is there when the appliance runs. */
import { runtimePackages } from './licences.ts';

/** @returns path and content of each generated file */
export function licenceFiles(): [path: string, content: string][] {
  return [['docs/reference/licences.md', licencesPage()]];
}

export function licencesPage(): string {
  const packages = runtimePackages();
  const counts = new Map<string, number>();
  for (const { licence = 'not stated' } of packages) counts.set(licence, (counts.get(licence) ?? 0) + 1);
  return [
    '# Licences',
    '',
    'Made by `npm run gen` from `package-lock.json`; change nothing here.',
    '',
    `What npm installs for a running appliance: ${packages.length} packages. pm2 is under the AGPL: it runs as a program of its`,
    'own, unchanged, and is never imported; what talks to it are `pm2-axon` and `pm2-axon-rpc`, under the MIT licence. QEMU,',
    'swtpm, firmware and the other Debian packages of the image are listed with their versions in `/usr/share/doc/qemu-bmc/sbom.cdx.json`',
    'of the image, and their licences are in `/usr/share/doc/*/copyright` of Debian.',
    '',
    '| Licence | Packages |',
    '|---|---|',
    ...[...counts].sort(([, a], [, b]) => b - a).map(([licence, count]) => `| ${licence} | ${count} |`),
    '',
    '| Package | Version | Licence |',
    '|---|---|---|',
    ...packages.map(({ name, version, licence = 'not stated' }) => `| ${name} | ${version} | ${licence} |`),
    '',
  ].join('\n');
}
