/** `health`: whether the BMC answers its clients, asked as they would: over RMCP+, and over HTTPS where that is on. */
import { request } from 'node:https';
import type { Config } from './config/config.ts';
import { reachableHost } from './config/urls.ts';
import { probeLan } from './ipmi/lan-probe.ts';
import { RmcpStatus } from './ipmi/session/rakp.ts';

const timeoutMs = 3_000;

/** Prints one line. @returns the exit code: 0 when all faces answer */
export async function printHealth({ bmc: { address }, ipmi, redfish }: Config): Promise<number> {
  const [lan, https] = await Promise.all([
    lanTrouble(address, ipmi.port),
    redfish.port === 0 ? undefined : httpsTrouble(reachableHost(address), redfish.port),
  ]);
  const trouble = lan ?? https;
  const where = `${address}, UDP port ${ipmi.port}${redfish.port === 0 ? '' : ` and TCP port ${redfish.port}`}`;
  process.stdout.write(
    trouble === undefined ? `healthy: the BMC answers at ${where}\n` : `unhealthy: ${trouble}\n`,
  );
  return trouble === undefined ? 0 : 1;
}

/** @returns undefined when a client could log in */
async function lanTrouble(address: string, port: number): Promise<string | undefined> {
  const { present, openSession } = await probeLan({ address, port }, timeoutMs);
  const where = `${address}, UDP port ${port}`;
  if (!present) return `nobody answers a presence ping at ${where}`;
  if (openSession === undefined) return `the BMC at ${where} answers a presence ping, but no Open Session`;
  if (openSession === RmcpStatus.ok || openSession === RmcpStatus.insufficientResources) return undefined;
  return `the BMC at ${where} refuses Open Session with status ${openSession.toString(16)}h`;
}

/** Whether this is the BMC is not the question, so that its certificate is not looked at; no secret is sent. */
function httpsTrouble(host: string, port: number): Promise<string | undefined> {
  const where = `${host}, TCP port ${port}`;
  return new Promise((resolve) => {
    const options = {
      host,
      port,
      path: '/health/ready',
      rejectUnauthorized: false,
    };
    const sent = request({ ...options, agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      const { statusCode } = response;
      resolve(statusCode === 200 ? undefined : `the BMC at ${where} is not ready (status ${statusCode})`);
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.on('error', (error) => resolve(`no answer over HTTPS at ${where}: ${error.message}`));
    sent.end();
  });
}
