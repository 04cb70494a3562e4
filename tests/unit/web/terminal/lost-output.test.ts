import type { Terminal } from '@xterm/xterm';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { lostOutput } from '../../../../src/web/terminal/lost-output.ts';

let terminal: Terminal;
beforeAll(async () => {
  // The page's own terminal, without a page.
  vi.stubGlobal('self', globalThis);
  vi.stubGlobal('window', globalThis);
  const xterm = await import('@xterm/xterm');
  terminal = new xterm.Terminal({ cols: 60, rows: 10, allowProposedApi: true });
  return () => {
    terminal.dispose();
    vi.unstubAllGlobals();
  };
});

const write = (data: string | Uint8Array) => new Promise<void>((resolve) => terminal.write(data, resolve));
const rows = () =>
  Array.from({ length: 4 }, (_, y) => terminal.buffer.active.getLine(y)?.translateToString(true));

describe('a mark where output is missing', () => {
  it.each([
    ['in the middle of a line', 'abc'],
    ['in the middle of a control sequence', 'abc\u001b[3'],
    ['in the middle of a title', 'abc\u001b]0;tit'],
    ['in the middle of a device control string', 'abc\u001bP+q54'],
    ['in the middle of a character', Buffer.from([0x61, 0x62, 0x63, 0xe2, 0x82])],
    ['among drawing characters', 'abc\u001b(0'],
  ])('%s stands on a line of its own, and what follows below it', async (_, before) => {
    terminal.reset();
    await write(before);
    await write(lostOutput('12 KiB of output was lost here'));
    await write('next');
    expect(rows().map((row) => row?.replace('\ufffd', ''))).toEqual([
      'abc',
      ' 12 KiB of output was lost here ',
      'next',
      '',
    ]);
  });

  it('is drawn in reverse, whatever colour came before, and leaves none behind', async () => {
    terminal.reset();
    await write('\u001b[1;31mred');
    await write(lostOutput('lost'));
    await write('next');
    const cell = (y: number) => terminal.buffer.active.getLine(y)?.getCell(1);
    expect([cell(0)?.isBold(), cell(0)?.getFgColor()]).toEqual([expect.any(Number), 1]);
    expect(cell(1)?.isInverse()).toBeTruthy();
    expect(cell(1)?.isFgDefault()).toBe(true);
    expect(cell(2)?.isAttributeDefault()).toBe(true);
  });
});
