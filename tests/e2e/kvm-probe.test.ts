import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  chooseAccelerator,
  type KvmProbeOptions,
  kvmProbeRom,
  probeKvm,
  probeWithRom,
} from '../../src/machine/qemu/kvm-probe.ts';

const qemuBinary = 'qemu-system-x86_64';
const qemuMissing = spawnSync(qemuBinary, ['--version']).error !== undefined;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kvm-probe-e2e-'));
});

afterAll(async () => {
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

describe.skipIf(qemuMissing)(
  `KVM probe with a real QEMU${qemuMissing ? ` (skipped: no ${qemuBinary})` : ''}`,
  () => {
    // A loaded host may be slow to start QEMU; only the KVM cases hold the probe to its limit.
    const tcg = (cpuModel = 'max'): KvmProbeOptions => ({
      qemuBinary,
      cpuModel,
      accelerator: 'tcg',
      timeoutMs: 20_000,
      tmpDir: folder,
    });

    it.each(['max', 'max,-x2apic', 'qemu64', 'Nehalem', 'Skylake-Client', 'EPYC'])(
      'the ROM takes every step under TCG with CPU model %s',
      async (cpuModel) => {
        const result = await probeKvm(tcg(cpuModel));
        expect(result).toMatchObject({ usable: true, stages: 'RPLCIU' });
      },
    );

    it('is not deceived by a boot sector that only writes to the exit port', async () => {
      const rom = Buffer.alloc(65536, 0xf4);
      rom.set([0xb0, 0x2a, 0xe6, 0xf4], 0xfff0); // mov al, 2Ah; out F4h, al
      const result = await probeWithRom(rom, tcg());
      expect(result).toMatchObject({ usable: false, stages: '' });
      expect(result.reason).toContain('QEMU status 85; test program did not start');
    });

    // Each damages one instruction of the real ROM, found by its bytes.
    it.each([
      ['never enables long mode', '80cc010f30', '80cc000f30', 'RP', 'QEMU status 0 (the guest reset itself)'],
      ['has its breakpoint removed', '31dbcc83fb01', '31db9083fb01', 'RPLC', 'QEMU status 87'],
      ['cannot call back from ring 3', 'cd400f0b', '90900f0b', 'RPLCI', 'QEMU status 87'],
      ['stops instead of leaving ring 0', '6a2b5148cf', '6a2b51ebfe', 'RPLCI', 'no result within'],
    ])('does not accept a ROM that %s', async (_, original, damaged, stages, reason) => {
      const rom = kvmProbeRom();
      const at = rom.indexOf(Buffer.from(original, 'hex'));
      expect(at).toBeGreaterThan(0);
      expect(rom.indexOf(Buffer.from(original, 'hex'), at + 1)).toBe(-1);
      rom.set(Buffer.from(damaged, 'hex'), at);
      const result = await probeWithRom(rom, { ...tcg(), timeoutMs: 3000 });
      expect(result).toMatchObject({ usable: false, stages });
      expect(result.reason).toContain(reason);
    });

    it('tells of a CPU model that QEMU does not know', async () => {
      const result = await probeKvm(tcg('no-such-model'));
      expect(result).toMatchObject({ usable: false, stages: '' });
      expect(result.reason).toMatch(/QEMU status 1; .*no-such-model/);
    });

    it.each(['qemu64', 'max', 'host'])(
      'gives a consistent answer for KVM within 2 s with CPU model %s',
      async (cpuModel) => {
        const options: KvmProbeOptions = { qemuBinary, cpuModel, tmpDir: folder };
        const result = await probeKvm(options);
        expect(result.durationMs).toBeLessThanOrEqual(2000);
        expect(result.reason).toMatch(/^[^\n]+$/);
        if (result.usable) expect(result.stages).toBe('RPLCIU');
        const choice = await chooseAccelerator('auto', options);
        expect(choice.accelerator).toBe(result.usable ? 'kvm' : 'tcg');
      },
    );
  },
);
