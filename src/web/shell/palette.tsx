/** Everything by name: pages, places on them, what can be done to the machine. Ctrl-K. */
import { useId, useLayoutEffect, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { useMay } from '../api/privileges.ts';
import { useResource } from '../api/queries.ts';
import { type ComputerSystem, uris } from '../api/schema.ts';
import { session } from '../api/session.ts';
import { choose, themes } from '../i18n/preferences.ts';
import { languageNames, languages, useLanguage } from '../i18n/words.ts';
import { useResets } from '../machine/reset-provider.tsx';
import { isOffered, resets, resetTypes } from '../machine/resets.ts';
import { useIdentify } from '../machine/use-identify.ts';
import { useMachineWords } from '../machine/words.ts';
import { pages } from '../pages/pages.ts';
import { Icon, type IconName } from '../ui/icon.tsx';
import { findCommands } from './find-commands.ts';
import styles from './palette.module.css';
import { useShellWords } from './words.ts';

interface Command {
  readonly id: string;
  readonly group: string;
  readonly title: string;
  readonly hint?: string;
  readonly icon: IconName;
  run(): void;
}

interface PaletteProps {
  onClose(): void;
  openHelp(): void;
}

export function Palette({ onClose, openHelp }: PaletteProps) {
  const words = useShellWords();
  const commands = useCommands(openHelp);
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const found = findCommands(commands, text);
  const current = found[at];

  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the one that is chosen shall be seen
  useLayoutEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at, text]);

  function run(command: Command | undefined) {
    if (!command) return;
    // Closed first: the focus goes back to where it was, and a dialog that the command opens gives it back to there.
    onClose();
    setTimeout(() => command.run());
  }

  return (
    <dialog
      ref={dialog}
      className={styles.palette}
      aria-label={words.commands}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div className={styles.field}>
        <Icon name="search" />
        <input
          role="combobox"
          aria-label={words.search}
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={current && `${id}-${current.id}`}
          autoComplete="off"
          spellCheck={false}
          placeholder={words.search}
          value={text}
          onChange={({ target }) => {
            setText(target.value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
            if (step !== 0 && found.length > 0) setAt((at + step + found.length) % found.length);
            else if (event.key === 'Enter' && !event.nativeEvent.isComposing) run(current);
            else return;
            event.preventDefault();
          }}
        />
        <kbd>Esc</kbd>
      </div>
      {found.length === 0 && (
        <p className={styles.none} role="status">
          {words.nothingFound}
        </p>
      )}
      <div ref={list} className={styles.list} id={`${id}-list`} role="listbox" aria-label={words.commands}>
        {found.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys, as in every combobox
          <div
            key={command.id}
            id={`${id}-${command.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            className={styles.option}
            data-first={command.group !== found[index - 1]?.group ? command.group : undefined}
            onPointerMove={() => setAt(index)}
            onClick={() => run(command)}
          >
            <Icon name={command.icon} size="small" />
            <span className={styles.title}>{command.title}</span>
            {command.hint && <span className={styles.hint}>{command.hint}</span>}
          </div>
        ))}
      </div>
    </dialog>
  );
}

function useCommands(openHelp: () => void): readonly Command[] {
  const { groups, help, logout, theme, themes: themeNames } = useShellWords();
  const machine = useMachineWords();
  const language = useLanguage();
  const navigate = useNavigate();
  const { request } = useResets();
  const identify = useIdentify();
  const may = useMay('ConfigureComponents');
  const { data: system } = useResource<ComputerSystem>(uris.system);
  const allowed = system?.Actions?.['#ComputerSystem.Reset']?.['ResetType@Redfish.AllowableValues'];
  return [
    ...pages.flatMap(({ path, title, icon, places = [] }) => [
      { id: path, group: groups.pages, title: title[language], icon, run: () => void navigate(path) },
      ...places.map(
        (place): Command => ({
          id: place.to,
          group: groups.pages,
          title: place.title[language],
          hint: title[language],
          icon,
          run: () => void navigate(place.to),
        }),
      ),
    ]),
    ...(system && may
      ? [
          ...resetTypes
            .filter((type) => isOffered(type, system.PowerState, allowed))
            .map((type) => ({
              id: `reset-${type}`,
              group: groups.machine,
              title: machine.resets[type],
              hint: machine.hints[type],
              icon: resets[type].icon,
              run: () => request(type),
            })),
          {
            id: 'identify',
            group: groups.machine,
            title: identify.label,
            icon: 'identify' as const,
            run: identify.toggle,
          },
        ]
      : []),
    ...themes.map((each) => ({
      id: `theme-${each}`,
      group: groups.console,
      title: `${theme}: ${themeNames[each]}`,
      icon: each === 'light' ? ('sun' as const) : each === 'dark' ? ('moon' as const) : ('system' as const),
      run: () => choose({ theme: each }),
    })),
    ...languages
      .filter((each) => each !== language)
      .map((each) => ({
        id: `language-${each}`,
        group: groups.console,
        title: languageNames[each],
        icon: 'language' as const,
        run: () => choose({ language: each }),
      })),
    { id: 'help', group: groups.console, title: help, icon: 'keyboard', run: openHelp },
    {
      id: 'logout',
      group: groups.console,
      title: logout,
      icon: 'logout',
      run: () => {
        void session.logout();
      },
    },
  ];
}
