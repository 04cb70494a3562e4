import { describe, expect, it } from 'vitest';
import {
  discarding,
  grouped,
  isPending,
  numberFault,
  settingsOf,
} from '../../../../src/web/pages/media-boot/attributes.ts';
import type { RegistryAttribute } from '../../../../src/web/pages/media-boot/schema.ts';

const registry: readonly RegistryAttribute[] = [
  {
    AttributeName: 'ProcessorCount',
    DisplayName: 'Processors',
    Type: 'Integer',
    LowerBound: 1,
    UpperBound: 64,
  },
  { AttributeName: 'BootMode', DisplayName: 'Boot mode', HelpText: 'The firmware', Type: 'Enumeration' },
  { AttributeName: 'Later', DisplayName: 'What a later version has', Type: 'String' },
];
const settings = settingsOf(
  registry,
  { ProcessorCount: 2, BootMode: 'Uefi', Later: 'x' },
  { ProcessorCount: 4, BootMode: 'Uefi', Later: 'x' },
);
const english = ({ DisplayName: name, HelpText: help = '' }: RegistryAttribute) => ({ name, help });

describe('firmware settings', () => {
  it('wait for the next start where it will bring another value', () => {
    expect(settings.map(isPending)).toEqual([true, false, false]);
  });

  it('are grouped, and those that nobody knows are shown, too', () => {
    expect(grouped(settings, '', english).map(({ id }) => id)).toEqual(['processor', 'boot', 'other']);
  });

  it('are found by all words of what one sees, and by their own name', () => {
    const names = (search: string) =>
      grouped(settings, search, english).flatMap((group) =>
        group.settings.map(({ attribute }) => attribute.AttributeName),
      );
    expect(names('firmware boot')).toEqual(['BootMode']);
    expect(names('processorcount')).toEqual(['ProcessorCount']);
    expect(names('firmware nothing')).toEqual([]);
    const japanese = () => ({ name: 'プロセッサー数', help: '' });
    expect(grouped(settings.slice(0, 1), 'プロセッサー', japanese)).toHaveLength(1);
  });

  it('are discarded by what is in force, without those that do not wait', () => {
    expect(discarding(settings)).toEqual({ ProcessorCount: 2 });
  });

  it.each([
    ['', 'empty'],
    ['1.5', 'empty'],
    ['0', 'range'],
    ['65', 'range'],
    ['64', undefined],
    [' 1 ', undefined],
  ])('take a number as the registry permits: “%s”', (text, fault) => {
    expect(numberFault(text, registry[0] as RegistryAttribute)).toBe(fault);
  });
});
