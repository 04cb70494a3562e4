import { useState } from 'react';
import { eventStreamUri } from '../../api/events.ts';
import { useResource } from '../../api/queries.ts';
import { type ComputerSystem, uris } from '../../api/schema.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Card } from '../../ui/card.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import styles from './shell-card.module.css';
import { useOverviewWords } from './words.ts';

/** The lines that scripts begin with. */
export function ShellCard() {
  const words = useOverviewWords();
  const linesOf = useShellLines();
  const [tool, setTool] = useState('ipmitool');
  const { data: system } = useResource<ComputerSystem>(uris.system);
  const reset = system?.Actions?.['#ComputerSystem.Reset']?.target;
  const state = linesOf({ method: 'GET', uri: uris.system, ipmi: ['chassis', 'power', 'status'] });
  const on =
    reset === undefined
      ? undefined
      : linesOf({
          method: 'POST',
          uri: reset,
          body: { ResetType: 'On' },
          ipmi: ['chassis', 'power', 'on'],
        });
  const events = linesOf({ method: 'GET', uri: eventStreamUri, ipmi: ['sol', 'activate'] });
  return (
    <Card title={words.shell}>
      <p className={styles.text}>{words.shellText}</p>
      <Tabs
        label={words.tools}
        value={tool}
        onChange={setTool}
        tabs={[
          {
            id: 'ipmitool',
            label: 'ipmitool',
            content: (
              <Lines
                lines={[
                  [words.shellPower, state.ipmitool],
                  [words.shellOn, on?.ipmitool],
                  [words.shellConsole, events.ipmitool],
                ]}
              />
            ),
          },
          {
            id: 'curl',
            label: 'curl',
            content: (
              <Lines
                lines={[
                  [words.shellPower, state.curl],
                  [words.shellOn, on?.curl],
                  [words.shellEvents, events.curl.replace('curl -k', 'curl -kN')],
                ]}
              />
            ),
          },
        ]}
      />
    </Card>
  );
}

function Lines({ lines }: { readonly lines: readonly (readonly [string, string | undefined])[] }) {
  const words = useOverviewWords();
  return (
    <ul className={styles.lines}>
      {lines.map(
        ([name, line]) =>
          line && (
            <li key={name} className={styles.line}>
              <span className={styles.name}>{name}</span>
              <code>{line}</code>
              <CopyButton text={line} label={words.copy(name)} />
            </li>
          ),
      )}
    </ul>
  );
}
