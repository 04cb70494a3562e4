import { describe, expect, it } from 'vitest';
import { systemResetTypes } from '../../../../src/redfish/resources/reset.ts';
import { isOffered, type Reset, resets, resetTypes } from '../../../../src/web/machine/resets.ts';

describe('resets', () => {
  it('are all that the service knows but ForceOn, which is On by another name', () => {
    expect([...resetTypes, 'ForceOn'].sort()).toEqual([...systemResetTypes].sort());
  });

  it('ask before anything is lost', () => {
    for (const type of ['ForceOff', 'ForceRestart', 'PowerCycle', 'Nmi'] as const)
      expect(resets[type].ask).toBe('danger');
  });

  it('offer a machine that is off nothing but to start', () => {
    expect(resetTypes.filter((type) => isOffered(type, 'Off', undefined))).toEqual(['On', 'PushPowerButton']);
  });

  it('offer only what the service allows', () => {
    expect(isOffered('Pause', 'On', ['On', 'ForceOff'])).toBe(false);
  });

  it('have something to offer in every state', () => {
    for (const state of ['On', 'Off', 'PoweringOn', 'PoweringOff', 'Paused'] as const) {
      expect(Object.values(resets).filter(({ from }: Reset) => from.includes(state)).length).toBeGreaterThan(
        0,
      );
    }
  });
});
