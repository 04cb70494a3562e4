/** The two ways in which a resource takes a PATCH. */
import { type Static, type TObject, type TSchema, Type } from 'typebox';
import type { Context } from './context.ts';
import type { Patch, Refused, Target } from './definition.ts';
import { asRedfishError } from './errors.ts';
import type { JsonObject } from './json.ts';
import { about, inWords, type Message, message } from './messages.ts';

/** Properties that belong together: all that came are written, or none. */
export function together<Schema extends TObject, Params, Found>(
  schema: Schema,
  write: (
    change: Partial<Static<Schema>>,
    target: Target<Params, Found>,
    context: Context,
  ) => void | Promise<void>,
): Patch<Params, Found> {
  return {
    schema,
    async apply(change, target, context) {
      await write(change as Partial<Static<Schema>>, target, context);
      return [];
    },
  };
}

interface Writer<Schema extends TSchema, Params, Found> {
  readonly schema: Schema;
  write(value: Static<Schema>, target: Target<Params, Found>, context: Context): void | Promise<void>;
}

/** A property that can be written on its own. */
export function property<Schema extends TSchema, Params, Found>(
  schema: Schema,
  write: Writer<Schema, Params, Found>['write'],
): Writer<TSchema, Params, Found> {
  return { schema, write } as unknown as Writer<TSchema, Params, Found>;
}

/** Properties each of which is written on its own: one that is refused leaves the others alone. DSP0266 §7.9. */
export function each<Params, Found>(
  writers: Readonly<Record<string, Writer<TSchema, Params, Found>>>,
): Patch<Params, Found> {
  return {
    schema: Type.Object(
      Object.fromEntries(Object.entries(writers).map(([name, { schema }]) => [name, Type.Optional(schema)])),
    ),
    async apply(change: JsonObject, target, context) {
      const refused: Refused[] = [];
      for (const [name, writer] of Object.entries(writers)) {
        const value = change[name];
        if (value === undefined) continue;
        try {
          await writer.write(value as Static<TSchema>, target, context);
        } catch (error) {
          const known = asRedfishError(error);
          if (!known) throw error;
          for (const told of known.messages) {
            const [pointer = `#/${name}`] = told.relatedProperties;
            refused.push({ property: name, message: about(pointer, forProperty(name, told)) });
          }
        }
      }
      return refused;
    },
  };
}

/** Of a value that the core does not take, clients are told by the message that they know for it. */
function forProperty(name: string, told: Message): Message {
  if (told.id !== 'GeneralError' || told.status !== 400 || told.text === undefined) return told;
  return inWords(told.text, message('PropertyValueError', name));
}
