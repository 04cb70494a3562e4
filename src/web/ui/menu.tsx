import { DropdownMenu as Primitive } from 'radix-ui';
import { Fragment, type ReactElement, type ReactNode, useRef } from 'react';
import { useContainer } from './dialog.tsx';
import { Icon, type IconName } from './icon.tsx';
import styles from './menu.module.css';

export type MenuEntry =
  | {
      readonly kind: 'item';
      readonly label: ReactNode;
      readonly icon?: IconName;
      /** Below the label, smaller: what it does. */
      readonly hint?: ReactNode;
      readonly disabled?: boolean;
      readonly danger?: boolean;
      run(): void;
    }
  | {
      readonly kind: 'choice';
      readonly label: string;
      readonly value: string;
      readonly options: readonly {
        readonly value: string;
        readonly label: string;
        readonly icon?: IconName;
      }[];
      choose(value: string): void;
    }
  | { readonly kind: 'heading'; readonly label: ReactNode; readonly hint?: ReactNode }
  | { readonly kind: 'line' };

interface MenuProps {
  /** A button; it gets what a menu's button needs. */
  readonly trigger: ReactElement;
  readonly entries: readonly MenuEntry[];
  readonly align?: 'start' | 'end';
}

export function Menu({ trigger, entries, align = 'end' }: MenuProps) {
  const container = useContainer();
  const triggerRef = useRef<HTMLButtonElement>(null);
  // Run when the menu has closed and the trigger has the focus again, so that a dialog gives the focus back to it.
  const chosen = useRef<(() => void) | undefined>(undefined);
  return (
    <Primitive.Root modal={false}>
      <Primitive.Trigger asChild ref={triggerRef}>
        {trigger}
      </Primitive.Trigger>
      <Primitive.Portal container={container}>
        <Primitive.Content
          className={styles.menu}
          align={align}
          sideOffset={4}
          collisionPadding={8}
          onCloseAutoFocus={(event) => {
            const run = chosen.current;
            chosen.current = undefined;
            if (!run) return;
            event.preventDefault();
            triggerRef.current?.focus();
            run();
          }}
        >
          {entries.map((entry, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: entries have no other identity
            <Fragment key={index}>{entryView(entry, (run) => (chosen.current = run))}</Fragment>
          ))}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

function entryView(entry: MenuEntry, choose: (run: () => void) => void): ReactNode {
  switch (entry.kind) {
    case 'line':
      return <Primitive.Separator className={styles.line} />;
    case 'heading':
      return (
        <Primitive.Label className={styles.heading}>
          {entry.label}
          {entry.hint && <span className={styles.hint}>{entry.hint}</span>}
        </Primitive.Label>
      );
    case 'choice':
      return (
        <Primitive.RadioGroup value={entry.value} onValueChange={entry.choose} aria-label={entry.label}>
          <Primitive.Label className={styles.group}>{entry.label}</Primitive.Label>
          {entry.options.map(({ value, label, icon }) => (
            <Primitive.RadioItem
              key={value}
              className={styles.item}
              value={value}
              // It stays open: one sees at once what the choice does.
              onSelect={(event) => event.preventDefault()}
            >
              {icon && <Icon name={icon} size="small" />}
              <span className={styles.label}>{label}</span>
              <Primitive.ItemIndicator>
                <Icon name="check" size="small" />
              </Primitive.ItemIndicator>
            </Primitive.RadioItem>
          ))}
        </Primitive.RadioGroup>
      );
    case 'item':
      return (
        <Primitive.Item
          className={styles.item}
          disabled={entry.disabled ?? false}
          data-danger={entry.danger || undefined}
          onSelect={() => choose(entry.run)}
        >
          {entry.icon && <Icon name={entry.icon} size="small" />}
          <span className={styles.label}>
            {entry.label}
            {entry.hint && <span className={styles.hint}>{entry.hint}</span>}
          </span>
        </Primitive.Item>
      );
  }
}
