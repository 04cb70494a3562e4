import { useState } from 'react';
import { useMay } from '../../api/privileges.ts';
import { useMembers, usePatch } from '../../api/queries.ts';
import { type ComputerSystem, type Resource, uris } from '../../api/schema.ts';
import { useBootWords } from '../../machine/boot/words.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Foot } from '../../ui/foot.tsx';
import { notify } from '../../ui/notices.tsx';
import { Unseen } from '../../ui/unseen.tsx';
import { moved } from './moved.ts';
import styles from './order-card.module.css';
import { useMediaBootWords } from './words.ts';

interface BootOption extends Resource {
  /** As the target of an override would be called. */
  readonly Alias?: string;
  readonly DisplayName?: string;
}

/** What the machine boots of its own accord, one after the other. */
export function OrderCard({ system }: { readonly system: ComputerSystem }) {
  const words = useMediaBootWords();
  const boot = useBootWords();
  const may = useMay('ConfigureComponents');
  const linesOf = useShellLines();
  const patch = usePatch<ComputerSystem>(uris.system);
  const options = useMembers<BootOption>(system.Boot.BootOptions?.['@odata.id']).data;
  const [touched, setTouched] = useState<readonly string[] | undefined>(undefined);
  const [said, setSaid] = useState('');
  const present = system.Boot.BootOrder ?? [];
  const order = touched ?? present;
  const differs = order.join() !== present.join();
  const body = { Boot: { BootOrder: order } };

  const nameOf = (id: string) => {
    const option = options?.find((each) => each.Id === id);
    return (option?.Alias && boot.targets[option.Alias]) || option?.DisplayName || id;
  };
  function move(from: number, to: number) {
    const id = order[from];
    if (id === undefined) return;
    patch.reset();
    setTouched(moved(order, from, to));
    setSaid(words.movedTo(`${nameOf(id)} ${id}`, to + 1));
  }

  return (
    <Card title={words.order}>
      {order.length === 0 ? (
        <EmptyState icon="disk" title={words.orderEmpty}>
          {words.orderEmptyText}
        </EmptyState>
      ) : (
        <div className={styles.order}>
          <p className={styles.text}>{words.orderText}</p>
          <ol className={styles.list} aria-label={words.order}>
            {order.map((id, index) => (
              <li key={id} className={styles.entry}>
                <span className={styles.place} aria-hidden="true">
                  {index + 1}
                </span>
                <span className={styles.name}>
                  {nameOf(id)} <code>{id}</code>
                </span>
                <IconButton
                  icon="down"
                  size="small"
                  className={styles.up}
                  label={words.moveUp(id)}
                  disabled={!may || index === 0}
                  onClick={() => move(index, index - 1)}
                />
                <IconButton
                  icon="down"
                  size="small"
                  label={words.moveDown(id)}
                  disabled={!may || index === order.length - 1}
                  onClick={() => move(index, index + 1)}
                />
              </li>
            ))}
          </ol>
          <Unseen role="status">{said}</Unseen>
          {patch.error && <ErrorPanel error={patch.error} />}
          <Foot end={<CopyAs lines={linesOf({ method: 'PATCH', uri: uris.system, body })} />}>
            <Button
              look="primary"
              disabled={!may || !differs}
              busy={patch.isPending}
              onClick={() =>
                patch.mutate(body, {
                  onSuccess() {
                    setTouched(undefined);
                    notify({ kind: 'ok', title: words.orderSaved });
                  },
                })
              }
            >
              {boot.apply}
            </Button>
            {differs && <Button onClick={() => setTouched(undefined)}>{boot.revert}</Button>}
          </Foot>
        </div>
      )}
    </Card>
  );
}
