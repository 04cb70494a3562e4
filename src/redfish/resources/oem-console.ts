/**
 * The consoles of the machine beyond what Redfish has words for: tickets for their WebSockets, pictures of the screen,
 * keys and texts for its keyboard. What the browser's console does, curl can do.
 *
 * Looking needs `Login`, as everything that shows the machine; acting on it `ConfigureComponents`, as switching it off.
 */
import { Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import { type KeyName, keyNames } from '../../bmc/keyboard.ts';
import { maxKeysAtOnce, maxTextLength } from '../../bmc/screen.ts';
import { consoleSockets } from '../../http/sockets/offer.ts';
import { type SocketPurpose, ticketLifeMs } from '../../http/sockets/tickets.ts';
import { consoleGrant } from '../console-grants.ts';
import type { Context } from '../context.ts';
import { type Action, action, type Outcome, plain, type Resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { inWords, message } from '../messages.ts';
import { findSystem, systemUri } from '../paths.ts';
import { oemObject } from './oem-object.ts';

const screenshotPath = '/redfish/v1/Systems/:systemId/Oem/QemuBmc/Screenshot';

const opening = Type.Object({ Mode: Type.Optional(Type.Enum(['Interactive', 'ReadOnly'])) });

/** Of the computer system. */
export const consoleActions: readonly Action[] = [
  action({
    name: '#QemuBmcComputerSystem.OpenSerialConsole',
    oem: true,
    privileges: ['Login'],
    parameters: opening,
    run: ({ Mode: mode }, _, context) => openConsole('serial', mode !== 'ReadOnly', context),
  }),
  action({
    name: '#QemuBmcComputerSystem.OpenGraphicalConsole',
    oem: true,
    privileges: ['Login'],
    parameters: opening,
    run: ({ Mode: mode }, _, context) => openConsole('screen', mode !== 'ReadOnly', context),
  }),
  action({
    name: '#QemuBmcComputerSystem.SendKeys',
    oem: true,
    privileges: ['ConfigureComponents'],
    parameters: Type.Object({
      Keys: Type.Array(Type.Enum([...keyNames]), { minItems: 1, maxItems: maxKeysAtOnce }),
    }),
    run: async ({ Keys: keys }, _, { bmc }) => {
      await bmc.screen.press(keys as readonly KeyName[]);
      return undefined;
    },
  }),
  action({
    name: '#QemuBmcComputerSystem.TypeText',
    oem: true,
    privileges: ['ConfigureComponents'],
    parameters: Type.Object({ Text: Type.String({ minLength: 1, maxLength: maxTextLength }) }),
    run: async ({ Text: text }, _, { bmc }) => {
      await bmc.screen.type(text);
      return undefined;
    },
  }),
];

function openConsole(purpose: SocketPurpose, wantsToWrite: boolean, context: Context): Outcome {
  const { user, state } = context;
  if (!user) throw new RedfishError(message('NoValidSession'));
  if (purpose === 'serial' && !user.sol) {
    throw new RedfishError(
      inWords('This user’s account types do not include HostConsole.', message('InsufficientPrivilege')),
    );
  }
  const grant = consoleGrant(purpose, wantsToWrite, user, context);
  const ticket = state.tickets.issue(grant);
  const { path, protocol } = consoleSockets[purpose];
  return {
    status: 200,
    body: {
      Uri: `${path}?ticket=${ticket}`,
      Subprotocol: protocol,
      ExpiresInSeconds: ticketLifeMs / 1000,
      Interactive: wantsToWrite && grant.mayWrite,
    },
  };
}

const attendeeSchema = Type.Object(
  {
    Name: Type.String({ description: 'Who it is: a user, or a program of this host.' }),
    Interactive: Type.Boolean({ description: 'An indication of whether the attendee may write.' }),
    Since: Type.String({ format: 'date-time', description: 'When the attendee came.' }),
  },
  { title: 'Attendee', description: 'Somebody who is attached to a console.', additionalProperties: false },
);

const consoleSchema = (description: string) =>
  Type.Object(
    { Attached: Type.Array(attendeeSchema, { description: 'Who is attached, whichever way they came.' }) },
    { title: 'Console', description, additionalProperties: false },
  );

/** Of the computer system. */
export const consolesObject = oemObject(
  'QemuBmcComputerSystem',
  'The consoles of the machine, beyond what ComputerSystem tells of them.',
  {
    SerialConsole: consoleSchema('The serial console.'),
    GraphicalConsole: consoleSchema('The screen.'),
    // No resource, and so no link.
    ScreenshotUri: Type.String({ description: 'Where GET answers a picture of the screen, as PNG.' }),
  },
);

/** Who is attached to the consoles, whichever way they came. */
export function consolesOem({ console, screen }: Bmc): JsonObject {
  return consolesObject.oem({
    SerialConsole: { Attached: console.attendees.map(attendee) },
    GraphicalConsole: { Attached: screen.attendees.map(attendee) },
    ScreenshotUri: `${systemUri}/Oem/QemuBmc/Screenshot`,
  });
}

function attendee({
  name,
  mode,
  since,
}: {
  readonly name: string;
  readonly mode: 'write' | 'read';
  readonly since: number;
}) {
  return { Name: name, Interactive: mode === 'write', Since: new Date(since).toISOString() };
}

const screenshot = plain({
  path: screenshotPath,
  privileges: { get: ['Login'] },
  async answer({ params, uri }, { bmc }) {
    if (!findSystem(params)) throw new RedfishError(message('ResourceMissingAtURI', uri));
    const picture = await bmc.screen.picture();
    return {
      status: 200,
      headers: { 'content-type': 'image/png', 'content-length': String(picture.length) },
      body: once(picture),
    };
  },
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export const consoleResources: readonly Resource[] = [screenshot];
