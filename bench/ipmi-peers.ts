/** What the IPMI benchmarks run beside the product: ipmi_sim of OpenIPMI, and echoes that do nothing. */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { freeUdpPort } from '../tests/support/processes.ts';
import { benchPassword } from './appliance.ts';
import { compile, MissingError } from './compiled.ts';
import { Target } from './target.ts';

const ipmiSimProgram = '/usr/bin/ipmi_sim';

/** @throws {MissingError} where it is not installed */
export async function startIpmiSim(
  folder: string,
): Promise<{ readonly target: Target; readonly port: number }> {
  try {
    accessSync(ipmiSimProgram, constants.X_OK);
  } catch {
    throw new MissingError('ipmi_sim is not there\napt-get install openipmi');
  }
  const port = await freeUdpPort();
  mkdirSync(`${folder}/ipmi_sim`);
  writeFileSync(
    `${folder}/lan.conf`,
    [
      'name "bench"',
      'set_working_mc 0x20',
      'startlan 1',
      `addr 127.0.0.1 ${port}`,
      'priv_limit admin',
      ...['callback', 'user', 'operator', 'admin'].map((level) => `allowed_auths_${level} md5`),
      'guid a123456789abcdefa123456789abcdef',
      'endlan',
      `user 2 true "admin" "${benchPassword}" admin 63`,
      '',
    ].join('\n'),
  );
  writeFileSync(
    `${folder}/bench.emu`,
    ['mc_setbmc 0x20', 'mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02', 'mc_enable 0x20', ''].join(
      '\n',
    ),
  );
  const files = ['-c', `${folder}/lan.conf`, '-f', `${folder}/bench.emu`, '-s', `${folder}/ipmi_sim`];
  const target = await Target.start({
    name: 'ipmi_sim',
    program: ipmiSimProgram,
    command: ['-n', ...files],
    ready: /^/,
  });
  await listening(port);
  return { target, port };
}

export function startNodeEcho(): Promise<Target> {
  return Target.start({ name: 'Node dgram echo', command: ['floors/udp-echo.ts'], ready: /ready (\d+)/ });
}

/** @throws {MissingError} without a compiler */
export function startCEcho(folder: string): Promise<Target> {
  const program = compile('floors/udp-echo.c', folder);
  return Target.start({ name: 'C echo', program, command: [], ready: /ready (\d+)/ });
}

/** It says nothing when it is ready, but the kernel knows. */
async function listening(port: number): Promise<void> {
  const entry = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  for (let tries = 0; !readFileSync('/proc/net/udp', 'latin1').includes(entry); tries++) {
    if (tries > 500) throw new Error(`nobody listens on UDP port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
