import type { ReactNode } from 'react';
import { Field, Input } from '../../ui/field.tsx';

interface NumberFieldProps {
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  readonly min?: number;
  readonly max: number;
  readonly step?: number;
  /** May be left empty. */
  readonly optional?: boolean;
  readonly disabled?: boolean;
  /** As it was typed. */
  readonly value: string;
  onChange(value: string): void;
}

/** A whole number within bounds. */
export function NumberField({
  label,
  hint,
  min = 0,
  max,
  step = 1,
  optional = false,
  disabled = false,
  value,
  onChange,
}: NumberFieldProps) {
  return (
    <Field label={label} hint={hint}>
      <Input
        type="number"
        min={min}
        max={max}
        step={step}
        required={!optional}
        disabled={disabled}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    </Field>
  );
}
