/** Event filters as the forms have them. */
import type { EventFilter } from '../schema.ts';

/** What a filter can do, as Redfish names it, the weightiest first. */
export const filterActions = ['PowerOff', 'PowerCycle', 'Reset', 'DiagnosticInterrupt', 'Alert'] as const;

/** Whether a filter is one of those that nobody has set up. */
export function isUnused({ Enabled: enabled, FilterActions: actions }: EventFilter): boolean {
  return !enabled && actions.length === 0;
}

/** @param text of a field for numbers; empty for any */
export function numberOrNull(text: string): number | null {
  return text.trim() === '' ? null : Number(text);
}

/** `2, 4, 9` → `[2, 4, 9]`, in order and each once. @returns undefined for what is no such list */
export function offsetsOf(text: string): readonly number[] | undefined {
  const parts = text.split(/[\s,、]+/).filter((part) => part !== '');
  if (parts.some((part) => !/^\d{1,2}$/.test(part) || Number(part) > 15)) return undefined;
  return [...new Set(parts.map(Number))].sort((a, b) => a - b);
}
