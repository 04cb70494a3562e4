/** What the three tables of event filtering have in common: entries that are there for good, and are set up in a dialog. */
import { type ReactNode, useState } from 'react';
import { useMay } from '../../../api/privileges.ts';
import { useMembers, usePatch } from '../../../api/queries.ts';
import type { Resource } from '../../../api/schema.ts';
import { useShellLines } from '../../../machine/use-shell-lines.ts';
import { Badge } from '../../../ui/badge.tsx';
import { Button, IconButton } from '../../../ui/button.tsx';
import { notify } from '../../../ui/notices.tsx';
import { type Column, Table } from '../../../ui/table.tsx';
import { buttonColumn } from '../button-column.tsx';
import { FormDialog } from '../form-dialog.tsx';
import { Section } from '../section.tsx';
import { useSettingsWords } from '../words.ts';

interface EntriesProps<T extends Resource> {
  readonly uri: string;
  readonly title: string;
  readonly about: string;
  /** Those between its number and its buttons. */
  readonly columns: readonly Column<T>[];
  /** An entry as it is called: `Filter 3`. */
  nameOf(id: string): string;
  /** Told of those that nobody has set up: they are shown when asked for. */
  isUnused?(entry: T): boolean;
  /** What else can be done with an entry. */
  buttons?(entry: T, reread: () => Promise<unknown>): ReactNode;
  /** The dialog that sets one up. */
  dialog(entry: T, onClose: () => void): ReactNode;
}

export function Entries<T extends Resource>({
  uri,
  title,
  about,
  columns,
  nameOf,
  isUnused,
  buttons,
  dialog,
}: EntriesProps<T>) {
  const { filtering: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const entries = useMembers<T>(uri);
  const [all, setAll] = useState(false);
  const [open, setOpen] = useState<T>();
  return (
    <>
      <Section
        flush
        title={title}
        about={about}
        needs="ConfigureManager"
        reading={entries}
        aside={
          isUnused && (
            <Button size="small" aria-pressed={all} onClick={() => setAll(!all)}>
              {all ? words.hideUnused : words.showUnused((entries.data ?? []).filter(isUnused).length)}
            </Button>
          )
        }
      >
        {(list) => (
          <Table
            label={title}
            rows={list.filter((each) => all || !isUnused?.(each))}
            rowKey={({ Id }) => Id}
            columns={[
              { id: 'number', header: words.number, narrow: true, cell: ({ Id }) => Id },
              ...columns,
              buttonColumn<T>((each) => (
                <>
                  {buttons?.(each, entries.refetch)}
                  <IconButton
                    icon="edit"
                    size="small"
                    label={words.edit(nameOf(each.Id))}
                    disabled={!may}
                    onClick={() => setOpen(each)}
                  />
                </>
              )),
            ]}
          />
        )}
      </Section>
      {open && dialog(open, () => setOpen(undefined))}
    </>
  );
}

export function OnOff({ enabled }: { readonly enabled: boolean }) {
  const { filtering: words } = useSettingsWords();
  return <Badge tone={enabled ? 'ok' : 'neutral'}>{enabled ? words.on : words.off}</Badge>;
}

interface EntryDialogProps {
  readonly of: Resource;
  readonly name: string;
  /** What is sent; undefined as long as nothing is another, or something is no value. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly ipmi?: readonly string[] | undefined;
  readonly children: ReactNode;
  onClose(): void;
}

/** Fields of one entry, with what saves them. */
export function EntryDialog({ of, name, body, ipmi, children, onClose }: EntryDialogProps) {
  const { filtering: words } = useSettingsWords();
  const linesOf = useShellLines();
  const uri = of['@odata.id'];
  const patch = usePatch<Resource>(uri);
  return (
    <FormDialog
      title={words.edit(name)}
      disabled={!body}
      busy={patch.isPending}
      error={patch.error}
      lines={body && linesOf({ method: 'PATCH', uri, body, ipmi })}
      onClose={onClose}
      onSubmit={() => {
        if (!body) return;
        patch.mutate(body, {
          onSuccess() {
            notify({ kind: 'ok', title: words.changed(name) });
            onClose();
          },
        });
      }}
    >
      {children}
    </FormDialog>
  );
}
