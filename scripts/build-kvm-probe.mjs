// Assembles src/machine/qemu/kvm-probe.S with GNU binutils for x86 and writes its
// bytes to kvm-probe-rom.ts beside it. With --check it writes nothing and fails
// where the committed bytes are not those of the source. Only someone who changes
// the assembly needs this; a user's machine needs no assembler.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../src/machine/qemu/', import.meta.url));
const source = join(folder, 'kvm-probe.S');
const target = join(folder, 'kvm-probe-rom.ts');
const hexDigitsPerLine = 96;
const maximumBytes = 64 * 1024;

const text = render(assemble());
if (!process.argv.includes('--check')) {
  writeFileSync(target, text);
  console.log(`wrote ${target}`);
} else if (readFileSync(target, 'utf8') !== text) {
  console.error(`${target} is not what kvm-probe.S assembles to: run node scripts/build-kvm-probe.mjs`);
  process.exitCode = 1;
}

/** @returns {Buffer} the .text section; the source uses no address that needs linking */
function assemble() {
  const work = mkdtempSync(join(tmpdir(), 'build-kvm-probe-'));
  try {
    const object = join(work, 'probe.o');
    const binary = join(work, 'probe.bin');
    execFileSync('as', ['--64', '--fatal-warnings', '-o', object, source], { stdio: 'inherit' });
    execFileSync('objcopy', ['-O', 'binary', '-j', '.text', object, binary], { stdio: 'inherit' });
    const code = readFileSync(binary);
    if (code.length === 0 || code.length > maximumBytes) {
      throw new RangeError(`kvm-probe.S: need 1 to ${maximumBytes} bytes of code, got ${code.length}`);
    }
    return code;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @param {Buffer} code */
function render(code) {
  const lines = code.toString('hex').match(new RegExp(`.{1,${hexDigitsPerLine}}`, 'g')) ?? [];
  return [
    '// Generated from kvm-probe.S by scripts/build-kvm-probe.mjs: change the source, not this file.',
    '',
    "/** The probe ROM's last bytes in hexadecimal, ending where the processor's first 4 GiB end. */",
    'export const kvmProbeCodeHex = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}
