/**
 * Makes the image that the container tests run, once per run, or finds out why it cannot be made. A build that fails
 * fails the tests; a machine without an engine or without a base image skips them.
 *
 * QEMU_BMC_TEST_IMAGE names an image to test instead of building one.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { removeOwn } from './docker.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const baseImage = 'node:24-bookworm-slim';
/** Stays, so that the next run finds its layers; `docker rmi` takes it. */
const tag = 'qemu-bmc:test';
const buildLimitMs = 900_000;

export default function setup(project: TestProject): () => void {
  const label = `qemu-bmc-test=${process.pid}`;
  project.provide('containerLabel', label);
  const reason = whyNot();
  if (reason !== undefined) {
    project.provide('containerImage', { reason });
    return () => undefined;
  }
  project.provide('containerImage', { image: process.env.QEMU_BMC_TEST_IMAGE ?? build() });
  return () => removeOwn(label);
}

/** @returns why no image can be had; undefined when one can */
function whyNot(): string | undefined {
  const version = spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], { encoding: 'utf8' });
  if (version.error) return 'docker is not installed';
  if (version.status !== 0) {
    return `no Docker engine: ${version.stderr.trim().split('\n').at(-1) ?? 'no reason given'}`;
  }
  if (process.env.QEMU_BMC_TEST_IMAGE || hasBaseImage()) return undefined;
  spawnSync('docker', ['pull', '-q', baseImage], { stdio: 'ignore', timeout: 300_000 });
  if (hasBaseImage()) return undefined;
  const maker = join(root, '../shared/tools/base-images');
  if (existsSync(maker)) spawnSync(maker, [], { stdio: 'ignore', timeout: 300_000 });
  return hasBaseImage() ? undefined : `the base image ${baseImage} cannot be had`;
}

function hasBaseImage(): boolean {
  return spawnSync('docker', ['image', 'inspect', baseImage], { stdio: 'ignore' }).status === 0;
}

/** @returns the image's ID: a run beside this one may move the tag */
function build(): string {
  const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-image-'));
  try {
    const idFile = join(folder, 'id');
    execFileSync('docker', ['build', '--force-rm', '--iidfile', idFile, '-t', tag, root], {
      encoding: 'utf8',
      timeout: buildLimitMs,
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return readFileSync(idFile, 'utf8').trim();
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`docker build failed:\n${`${stdout}${stderr}`.slice(-4000)}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
