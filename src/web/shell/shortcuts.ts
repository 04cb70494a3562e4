/**
 * Keys that act wherever the focus is. They are off while the user types, while a dialog is open, and while a console has
 * the keyboard: there every key belongs to the guest.
 */
import { useEffect, useRef } from 'react';

export interface ShortcutActions {
  palette(): void;
  help(): void;
  /** @returns whether there is such a place */
  go(key: string): boolean;
}

/** After `g`, so long for the letter. */
const sequenceMs = 1500;

export function useShortcuts(actions: ShortcutActions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    let gAt = Number.NEGATIVE_INFINITY;
    function onKeyDown(event: KeyboardEvent) {
      if (event.defaultPrevented || event.isComposing || belongsElsewhere(event.target)) return;
      const { key, altKey, shiftKey } = event;
      const withControl = event.ctrlKey || event.metaKey;
      if (withControl && !altKey && !shiftKey && key.toLowerCase() === 'k') {
        event.preventDefault();
        latest.current.palette();
        return;
      }
      if (withControl || altKey || isTyping(event.target)) return;
      if (key === '?') {
        event.preventDefault();
        latest.current.help();
      } else if (key === 'g') {
        gAt = event.timeStamp;
      } else {
        if (event.timeStamp - gAt < sequenceMs && latest.current.go(key)) event.preventDefault();
        gAt = Number.NEGATIVE_INFINITY;
      }
    }
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);
}

function belongsElsewhere(target: EventTarget | null): boolean {
  const inConsole = target instanceof Element && target.closest('[data-console-focus]') !== null;
  return inConsole || document.querySelector('dialog[open]') !== null;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
  );
}
