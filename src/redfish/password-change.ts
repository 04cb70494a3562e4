/** What is told to users who must choose another password before anything else. DSP0266 §13.3.7. */
import type { User } from '../bmc/user.ts';
import { type Message, message } from './messages.ts';
import { root } from './paths.ts';

export function passwordChangeRequired({ id }: User): Message {
  return message('PasswordChangeRequired', `${root}/AccountService/Accounts/${id}`);
}
