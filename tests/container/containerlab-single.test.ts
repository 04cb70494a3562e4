/** The lab of one server, deployed and tested as its README says. */
import { describe, expect, it } from 'vitest';
import { containerImage } from '../support/docker.ts';
import { runLab, withoutLabs } from '../support/labs.ts';

const { image, skipped } = containerImage();
const title = skipped || withoutLabs();

describe.skipIf(image === undefined || title !== '')(`the lab of one server${title}`, () => {
  it('passes its own test: login, power and console by IPMI', { timeout: 450_000 }, async () => {
    const { code, passed, failed, output } = await runLab('single', { 'qemu-bmc:latest': image ?? '' });
    expect(failed, output).toEqual([]);
    expect(passed, output).toEqual(
      expect.arrayContaining([
        'the BMC answers',
        'a wrong password is refused',
        'the console takes commands',
        'the machine is off',
        'the machine is on again',
      ]),
    );
    expect(code, output).toBe(0);
  });
});
