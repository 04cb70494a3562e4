import { useMayNot } from '../api/privileges.ts';
import { useMachineWords } from './words.ts';

/** @returns why the user cannot operate the machine, as the title of what is disabled; undefined for who may */
export function useWhyNot(): string | undefined {
  const { mayNot } = useMachineWords();
  return useMayNot('ConfigureComponents') ? mayNot : undefined;
}
