/** Every order of up to five messages of a login, against a small model: nothing runs before a right RAKP 3. */
import { expect, test } from 'vitest';
import { command } from '../../../../src/ipmi/commands/command.ts';
import { empty } from '../../../../src/lib/codec.ts';
import { IpmiClient, ipmiRequest, plainPacket } from '../../../support/ipmi-client.ts';
import { LanBench, ownCommands } from '../../../support/lan-bench.ts';

const steps = ['open', 'rakp1', 'rakp3', 'rakp3 wrong', 'command', 'plain command', 'close', 'dup'] as const;
type Step = (typeof steps)[number];

/** The model: how far the login is, from what the console itself did. */
interface Model {
  phase: 'none' | 'opened' | 'challenged' | 'active' | 'dead';
  runs: number;
  last: Step | undefined;
}

function predict(model: Model, step: Step): void {
  const repeated = step === 'dup';
  const actual = repeated ? model.last : step;
  if (actual === undefined) return;
  if (!repeated) model.last = step;
  switch (actual) {
    case 'open':
      // Asked again in the middle of a login it names the same session; after one, a new one.
      if (model.phase === 'none' || model.phase === 'dead' || model.phase === 'active') {
        if (!(repeated && model.phase === 'active')) model.phase = 'opened';
      }
      break;
    case 'rakp1':
      if (model.phase === 'opened') model.phase = 'challenged';
      break;
    case 'rakp3':
      if (model.phase === 'challenged') model.phase = 'active';
      break;
    case 'rakp3 wrong':
      if (model.phase === 'challenged') model.phase = 'dead';
      break;
    case 'command':
      if (model.phase === 'active' && !repeated) model.runs++;
      break;
    case 'close':
      if (model.phase === 'active' && !repeated) model.phase = 'dead';
      break;
  }
}

const longest = 5;

test('no order of messages runs a command before a right RAKP 3', { timeout: 120_000 }, () => {
  let runs = 0;
  const probe = command({
    name: 'Probe',
    netFn: 0x30,
    cmd: 1,
    privilege: 'callback',
    spec: 'test',
    request: empty,
    response: empty,
    handle: () => {
      runs++;
      return {};
    },
  });
  const newBench = () => new LanBench({ commands: [...ownCommands, probe] });
  let bench = newBench();
  let source = 0;
  let orders = 0;

  const play = (order: readonly Step[]): void => {
    orders++;
    source++;
    const client = new IpmiClient(bench.from(`10.${source >> 16}.${(source >> 8) & 255}.${source & 255}`));
    const model: Model = { phase: 'none', runs: 0, last: undefined };
    runs = 0;
    let last: Uint8Array | undefined;
    for (const step of order) {
      const datagram = step === 'dup' ? last : build(client, step);
      predict(model, step);
      if (!datagram) continue;
      last = datagram;
      const [reply] = client.exchange(datagram);
      if (!reply || step === 'dup') continue;
      if (step === 'open') client.takeOpenResponse(reply);
      if (step === 'rakp1') client.takeRakp2(reply);
      if (step === 'rakp3' && client.takeRakp4(reply) === 0) client.sequence = 0;
    }
    expect(runs, order.join(', ')).toBe(model.runs);
  };
  const extend = (order: readonly Step[]): void => {
    if (order.length > 0) play(order);
    // As many logins as a bench has room for begin alike.
    if (order.length === 3) bench = newBench();
    if (order.length < longest) for (const step of steps) extend([...order, step]);
  };
  extend([]);
  expect(orders).toBe(8 + 64 + 512 + 4096 + 32_768);
  // One that is right, so that the probe is known to work.
  play(['open', 'rakp1', 'rakp3', 'command']);
  expect(runs).toBe(1);
});

function build(client: IpmiClient, step: Exclude<Step, 'dup'>): Uint8Array {
  const sid = client.managedSid;
  switch (step) {
    case 'open':
      return client.openRequest();
    case 'rakp1':
      return client.rakp1();
    case 'rakp3':
      return client.rakp3();
    case 'rakp3 wrong':
      return client.rakp3(0, 0, Buffer.alloc(32, 1));
    case 'plain command':
      return plainPacket(0, ipmiRequest(0x30, 1, [], 1), sid, 1);
    case 'command':
    case 'close': {
      client.rqSeq = (client.rqSeq + 1) % 64;
      const close = ipmiRequest(
        6,
        0x3c,
        [sid & 255, (sid >>> 8) & 255, (sid >>> 16) & 255, sid >>> 24],
        client.rqSeq,
      );
      const payload = step === 'close' ? close : ipmiRequest(0x30, 1, [], client.rqSeq);
      // Before there are keys, a console could only guess them.
      if (client.k1.length === 0) {
        client.k1 = Buffer.alloc(32, 3);
        client.k2 = Buffer.alloc(32, 4);
      }
      return client.seal(payload);
    }
  }
}
