/** The machine's screen, from outside of its container. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BmcContainer, containerImage } from '../support/docker.ts';
import { litPixels, screenText } from '../support/picture.ts';
import { freeTcpPort, until } from '../support/processes.ts';
import { screenshot } from '../support/rfb.ts';

const { image, skipped } = containerImage();

describe.skipIf(image === undefined)(`a container with VNC_PORT${skipped}`, () => {
  let server: BmcContainer;
  let port: number;
  beforeAll(async () => {
    port = await freeTcpPort();
    server = await BmcContainer.start({
      image: image ?? '',
      args: ['-p', `127.0.0.1:${port}:5901`],
      env: { VNC_PORT: '5901', VM_DISK: 'none', VM_NETWORKS: 'none', VM_MEMORY: '64' },
    });
  });
  afterAll(() => server?.remove());

  it('shows the BIOS by VNC on a published port', async () => {
    const picture = await until('the BIOS has found nothing to boot', async () => {
      const shot = await screenshot({ host: '127.0.0.1', port });
      return screenText(shot).includes('No bootable device.') && shot;
    });
    expect(screenText(picture)[0]).toMatch(/^SeaBIOS \(version \d/);
    expect(litPixels(picture)).toBeGreaterThan(1_000);
  });

  it('shows nothing when the machine is off', async () => {
    await server.ipmi('power', 'off');
    await until('the machine is off', async () => !(await server.isOn()));
    await expect(screenshot({ host: '127.0.0.1', port })).rejects.toThrow(/closed|ECONNREFUSED|ECONNRESET/);
  });
});
