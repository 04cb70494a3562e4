import { describe, expect, test } from 'vitest';
import { hostAccessPolicies } from '../../../../src/bmc/host-access.ts';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { ipmiCommands } from '../../../../src/ipmi/commands/commands.ts';
import { frame, InBandBench } from '../../../support/in-band-bench.ts';
import { LanBench } from '../../../support/lan-bench.ts';

const [app, chassis] = [6, 0];

describe('the system interface', () => {
  test('greets with its version and answers as channel Fh with every right', () => {
    const { guest } = new InBandBench();
    expect(guest.opcodes).toEqual([0xff]);
    expect(guest.command(app, 0x42, 0x0e).slice(0, 4)).toEqual([0, 0x0f, 0x0c, 0x05]);
    expect(guest.command(app, 0x2e, 0x08)).toEqual([0]);
  });

  test('tells that it is a KCS and no other, and takes messages as long as it says', () => {
    const { guest } = new InBandBench();
    expect(guest.command(app, 0x57, 0x01)).toEqual([0, 0x00, 0x00, 0xff]);
    expect([0, 2, 3, 0x0f].map((type) => guest.command(app, 0x57, type))).toEqual(Array(4).fill([0xcc]));
    expect(guest.command(app, 0x57)).toEqual([0xc7]);
    // NetFn and command, three bytes that say where, and as many to write as are left of 255.
    expect(guest.command(0x0a, 0x12, 0, 0, 0, ...Array(250).fill(0xa1))).toEqual([0, 250]);
  });

  test('repeats id, command and LUN in the reply, with the netFn of a response', () => {
    const { guest } = new InBandBench();
    guest.post(app, 0xee, [1, 2], 0);
    guest.post(app, 0x01, [], 3);
    expect(guest.replies).toEqual([
      { id: 1, netFn: 7, lun: 0, cmd: 0xee, body: [0xc1] },
      { id: 2, netFn: 7, lun: 3, cmd: 1, body: [0xc2] },
    ]);
  });

  test('answers every command of the table to any body, whatever the policy', async () => {
    for (const policy of hostAccessPolicies) {
      const bench = await InBandBench.started({ policy });
      const bugs: unknown[] = [];
      bench.bmc.log.error = (...args: unknown[]) => void bugs.push(args);
      for (const { netFn, cmd, group } of ipmiCommands.definitions) {
        for (const body of [[], [0], [1, 2, 3], Array(60).fill(0xa5)]) {
          const data = group === undefined ? body : [group, ...body];
          const before = bench.guest.replies.length;
          bench.guest.post(netFn, cmd, data);
          await bench.settle();
          bench.clock.advance(10);
          expect(bench.guest.replies.length - before, `netFn ${netFn} cmd ${cmd}`).toBe(1);
        }
      }
      expect(bugs).toEqual([]);
      await bench.bmc.stop();
    }
  });

  test('has no session: logging in is refused, asking for capabilities is not', () => {
    const { guest } = new InBandBench();
    expect([0x39, 0x3a, 0x3b].map((cmd) => guest.command(app, cmd, 4)[0])).toEqual([0xd5, 0xd5, 0xd5]);
    expect(guest.command(app, 0x38, 0x81, 4)[0]).toBe(0);
  });

  test('no-users keeps users and access out of reach, and nothing else', () => {
    const { guest, systemInterface, bmc } = new InBandBench({ policy: 'no-users' });
    const name = [3, ...Buffer.from('intruder'), ...Array(8).fill(0)];
    expect(guest.command(app, 0x45, ...name)).toEqual([0xd4]);
    expect(bmc.users.get(3)?.name).toBe('');
    expect([0x40, 0x43, 0x47, 0x4c, 0x56].map((cmd) => guest.command(app, cmd)[0])).toEqual(
      Array(5).fill(0xd4),
    );
    expect(systemInterface.counters.refusedByPolicy).toBe(6);
    expect(guest.command(chassis, 0x04)).toEqual([0]);
    expect(guest.command(app, 0x44, 1, 2)[0]).toBe(0);
  });

  test('read-only tells and changes nothing but the interface itself', () => {
    const { guest, bmc } = new InBandBench({ policy: 'read-only' });
    expect(guest.command(chassis, 0x01)[0]).toBe(0);
    expect(guest.command(app, 0x2e, 0x09)).toEqual([0]);
    const changing = [
      [chassis, 0x02],
      [chassis, 0x04],
      [chassis, 0x08],
      [app, 0x02],
      [app, 0x24],
      [app, 0x47],
      [app, 0x56],
      [app, 0x58],
    ] as const;
    expect(changing.map(([netFn, cmd]) => guest.command(netFn, cmd)[0])).toEqual(Array(8).fill(0xd4));
    expect(bmc.identify.state).toBe('off');
  });

  test('obeys another policy from the next message on, until the configuration says otherwise', () => {
    const store = memoryStore();
    const { guest, bmc } = new InBandBench({ store });
    const actor = { name: 'admin', face: 'redfish' } as const;
    const identify = () => guest.command(chassis, 0x04);
    expect(identify()).toEqual([0]);
    bmc.hostAccess.set('read-only', actor);
    expect(identify()).toEqual([0xd4]);
    bmc.hostAccess.set('off', actor);
    expect(guest.command(app, 0x01)).toEqual([0xd4]);
    expect(bmc.events.list().map(({ text, actor: who }) => [text, who?.name])).toContainEqual([
      'access from the host read-only → off, by admin',
      'admin',
    ]);
    // The next life of the BMC, configured as before: what was chosen holds.
    expect(new InBandBench({ store }).guest.command(app, 0x01)).toEqual([0xd4]);
    // Configured to something else: that holds, and is told.
    const third = new InBandBench({ store, policy: 'no-users' });
    expect(third.bmc.hostAccess.policy).toBe('no-users');
    expect(third.bmc.events.list().at(-1)?.text).toContain('set anew from the configuration');
    expect(new InBandBench({ store, policy: 'no-users' }).bmc.hostAccess.policy).toBe('no-users');
  });

  test('that the configuration has left out cannot be permitted anything', () => {
    const { bmc } = new InBandBench({ policy: 'off' });
    const actor = { name: 'admin', face: 'redfish' } as const;
    expect(() => bmc.hostAccess.set('full', actor)).toThrow('the machine has no system interface');
    expect(bmc.hostAccess.policy).toBe('off');
  });

  test('slows down a guest that asks without end, and still answers everything', () => {
    const { guest, clock, systemInterface } = new InBandBench();
    for (let i = 0; i < 510; i++) guest.post(app, 0x37);
    expect(guest.replies).toHaveLength(500);
    clock.advance(1);
    expect(guest.replies).toHaveLength(500);
    clock.advance(20);
    expect(guest.replies).toHaveLength(510);
    expect(guest.replies.every(({ body }) => body[0] === 0)).toBe(true);
    expect(systemInterface.counters.delayed).toBeGreaterThan(0);
  });

  test('says C0h to a peer that does not wait for answers', () => {
    const { guest, clock } = new InBandBench();
    for (let i = 0; i < 500; i++) guest.post(app, 0x37);
    const id = Array.from({ length: 20 }, () => guest.post(app, 0x37));
    expect(id.slice(16).map((each) => guest.replies.findLast((reply) => reply.id === each)?.body)).toEqual(
      Array(4).fill([0xc0]),
    );
    clock.advance(1000);
    expect(guest.replies).toHaveLength(520);
  });

  test('counts restarts that the guest tells of, and obeys no command of the guest', () => {
    const { guest, systemInterface } = new InBandBench();
    const before = guest.opcodes.length;
    // Reset, and what only a BMC sends: no more than noise from this side. A1h ends a command frame.
    const say = (...bytes: number[]) => guest.write(...bytes, 0xa1);
    say(0x04);
    say(0x04);
    for (const opcode of [0x00, 0x03, 0x10, 0xff]) say(opcode);
    expect(systemInterface.counters.guestResets).toBe(2);
    expect([guest.opcodes.length - before, guest.replies]).toEqual([0, []]);
    expect(guest.command(app, 0x01)[0]).toBe(0);
  });

  test('says nothing more to a guest that went while its command was running', async () => {
    const { guest, settle } = new InBandBench();
    guest.post(app, 0x34, [0x00, 0x82, 0x18, 0x66, 0x20, 0x16, 0x01, 0xc9]);
    guest.post(app, 0x01);
    guest.disconnect();
    const [opcodes, replies] = [guest.opcodes.length, guest.replies.length];
    guest.post(app, 0x01);
    await settle();
    expect([guest.opcodes.length, guest.replies.length]).toEqual([opcodes, replies]);
  });

  test('a new connection takes the place of the old one', () => {
    const bench = new InBandBench();
    const old = bench.guest;
    const answers: number[] = [];
    const link = bench.systemInterface.connect((bytes) => void answers.push(bytes.length));
    old.post(app, 0x37);
    expect(old.replies).toEqual([]);
    old.disconnect();
    expect(bench.systemInterface.connected).toBe(true);
    link.receive(Uint8Array.from(frame(1, app, 0x37, [])));
    expect(answers).toHaveLength(2);
    link.disconnect();
    expect(bench.systemInterface.connected).toBe(false);
  });
});

describe('messages for the host', () => {
  const sendMessage = [0x00, 0x82, 0x18, 0x66, 0x20, 0x16, 0x01, 0xc9];

  test('the answer of the satellite waits, with attention, until it is fetched', async () => {
    const { guest } = await InBandBench.started();
    guest.command(app, 0x2e, 0x09);
    expect(guest.opcodes).toEqual([0xff, 0x05]);
    expect(await guest.slowCommand(app, 0x34, ...sendMessage)).toEqual([0]);
    expect(guest.opcodes.at(-1)).toBe(0x02);
    expect(guest.command(app, 0x31)).toEqual([0, 0x01]);
    const message = guest.command(app, 0x33);
    // Channel, netFn and LUN of the BMC, checksum, the satellite, sequence number, command, completion code, device ID.
    expect(message.slice(0, 9)).toEqual([0, 0x00, 0x1e, 0xc2, 0x82, 0x14, 0x01, 0x00, 0x21]);
    expect(guest.opcodes.at(-1)).toBe(0x00);
    expect(guest.command(app, 0x33)).toEqual([0x80]);
    expect(guest.command(app, 0x31)).toEqual([0, 0x00]);
  });

  test('attention does not interrupt a host that did not ask for it', async () => {
    const { guest } = await InBandBench.started();
    await guest.slowCommand(app, 0x34, ...sendMessage);
    expect(guest.opcodes).toEqual([0xff, 0x01]);
    expect(guest.command(app, 0x30, 0x01)).toEqual([0]);
    expect(guest.opcodes.at(-1)).toBe(0x00);
    expect(guest.command(app, 0x33)).toEqual([0x80]);
  });

  test('nobody at an address, a wrong checksum and another channel have codes of their own', async () => {
    const { guest } = await InBandBench.started();
    const [, , ...rest] = sendMessage;
    expect(await guest.slowCommand(app, 0x34, 0x00, 0x84, 0x18, 0x64, ...rest.slice(2))).toEqual([0x83]);
    expect(await guest.slowCommand(app, 0x34, 0x00, 0x82, 0x18, 0x65, ...rest.slice(2))).toEqual([0xcc]);
    expect(await guest.slowCommand(app, 0x34, 0x01, ...sendMessage.slice(1))).toEqual([0xcc]);
    expect(await guest.slowCommand(app, 0x34, 0x00, 0x82)).toEqual([0xc7]);
  });

  test('an event is kept for the host that asked for events, and is read once', async () => {
    const { guest, bmc } = await InBandBench.started();
    const event = {
      kind: 'system',
      generatorId: 0x20,
      messageRevision: 4,
      sensorType: 7,
      sensorNumber: 0x10,
      asserted: true,
      eventType: 0x6f,
      data: [0, 0xff, 0xff],
    } as const;
    bmc.eventReceiver.receive(event);
    expect(guest.command(app, 0x35)).toEqual([0x80]);
    guest.command(app, 0x2e, 0x0c);
    bmc.eventReceiver.receive(event);
    expect(guest.command(app, 0x31)).toEqual([0, 0x02]);
    const read = guest.command(app, 0x35);
    expect(read).toHaveLength(17);
    expect(read.slice(11)).toEqual([7, 0x10, 0x6f, 0, 0xff, 0xff]);
    expect(guest.command(app, 0x35)).toEqual([0x80]);
  });

  test('what the host itself has changed in the BMC is in the SEL, and does not come back to it as an event', async () => {
    const { guest, bmc } = await InBandBench.started();
    guest.command(app, 0x2e, 0x0c);
    const before = bmc.sel.entries.length;
    // Set User Name.
    expect(guest.command(app, 0x45, 9, ...Buffer.from('operator'.padEnd(16, '\0')))).toEqual([0]);
    // Set SEL Time.
    expect(guest.command(0x0a, 0x49, 0, 0, 0, 0x60)).toEqual([0]);
    const types = bmc.sel.entries
      .slice(before)
      .map(({ content }) => content.kind === 'system' && content.sensorType);
    expect(types).toEqual([0x12, 0x12, 0x12]);
    expect(guest.command(app, 0x31)).toEqual([0, 0x00]);
    expect(guest.command(app, 0x35)).toEqual([0x80]);
  });

  test('are forgotten when the machine starts anew', async () => {
    const { guest, machine } = await InBandBench.started();
    guest.command(app, 0x2e, 0x0d);
    await guest.slowCommand(app, 0x34, ...sendMessage);
    machine.guestReboot();
    expect(guest.command(app, 0x31)).toEqual([0, 0x00]);
    expect(guest.command(app, 0x2f)).toEqual([0, 0x08]);
    expect(guest.opcodes.slice(-2)).toEqual([0x06, 0x00]);
  });

  test('belong to the system interface alone', () => {
    const only = ipmiCommands.definitions.filter(({ systemInterfaceOnly }) => systemInterfaceOnly);
    expect(only.map(({ cmd }) => cmd)).toEqual([0x2e, 0x30, 0x31, 0x32, 0x33, 0x35]);
    const client = new LanBench({ commands: ipmiCommands.definitions }).loggedIn({}, 4);
    for (const { netFn, cmd } of only) expect(client.command(netFn, cmd, [0])?.completionCode).toBe(0xd4);
  });
});
