/** A rack whose servers boot from the network when IPMI tells them to. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labsFolder } from '../support/containerlab.ts';
import { containerImage, docker, ownName } from '../support/docker.ts';
import { runLab, withoutLabs } from '../support/labs.ts';
import { run } from '../support/processes.ts';

const { image, skipped } = containerImage();
const title = skipped || withoutLabs();

describe.skipIf(image === undefined || title !== '')(`the provisioning lab${title}`, () => {
  // A Dockerfile's FROM wants a name.
  const base = ownName('base');
  const deploy = ownName('deploy');
  beforeAll(async () => {
    await docker('tag', image ?? '', base);
    await docker(
      ...[
        'build',
        '-q',
        '--build-arg',
        `QEMU_BMC_IMAGE=${base}`,
        '-t',
        deploy,
        join(labsFolder, 'provisioning'),
      ],
    );
  });
  afterAll(async () => {
    await run('docker', ['rmi', deploy, base]);
  });

  it('passes its own test: servers boot from the network when told so', { timeout: 450_000 }, async () => {
    const images = { 'qemu-bmc:latest': image ?? '', 'qemu-bmc-deploy:latest': deploy };
    const { code, passed, failed, output } = await runLab('provisioning', images);
    expect(failed, output).toEqual([]);
    expect(passed, output).toEqual(
      expect.arrayContaining([
        'server1: booted from the network',
        'server1: by BIOS',
        'server2: booted from the network',
        'server2: by UEFI',
        'server3: booted from disk',
        'server3: booted from the network this time',
        'the script came by TFTP',
        'kernels came by HTTP',
      ]),
    );
    expect(code, output).toBe(0);
  });
});
