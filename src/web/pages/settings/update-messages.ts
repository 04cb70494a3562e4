/** What a task of the update service says, for people: where things are in Redfish is nothing to them. */
import type { Task } from './schema.ts';

export type TaskMessage = NonNullable<Task['Messages']>[number];

/** By the name of a message in DMTF's registry of updates; told the image. */
export type UpdateWords = Readonly<Record<string, (image: string) => string>>;

/** @returns the message in these words; as it came where it is none about an image */
export function updateText(
  { MessageId: id = '', Message: text, MessageArgs: args = [] }: TaskMessage,
  words: UpdateWords,
): string {
  const [registry, name = ''] = [id.split('.')[0], id.split('.').at(-1)];
  const told = registry === 'Update' ? words[name] : undefined;
  // The device comes first where it is the subject of the sentence.
  const image = name === 'UpdateSuccessful' || name === 'TargetDetermined' ? args[1] : args[0];
  return told === undefined || image === undefined ? (text ?? id) : told(image);
}

/** Why an update failed: the last thing that was said which is no good news, in the service's own words if there are some. */
export function failureText(messages: readonly TaskMessage[], words: UpdateWords): string | undefined {
  const bad = messages.filter(({ MessageSeverity: severity }) => severity !== undefined && severity !== 'OK');
  const reason = bad.findLast(({ MessageId: id }) => !id?.startsWith('Update.')) ?? bad.at(-1);
  return reason && updateText(reason, words);
}
