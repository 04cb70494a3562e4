import { describe, expect, it } from 'vitest';
import { eventKinds } from '../../../../src/bmc/event-log.ts';
import { toldEvent, toldSelRecord } from '../../../../src/redfish/own-registry.ts';
import { eventText } from '../../../../src/web/i18n/event-texts.ts';

function entry(kind: (typeof eventKinds)[number]) {
  const { messageId, text, args } = toldEvent({ kind, text: 'details' });
  return { MessageId: messageId, Message: text, MessageArgs: args };
}

describe('entries of logs', () => {
  it.each(eventKinds)('are told in Japanese with their details: %s', (kind) => {
    const text = eventText(entry(kind), 'ja');
    expect(text).toMatch(/[\u3040-\u30ff\u4e00-\u9fff]/);
    expect(text.endsWith(': details')).toBe(true);
  });

  it('of the SEL name sensor, event, and whether it began', () => {
    const { messageId, text, args } = toldSelRecord(['CPU Temp', 'upper critical', 'began'], 'Critical');
    const logged = { MessageId: messageId, Message: text, MessageArgs: args };
    expect(eventText(logged, 'ja')).toBe('センサー CPU Temp: upper critical (発生)');
    expect(eventText(logged, 'en')).toBe('Sensor CPU Temp: upper critical (began).');
  });

  it('are shown as they came where they are English or unknown', () => {
    expect(eventText({ Message: 'Hello.', MessageId: 'Other.1.0.PowerOn' }, 'ja')).toBe('Hello.');
    expect(eventText({ Message: 'Hello.' }, 'ja')).toBe('Hello.');
    expect(eventText(entry('power-on'), 'en')).toBe('The server was powered on: details.');
  });
});
