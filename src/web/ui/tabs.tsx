import { Tabs as Primitive } from 'radix-ui';
import type { ReactNode } from 'react';
import strip from './tab-strip.module.css';
import styles from './tabs.module.css';

export interface Tab {
  readonly id: string;
  readonly label: ReactNode;
  readonly content: ReactNode;
}

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly value: string;
  onChange(id: string): void;
}

/** Which tab is open belongs to the page, best in its URL. */
export function Tabs({ label, tabs, value, onChange }: TabsProps) {
  return (
    <Primitive.Root value={value} onValueChange={onChange}>
      <Primitive.List className={strip.list} aria-label={label}>
        {tabs.map((tab) => (
          <Primitive.Trigger key={tab.id} className={strip.tab} value={tab.id}>
            {tab.label}
          </Primitive.Trigger>
        ))}
      </Primitive.List>
      {tabs.map((tab) => (
        <Primitive.Content key={tab.id} className={styles.content} value={tab.id}>
          {tab.content}
        </Primitive.Content>
      ))}
    </Primitive.Root>
  );
}
