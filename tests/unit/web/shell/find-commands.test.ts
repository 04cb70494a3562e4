import { describe, expect, it } from 'vitest';
import { findCommands } from '../../../../src/web/shell/find-commands.ts';

const commands = [
  { title: 'Overview', group: 'Go to' },
  { title: 'Force off', hint: 'Takes the power away', group: 'Machine' },
  { title: 'Power on', group: 'Machine' },
  { title: '電源オン', group: 'マシン' },
];
const titles = (text: string) => findCommands(commands, text).map(({ title }) => title);

describe('palette', () => {
  it('shows everything for nothing', () => {
    expect(titles('  ')).toHaveLength(commands.length);
  });

  it('wants every word, in name, hint or group', () => {
    expect(titles('off power')).toEqual(['Force off']);
    expect(titles('off nonsense')).toEqual([]);
  });

  it('puts first what begins with the word', () => {
    expect(titles('power')).toEqual(['Power on', 'Force off']);
  });

  it('makes no difference between wide and narrow letters', () => {
    expect(titles('ｐｏｗｅｒ ｏｎ')).toEqual(['Power on']);
    expect(titles('ｵﾝ')).toEqual(['電源オン']);
  });
});
