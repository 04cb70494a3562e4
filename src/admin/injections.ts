/**
 * What testers can do to a BMC: one table for the admin socket, the command line and their help. Each entry says what
 * it takes and does it.
 */
import Type, { type Static, type TObject } from 'typebox';
import type { Bmc } from '../bmc/bmc.ts';
import { BmcError } from '../bmc/errors.ts';
import { frontPanelButtons } from '../bmc/front-panel.ts';
import type { CommandRegistry } from '../ipmi/commands/registry.ts';

export interface InjectionTarget {
  readonly bmc: Bmc;
  readonly commands: CommandRegistry;
}

export interface Injection {
  readonly description: string;
  readonly body: TObject;
  run(body: unknown, target: InjectionTarget): void;
}

function injection<B extends TObject>(definition: {
  description: string;
  body: B;
  run(body: Static<B>, target: InjectionTarget): void;
}): Injection {
  return definition as unknown as Injection;
}

const strict = { additionalProperties: false } as const;
const byte = Type.Integer({ minimum: 0, maximum: 0xff });
const on = Type.Boolean({ default: true, description: 'false ends it' });
/** The BMC itself, by the specification's event generator form. */
const bmcGeneratorId = 0x0020;
const eventMessageRevision = 4;

export const injections: Readonly<Record<string, Injection>> = {
  sensor: injection({
    description: 'Show a reading, or states, instead of the true ones; neither shows the truth again.',
    body: Type.Object(
      {
        key: Type.String({ description: 'such as cpuTemp; all keys stand in the list of faults' }),
        reading: Type.Optional(Type.Number({ description: 'in the sensor’s unit' })),
        states: Type.Optional(Type.Array(Type.String())),
      },
      strict,
    ),
    run({ key, reading, states }, { bmc }) {
      const value = reading ?? states;
      if (reading !== undefined && states !== undefined) {
        throw new BmcError('bad-argument', 'sensor: reading or states, not both');
      }
      if (value === undefined) bmc.sensors.release(key);
      else bmc.sensors.override(key, value);
    },
  }),
  sel: injection({
    description: 'An event as a sensor would send it: into the SEL, to filters and to the host.',
    body: Type.Object(
      {
        sensorType: byte,
        sensorNumber: byte,
        eventType: Type.Integer({
          minimum: 0,
          maximum: 0x7f,
          description: '1: threshold, 0x6f: sensor’s own',
        }),
        data: Type.Array(byte, { minItems: 3, maxItems: 3 }),
        asserted: Type.Optional(Type.Boolean({ default: true })),
      },
      strict,
    ),
    run({ data: [first = 0, second = 0, third = 0], asserted = true, ...event }, { bmc }) {
      bmc.eventReceiver.receive({
        kind: 'system',
        generatorId: bmcGeneratorId,
        messageRevision: eventMessageRevision,
        ...event,
        asserted,
        data: [first, second, third],
      });
    },
  }),
  'reply-delay': injection({
    description: 'Each reply on the LAN leaves later.',
    body: Type.Object({ ms: Type.Integer({ minimum: 0, maximum: 600_000 }) }, strict),
    run: ({ ms }, { bmc }) => bmc.faults.set({ replyDelayMs: ms }),
  }),
  'reply-drop': injection({
    description: 'A share of the replies on the LAN is lost.',
    body: Type.Object({ percent: Type.Number({ minimum: 0, maximum: 100 }) }, strict),
    run: ({ percent }, { bmc }) => bmc.faults.set({ replyDropPercent: percent }),
  }),
  'completion-code': injection({
    description: 'A command is refused with this code whenever it would have been carried out; 0 ends it.',
    body: Type.Object(
      { command: Type.String({ description: 'by name, such as Get Device ID' }), code: byte },
      strict,
    ),
    run({ command, code }, { bmc, commands }) {
      const wanted = command.toLowerCase();
      const found = commands.definitions.find(({ name }) => name.toLowerCase() === wanted);
      if (!found) throw new BmcError('not-found', `no command is called ${command}`);
      const { [found.name]: _, ...others } = bmc.faults.current.refusals;
      bmc.faults.set({ refusals: code === 0 ? others : { ...others, [found.name]: code } });
    },
  }),
  'power-stuck': injection({
    description: 'Every change of the power fails.',
    body: Type.Object({ on: Type.Optional(on) }, strict),
    run: ({ on: powerStuck = true }, { bmc }) => bmc.faults.set({ powerStuck }),
  }),
  'half-dead': injection({
    description: 'The BMC answers a presence ping and nothing else on the LAN.',
    body: Type.Object({ on: Type.Optional(on) }, strict),
    run: ({ on: halfDead = true }, { bmc }) => bmc.faults.set({ halfDead }),
  }),
  press: injection({
    description: 'Press a button of the front panel.',
    body: Type.Object({ button: Type.Enum([...frontPanelButtons]) }, strict),
    run: ({ button }, { bmc }) => bmc.frontPanel.press(button),
  }),
};

/** All that is broken now; sensors with the values that they show instead of the true ones, or null. */
export function faultsInForce({ bmc }: InjectionTarget): object {
  const sensors = bmc.sensors.list().map((sensor) => {
    const { key } = sensor.definition;
    if (!sensor.overridden) return [key, null] as const;
    return [key, 'reading' in sensor ? sensor.reading : [...(sensor.states ?? [])]] as const;
  });
  return { ...bmc.faults.current, sensors: Object.fromEntries(sensors) };
}

export function clearFaults({ bmc }: InjectionTarget): void {
  bmc.faults.clear();
  for (const { definition } of bmc.sensors.list()) bmc.sensors.release(definition.key);
}
