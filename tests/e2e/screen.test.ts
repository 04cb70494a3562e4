/** The machine's screen, through VNC as a viewer sees it. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { litPixels, png, screenText } from '../support/picture.ts';
import { freeTcpPort, until } from '../support/processes.ts';
import { type QemuFixture, qemuFixture } from '../support/qemu.ts';
import { type RfbServer, screenshot } from '../support/rfb.ts';

describe('the screen of a machine without anything to boot', () => {
  let fixture: QemuFixture;
  beforeEach(() => {
    fixture = qemuFixture({ disks: [] });
    writeFileSync(join(fixture.dir, 'cd.iso'), Buffer.alloc(1024 * 1024));
  });
  afterEach(() => fixture.cleanUp());

  const showsFirmware = async (server: RfbServer) => {
    const lines = await until('the firmware has given up', async () => {
      const text = screenText(await screenshot(server));
      return text.includes('No bootable device.') && text;
    });
    expect(lines[0]).toMatch(/^SeaBIOS \(version \d/);
    const picture = await screenshot(server);
    // Letters, but not many: 16 lines of grey on black.
    expect(litPixels(picture)).toBeGreaterThan(1_000);
    expect(litPixels(picture)).toBeLessThan(picture.width * picture.height * 0.2);
    return picture;
  };

  it('shows the BIOS on the VNC socket, and the picture is a sound PNG', async () => {
    const { machine } = fixture.machine();
    await machine.open();
    await machine.powerOn();
    const picture = await showsFirmware({ path: join(fixture.runDir, 'sockets/vnc.sock') });
    const file = png(picture);
    expect(file.subarray(0, 8)).toEqual(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
    expect([file.readUInt32BE(16), file.readUInt32BE(20)]).toEqual([720, 400]);
  });

  it('shows the BIOS on the TCP port that is asked for', async () => {
    const port = await freeTcpPort(5900);
    const { machine } = fixture.machine({ config: { vncPort: port } });
    await machine.open();
    await machine.powerOn();
    await showsFirmware({ host: '127.0.0.1', port });
  });
});

describe('the viewer of the tests', () => {
  const served = async (bytes: Buffer, check: (server: RfbServer) => Promise<void>) => {
    const server = createServer((socket) => socket.on('error', () => undefined).write(bytes));
    const port = await freeTcpPort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    try {
      await check({ host: '127.0.0.1', port });
    } finally {
      server.close();
    }
  };

  it('says so when a server is silent, too old, or wants a password', async () => {
    await served(Buffer.alloc(0), (server) =>
      expect(screenshot(server, 200)).rejects.toThrow('no picture within 200 ms'),
    );
    await served(Buffer.from('RFB 003.003\n'), (server) =>
      expect(screenshot(server)).rejects.toThrow('version 3.8 wanted'),
    );
    await served(Buffer.from('RFB 003.008\n\x01\x02'), (server) =>
      expect(screenshot(server)).rejects.toThrow('no security type without a password'),
    );
  });
});
