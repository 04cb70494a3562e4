/** `health`: whether the BMC answers its clients, asked over RMCP+ as they would. For HEALTHCHECK and the like. */
import type { Config } from './config/config.ts';
import { probeLan } from './ipmi/lan-probe.ts';
import { RmcpStatus } from './ipmi/session/rakp.ts';

const timeoutMs = 3_000;

/** Prints one line. @returns the exit code: 0 when the BMC answers */
export async function printHealth({ bmc: { address }, ipmi: { port } }: Config): Promise<number> {
  const { present, openSession } = await probeLan({ address, port }, timeoutMs);
  const where = `${address}, UDP port ${port}`;
  const line = !present
    ? `unhealthy: nobody answers a presence ping at ${where}`
    : openSession === undefined
      ? `unhealthy: the BMC at ${where} answers a presence ping, but no Open Session`
      : openSession === RmcpStatus.ok || openSession === RmcpStatus.insufficientResources
        ? `healthy: the BMC answers at ${where}`
        : `unhealthy: the BMC at ${where} refuses Open Session with status ${openSession.toString(16)}h`;
  process.stdout.write(`${line}\n`);
  return line.startsWith('healthy') ? 0 : 1;
}
