import { describe, expect, it } from 'vitest';
import { selWords } from '../../../../src/redfish/sel-words.ts';
import { en } from '../../../../src/web/pages/logs/en.ts';
import { ja } from '../../../../src/web/pages/logs/ja.ts';

/** As LogEntry.SensorType names them, of all types that IPMI has. */
const names = Array.from({ length: 0x2d }, (_, sensorType) => {
  const event = { kind: 'system', generatorId: 0x20, messageRevision: 4, sensorNumber: 0xef } as const;
  return selWords({ ...event, sensorType, asserted: true, eventType: 0x6f, data: [0, 0, 0] }).sensorType;
});

describe('types of sensors', () => {
  it.each([...new Set(names)].filter((name) => name !== 'OEM'))('are told in words: %s', (name) => {
    expect(en.sensorTypes[name] ?? name).not.toMatch(/[a-z][A-Z]|\//);
    expect(ja.sensorTypes[name] ?? name).not.toMatch(/[a-z][A-Z]|\//);
  });
});
