/** The licences of what is there when the appliance runs, from the lock file and the packages themselves. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export interface RuntimePackage {
  readonly name: string;
  readonly version: string;
  /** As the package says, an SPDX expression as a rule. */
  readonly licence: string | undefined;
}

interface Locked {
  readonly version?: string;
  readonly license?: Stated;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

/** Each name and version once, by name. Without what is for development alone. */
export function runtimePackages(): readonly RuntimePackage[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const found = new Map<string, RuntimePackage>();
  for (const [path, { version = '', license, dev, optional }] of Object.entries(packages)) {
    if (path === '' || dev) continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const licence = spelt(license) ?? statedIn(path);
    // What other systems would have in its place is not there.
    if (optional && licence === undefined && !existsSync(join(root, path))) continue;
    found.set(`${name}@${version}`, { name, version, licence });
  }
  return [...found.values()].sort((a, b) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1,
  );
}

/** Older packages say it in other ways, which the lock file leaves out. */
function statedIn(path: string): string | undefined {
  const file = join(root, path, 'package.json');
  if (!existsSync(file)) return undefined;
  const { license, licenses } = JSON.parse(readFileSync(file, 'utf8')) as {
    license?: Stated;
    licenses?: Stated;
  };
  return spelt(license) ?? spelt(licenses) ?? licenceInText(join(root, path));
}

type Stated = string | { readonly type?: string } | readonly { readonly type?: string }[];

/** One of several may be chosen, where there are several. */
function spelt(stated: Stated | undefined): string | undefined {
  if (stated === undefined || typeof stated === 'string') return stated;
  const types = (Array.isArray(stated) ? stated : [stated]).flatMap(({ type }) => type ?? []);
  if (types.length === 0) return undefined;
  return types.length === 1 ? types[0] : `(${types.join(' OR ')})`;
}

/** Of a package that comes with a licence and forgets to name it. */
function licenceInText(folder: string): string | undefined {
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'License', 'README.md']
    .map((name) => join(folder, name))
    .find(existsSync);
  const text = file === undefined ? '' : readFileSync(file, 'utf8');
  return /Permission is hereby granted, free of charge|MIT License/.test(text) ? 'MIT' : undefined;
}

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
