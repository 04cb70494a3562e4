import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvCell, csvOf, fileName, jsonOf } from '../../../../src/web/pages/logs/log-export.ts';
import type { Entry } from '../../../../src/web/pages/logs/log-kinds.ts';

const entry = (message: string, more: Partial<Entry> = {}): Entry => ({
  '@odata.id': '/redfish/v1/x/1',
  Id: '1',
  Name: 'Event 1',
  Severity: 'OK',
  Created: '2026-05-01T12:00:00Z',
  Message: message,
  ...more,
});

/** RFC 4180, as a spreadsheet reads it. */
function cells(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}

describe('a log as CSV', () => {
  it('begins with a byte order mark and the names of the columns, and ends its lines by CRLF', () => {
    const text = csvOf([entry('hello')]);
    expect(text.startsWith('\uFEFFId,Created,Severity,Message,')).toBe(true);
    expect(text.endsWith('\r\n')).toBe(true);
    expect(text.split('\r\n')).toHaveLength(3);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =cmd', '|calc', '%0A', '\n=1'])(
    'gives %j no chance to be a formula',
    (text) => {
      const [cell = ''] = cells(csvCell(text));
      expect(cell).toBe(`'${text}`);
    },
  );

  it('keeps a text with commas, quotes and line breaks as it is', () => {
    const line = csvCell('a "quoted", text\nof two lines');
    expect(line).toBe('"a ""quoted"", text\nof two lines"');
  });

  it('lets no cell begin with what a spreadsheet reads as a formula, whatever a guest writes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [cell = ''] = cells(csvCell(text));
        expect(cell).not.toMatch(/^\s*[=+\-@]/);
      }),
    );
  });

  it('tells by which face and from where', () => {
    const text = csvOf([entry('x', { OriginAddress: 'ipmi://192.0.2.1:4000', Originator: 'admin' })]);
    expect(text).toContain('admin,IPMI,ipmi://192.0.2.1:4000');
  });
});

it('writes JSON as the service has the entries', () => {
  const entries = [entry('=1+1')];
  expect(JSON.parse(jsonOf(entries))).toEqual(entries);
});

it('names files after the machine, without what a file system takes ill', () => {
  const now = new Date('2026-05-01T12:30:00.123Z');
  expect(fileName('../rack 7/=x', 'sel', 'csv', now)).toBe('rack-7-x_sel_2026-05-01T12-30-00Z.csv');
  expect(fileName('', 'sel', 'csv', now)).toMatch(/^machine_sel_/);
});
