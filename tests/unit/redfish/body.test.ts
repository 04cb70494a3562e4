import { type TObject, Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { type CheckOptions, checkBody } from '../../../src/redfish/body.ts';
import type { JsonObject } from '../../../src/redfish/json.ts';

const nameOf = (id: string) => id.split('.').at(-1);

/** @returns what was taken, and what was refused: where, and with which message */
function check(schema: TObject, body: JsonObject, options: Partial<CheckOptions> = {}) {
  const { accepted, problems } = checkBody(schema, body, { complete: false, ...options });
  return [accepted, problems.map(({ pointer, message }) => `${pointer} ${nameOf(message.id)}`)];
}
/** As definitions write what typebox has no word for. */
const of = (properties: object): TObject => ({ type: 'object', properties }) as unknown as TObject;

describe('a body', () => {
  it('is taken property by property: one that is wrong costs the others nothing', () => {
    const schema = Type.Object({ Text: Type.String(), Number: Type.Number(), Flag: Type.Boolean() });
    expect(check(schema, { Text: 'x', Number: '1', Flag: true, New: 1 })).toEqual([
      { Text: 'x', Flag: true },
      ['#/Number PropertyValueTypeError', '#/New PropertyUnknown'],
    ]);
    // What is undefined is not there.
    expect(check(schema, { Text: undefined, New: undefined })).toEqual([{}, []]);
  });

  it('tells what cannot be written from what does not exist, also inside', () => {
    const schema = Type.Object({ Inner: Type.Object({ Text: Type.String() }) });
    const current = { Id: '1', Inner: { Id: '2' } };
    const body = { Id: 'x', Foo: 1, Inner: { Id: 'y', Bar: 1, Text: 'x' } };
    expect(check(schema, body, { current })).toEqual([
      { Inner: { Text: 'x' } },
      [
        '#/Id PropertyNotWritable',
        '#/Foo PropertyUnknown',
        '#/Inner/Id PropertyNotWritable',
        '#/Inner/Bar PropertyUnknown',
      ],
    ]);
    // Nothing is known of what is inside of something else than an object.
    expect(check(schema, { Inner: { Id: 'y' } }, { current: { Inner: null } })).toEqual([
      {},
      ['#/Inner/Id PropertyUnknown'],
    ]);
  });

  it('may say what only the service says: that is passed over', () => {
    const schema = Type.Object({ Text: Type.String() });
    const said = { '@odata.id': '/x', 'Text@Redfish.AllowableValues': ['x'], '@Message.ExtendedInfo': [] };
    expect(check(schema, { Text: 'x', ...said })).toEqual([{ Text: 'x' }, []]);
  });

  it('is pointed into as RFC 6901 has it, with ~ and / spelled out', () => {
    expect(check(Type.Object({}), { 'a/b~c': 1 })[1]).toEqual(['#/a~1b~0c PropertyUnknown']);
  });

  it('has all that is needed where it makes something, and need not where it changes something', () => {
    const schema = Type.Object({
      Needed: Type.String(),
      Inner: Type.Optional(Type.Object({ Deep: Type.String() })),
    });
    expect(check(schema, {}, { complete: true })[1]).toEqual(['#/Needed CreateFailedMissingReqProperties']);
    expect(check(schema, { Needed: 'x', Inner: {} }, { complete: true })).toEqual([
      { Needed: 'x' },
      ['#/Inner/Deep CreateFailedMissingReqProperties'],
    ]);
    expect(check(schema, { Inner: {} })).toEqual([{ Inner: {} }, []]);
    // A schema that needs nothing says nothing.
    expect(check(of({}), {}, { complete: true })).toEqual([{}, []]);
  });

  it('of an action is spoken of in the words for parameters', () => {
    const schema = Type.Object({ Needed: Type.String(), Type: Type.Enum(['On', 'Off']) });
    const options = { complete: true, action: '#ComputerSystem.Reset' };
    expect(check(schema, { Type: 'Up', Foo: 1 }, options)[1]).toEqual([
      '#/Type ActionParameterValueNotInList',
      '#/Foo ActionParameterUnknown',
      '#/Needed ActionParameterMissing',
    ]);
    const [problem] = checkBody(schema, { Type: 'Up' }, { ...options, complete: false }).problems;
    expect(problem?.message.args).toEqual(['Up', 'Type', 'Reset']);
  });
});

describe('a value', () => {
  it('is of its type, and nothing is made of another: no number of a text, no list of one', () => {
    const schema = of({
      Any: { type: ['string', 'null'] },
      Whole: { type: 'integer' },
      List: { type: 'array', items: { type: 'string' } },
      Thing: { type: 'object', properties: {} },
      Nothing: { type: 'null' },
    });
    const right = { Any: null, Whole: 1, List: ['x'], Thing: {}, Nothing: null };
    expect(check(schema, right)).toEqual([right, []]);
    for (const [name, value] of Object.entries({ Any: 1, Whole: 1.5, List: 'x', Thing: [], Nothing: 0 })) {
      expect(check(schema, { [name]: value })).toEqual([{}, [`#/${name} PropertyValueTypeError`]]);
    }
  });

  it('is one of those on the list, and a wrong type is told from a wrong choice', () => {
    const schema = of({
      One: { enum: ['a', 'b'] },
      Same: { const: 7 },
      Either: { anyOf: [{ const: 'x' }, { type: 'null' }] },
      Mixed: { anyOf: [{ const: 'x' }, { type: 'string', maxLength: 3 }] },
      Typed: { anyOf: [{ type: 'string', enum: ['p', 'q'] }, { type: 'integer' }] },
      Loose: { anyOf: [{ enum: ['a'] }, { type: 'integer' }] },
    });
    const right = { One: 'b', Same: 7, Either: 'x', Mixed: 'yes', Typed: 'q', Loose: 'a' };
    expect(check(schema, right)).toEqual([right, []]);
    expect(check(schema, { One: 'c', Same: 8, Either: 'y', Typed: 'r' })[1]).toEqual([
      '#/One PropertyValueNotInList',
      '#/Same PropertyValueNotInList',
      '#/Either PropertyValueNotInList',
      '#/Typed PropertyValueNotInList',
    ]);
    expect(check(schema, { One: 1, Same: '7', Either: 3, Typed: true, Loose: 'b' })[1]).toEqual([
      '#/One PropertyValueTypeError',
      '#/Same PropertyValueTypeError',
      '#/Either PropertyValueTypeError',
      '#/Typed PropertyValueTypeError',
      '#/Loose PropertyValueTypeError',
    ]);
  });

  it('is within its bounds, which belong to it', () => {
    const schema = of({
      Number: { type: 'number', minimum: -1, maximum: 1 },
      Text: { type: 'string', minLength: 2, maxLength: 3, pattern: '^[a-z]+$' },
      List: { type: 'array', minItems: 1, maxItems: 2, items: { type: 'integer' } },
      Free: { type: 'number' },
      Whatever: { type: 'array' },
    });
    for (const right of [
      { Number: -1, Text: 'ab', List: [1] },
      { Number: 1, Text: 'abc', List: [1, 2] },
      { Free: -1e300, Whatever: [1, 'x', null, {}] },
    ]) {
      expect(check(schema, right)).toEqual([right, []]);
    }
    expect(check(schema, { Number: -1.1, Text: 'a', List: [] })).toEqual([
      {},
      ['#/Number PropertyValueOutOfRange', '#/Text StringValueTooShort', '#/List ArraySizeTooShort'],
    ]);
    expect(check(schema, { Number: 1.1, Text: 'abcd', List: [1, 2, 3] })).toEqual([
      {},
      ['#/Number PropertyValueOutOfRange', '#/Text StringValueTooLong', '#/List ArraySizeTooLong'],
    ]);
    expect(check(schema, { Text: 'A1' })[1]).toEqual(['#/Text PropertyValueFormatError']);
  });

  it('in a list is pointed at by its place and called by the list’s name; the list is taken whole or not at all', () => {
    const schema = of({ List: { type: 'array', items: { type: 'integer' } } });
    const { accepted, problems } = checkBody(schema, { List: [1, 'x', 2] }, { complete: false });
    expect(accepted).toEqual({});
    expect(problems.map(({ pointer, property, message }) => [pointer, property, message.args])).toEqual([
      ['#/List/1', 'List', ['x', 'List']],
    ]);
  });

  it('of an object of which nothing can be taken is not taken, and of an empty one is', () => {
    const schema = of({ Inner: { type: 'object', properties: { Text: { type: 'string' } } } });
    expect(check(schema, { Inner: { Text: 1 } })).toEqual([{}, ['#/Inner/Text PropertyValueTypeError']]);
    expect(check(schema, { Inner: {} })).toEqual([{ Inner: {} }, []]);
    expect(check(schema, { Inner: { Text: 'x', Other: 1 } })).toEqual([
      { Inner: { Text: 'x' } },
      ['#/Inner/Other PropertyUnknown'],
    ]);
  });

  it('under a name of a pattern, or of any other, is what its schema says', () => {
    const schema = {
      type: 'object',
      properties: {},
      patternProperties: { '^n_': { type: 'integer' } },
      additionalProperties: { type: 'string' },
    } as unknown as TObject;
    expect(check(schema, { n_1: 1, other: 'x' })).toEqual([{ n_1: 1, other: 'x' }, []]);
    expect(check(schema, { n_1: 'x', other: 1 })).toEqual([
      {},
      ['#/n_1 PropertyValueTypeError', '#/other PropertyValueTypeError'],
    ]);
    const closed = { type: 'object', additionalProperties: false } as unknown as TObject;
    expect(check(closed, { other: 'x' })).toEqual([{}, ['#/other PropertyUnknown']]);
    // Not what every object has of itself.
    expect(check(Type.Object({}), { constructor: 1, toString: 1 })[1]).toEqual([
      '#/constructor PropertyUnknown',
      '#/toString PropertyUnknown',
    ]);
  });
});
