/**
 * Dialogs, by the browser's own `<dialog>`: it keeps the focus inside, makes the rest inert, gives the focus back, and
 * needs no style element, which the content security policy would refuse.
 */
import { createContext, type ReactNode, useContext, useId, useLayoutEffect, useRef, useState } from 'react';
import styles from './dialog.module.css';
import { Icon } from './icon.tsx';
import { useUiWords } from './words.ts';

/** Where menus and tooltips of a dialog belong: what is outside of it is inert. */
const ContainerContext = createContext<HTMLElement | null>(null);
export const useContainer = () => useContext(ContainerContext);

interface DialogProps {
  readonly open: boolean;
  onClose(): void;
  readonly title: ReactNode;
  /** In one sentence, below the title. */
  readonly description?: ReactNode;
  readonly children?: ReactNode;
  /** Buttons; the one that leaves things as they are comes first. */
  readonly footer?: ReactNode;
  readonly size?: 'small' | 'normal' | 'large';
  readonly role?: 'dialog' | 'alertdialog';
}

/** The focus goes to what has `data-initial-focus`, otherwise to the first control of the body. */
export function Dialog(props: DialogProps) {
  return props.open ? <OpenDialog {...props} /> : null;
}

function OpenDialog({ onClose, title, description, children, footer, size = 'normal', role }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const [element, setElement] = useState<HTMLElement | null>(null);
  const id = useId();
  const words = useUiWords();
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    dialog.showModal();
    // What is out of the order of Tab is not meant: a tab that is not open would open.
    const controls = ':is(input, select, textarea, button, a[href]):not([tabindex="-1"])';
    const first =
      dialog.querySelector<HTMLElement>('[data-initial-focus]') ??
      dialog.querySelector<HTMLElement>(`[data-dialog-body] ${controls}`) ??
      dialog.querySelector<HTMLElement>(controls);
    first?.focus();
    setElement(dialog);
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={ref}
      role={role}
      className={styles.dialog}
      data-size={size}
      aria-labelledby={`${id}-title`}
      aria-describedby={description ? `${id}-description` : undefined}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      // A press that begins and ends on the backdrop, which is the dialog element itself.
      onPointerDown={(event) => {
        if (event.target === event.currentTarget && role !== 'alertdialog') onClose();
      }}
    >
      <ContainerContext value={element}>
        <div className={styles.panel}>
          <header className={styles.header}>
            <div>
              <h2 className={styles.title} id={`${id}-title`}>
                {title}
              </h2>
              {description && (
                <p className={styles.description} id={`${id}-description`}>
                  {description}
                </p>
              )}
            </div>
            {/* Without a tooltip, which would take the first Escape for itself. */}
            <button type="button" className={styles.close} aria-label={words.close} onClick={onClose}>
              <Icon name="close" />
            </button>
          </header>
          {children && (
            <div className={styles.body} data-dialog-body>
              {children}
            </div>
          )}
          {footer && <footer className={styles.footer}>{footer}</footer>}
        </div>
      </ContainerContext>
    </dialog>
  );
}
