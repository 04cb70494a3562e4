import { useWho } from '../api/privileges.ts';
import { useResource } from '../api/queries.ts';
import { type ComputerSystem, uris } from '../api/schema.ts';
import { session } from '../api/session.ts';
import { choose, themes, usePreferences } from '../i18n/preferences.ts';
import { languageNames, languages } from '../i18n/words.ts';
import { usePowerMenu } from '../machine/power-menu.ts';
import { PowerStatus } from '../machine/power-status.tsx';
import { useResets } from '../machine/reset-provider.tsx';
import { useIdentify } from '../machine/use-identify.ts';
import { useMachineWords } from '../machine/words.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Menu } from '../ui/menu.tsx';
import { ConnectionBadge } from './connection.tsx';
import { useMachineName } from './machine-name.ts';
import styles from './top-bar.module.css';
import { useShellWords } from './words.ts';

interface TopBarProps {
  openNavigation(): void;
  openPalette(): void;
  openHelp(): void;
  changePassword(): void;
}

export function TopBar({ openNavigation, openPalette, openHelp, changePassword }: TopBarProps) {
  const words = useShellWords();
  const name = useMachineName();
  const { data: system } = useResource<ComputerSystem>(uris.system);
  return (
    <header className={styles.bar}>
      <span className={styles.narrowOnly}>
        <IconButton icon="menu" label={words.openNavigation} onClick={openNavigation} />
      </span>
      <div className={styles.machine}>
        <span className={styles.name}>{name}</span>
        {system && <PowerButton system={system} />}
        {system && <IdentifyButton />}
      </div>
      <button type="button" className={styles.search} onClick={openPalette}>
        <Icon name="search" size="small" />
        <span>{words.search}</span>
        <kbd>Ctrl K</kbd>
      </button>
      <ConnectionBadge />
      <span className={styles.narrowOnly}>
        <IconButton icon="search" label={words.commands} onClick={openPalette} />
      </span>
      <span className={styles.wideOnly}>
        <IconButton icon="help" label={words.help} onClick={openHelp} />
      </span>
      <UserMenu openHelp={openHelp} changePassword={changePassword} />
    </header>
  );
}

function PowerButton({ system }: { readonly system: ComputerSystem }) {
  const entries = usePowerMenu(system);
  const words = useShellWords();
  const { powerStates } = useMachineWords();
  const { pending } = useResets();
  return (
    <Menu
      align="start"
      entries={entries}
      trigger={
        <Button look="quiet" size="small" aria-label={words.powerMenu(powerStates[system.PowerState])}>
          <PowerStatus state={system.PowerState} pending={pending !== undefined} />
          <Icon name="down" size="small" />
        </Button>
      }
    />
  );
}

function IdentifyButton() {
  const { isOn, label, toggle } = useIdentify();
  return (
    <IconButton
      icon="identify"
      label={label}
      size="small"
      aria-pressed={isOn}
      className={isOn ? styles.identifying : undefined}
      onClick={toggle}
    />
  );
}

function UserMenu({ openHelp, changePassword }: Pick<TopBarProps, 'openHelp' | 'changePassword'>) {
  const words = useShellWords();
  const who = useWho();
  const { language, theme } = usePreferences();
  if (!who) return null;
  return (
    <Menu
      trigger={
        <Button look="quiet" aria-label={words.account(who.userName)} className={styles.user}>
          <Icon name="user" />
          <span className={styles.wideOnly}>{who.userName}</span>
        </Button>
      }
      entries={[
        { kind: 'heading', label: who.userName, hint: who.roleId },
        { kind: 'line' },
        {
          kind: 'choice',
          label: words.theme,
          value: theme,
          options: themes.map((value) => ({
            value,
            label: words.themes[value],
            icon: value === 'light' ? 'sun' : value === 'dark' ? 'moon' : 'system',
          })),
          choose: (value) => choose({ theme: themes.find((each) => each === value) ?? 'system' }),
        },
        {
          kind: 'choice',
          label: words.language,
          value: language,
          options: languages.map((value) => ({ value, label: languageNames[value] })),
          choose: (value) => choose({ language: languages.find((each) => each === value) ?? 'en' }),
        },
        { kind: 'line' },
        { kind: 'item', label: words.help, icon: 'keyboard', run: openHelp },
        { kind: 'item', label: words.changePassword, icon: 'key', run: changePassword },
        { kind: 'item', label: words.logout, icon: 'logout', run: () => void session.logout() },
      ]}
    />
  );
}
