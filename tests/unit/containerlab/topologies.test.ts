/** The example topologies are what containerlab, the READMEs beside them and the configuration say they are. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { describe, expect, test } from 'vitest';
import { settingsLeaves } from '../../../src/config/schema.ts';
import {
  completeNodes,
  labNames,
  labsFolder,
  readTopology,
  TopologyFile,
} from '../../support/containerlab.ts';

const readme = (lab: string) => readFileSync(join(labsFolder, lab, 'README.md'), 'utf8');
/** Image names that the commands of a page build. */
const builtBy = (page: string) =>
  [...page.matchAll(/docker build -t (\S+)/g)].map(([, name]) => `${name}:latest`);
const variables = new Set(settingsLeaves().map(({ schema }) => schema['x-env']));

test('there are the three labs of the manual', () => {
  expect(labNames()).toEqual(['pair', 'provisioning', 'single']);
});

describe.each(labNames())('lab %s', (lab) => {
  const file = readTopology(lab);
  const nodes = completeNodes(file);

  test('uses only keys that containerlab knows for kind linux', () => {
    expect(Value.Errors(TopologyFile, file)).toEqual([]);
    expect(file.name).toBe(`qemu-bmc-${lab}`);
    expect([...nodes.values()].map(({ kind }) => kind)).toEqual([...nodes].map(() => 'linux'));
  });

  test('joins existing nodes, each interface once, and never the management interface', () => {
    const ends = (file.topology.links ?? []).flatMap(({ endpoints }) => endpoints);
    expect(ends.filter((end) => !nodes.has(end.split(':')[0] ?? ''))).toEqual([]);
    expect(new Set(ends).size).toBe(ends.length);
    expect(ends.filter((end) => end.endsWith(':eth0'))).toEqual([]);
  });

  test('plugs wires into servers from eth2 on, without a gap', () => {
    for (const [name, { image }] of nodes) {
      if (image !== 'qemu-bmc:latest') continue;
      const numbers = (file.topology.links ?? [])
        .flatMap(({ endpoints }) => endpoints)
        .filter((end) => end.startsWith(`${name}:`))
        .map((end) => Number(end.split(':eth')[1]))
        .sort((a, b) => a - b);
      expect(numbers, name).toEqual(numbers.map((_, i) => i + 2));
    }
  });

  test('runs images that its README builds', () => {
    const built = builtBy(readme(lab));
    expect(
      [...nodes.values()].map(({ image }) => image).filter((image) => !built.includes(image ?? '')),
    ).toEqual([]);
  });

  test('sets only variables that the program reads', () => {
    const set = [...nodes.values()].flatMap(({ env = {} }) => Object.keys(env));
    expect(set.filter((name) => !variables.has(name))).toEqual([]);
  });

  test('has a README that names its file and its one-command test, which can be run', () => {
    expect(readme(lab)).toContain(`${lab}.clab.yml`);
    expect(readme(lab)).toContain(`containerlab/${lab}/test.sh`);
    expect(statSync(join(labsFolder, lab, 'test.sh')).mode & 0o111).toBe(0o111);
  });
});

test('images that are built in a lab folder have their Dockerfile there', () => {
  const built = labNames().flatMap((lab) => [
    ...readme(lab).matchAll(/docker build -t qemu-bmc-\S+ (containerlab\/\S+)/g),
  ]);
  expect(built.map(([, folder = '']) => folder)).toEqual(['containerlab/provisioning']);
  expect(existsSync(join(labsFolder, 'provisioning/Dockerfile'))).toBe(true);
});
