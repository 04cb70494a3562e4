import { describe, expect, it } from 'vitest';
import { RedfishError } from '../../../src/redfish/errors.ts';
import type { JsonObject } from '../../../src/redfish/json.ts';
import { answerQuery, maxExpandLevels, parseQuery } from '../../../src/redfish/query.ts';

const at = (uri: string) => ({ '@odata.id': uri });

/** A small tree, by URI. */
const resources: Readonly<Record<string, JsonObject>> = {
  '/c/1': { ...at('/c/1'), Id: '1', Size: 1, Status: { Health: 'OK', State: 'Enabled' }, Part: at('/p/1') },
  '/c/2': { ...at('/c/2'), Id: '2', Size: 2, 'Size@Redfish.AllowableNumbers': ['1:2'] },
  '/c/3': { ...at('/c/3'), Id: '3', Size: 3 },
  '/p/1': { ...at('/p/1'), Id: 'p1', Part: at('/p/2') },
  '/p/2': { ...at('/p/2'), Id: 'p2' },
};
const read = async (uri: string) => resources[uri];

function collection(...ids: readonly string[]): JsonObject {
  return { ...at('/c'), '@odata.type': '#C', Name: 'C', Members: ids.map((id) => at(`/c/${id}`)) };
}

const single: JsonObject = {
  ...at('/s'),
  '@odata.type': '#S',
  '@odata.etag': '"1"',
  Own: at('/p/1'),
  Several: [at('/p/2'), at('/gone'), 7, null],
  Inner: { Part: at('/p/2'), Text: 'text' },
  More: { ...at('/p/2'), Text: 'is no reference' },
  Links: { Other: [at('/p/2')] },
  Actions: { '#S.Do': { target: '/s/do', Also: at('/p/2') } },
};

const ask = (search: string, body: JsonObject = collection('1', '2', '3'), pageSize?: number) =>
  answerQuery(parseQuery(search, Array.isArray(body.Members) ? 'collection' : 'resource'), body, read, {
    pageSize,
  });
const ids = (body: JsonObject) => (body.Members as readonly JsonObject[]).map((each) => each['@odata.id']);

/** @returns the message that a query is refused with */
function refusal(search: string, kind: 'resource' | 'collection' | 'plain' = 'collection'): string {
  try {
    parseQuery(search, kind);
    return 'taken';
  } catch (error) {
    if (!(error instanceof RedfishError)) throw error;
    return error.messages.map(({ id }) => id.split('.').at(-1)).join();
  }
}

describe('a query', () => {
  it('is nothing when there is none, or when it has names that nobody knows', () => {
    const none = parseQuery('', 'plain');
    expect(none).toEqual({
      ...{ only: false, excerpt: false, top: undefined, skip: 0 },
      ...{ filter: undefined, select: undefined, expand: undefined },
    });
    expect(parseQuery('foo=1&foo=2&bar', 'resource')).toEqual(none);
  });

  it.each([
    ['$format=json', 'QueryParameterUnsupported'],
    ['$top=1&$top=1', 'QueryCombinationInvalid'],
    ['only&only', 'QueryCombinationInvalid'],
    ['excerpt&excerpt', 'QueryCombinationInvalid'],
    ['only&$top=1', 'QueryCombinationInvalid'],
    ['only=1', 'QueryParameterValueFormatError'],
    ['excerpt=1', 'QueryParameterValueFormatError'],
    ['$top=', 'QueryParameterValueTypeError'],
    ['$top=1.5', 'QueryParameterValueTypeError'],
    ['$top=x', 'QueryParameterValueTypeError'],
    ['$top=-1', 'QueryParameterOutOfRange'],
    ['$skip=9007199254740993', 'QueryParameterOutOfRange'],
    ['$filter=x', 'QueryParameterValueFormatError'],
    ['$select=', 'QueryParameterValueFormatError'],
    ['$select=A,,B', 'QueryParameterValueFormatError'],
    ['$select=A;B', 'QueryParameterValueFormatError'],
    ['$expand=', 'QueryParameterValueFormatError'],
    ['$expand=.($levels=x)', 'QueryParameterValueFormatError'],
    ['$expand=.($levels=0)', 'QueryParameterOutOfRange'],
    [`$expand=.($levels=${maxExpandLevels + 1})`, 'QueryParameterOutOfRange'],
    [`$expand=.($levels=${maxExpandLevels})`, 'taken'],
    ['$top=0&$skip=0&$filter=A eq 1&$select=A/B,C&$expand=*&excerpt', 'taken'],
    ['only', 'taken'],
  ])('%s is %s', (search, expected) => {
    expect(refusal(search)).toBe(expected);
  });

  it('about members is refused of what has none, and about anything else is not', () => {
    for (const search of ['only', '$top=1', '$skip=1', '$filter=A eq 1', '$skip=0']) {
      expect(refusal(search, 'resource'), search).toBe('QueryNotSupportedOnResource');
      expect(refusal(search, 'plain'), search).toBe('taken');
    }
    for (const search of ['$select=A', '$expand=.', 'excerpt']) {
      expect(refusal(search, 'resource'), search).toBe('taken');
    }
  });
});

describe('the members of a collection', () => {
  it('are all of them, as references, without a query', async () => {
    const body = collection('1', '2', '3');
    expect(await ask('', body)).toEqual({ ...body, 'Members@odata.count': 3 });
  });

  it('are those of a page, with a link to the rest, as far as they are wanted', async () => {
    const first = await ask('', undefined, 2);
    expect([ids(first), first['Members@odata.count'], first['Members@odata.nextLink']]).toEqual([
      ['/c/1', '/c/2'],
      3,
      '/c?$skip=2',
    ]);
    const rest = await ask('$skip=2', undefined, 2);
    expect([ids(rest), rest['Members@odata.nextLink']]).toEqual([['/c/3'], undefined]);
    const wanted = await ask('$top=3&$skip=0', undefined, 2);
    expect(wanted['Members@odata.nextLink']).toBe('/c?$skip=2&$top=1');
    const enough = await ask('$top=2', undefined, 2);
    expect([ids(enough), enough['Members@odata.nextLink']]).toEqual([['/c/1', '/c/2'], undefined]);
    expect(ids(await ask('$top=0'))).toEqual([]);
    expect(ids(await ask('$skip=3'))).toEqual([]);
    const top = await ask('$top=1&$skip=1');
    expect([ids(top), top['Members@odata.count'], top['Members@odata.nextLink']]).toEqual([
      ['/c/2'],
      3,
      undefined,
    ]);
  });

  it('are those that a condition holds for, which are counted', async () => {
    const found = await ask('$filter=Size ge 2');
    expect([ids(found), found['Members@odata.count']]).toEqual([['/c/2', '/c/3'], 2]);
    const paged = await ask('$filter=Size ge 2&$top=1');
    expect([ids(paged), paged['Members@odata.count']]).toEqual([['/c/2'], 2]);
    // One that is not there for this user is none.
    expect(ids(await ask('$filter=Missing eq null', collection('1', 'gone')))).toEqual(['/c/1']);
  });

  it('are shown whole where that is asked for, but for those that are not there', async () => {
    const found = await ask('$expand=.', collection('1', 'gone', '3'));
    expect(found.Members).toEqual([resources['/c/1'], resources['/c/3']]);
    const deeper = await ask('$expand=.($levels=2)', collection('1'));
    expect(deeper.Members).toEqual([{ ...resources['/c/1'], Part: resources['/p/1'] }]);
  });

  it('are cut to what was selected when they are shown whole; the collection is otherwise', async () => {
    const whole = await ask('$expand=.&$select=Size', collection('2'));
    expect(whole.Members).toEqual([{ ...at('/c/2'), Size: 2, 'Size@Redfish.AllowableNumbers': ['1:2'] }]);
    const plain = await ask('$select=Members');
    expect(Object.keys(plain).sort()).toEqual(['@odata.id', '@odata.type', 'Members', 'Members@odata.count']);
  });

  it('are replaced by the only one, if it is the only one and is there', async () => {
    expect(await ask('only', collection('2'))).toBe(resources['/c/2']);
    const two = collection('1', '2');
    expect(await ask('only', two)).toBe(two);
    const gone = collection('gone');
    expect(await ask('only', gone)).toBe(gone);
    const none = collection();
    expect(await ask('only', none)).toBe(none);
  });

  it('are references alone: what else stands there is none', async () => {
    const body = { ...at('/c'), Members: [at('/c/1'), 'x', null, { '@odata.id': 7 }, {}] };
    expect(ids(await ask('', body))).toEqual(['/c/1']);
  });
});

describe('a resource', () => {
  it('is as it is without a query', async () => {
    expect(await ask('', single)).toBe(single);
  });

  it('is expanded by what belongs to it, by its links, or by both, and never by its actions', async () => {
    const [p1, p2] = [resources['/p/1'], resources['/p/2']];
    const own = {
      ...single,
      Own: p1,
      Several: [p2, at('/gone'), 7, null],
      Inner: { Part: p2, Text: 'text' },
    };
    expect(await ask('$expand=.', single)).toEqual(own);
    expect(await ask('$expand=~', single)).toEqual({ ...single, Links: { Other: [p2] } });
    expect(await ask('$expand=*', single)).toEqual({ ...own, Links: { Other: [p2] } });
  });

  it('is expanded as many levels as were asked for', async () => {
    const deep = await ask('$expand=.($levels=2)', single);
    expect(deep.Own).toEqual({ ...resources['/p/1'], Part: resources['/p/2'] });
    const flat = await ask('$expand=.($levels=1)', single);
    expect(flat.Own).toEqual(resources['/p/1']);
  });

  it('is cut to what was selected, with what every resource has, to any depth', async () => {
    const picked = await ask('$select=Inner/Text,Several', single);
    expect(picked).toEqual({
      ...at('/s'),
      '@odata.type': '#S',
      '@odata.etag': '"1"',
      Inner: { Text: 'text' },
      Several: single.Several,
    });
    expect((await ask('$select=Inner,Inner/Text', single)).Inner).toEqual(single.Inner);
    // Below what is no object there is nothing to choose.
    expect((await ask('$select=Several/x', single)).Several).toEqual(single.Several);
    expect(Object.keys(await ask('$select=Nothing', single)).sort()).toEqual([
      '@odata.etag',
      '@odata.id',
      '@odata.type',
    ]);
  });
});
