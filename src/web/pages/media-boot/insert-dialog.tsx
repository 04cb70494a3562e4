import { type UseMutationResult, useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import type { ApiError } from '../../api/errors.ts';
import { useMay } from '../../api/privileges.ts';
import { useResource } from '../../api/queries.ts';
import { client } from '../../api/session.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Button } from '../../ui/button.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Checkbox, Field, Input, PasswordInput } from '../../ui/field.tsx';
import { Foot } from '../../ui/foot.tsx';
import { notify } from '../../ui/notices.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import { useUiWords } from '../../ui/words.ts';
import styles from './insert-dialog.module.css';
import type { Library, LibraryImage, SlotId, VirtualMedia } from './schema.ts';
import { beginUpload } from './uploads.ts';
import { useMediaBootWords } from './words.ts';

export type Source = 'url' | 'computer' | 'library';

interface SourceProps {
  readonly id: SlotId;
  readonly slot: VirtualMedia;
  onClose(): void;
}

interface InsertDialogProps extends SourceProps {
  readonly source: Source;
  onSource(source: Source): void;
}

export function InsertDialog({ source, onSource, ...props }: InsertDialogProps) {
  const words = useMediaBootWords();
  const tab = (id: Source, label: string, content: ReactNode) => ({ id, label, content });
  return (
    <Dialog open title={words.insertInto(words.slots[props.id])} onClose={props.onClose}>
      <Tabs
        label={words.sources}
        value={source}
        onChange={(id) => onSource(id as Source)}
        tabs={[
          tab('url', words.fromUrl, <FromUrl {...props} />),
          tab('computer', words.fromComputer, <FromComputer {...props} />),
          tab('library', words.fromLibrary, <FromLibrary {...props} />),
        ]}
      />
    </Dialog>
  );
}

type Insert = Readonly<Record<string, unknown>>;

/** Soon done, or a task that the drive's card shows. */
function useInsert({ id, slot, onClose }: SourceProps): UseMutationResult<number, ApiError, Insert> {
  const words = useMediaBootWords();
  return useMutation<number, ApiError, Insert>({
    mutationFn: async (body) =>
      (await client.post(slot.Actions['#VirtualMedia.InsertMedia'].target, body)).status,
    onSuccess(status) {
      onClose();
      if (status !== 202) notify({ kind: 'ok', title: words.done(words.slots[id]) });
    },
  });
}

function FromUrl(props: SourceProps) {
  const { id, slot, onClose } = props;
  const words = useMediaBootWords();
  const linesOf = useShellLines();
  const insert = useInsert(props);
  const [url, setUrl] = useState('');
  const [userName, setUserName] = useState('');
  const [password, setPassword] = useState('');
  const [whole, setWhole] = useState(false);
  const [isProtected, setProtected] = useState(true);
  const isWrong = url !== '' && !/^(https?|nfs):\/\/./i.test(url.trim());
  const plain = {
    Image: url.trim(),
    WriteProtected: isProtected,
    TransferMethod: whole ? 'Upload' : 'Stream',
  };
  const { target } = slot.Actions['#VirtualMedia.InsertMedia'];

  function submit(event: FormEvent) {
    event.preventDefault();
    const login = { ...(userName && { UserName: userName }), ...(password && { Password: password }) };
    insert.mutate({ ...plain, ...login });
  }

  return (
    <form className={styles.form} onSubmit={submit}>
      <Field label={words.url} hint={words.urlHint} error={isWrong && words.urlWrong}>
        <Input
          type="text"
          inputMode="url"
          required
          autoComplete="off"
          spellCheck={false}
          placeholder="https://server/image.iso"
          value={url}
          onChange={({ target: { value } }) => setUrl(value)}
        />
      </Field>
      <div className={styles.pair}>
        <Field label={words.userName} hint={words.loginHint}>
          <Input
            autoComplete="off"
            spellCheck={false}
            value={userName}
            onChange={({ target: { value } }) => setUserName(value)}
          />
        </Field>
        <Field label={words.password}>
          <PasswordInput
            autoComplete="off"
            value={password}
            onChange={({ target: { value } }) => setPassword(value)}
          />
        </Field>
      </div>
      <div className={styles.choices}>
        <Checkbox
          label={words.whole}
          checked={whole}
          onChange={({ target: { checked } }) => setWhole(checked)}
        />
        <p className={styles.hint}>{words.wholeHint}</p>
        <Protection id={id} checked={isProtected} onChange={setProtected} />
      </div>
      {insert.error && <ErrorPanel error={insert.error} />}
      <Foot
        end={
          <>
            <Cancel onClose={onClose} />
            <Button
              type="submit"
              look="primary"
              disabled={url.trim() === '' || isWrong}
              busy={insert.isPending}
            >
              {words.insert}
            </Button>
          </>
        }
      >
        <CopyAs lines={linesOf({ method: 'POST', uri: target, body: plain })} />
      </Foot>
    </form>
  );
}

function Cancel({ onClose }: { onClose(): void }) {
  const words = useUiWords();
  return <Button onClick={onClose}>{words.cancel}</Button>;
}

function Protection({
  id,
  checked,
  onChange,
}: {
  readonly id: SlotId;
  readonly checked: boolean;
  onChange(checked: boolean): void;
}) {
  const words = useMediaBootWords();
  return (
    <Checkbox
      label={id === 'Cd' ? words.protectAlways : words.protect}
      checked={checked}
      disabled={id === 'Cd'}
      onChange={({ target }) => onChange(target.checked)}
    />
  );
}

function FromComputer({ id, slot, onClose }: SourceProps) {
  const words = useMediaBootWords();
  const { bytes } = useFormats();
  const linesOf = useShellLines();
  const [file, setFile] = useState<File | undefined>(undefined);
  const [isProtected, setProtected] = useState(true);
  const input = useId();
  const uri = slot.Actions.Oem?.['#QemuBmcVirtualMedia.UploadMedia']?.target;
  if (uri === undefined) return null;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!file || uri === undefined) return;
    beginUpload(id, {
      file,
      writeProtected: isProtected,
      uploadUri: uri,
      ejectUri: slot.Actions['#VirtualMedia.EjectMedia'].target,
      done: () => notify({ kind: 'ok', title: words.done(file.name) }),
    });
    onClose();
  }

  const query = new URLSearchParams({
    filename: file?.name ?? 'image.iso',
    writeProtected: String(isProtected),
  });
  const { curl } = linesOf({ method: 'POST', uri: `${uri}?${query}` });
  return (
    <form className={styles.form} onSubmit={submit}>
      <div className={styles.file}>
        <label htmlFor={input}>{words.file}</label>
        <input
          id={input}
          type="file"
          accept={id === 'Cd' ? '.iso,.img' : '.img,.iso,.raw,.bin'}
          onChange={({ target }) => setFile(target.files?.[0])}
        />
        {file && <p className={styles.hint}>{bytes(file.size)}</p>}
      </div>
      <Protection id={id} checked={isProtected} onChange={setProtected} />
      <Foot
        end={
          <>
            <Cancel onClose={onClose} />
            <Button type="submit" look="primary" icon="upload" disabled={!file}>
              {words.upload}
            </Button>
          </>
        }
      >
        <CopyAs lines={{ curl: curl.replace('-X POST', `-T ${file?.name ?? 'image.iso'} -X POST`) }} />
      </Foot>
    </form>
  );
}

function FromLibrary(props: SourceProps) {
  const { slot, onClose } = props;
  const words = useMediaBootWords();
  const { bytes, shortTime } = useFormats();
  const linesOf = useShellLines();
  const may = useMay('ConfigureComponents');
  const insert = useInsert(props);
  const library = useResource<Library>(slot.Actions.Oem?.['#QemuBmcVirtualMedia.ListLibrary']?.target);
  const { target } = slot.Actions['#VirtualMedia.InsertMedia'];
  const bodyOf = ({ Image: image }: LibraryImage) => ({ Image: image });
  const columns: readonly Column<LibraryImage>[] = [
    { id: 'name', header: words.name, cell: (image) => image.Name },
    { id: 'size', header: words.size, align: 'end', narrow: true, cell: (image) => bytes(image.SizeBytes) },
    { id: 'changed', header: words.changed, narrow: true, cell: (image) => shortTime(image.Modified) },
    {
      id: 'actions',
      header: '',
      narrow: true,
      cell: (image) => (
        <span className={styles.actions}>
          <CopyAs lines={linesOf({ method: 'POST', uri: target, body: bodyOf(image) })} />
          <Button
            size="small"
            aria-label={words.insertNamed(image.Name)}
            disabled={!may}
            busy={insert.isPending && insert.variables?.Image === image.Image}
            onClick={() => insert.mutate(bodyOf(image))}
          >
            {words.insert}
          </Button>
        </span>
      ),
    },
  ];
  return (
    <div className={styles.form}>
      {library.isPending && <Skeleton lines={4} />}
      {library.error && (
        <ErrorPanel
          error={library.error}
          title={words.libraryUnreadable}
          retry={() => void library.refetch()}
        />
      )}
      {library.data && (
        <Table
          label={words.library}
          room={30}
          columns={columns}
          rows={library.data.Images}
          rowKey={(image) => image.Image}
          empty={
            <EmptyState icon="logs" title={words.libraryEmpty}>
              {words.libraryEmptyText}
            </EmptyState>
          }
        />
      )}
      <p className={styles.hint}>{words.libraryProtected}</p>
      {insert.error && <ErrorPanel error={insert.error} />}
      <Foot end={<Cancel onClose={onClose} />} />
    </div>
  );
}
