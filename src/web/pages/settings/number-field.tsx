import { type ReactNode, useState } from 'react';
import { Field, Input } from '../../ui/field.tsx';
import { useSettingsWords } from './words.ts';

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

/** A whole number within bounds. What is none is said below it, not by the browser. */
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
  const words = useSettingsWords();
  const [isWrong, setWrong] = useState(false);
  return (
    <Field label={label} hint={hint} error={isWrong && words.numberWrong(min, max)}>
      <Input
        type="number"
        min={min}
        max={max}
        step={step}
        required={!optional}
        disabled={disabled}
        value={value}
        onInvalid={(event) => {
          event.preventDefault();
          setWrong(true);
          const { currentTarget: field } = event;
          if (field.form?.querySelector('input:invalid') === field) field.focus();
        }}
        onChange={({ target }) => {
          if (isWrong) setWrong(!target.validity.valid);
          onChange(target.value);
        }}
      />
    </Field>
  );
}
