/** The messages of DMTF's Update message registry that tasks of the update service say, as the registry words them (DSP2065). */
import { type Entry, type Message, messageOf } from './messages.ts';

export const updateRegistry = { prefix: 'Update', version: '1.3.0' } as const;

const messages = {
  TargetDetermined: [200, 'OK', "The target device '%1' will be updated with image '%2'.", 'None.'],
  TransferringToComponent: [200, 'OK', "Image '%1' is being transferred to '%2'.", 'None.'],
  VerifyingAtComponent: [200, 'OK', "Image '%1' is being verified at '%2'.", 'None.'],
  InstallingOnComponent: [200, 'OK', "Image '%1' is being installed on '%2'.", 'None.'],
  ApplyingOnComponent: [200, 'OK', "Image '%1' is being applied on '%2'.", 'None.'],
  VerificationFailed: [400, 'Critical', "Verification of image '%1' at '%2' failed.", 'None.'],
  AwaitToActivate: [
    200,
    'OK',
    "Awaiting for an action to proceed with activating image '%1' on '%2'.",
    'Perform the requested action to advance the update operation.',
  ],
  UpdateSuccessful: [200, 'OK', "Device '%1' successfully updated with image '%2'.", 'None.'],
} as const satisfies Record<string, Entry>;

/** @param args in the order of %1, %2 */
export function updateMessage(id: keyof typeof messages, ...args: readonly [string, string]): Message {
  return messageOf(`${updateRegistry.prefix}.1.3.${id}`, messages[id], args);
}
