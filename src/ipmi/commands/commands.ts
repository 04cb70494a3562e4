/** Every command that this BMC knows. */
import { appCommands } from './app.ts';
import { channelCommands } from './channel.ts';
import { chassisCommands } from './chassis.ts';
import { payloadCommands } from './payload.ts';
import { CommandRegistry } from './registry.ts';
import { sessionCommands } from './session.ts';
import { solCommands } from './sol.ts';

export const ipmiCommands = new CommandRegistry([
  ...appCommands,
  ...sessionCommands,
  ...channelCommands,
  ...payloadCommands,
  ...chassisCommands,
  ...solCommands,
]);
