import { describe, expect, it } from 'vitest';
import { messageObject } from '../../../../src/redfish/messages.ts';
import { updateMessage } from '../../../../src/redfish/update-messages.ts';
import { en } from '../../../../src/web/pages/settings/en.ts';
import { ja } from '../../../../src/web/pages/settings/ja.ts';
import {
  failureText,
  type TaskMessage,
  updateText,
} from '../../../../src/web/pages/settings/update-messages.ts';

const machine = '/redfish/v1/Systems/1';
/** As a task has it. */
const said = (id: Parameters<typeof updateMessage>[0], first: string, second: string) =>
  messageObject(updateMessage(id, first, second)) as TaskMessage;
const reason: TaskMessage = {
  MessageId: 'Base.1.22.GeneralError',
  Message: 'The firmware image is refused: 5 bytes are none.',
  MessageSeverity: 'Critical',
};

describe('messages of an update', () => {
  it.each([
    ['TargetDetermined', machine, 'bios.bin'],
    ['TransferringToComponent', 'bios.bin', machine],
    ['VerifyingAtComponent', 'bios.bin', machine],
    ['VerificationFailed', 'bios.bin', machine],
    ['InstallingOnComponent', 'bios.bin', machine],
    ['ApplyingOnComponent', 'bios.bin', machine],
    ['AwaitToActivate', 'bios.bin', machine],
    ['UpdateSuccessful', machine, 'bios.bin'],
  ] as const)('name the image and no address of Redfish: %s', (id, first, second) => {
    for (const { maintenance } of [en, ja]) {
      const text = updateText(said(id, first, second), maintenance.updateMessages);
      expect(text).toContain('bios.bin');
      expect(text).not.toContain('/redfish');
    }
  });

  it('are shown as they came where they are about something else', () => {
    expect(updateText(reason, en.maintenance.updateMessages)).toBe(reason.Message);
  });

  it('tell why it failed by the reason, not by the step that failed', () => {
    const steps = [
      said('VerifyingAtComponent', 'bios.bin', machine),
      said('VerificationFailed', 'bios.bin', machine),
    ];
    expect(failureText([...steps, reason], en.maintenance.updateMessages)).toBe(reason.Message);
    expect(failureText(steps, en.maintenance.updateMessages)).toBe('bios.bin did not pass the check.');
    expect(failureText(steps.slice(0, 1), en.maintenance.updateMessages)).toBeUndefined();
  });
});
