import { describe, expect, it } from 'vitest';
import { eventKinds } from '../../../../src/bmc/event-log.ts';
import { toldEvent } from '../../../../src/redfish/own-registry.ts';
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

  it.each([
    [
      'console-opened',
      { Console: 'screen', User: 'admin (::1)', Access: 'read' },
      '画面、admin (::1) (閲覧のみ)',
    ],
    ['console-closed', { Console: 'serial', User: 'admin (::1)' }, 'シリアルコンソール、admin (::1)'],
    ['session-opened', { Protocol: 'Redfish', User: 'bob (::1)' }, 'Redfish、bob (::1)'],
    ['session-closed', { Protocol: 'IPMI', User: 'bob (::1)', End: 'idle' }, 'IPMI、bob (::1) (時間切れ)'],
    ['power-on', { By: 'power-on at start' }, '起動時の電源オン'],
    ['reset', { By: 'the guest' }, 'ゲスト'],
    ['power-off', { By: 'alice' }, 'alice'],
    ['media-inserted', { Image: 'a.iso', Slot: 'CD' }, 'a.iso、CD'],
    ['configuration', { SelfSigned: 'AB:CD' }, '自己署名の TLS 証明書を作成 (SHA-256 AB:CD)'],
  ] as const)('are told in Japanese alone where there are facts: %s', (kind, facts, detail) => {
    const { messageId, text, args } = toldEvent({ kind, text: 'in English', facts });
    const Facts = Object.entries(facts).map(([Name, Value]) => ({ Name, Value }));
    const logged = { MessageId: messageId, Message: text, MessageArgs: args, Oem: { QemuBmc: { Facts } } };
    expect(eventText(logged, 'ja').split(': ').slice(1).join(': ')).toBe(detail);
  });

  it('name a setting, and what of it is another now', () => {
    const Facts = [{ Name: 'Setting', Value: 'identify light' }];
    const Changes = [{ Name: 'on', Before: false, After: true }];
    const logged = { ...entry('configuration'), Oem: { QemuBmc: { Facts, Changes } } };
    expect(eventText(logged, 'ja')).toBe('設定が変更されました: 識別ライト: on false → true');
  });

  it('say once what was done to the power', () => {
    const facts = { By: 'power-on at start' };
    const told = toldEvent({ kind: 'power-on', text: 'power on by power-on at start', facts });
    expect(told.text).toBe('The server was powered on: by power-on at start.');
  });

  it('are shown as they came where they are English or unknown', () => {
    expect(eventText({ Message: 'Hello.', MessageId: 'Other.1.0.PowerOn' }, 'ja')).toBe('Hello.');
    expect(eventText({ Message: 'Hello.' }, 'ja')).toBe('Hello.');
    expect(eventText(entry('power-on'), 'en')).toBe('The server was powered on: details.');
  });
});
