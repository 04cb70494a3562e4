import { useMay } from '../api/privileges.ts';
import type { ComputerSystem } from '../api/schema.ts';
import type { MenuEntry } from '../ui/menu.tsx';
import { useResets } from './reset-provider.tsx';
import { isOffered, type Reset, resets, resetTypes } from './resets.ts';
import { useMachineWords } from './words.ts';

/** Every reset that makes sense now; the harmful ones stand apart, at the end. */
export function usePowerMenu(system: ComputerSystem): readonly MenuEntry[] {
  const words = useMachineWords();
  const { request } = useResets();
  const may = useMay('ConfigureComponents');
  const allowed = system.Actions?.['#ComputerSystem.Reset']?.['ResetType@Redfish.AllowableValues'];
  const offered = resetTypes.filter((type) => isOffered(type, system.PowerState, allowed));
  const isHarmful = (type: (typeof offered)[number]) => (resets[type] as Reset).ask === 'danger';
  const entry = (type: (typeof offered)[number]): MenuEntry => ({
    kind: 'item',
    label: words.resets[type],
    hint: words.hints[type],
    icon: resets[type].icon,
    danger: isHarmful(type),
    disabled: !may,
    run: () => request(type),
  });
  const harmful = offered.filter(isHarmful);
  return [
    ...offered.filter((type) => !isHarmful(type)).map(entry),
    ...(harmful.length > 0 ? [{ kind: 'line' } as const, ...harmful.map(entry)] : []),
  ];
}
