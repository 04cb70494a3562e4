/** The product as a user starts it, with a machine in memory, and a session of its administrator. */
import { request } from 'node:https';
import { freeUdpPort } from '../tests/support/processes.ts';
import { builtProduct } from './built.ts';
import type { MemoryGroup } from './memory-group.ts';
import { freePort, scratchFolder, Target } from './target.ts';

export const benchPassword = 'bench-password';

export interface BenchAppliance {
  readonly target: Target;
  /** Of Redfish. */
  readonly port: number;
  readonly ipmiPort: number;
  readonly token: string;
  stop(): Promise<void>;
}

/**
 * @param env more of its environment
 * @param group in which it runs
 */
export async function startAppliance(
  env: Readonly<Record<string, string>> = {},
  group?: MemoryGroup,
): Promise<BenchAppliance> {
  const folder = scratchFolder();
  const [ipmiPort, port] = [await freeUdpPort(), await freePort()];
  const words = [builtProduct(), 'run', '--fake'];
  const [program = '', ...inGroup] = group?.around([process.execPath, ...words]) ?? [];
  const target = await Target.start({
    name: 'qemu-bmc',
    ...(group ? { program, command: inGroup } : { command: words }),
    env: {
      BMC_ADDR: '127.0.0.1',
      IPMI_PORT: String(ipmiPort),
      REDFISH_PORT: String(port),
      IPMI_USER: 'admin',
      IPMI_PASS: benchPassword,
      STATE_DIR: `${folder.path}/state`,
      RUN_DIR: `${folder.path}/run`,
      ...env,
    },
    ready: /qemu-bmc is ready/,
  });
  const stop = async () => {
    await target.stop();
    folder.remove();
  };
  try {
    return { target, port, ipmiPort, token: await openSession(port), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @returns the token of a new session of the administrator's */
export async function openSession(port: number, secret = benchPassword): Promise<string> {
  const { status, headers } = await ask(port, 'POST', '/redfish/v1/SessionService/Sessions', {
    UserName: 'admin',
    Password: secret,
  });
  const token = headers['x-auth-token'];
  if (status !== 201 || typeof token !== 'string') throw new Error(`no session: ${status}`);
  return token;
}

export function ask(
  port: number,
  method: string,
  path: string,
  body?: object,
  token?: string,
): Promise<{
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        rejectUnauthorized: false,
        agent: false,
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(token !== undefined && { 'x-auth-token': token }),
        },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
        answer.once('error', reject);
      },
    );
    asked.once('error', reject);
    asked.end(body && JSON.stringify(body));
  });
}
