import { describe, expect, it } from 'vitest';
import type { Action, Operation, Resource } from '../../../src/redfish/definition.ts';
import { isAllowed, privilegesFor } from '../../../src/redfish/privileges.ts';

const operations: readonly Operation[] = ['get', 'patch', 'put', 'post', 'delete'];
const resource = (parts: object) => parts as unknown as Resource;
const action = (parts: object = {}) => parts as unknown as Action;
const something = () => undefined;

describe('what may be asked of a resource', () => {
  it('is to be read, and whatever else its definition offers', () => {
    const allowed = (parts: object) =>
      operations.filter((each) => isAllowed(resource(parts), undefined, each));
    expect(allowed({})).toEqual(['get']);
    expect(allowed({ patch: something })).toEqual(['get', 'patch']);
    expect(allowed({ create: something })).toEqual(['get', 'post']);
    expect(allowed({ rawPost: something })).toEqual(['get', 'post']);
    expect(allowed({ remove: something })).toEqual(['get', 'delete']);
  });

  it('is POST alone of an action', () => {
    const all = resource({ patch: something, create: something, remove: something });
    expect(operations.filter((each) => isAllowed(all, action(), each))).toEqual(['post']);
  });
});

describe('what is needed for it', () => {
  it('is what the action says, or the operation, or else what is needed to look, or else to be logged in', () => {
    const definition = resource({ privileges: { get: ['ConfigureSelf'], post: ['ConfigureUsers'] } });
    const own = action({ privileges: ['ConfigureManager'] });
    expect([
      privilegesFor(definition, own, 'post'),
      privilegesFor(definition, action(), 'post'),
      privilegesFor(definition, own, 'get'),
      privilegesFor(definition, undefined, 'post'),
      privilegesFor(definition, undefined, 'delete'),
      privilegesFor(resource({ privileges: {} }), undefined, 'delete'),
    ]).toEqual([
      ['ConfigureManager'],
      ['ConfigureUsers'],
      ['ConfigureSelf'],
      ['ConfigureUsers'],
      ['ConfigureSelf'],
      ['Login'],
    ]);
  });
});
