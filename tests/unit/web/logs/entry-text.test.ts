import { describe, expect, it } from 'vitest';
import { toldSelRecord } from '../../../../src/redfish/own-registry.ts';
import { selWords } from '../../../../src/redfish/sel-words.ts';
import { entryText } from '../../../../src/web/pages/logs/entry-text.ts';
import type { Entry } from '../../../../src/web/pages/logs/log-kinds.ts';

function record(sensor: string, what: string, phase: string): Entry {
  const { messageId, text, args } = toldSelRecord([sensor, what, phase], 'OK');
  const resource = { '@odata.id': '/x', Id: '1', Name: 'SEL entry 1' };
  return { ...resource, Severity: 'OK', Message: text, MessageId: messageId, MessageArgs: args };
}

/** What the service can say of a record, without numbers. */
const whats = [0x01, 0x6f].flatMap((eventType) =>
  Array.from({ length: 0x2d * 16 }, (_, n) => {
    const event = { kind: 'system', generatorId: 0x20, messageRevision: 4, sensorNumber: 1 } as const;
    const content = { ...event, sensorType: n >> 4, asserted: true, eventType } as const;
    return selWords({ ...content, data: [n & 0x0f, 0xff, 0xff] }).text;
  }),
);

describe('records of the SEL in Japanese', () => {
  it.each([...new Set(whats)].filter((what) => !what.startsWith('event ')))('have words for: %s', (what) => {
    expect(entryText(record('1', what, 'began'), 'ja')).not.toMatch(/[a-z]{3}/);
  });

  it('name sensor, event, numbers, and whether it began', () => {
    const what = 'upper Critical - going high, reading 95 °C, threshold 90 °C';
    expect(entryText(record('CPU Temp', what, 'began'), 'ja')).toBe(
      'センサー CPU Temp: 上限 (重大)、上昇、測定値 95 °C、しきい値 90 °C (発生)',
    );
    expect(entryText(record('CPU Temp', what, 'ended'), 'en')).toBe(`Sensor CPU Temp: ${what} (ended).`);
  });

  it('leave the values of a setting to the list beside them', () => {
    const Facts = [{ Name: 'Setting', Value: 'SOL' }];
    const Changes = [{ Name: 'enabled', Before: true, After: false }];
    const entry = { ...record('', '', ''), MessageId: 'QemuBmc.1.0.Configuration', MessageArgs: ['SOL: …'] };
    const logged: Entry = { ...entry, Oem: { QemuBmc: { Facts, Changes } } };
    expect(entryText(logged, 'ja', true)).toBe('設定が変更されました: SOL');
    expect(entryText(logged, 'ja')).toContain('true → false');
  });
});
