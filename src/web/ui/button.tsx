import type { ComponentProps } from 'react';
import styles from './button.module.css';
import { Icon, type IconName } from './icon.tsx';
import { Tooltip } from './tooltip.tsx';

interface ButtonProps extends ComponentProps<'button'> {
  /** `primary`: the one thing to do here. `danger`: cannot be undone. `quiet`: among many. */
  readonly look?: 'primary' | 'plain' | 'quiet' | 'danger';
  readonly size?: 'small' | 'normal';
  readonly icon?: IconName;
  /** Under way: it shows so, and takes no second press. */
  readonly busy?: boolean;
}

export function Button({
  look = 'plain',
  size = 'normal',
  icon,
  busy = false,
  children,
  className,
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      // Not `disabled`: that would throw the focus away.
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      className={[styles.button, className].filter(Boolean).join(' ')}
      data-look={look}
      data-size={size}
      data-busy={busy || undefined}
    >
      {busy ? <span className={styles.spinner} /> : icon && <Icon name={icon} size="small" />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ButtonProps, 'children' | 'icon'> {
  readonly icon: IconName;
  /** What it does, for those who do not see the icon, and as a tooltip. */
  readonly label: string;
}

export function IconButton({
  icon,
  label,
  look = 'quiet',
  size = 'normal',
  className,
  ...rest
}: IconButtonProps) {
  return (
    <Tooltip text={label}>
      <button
        type="button"
        {...rest}
        aria-label={label}
        className={[styles.button, styles.square, className].filter(Boolean).join(' ')}
        data-look={look}
        data-size={size}
      >
        <Icon name={icon} />
      </button>
    </Tooltip>
  );
}
