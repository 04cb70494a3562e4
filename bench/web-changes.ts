/** How soon a page shows what another client has changed: nothing is polled. */
import { run } from '../tests/support/processes.ts';
import type { Bench } from './bench.ts';
import { type Contender, inRounds } from './rounds.ts';
import type { GuestInBrowser, OpenedGuest } from './web-guest.ts';

/** When the identify button has become pressed, or not: milliseconds since 1970. */
const whenPressed = (wanted: boolean) => `new Promise((resolve) => {
  const button = document.querySelector('header button[aria-label*=dentify]');
  const look = () => {
    if (button.getAttribute('aria-pressed') !== '${wanted}') return;
    observer.disconnect();
    resolve(Date.now());
  };
  const observer = new MutationObserver(look);
  observer.observe(button, { attributes: true });
  look();
})`;

type Change = (isOn: boolean) => Promise<unknown>;

/** From the end of the client's program to the page, which may be sooner than that. */
async function timesOf({ page }: OpenedGuest, change: Change): Promise<Record<string, number>> {
  const times: number[] = [];
  for (const isOn of [true, false]) {
    const shown = page.evaluate<number>(whenPressed(isOn));
    await change(isOn);
    const endedAt = Date.now();
    times.push((await shown) - endedAt);
  }
  return { 'shown after its end, ms': Math.max(...times) };
}

export const webChanges = (guest: GuestInBrowser): Bench => ({
  name: 'web-changes',
  title: 'from another client’s change to the page; goal: 300 ms',
  async run({ rounds }) {
    const opened = await guest.open();
    const { appliance } = opened;
    const url = `https://127.0.0.1:${appliance.redfishPort}/redfish/v1/Systems/1`;
    const curl: Change = async (isOn) => {
      const args = ['-sSfk', '-u', 'admin:password', '-X', 'PATCH', '-H', 'Content-Type: application/json'];
      const { code, stderr } = await run('curl', [
        ...args,
        '-d',
        JSON.stringify({ LocationIndicatorActive: isOn }),
        url,
      ]);
      if (code !== 0) throw new Error(`curl: ${code}: ${stderr}`);
    };
    const ipmitool: Change = (isOn) => appliance.ipmi('chassis', 'identify', ...(isOn ? ['force'] : ['0']));
    const contenders: Contender[] = [
      { name: 'curl PATCH', measure: () => timesOf(opened, curl) },
      { name: 'ipmitool', measure: () => timesOf(opened, ipmitool) },
    ];
    return { figures: await inRounds(contenders, rounds) };
  },
});
