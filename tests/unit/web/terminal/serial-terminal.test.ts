/** What the BMC tells about the serial line and what of it the terminal shows, without a page: xterm and the line are stood in for. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConsoleListener } from '../../../../src/web/terminal/console-link.ts';
import { SerialTerminal } from '../../../../src/web/terminal/serial-terminal.ts';

const seen = vi.hoisted(() => ({
  written: [] as string[],
  listener: undefined as ConsoleListener | undefined,
}));
vi.mock('@xterm/xterm', () => ({
  Terminal: class {
    textarea = undefined;
    cols = 80;
    rows = 24;
    loadAddon() {}
    open() {}
    onData() {}
    onBinary() {}
    onResize() {}
    attachCustomKeyEventHandler() {}
    write(bytes: Uint8Array | string) {
      seen.written.push(typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes));
    }
  },
}));
vi.mock('@xterm/addon-fit', () => ({
  FitAddon: class {
    fit() {}
  },
}));
vi.mock('../../../../src/web/terminal/styled-document.ts', () => ({
  styledDocument: () => undefined,
  whileStyled: (run: () => void) => run(),
}));
vi.mock('../../../../src/web/terminal/console-link.ts', () => ({
  ConsoleLink: class {
    constructor(_kind: string, _interactive: boolean, listener: ConsoleListener) {
      seen.listener = listener;
    }
    start() {}
  },
}));
vi.stubGlobal('getComputedStyle', () => ({}));
vi.stubGlobal(
  'ResizeObserver',
  class {
    observe() {}
  },
);

let terminal: SerialTerminal;
beforeEach(() => {
  seen.written.length = 0;
  terminal = new SerialTerminal({} as HTMLElement, {
    interactive: true,
    label: 'serial',
    lost: (bytes) => new TextEncoder().encode(`<${bytes} lost>`),
  });
});

const says = (text: string) => seen.listener?.bytes(new TextEncoder().encode(text));

describe('a terminal of the serial line', () => {
  it('says where output is missing, between what came before and what comes after', () => {
    says('before');
    seen.listener?.control({ type: 'dropped', bytes: 12_345 });
    says('after');
    expect(seen.written).toEqual(['before', '<12345 lost>', 'after']);
  });

  it('records that, too', async () => {
    terminal.startRecording('title');
    seen.listener?.control({ type: 'dropped', bytes: 7 });
    expect(await terminal.stopRecording()?.text()).toContain('"o","<7 lost>"');
  });
});
