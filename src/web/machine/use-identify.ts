import { usePatch, useResource } from '../api/queries.ts';
import { type ComputerSystem, uris } from '../api/schema.ts';
import { useTellFailure } from '../ui/tell-failure.ts';
import { useMachineWords } from './words.ts';

/** The light that shows somebody in front of the rack which machine is meant. */
export function useIdentify() {
  const { data: system } = useResource<ComputerSystem>(uris.system);
  const patch = usePatch<ComputerSystem>(uris.system);
  const words = useMachineWords();
  const tellFailure = useTellFailure();
  const isOn = system?.LocationIndicatorActive ?? false;
  return {
    isOn,
    label: isOn ? words.identifyOff : words.identifyOn,
    toggle() {
      patch.mutate(
        { LocationIndicatorActive: !isOn },
        {
          onError: (error) => tellFailure(words.identifyFailed, error),
        },
      );
    },
  };
}
