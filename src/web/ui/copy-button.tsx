import { useEffect, useState } from 'react';
import { Button, IconButton } from './button.tsx';
import styles from './copy-button.module.css';
import { Menu } from './menu.tsx';
import { notify } from './notices.tsx';
import { Unseen } from './unseen.tsx';
import { useUiWords } from './words.ts';

interface CopyButtonProps {
  readonly text: string;
  /** What is copied: `Copy the address`. */
  readonly label: string;
}

export function CopyButton({ text, label }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  const words = useUiWords();
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <>
      <IconButton
        icon={copied ? 'check' : 'copy'}
        label={copied ? words.copied : label}
        size="small"
        onClick={() => void copy(text, words.copyFailed).then(setCopied)}
      />
      <Unseen role="status">{copied && words.copied}</Unseen>
    </>
  );
}

/** The same action as lines for a shell. */
export interface ShellLines {
  readonly curl: string;
  /** Undefined where IPMI has no such thing. */
  readonly ipmitool?: string | undefined;
}

/** “Copy as curl”, “copy as ipmitool”: what the console does, a script can do. */
export function CopyAs({ lines }: { readonly lines: ShellLines }) {
  const words = useUiWords();
  const item = (label: string, text: string) => ({
    kind: 'item' as const,
    label,
    hint: <code className={styles.line}>{text}</code>,
    run: () =>
      void copy(text, words.copyFailed).then((done) => {
        if (done) notify({ kind: 'ok', title: words.copied });
      }),
  });
  return (
    <Menu
      trigger={
        <Button look="quiet" size="small" icon="copy">
          {words.copyAs}
        </Button>
      }
      entries={[
        item(words.copyAsCurl, lines.curl),
        ...(lines.ipmitool === undefined ? [] : [item(words.copyAsIpmitool, lines.ipmitool)]),
      ]}
    />
  );
}

/** @returns whether it is in the clipboard; if not, the user has been told */
export async function copy(text: string, failed: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    notify({ kind: 'error', title: failed, detail: text });
    return false;
  }
}
