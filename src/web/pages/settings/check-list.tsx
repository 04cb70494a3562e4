import { type ReactNode, useId } from 'react';
import { Checkbox } from '../../ui/field.tsx';
import styles from './check-list.module.css';

interface CheckListProps<T extends string> {
  readonly legend: ReactNode;
  /** All there are, in the order in which they are shown and sent. */
  readonly all: readonly T[];
  readonly labels: Readonly<Record<string, string>>;
  /** Those that are chosen. */
  readonly value: readonly string[];
  /** What is wrong with the choice. */
  readonly error?: ReactNode;
  onChange(value: readonly T[]): void;
}

/** Any number of a few things. */
export function CheckList<T extends string>({
  legend,
  all,
  labels,
  value,
  error,
  onChange,
}: CheckListProps<T>) {
  const id = useId();
  return (
    <fieldset className={styles.list}>
      <legend>{legend}</legend>
      {all.map((each) => (
        <Checkbox
          key={each}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? id : undefined}
          label={labels[each]}
          checked={value.includes(each)}
          onChange={({ target }) =>
            onChange(all.filter((other) => (other === each ? target.checked : value.includes(other))))
          }
        />
      ))}
      {error && (
        <p className={styles.error} id={id} role="alert">
          {error}
        </p>
      )}
    </fieldset>
  );
}
