/** Every command that this BMC knows. */
import { appCommands } from './app.ts';
import { channelCommands } from './channel.ts';
import { chassisCommands } from './chassis.ts';
import { dcmiCommands } from './dcmi.ts';
import { eventCommands } from './event.ts';
import { fruCommands } from './fru.ts';
import { lanCommands } from './lan.ts';
import { messagingCommands } from './messaging.ts';
import { payloadCommands } from './payload.ts';
import { pefCommands } from './pef.ts';
import { CommandRegistry } from './registry.ts';
import { sdrCommands } from './sdr.ts';
import { selCommands } from './sel.ts';
import { sensorCommands } from './sensor.ts';
import { sessionCommands } from './session.ts';
import { solCommands } from './sol.ts';
import { systemInfoCommands } from './system-info.ts';
import { userCommands } from './user.ts';
import { watchdogCommands } from './watchdog.ts';

export const ipmiCommands = new CommandRegistry([
  ...appCommands,
  ...systemInfoCommands,
  ...watchdogCommands,
  ...messagingCommands,
  ...sessionCommands,
  ...channelCommands,
  ...userCommands,
  ...lanCommands,
  ...payloadCommands,
  ...chassisCommands,
  ...solCommands,
  ...eventCommands,
  ...pefCommands,
  ...selCommands,
  ...sensorCommands,
  ...sdrCommands,
  ...fruCommands,
  ...dcmiCommands,
]);
