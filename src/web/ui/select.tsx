import type { ComponentProps } from 'react';
import { useFieldAttributes } from './field.tsx';
import { Icon } from './icon.tsx';
import styles from './select.module.css';

export interface Option<V extends string> {
  readonly value: V;
  readonly label: string;
  readonly disabled?: boolean;
}

interface SelectProps<V extends string>
  extends Omit<ComponentProps<'select'>, 'value' | 'onChange' | 'children'> {
  readonly value: V;
  readonly options: readonly Option<V>[];
  onChange(value: V): void;
}

/**
 * The browser's own, in our clothes: right on a phone, under a screen reader and with the keyboard. (Radix's needs a
 * style element of its own, which the content security policy refuses.)
 */
export function Select<V extends string>({ value, options, onChange, className, ...rest }: SelectProps<V>) {
  const attributes = useFieldAttributes();
  return (
    <span className={[styles.wrap, className].filter(Boolean).join(' ')}>
      <select
        {...attributes}
        {...rest}
        className={styles.select}
        value={value}
        onChange={({ target }) => {
          const chosen = options[target.selectedIndex];
          if (chosen) onChange(chosen.value);
        }}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value} disabled={option.disabled}>
            {option.label}
          </option>
        ))}
      </select>
      <Icon name="down" size="small" />
    </span>
  );
}
