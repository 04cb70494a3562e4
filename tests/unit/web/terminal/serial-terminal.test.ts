/** What the BMC tells about the serial line and what of it the terminal shows, without a page: xterm and the line are stood in for. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConsoleListener } from '../../../../src/web/terminal/console-link.ts';
import { SerialTerminal } from '../../../../src/web/terminal/serial-terminal.ts';

const seen = vi.hoisted(() => ({
  written: [] as string[],
  listener: undefined as ConsoleListener | undefined,
  /** What the place is wide enough for, of one pixel each. */
  pixels: 0,
  size: undefined as readonly [columns: number, rows: number, fontSize: number] | undefined,
  /** What has been said about modes that are switched off. */
  resetMode: undefined as ((modes: readonly (number | number[])[]) => boolean) | undefined,
  resized: undefined as (() => void) | undefined,
}));
vi.mock('@xterm/xterm', () => ({
  Terminal: class {
    textarea = undefined;
    options: { fontSize: number };
    parser = {
      registerCsiHandler: (
        { prefix, final }: { prefix?: string; final: string },
        handler: (modes: readonly (number | number[])[]) => boolean,
      ) => {
        if (prefix === '?' && final === 'l') seen.resetMode = handler;
      },
    };
    constructor(options: { fontSize: number }) {
      this.options = options;
    }
    resize(columns: number, rows: number) {
      seen.size = [columns, rows, this.options.fontSize];
    }
    cols = 80;
    rows = 24;
    loadAddon(addon: { terminal?: { options: { fontSize: number } } }) {
      addon.terminal = this;
    }
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
    terminal?: { options: { fontSize: number } };
    proposeDimensions() {
      const { fontSize = 0 } = this.terminal?.options ?? {};
      // Letters of monospaced fonts are 0.6 times as wide as high.
      return seen.pixels === 0 ? undefined : { cols: Math.floor(seen.pixels / (fontSize * 0.6)), rows: 24 };
    }
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
    constructor(callback: () => void) {
      seen.resized = callback;
    }
    observe() {}
  },
);

let terminal: SerialTerminal;
beforeEach(() => {
  seen.written.length = 0;
  seen.pixels = 0;
  seen.size = undefined;
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

  it('has the columns that its place has room for', () => {
    seen.pixels = 1200;
    seen.resized?.();
    expect(seen.size).toEqual([142, 24, 14]);
  });

  it.each([
    [650, [83, 24, 13]],
    [580, [80, 24, 12]],
    [530, [80, 24, 11]],
    [330, [80, 24, 11]],
  ])(
    'never has fewer than the 80 columns of firmware and getty, in smaller letters: %d pixels',
    (pixels, size) => {
      seen.pixels = pixels;
      seen.resized?.();
      expect(seen.size).toEqual(size);
    },
  );

  it('has large letters again where there is room for them again, and waits as long as it is not shown', () => {
    for (const pixels of [330, 1200, 0]) {
      seen.pixels = pixels;
      seen.resized?.();
    }
    expect(seen.size).toEqual([142, 24, 14]);
  });

  it('goes on wrapping long lines when firmware has switched that off', () => {
    expect(seen.resetMode?.([7])).toBe(true);
    expect(seen.written).toEqual([]);
  });

  it('lets other modes be switched off, and wraps again where wrapping goes with them', () => {
    expect(seen.resetMode?.([25])).toBe(false);
    expect(seen.written).toEqual([]);
    expect(seen.resetMode?.([25, 7])).toBe(false);
    expect(seen.written).toEqual(['\u001b[?7h']);
  });
});
