import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RedfishError } from '../../../src/redfish/errors.ts';
import { parseFilter } from '../../../src/redfish/filter.ts';

const member = {
  Name: 'it’s "1"',
  Severity: 'Warning',
  Reading: 42.5,
  Below: -3,
  Enabled: true,
  Nothing: null,
  Created: '2026-01-01T12:00:00+02:00',
  Status: { Health: 'OK', Deep: { Er: 1 } },
};
const holds = (text: string) => parseFilter(text)(member);

describe('a condition', () => {
  it.each([
    ["Severity eq 'Warning'", true],
    ["Severity eq 'warning'", false],
    ["'Warning' eq Severity", true],
    ["Severity ne 'OK'", true],
    ["Severity ne 'Warning'", false],
    ['Reading eq 42.5', true],
    ["Reading eq '42.5'", false],
    ['Below eq -3', true],
    ['Enabled eq true', true],
    ['Enabled eq false', false],
    ['Enabled ne false', true],
    ['Status/Health eq ' + "'OK'", true],
    ['Status/Deep/Er eq 1', true],
    ['Status/Deep/Er/None eq 1', false],
    ["Name eq 'it''s \"1\"'", false],
    ['Name eq \'it’s "1"\'', true],
  ])('%s is %s', (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  it('takes a quote doubled for one', () => {
    expect(parseFilter("Name eq 'it''s'")({ Name: "it's" })).toBe(true);
    expect(parseFilter("Name eq ''''")({ Name: "'" })).toBe(true);
    expect(parseFilter("Name eq ''")({ Name: '' })).toBe(true);
  });

  it('takes what is not there for null, and sees nothing of the object’s prototype', () => {
    expect(holds('Nothing eq null')).toBe(true);
    expect(holds('Missing eq null')).toBe(true);
    expect(holds('Missing ne null')).toBe(false);
    expect(holds('Severity ne null')).toBe(true);
    expect(holds('constructor eq null')).toBe(true);
    expect(holds('Status/__proto__ eq null')).toBe(true);
  });

  it('orders numbers by size, also where the two are equal', () => {
    const orders = ['gt', 'ge', 'lt', 'le'];
    const of = (number: string) => orders.map((each) => holds(`Reading ${each} ${number}`));
    expect(of('42')).toEqual([true, true, false, false]);
    expect(of('42.5')).toEqual([false, true, false, true]);
    expect(of('100')).toEqual([false, false, true, true]);
  });

  it('orders texts by their letters, times by when they are, and nothing else at all', () => {
    const orders = ['gt', 'ge', 'lt', 'le'];
    const of = (left: string, right: string) => orders.map((each) => holds(`${left} ${each} ${right}`));
    expect(of('Severity', "'OK'")).toEqual([true, true, false, false]);
    expect(of('Severity', "'Warning'")).toEqual([false, true, false, true]);
    expect(of('Severity', "'Z'")).toEqual([false, false, true, true]);
    // As text it would be later; it is the same moment.
    expect(of('Created', "'2026-01-01T10:00:00Z'")).toEqual([false, true, false, true]);
    expect(of('Created', "'2026-01-01T11:00:00Z'")).toEqual([false, false, true, true]);
    // One of the two is no time, whatever it looks like: letters count.
    expect(of('Created', "'2026-01-01T99'")).toEqual([false, false, true, true]);
    expect(of('Created', "'2026'")).toEqual([true, true, false, false]);
    expect(of("'2026'", 'Created')).toEqual([false, false, true, true]);
    const none = [false, false, false, false];
    expect(of('Reading', "'42'")).toEqual(none);
    expect(of("'42'", 'Reading')).toEqual(none);
    expect(of('Enabled', 'Enabled')).toEqual(none);
    expect(of('Missing', '1')).toEqual(none);
  });

  it('binds not before and before or, and brackets before all', () => {
    const value = { a: 'true', b: 'false' };
    const say = (text: string) =>
      parseFilter(
        text.replace(/\b[TF]\b/g, (each) => (each === 'T' ? 'Enabled eq true' : 'Enabled eq false')),
      )({ ...value, Enabled: true });
    expect([
      say('T or F and F'),
      say('(T or F) and F'),
      say('F and F or T'),
      say('F and (F or T)'),
      say('not F and F'),
      say('not (F and F)'),
      say('not not T'),
      say('not T or T'),
      say('T and T and F'),
      say('F or F or T'),
    ]).toEqual([true, false, true, false, false, true, true, true, false, true]);
  });

  it('goes sixteen brackets or negations deep, and not one more', () => {
    const nested = (depth: number) => `${'('.repeat(depth)}Enabled eq true${')'.repeat(depth)}`;
    expect(holds(nested(15))).toBe(true);
    expect(() => holds(nested(16))).toThrow(RedfishError);
    expect(holds(`${'not '.repeat(15)}Enabled eq true`)).toBe(false);
    expect(() => holds(`${'not '.repeat(16)}Enabled eq true`)).toThrow(RedfishError);
    // Beside each other they are not deep.
    expect(holds(Array.from({ length: 30 }, () => '(Enabled eq true)').join(' and '))).toBe(true);
  });

  it('has 2,048 characters at most', () => {
    const long = (length: number) => `Name eq '${'x'.repeat(length - 10)}'`;
    expect(holds(long(2048))).toBe(false);
    expect(() => holds(long(2049))).toThrow(RedfishError);
  });

  it.each([
    '',
    '   ',
    'Severity',
    'Severity eq',
    "eq 'x'",
    "Severity 'Warning' eq",
    "Severity is 'Warning'",
    "Severity toString 'Warning'",
    "Severity eq 'Warning",
    'Severity eq (1)',
    ') eq 1',
    '(Reading eq 1',
    'Reading eq 1)',
    'Reading eq 1 Reading eq 1',
    'Reading eq 1 and',
    'or Reading eq 1',
    'Reading eq 1 eq 1',
    'Reading = 1',
    'Reading eq 1;',
    'Reading eq 1x',
  ])('is none: «%s»', (text) => {
    expect(() => parseFilter(text)).toThrow(RedfishError);
  });

  it('is taken or refused in the registry’s words, whatever is written, and asks members for nothing else', () => {
    const word = fc.constantFrom(
      ...['Severity', "'x'", '1', 'eq', 'gt', 'and', 'or', 'not', '(', ')', 'null', 'true', '/', ' '],
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 3 })), { maxLength: 12 }), (words) => {
        try {
          expect(typeof parseFilter(words.join(' '))(member)).toBe('boolean');
        } catch (error) {
          expect(error).toBeInstanceOf(RedfishError);
        }
      }),
    );
  });
});
