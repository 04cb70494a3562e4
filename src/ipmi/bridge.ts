/**
 * The IPMB behind the BMC (channel 0) and who answers there: one simulated satellite controller, so that bridging
 * with `ipmitool -t 0x82` and the like has somewhere to go. IPMI 2.0 §6.13.
 */

import { empty } from '../lib/codec.ts';
import { DeviceId, deviceIdOf } from './commands/app.ts';
import { Channel, type CommandContext, command } from './commands/command.ts';
import { CommandRegistry, type Reply } from './commands/registry.ts';
import { CompletionCode } from './message/completion-code.ts';
import type { IpmiRequest } from './message/message.ts';
import { NetFn } from './message/net-fn.ts';

/** An address that BMCs of blade servers use for their first satellite. */
export const satelliteAddress = 0x82;
const satelliteDeviceId = 0x21;

const satelliteCommands = new CommandRegistry([
  command({
    name: 'Get Device ID (satellite)',
    netFn: NetFn.app,
    cmd: 0x01,
    privilege: 'user',
    spec: 'IPMI 2.0 §20.1',
    request: empty,
    response: DeviceId,
    handle: (_, { bmc }) => deviceIdOf(bmc.identity, satelliteDeviceId, {}),
  }),
]);

/** @returns undefined when nobody on the bus has that address */
export async function sendOnIpmb(request: IpmiRequest, context: CommandContext): Promise<Reply | undefined> {
  if (request.rsAddr !== satelliteAddress) return undefined;
  if (request.netFn % 2 !== 0) return Uint8Array.of(CompletionCode.invalidCommand);
  const onBus: CommandContext = { ...context, channel: Channel.ipmb, session: undefined };
  return satelliteCommands.dispatch(request, onBus, 'administrator');
}
