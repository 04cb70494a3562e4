import { describe, expect, it } from 'vitest';
import { bootPatch, choiceName, ipmiBoot } from '../../../../../src/web/machine/boot/boot-choice.ts';

describe('boot choice', () => {
  it('takes an override away by both of its properties', () => {
    expect(bootPatch({ target: 'None', enabled: 'Once', mode: 'UEFI' })).toEqual({
      Boot: { BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'None' },
    });
  });

  it('says everything about one that is set', () => {
    expect(bootPatch({ target: 'Cd', enabled: 'Continuous', mode: 'UEFI' })).toEqual({
      Boot: {
        BootSourceOverrideTarget: 'Cd',
        BootSourceOverrideEnabled: 'Continuous',
        BootSourceOverrideMode: 'UEFI',
      },
    });
  });

  it.each([
    ['UefiHttp', 'HttpBootUri'],
    ['UefiTarget', 'UefiTargetBootSourceOverride'],
    ['UefiBootNext', 'BootNext'],
  ] as const)('says what a target of UEFI boots, and that UEFI boots it: %s', (target, name) => {
    expect(choiceName(target)).toBe(name);
    expect(bootPatch({ target, enabled: 'Once', mode: 'Legacy', what: 'x' })).toEqual({
      Boot: {
        BootSourceOverrideTarget: target,
        BootSourceOverrideEnabled: 'Once',
        BootSourceOverrideMode: 'UEFI',
        [name]: 'x',
      },
    });
  });

  it('leaves the URI of HTTP boot to the DHCP server when none is given', () => {
    expect(bootPatch({ target: 'UefiHttp', enabled: 'Once', mode: 'UEFI', what: '' })).toMatchObject({
      Boot: { HttpBootUri: null },
    });
  });

  it.each([
    [{ target: 'Pxe', enabled: 'Once', mode: 'Legacy' }, 'chassis bootdev pxe'],
    [
      { target: 'Cd', enabled: 'Continuous', mode: 'UEFI' },
      'chassis bootdev cdrom options=efiboot,persistent',
    ],
    [{ target: 'None', enabled: 'Continuous', mode: 'UEFI' }, 'chassis bootdev none'],
  ] as const)('is for ipmitool: %j', (choice, words) => {
    expect(ipmiBoot(choice)?.join(' ')).toBe(words);
  });

  it('is nothing for ipmitool where that has no word for the target', () => {
    expect(ipmiBoot({ target: 'Usb', enabled: 'Once', mode: 'UEFI' })).toBeUndefined();
  });
});
