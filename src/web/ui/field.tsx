import { type ComponentProps, createContext, type ReactNode, useContext, useId, useState } from 'react';
import { IconButton } from './button.tsx';
import styles from './field.module.css';
import { useUiWords } from './words.ts';

interface FieldIds {
  readonly id: string;
  readonly describedBy: string | undefined;
  readonly invalid: boolean;
}

const FieldContext = createContext<FieldIds | undefined>(undefined);

interface FieldProps {
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  /** What is wrong with the value, and what would be right. */
  readonly error?: ReactNode;
  readonly children: ReactNode;
}

/** A label, one control (Input, Select, …) and what there is to say about it; the control finds its label by itself. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <FieldContext value={{ id, describedBy: describedBy || undefined, invalid: Boolean(error) }}>
      <div className={styles.field}>
        <label className={styles.label} htmlFor={id}>
          {label}
        </label>
        {children}
        {hint && (
          <p className={styles.hint} id={`${id}-hint`}>
            {hint}
          </p>
        )}
        {error && (
          <p className={styles.error} id={`${id}-error`} role="alert">
            {error}
          </p>
        )}
      </div>
    </FieldContext>
  );
}

/** For the attributes of a control inside a Field. */
export function useFieldAttributes() {
  const field = useContext(FieldContext);
  return {
    id: field?.id,
    'aria-describedby': field?.describedBy,
    'aria-invalid': field?.invalid || undefined,
  };
}

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  const attributes = useFieldAttributes();
  return <input {...attributes} {...rest} className={[styles.input, className].filter(Boolean).join(' ')} />;
}

export function TextArea({ className, ...rest }: ComponentProps<'textarea'>) {
  const attributes = useFieldAttributes();
  return (
    <textarea {...attributes} {...rest} className={[styles.input, className].filter(Boolean).join(' ')} />
  );
}

/** Can be looked at, since nobody types a long password blind. */
export function PasswordInput(props: Omit<ComponentProps<'input'>, 'type'>) {
  const [shown, setShown] = useState(false);
  const words = useUiWords();
  return (
    <span className={styles.withButton}>
      <Input {...props} type={shown ? 'text' : 'password'} spellCheck={false} autoCapitalize="none" />
      <IconButton
        icon="eye"
        label={shown ? words.hidePassword : words.showPassword}
        aria-pressed={shown}
        size="small"
        onClick={() => setShown(!shown)}
      />
    </span>
  );
}

export function Checkbox({
  label,
  ...rest
}: Omit<ComponentProps<'input'>, 'type'> & { readonly label: ReactNode }) {
  return (
    <label className={styles.checkbox}>
      <input {...rest} type="checkbox" />
      <span>{label}</span>
    </label>
  );
}
