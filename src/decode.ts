/** `decode`: prints the IPMI packets of a capture, one line each. */
import { readFileSync } from 'node:fs';
import { readCapture } from './ipmi/decode/capture.ts';
import { Describer, type Secrets } from './ipmi/decode/describe.ts';

export interface DecodeOptions {
  /** UDP ports of BMCs, besides 623. */
  readonly ports: readonly number[];
  readonly secrets?: Secrets;
}

/** @throws {DecodeError} when the file is no capture */
export function printCapture(file: string, { ports, secrets }: DecodeOptions): void {
  const bmcPorts = new Set([623, ...ports]);
  const describer = new Describer(secrets);
  let start: number | undefined;
  let printed = 0;
  for (const datagram of readCapture(readFileSync(file))) {
    const toBmc = bmcPorts.has(datagram.destinationPort);
    if (!toBmc && !bmcPorts.has(datagram.sourcePort)) continue;
    start ??= datagram.time;
    const from = `${datagram.source}:${datagram.sourcePort}`;
    const to = `${datagram.destination}:${datagram.destinationPort}`;
    const when = (datagram.time - start).toFixed(6).padStart(11);
    const what = describer.describe(datagram.payload, toBmc);
    process.stdout.write(`${String(datagram.packetNumber).padStart(5)} ${when}  ${from} > ${to}  ${what}\n`);
    printed++;
  }
  if (printed === 0)
    process.stderr.write(`no packets to or from UDP port ${[...bmcPorts].join(', ')} (see --port)\n`);
}
