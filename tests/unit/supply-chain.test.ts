/** What is installed with this: exact versions, known licences, and no script that runs at installation but those written down. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { licencesPage } from '../../scripts/licence-page.ts';
import { runtimePackages } from '../../scripts/licences.ts';

const root = join(import.meta.dirname, '../..');
const json = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'));

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly link?: boolean;
}

const locked = Object.entries(json('package-lock.json').packages as Record<string, LockedPackage>).filter(
  ([path]) => path !== '',
);

/**
 * Packages that may run a script when they are installed, and why. `esbuild` checks that the binary that came as an
 * optional package of its own is there; what builds and tests use it is tsx and vite.
 */
const installScripts: readonly string[] = ['node_modules/esbuild'];

test('every version that is asked for is an exact one', () => {
  const { dependencies, devDependencies, overrides } = json('package.json');
  const asked = Object.entries({ ...dependencies, ...devDependencies, ...overrides } as Record<
    string,
    string
  >);
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

test('every package is locked by its version and its hash, and none comes from anywhere but a registry', () => {
  expect(
    locked.filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? '')).map(([path]) => path),
  ).toEqual([]);
  expect(locked.filter(([, { link }]) => link).map(([path]) => path)).toEqual([]);
  expect(
    locked.filter(([, { resolved }]) => /^(git|ssh|file|github)|\.git(#|$)/.test(resolved ?? '')),
  ).toEqual([]);
});

test('no package has an install script but those on the list, and those on the list still need it', () => {
  const found = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  expect(found).toEqual(installScripts);
  // None of them is there when the appliance runs.
  expect(locked.filter(([path, { dev }]) => installScripts.includes(path) && !dev)).toEqual([]);
});

test('every package that is there when the appliance runs has a licence, and the page names them all', () => {
  const packages = runtimePackages();
  expect(packages.length).toBeGreaterThan(50);
  expect(packages.filter(({ licence }) => licence === undefined)).toEqual([]);
  expect(readFileSync(join(root, 'docs/reference/licences.md'), 'utf8')).toBe(licencesPage());
});

test('what is under a licence that binds those who link with it runs as a program of its own', () => {
  const strong = runtimePackages().filter(
    ({ licence }) => /GPL/.test(licence ?? '') && !/ OR /.test(licence ?? ''),
  );
  const names = strong.map(({ name }) => name);
  expect(names).toContain('pm2');
  const direct = Object.keys(json('package.json').dependencies).filter((name) => names.includes(name));
  expect(direct).toEqual(['pm2']);
});
