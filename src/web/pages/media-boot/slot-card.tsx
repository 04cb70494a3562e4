import { useEffect, useRef, useState } from 'react';
import { ApiError } from '../../api/errors.ts';
import { useMay } from '../../api/privileges.ts';
import { useDelete, useMembers, usePatch, usePost, useResource } from '../../api/queries.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { useWhyNot } from '../../machine/use-why-not.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Card, Facts } from '../../ui/card.tsx';
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { useExplain } from '../../ui/explain.ts';
import { Icon } from '../../ui/icon.tsx';
import { notify } from '../../ui/notices.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { Switch } from '../../ui/switch.tsx';
import { InsertDialog, type Source } from './insert-dialog.tsx';
import { mediaUris, type SlotId, type Task, type VirtualMedia } from './schema.ts';
import styles from './slot-card.module.css';
import { isUnderWay, transferOf } from './transfers.ts';
import { TrustDialog } from './trust-dialog.tsx';
import { forgetUpload, useUpload } from './uploads.ts';
import { useMediaBootWords } from './words.ts';

/** A drive that images are put into. */
export function SlotCard({ id }: { readonly id: SlotId }) {
  const words = useMediaBootWords();
  const slot = useResource<VirtualMedia>(mediaUris.slots[id]);
  const { data } = slot;
  return (
    <Card title={words.slots[id]} aside={data && <SlotState slot={data} />}>
      {slot.isPending && <Skeleton lines={5} />}
      {slot.error && !data && (
        <ErrorPanel error={slot.error} title={words.slotUnreadable} retry={() => void slot.refetch()} />
      )}
      {data && <Slot id={id} slot={data} />}
    </Card>
  );
}

function SlotState({ slot }: { readonly slot: VirtualMedia }) {
  const words = useMediaBootWords();
  if (slot.Status.Health === 'Warning') return <Badge tone="warning">{words.trouble}</Badge>;
  if (slot.Inserted) return <Badge tone="ok">{words.inserted}</Badge>;
  return slot.Image !== null && slot.Status.State !== 'Updating' && <Badge>{words.notConnected}</Badge>;
}

interface SlotProps {
  readonly id: SlotId;
  readonly slot: VirtualMedia;
}

function Slot({ id, slot }: SlotProps) {
  const words = useMediaBootWords();
  const mayMedia = useMay('ConfigureComponents');
  const mayManage = useMay('ConfigureManager');
  const may = mayMedia || mayManage;
  const whyNot = useWhyNot();
  const upload = useUpload(id);
  const transfer = useTransfer(slot);
  const [source, setSource] = useState<Source | undefined>(undefined);
  const isLoading = slot.Status.State === 'Updating';
  return (
    <div className={styles.slot}>
      <div className={styles.main}>
        {upload ? (
          <OwnUpload id={id} />
        ) : isLoading && transfer && isUnderWay(transfer) ? (
          <Transfer task={transfer} slot={slot} />
        ) : isLoading ? (
          <UploadElsewhere slot={slot} onGoOn={may ? () => setSource('computer') : undefined} />
        ) : slot.Image === null ? (
          <>
            {transfer?.TaskState === 'Exception' && <Failed task={transfer} />}
            <EmptyState
              icon={id === 'Cd' ? 'media' : 'disk'}
              title={words.empty}
              action={
                <div className={styles.sources}>
                  <Button
                    size="small"
                    icon="external"
                    disabled={!may}
                    title={may ? undefined : whyNot}
                    onClick={() => setSource('url')}
                  >
                    {words.fromUrl}
                  </Button>
                  <Button
                    size="small"
                    icon="upload"
                    disabled={!may}
                    title={may ? undefined : whyNot}
                    onClick={() => setSource('computer')}
                  >
                    {words.fromComputer}
                  </Button>
                  <Button
                    size="small"
                    icon="logs"
                    disabled={!may}
                    title={may ? undefined : whyNot}
                    onClick={() => setSource('library')}
                  >
                    {words.fromLibrary}
                  </Button>
                </div>
              }
            >
              {words.emptyText[id]}
            </EmptyState>
          </>
        ) : (
          <Medium id={id} slot={slot} may={may} />
        )}
      </div>
      <Trust slot={slot} may={may} />
      {source && (
        <InsertDialog
          id={id}
          slot={slot}
          source={source}
          onSource={setSource}
          onClose={() => setSource(undefined)}
        />
      )}
    </div>
  );
}

/** The latest time that the BMC has fetched an image for this drive; its end is told where the user is. */
function useTransfer(slot: VirtualMedia): Task | undefined {
  const words = useMediaBootWords();
  const task = transferOf(useMembers<Task>(mediaUris.tasks).data ?? [], slot.Name);
  const watched = useRef<string | undefined>(undefined);
  const { Id: id, TaskState: state } = task ?? {};
  const name = slot.ImageName ?? slot.Name;
  useEffect(() => {
    if (state === 'Running') watched.current = id;
    else if (watched.current !== undefined && watched.current === id) {
      watched.current = undefined;
      if (state === 'Completed') notify({ kind: 'ok', title: words.done(name) });
      if (state === 'Exception') notify({ kind: 'error', title: words.transferFailed });
    }
  }, [id, state, name, words]);
  return task;
}

function Transfer({ task, slot }: { readonly task: Task; readonly slot: VirtualMedia }) {
  const words = useMediaBootWords();
  const { shortTime } = useFormats();
  const linesOf = useShellLines();
  const cancel = useDelete();
  const may = useMay('ConfigureComponents');
  const uri = task['@odata.id'];
  const share = task.PercentComplete ? task.PercentComplete / 100 : undefined;
  return (
    <div className={styles.running}>
      <p className={styles.name}>{slot.ImageName ?? slot.Image}</p>
      <Progress
        label={words.fetching}
        share={share}
        detail={
          task.TaskState === 'Cancelling'
            ? words.cancelling
            : `${words.fetching}, ${words.since(shortTime(task.StartTime))}`
        }
      />
      {cancel.error && <ErrorPanel error={cancel.error} />}
      <div className={styles.actions}>
        <Button
          icon="close"
          disabled={!may || task.TaskState === 'Cancelling'}
          busy={cancel.isPending}
          onClick={() => cancel.mutate(uri)}
        >
          {words.cancelTransfer}
        </Button>
        <span className={styles.space} />
        <CopyAs lines={linesOf({ method: 'DELETE', uri })} />
      </div>
    </div>
  );
}

/** Why the BMC could not fetch the image, until somebody has read it. */
function Failed({ task }: { readonly task: Task }) {
  const words = useMediaBootWords();
  const { shortTime } = useFormats();
  const dismiss = useDelete();
  const last = task.Messages?.findLast(({ Message: text }) => text !== undefined);
  const remedy = last?.Resolution && !/^none\.?$/i.test(last.Resolution) ? last.Resolution : undefined;
  return (
    <div className={styles.failed} role="alert">
      <Icon name="warning" />
      <div>
        <p className={styles.failedTitle}>
          {words.transferFailed} <span>{shortTime(task.EndTime ?? task.StartTime)}</span>
        </p>
        <p>{last?.Message}</p>
        {remedy && <p className={styles.soft}>{remedy}</p>}
        <Button size="small" busy={dismiss.isPending} onClick={() => dismiss.mutate(task['@odata.id'])}>
          {words.dismiss}
        </Button>
      </div>
    </div>
  );
}

function OwnUpload({ id }: { readonly id: SlotId }) {
  const words = useMediaBootWords();
  const explain = useExplain();
  const { bytes, duration } = useFormats();
  const shown = useUpload(id);
  if (!shown) return null;
  const { name, upload, state } = shown;
  const { phase, sent, total, bytesPerS, error } = state;
  const amount = words.of(bytes(sent), bytes(total));
  const speed =
    bytesPerS === undefined
      ? ''
      : ` · ${words.speed(bytes(bytesPerS), duration(((total - sent) / bytesPerS) * 1000))}`;
  return (
    <div className={styles.running}>
      <p className={styles.name}>{name}</p>
      <Progress
        label={phase === 'sending' ? words.uploading : words.uploadPaused}
        share={total === 0 ? undefined : sent / total}
        detail={`${phase === 'sending' ? words.uploading : words.uploadPaused}: ${amount}${speed}`}
      />
      {phase === 'paused' && <p className={styles.soft}>{words.patience}</p>}
      {phase === 'broken' && error && <ErrorPanel error={error} title={words.uploadBroken} />}
      <div className={styles.actions}>
        {phase === 'sending' ? (
          <Button icon="pause" onClick={() => upload.pause()}>
            {words.pause}
          </Button>
        ) : (
          !isRefused(error) && (
            <Button icon="play" look="primary" onClick={() => void upload.start()}>
              {words.resume}
            </Button>
          )
        )}
        <Button
          icon="close"
          onClick={() =>
            isRefused(error)
              ? forgetUpload(id)
              : void upload.cancel().catch((cause: Error) => {
                  const { cause: title, remedy } = explain(cause);
                  notify({ kind: 'error', title, detail: remedy });
                })
          }
        >
          {isRefused(error) ? words.dismiss : words.cancelTransfer}
        </Button>
      </div>
    </div>
  );
}

/** The appliance does not want the image, so that it is of no use to go on. 408 and 416: a part is missing. */
function isRefused(error: Error | undefined): boolean {
  return (
    error instanceof ApiError && error.kind === 'refused' && error.status !== 408 && error.status !== 416
  );
}

function UploadElsewhere({
  slot,
  onGoOn,
}: {
  readonly slot: VirtualMedia;
  /** Undefined for those who may not. */
  readonly onGoOn: (() => void) | undefined;
}) {
  const words = useMediaBootWords();
  const eject = usePost(slot.Actions['#VirtualMedia.EjectMedia'].target);
  return (
    <div className={styles.running}>
      <p className={styles.name}>{slot.ImageName}</p>
      <Progress label={words.uploadElsewhere} share={undefined} detail={words.uploadElsewhere} />
      <p className={styles.soft}>{words.uploadElsewhereText}</p>
      {eject.error && <ErrorPanel error={eject.error} />}
      <div className={styles.actions}>
        <Button icon="upload" disabled={!onGoOn} onClick={onGoOn}>
          {words.goOn}
        </Button>
        <Button icon="close" disabled={!onGoOn} busy={eject.isPending} onClick={() => eject.mutate({})}>
          {words.cancelTransfer}
        </Button>
      </div>
    </div>
  );
}

function Medium({ id, slot, may }: SlotProps & { readonly may: boolean }) {
  const words = useMediaBootWords();
  const linesOf = useShellLines();
  const [asks, setAsks] = useState(false);
  const { target } = slot.Actions['#VirtualMedia.EjectMedia'];
  const eject = usePost(target);
  const patch = usePatch<VirtualMedia>(slot['@odata.id']);
  const name = slot.ImageName ?? slot.Image ?? '';
  const lines = linesOf({ method: 'POST', uri: target, body: {} });
  return (
    <div className={styles.medium}>
      {slot.Status.Health === 'Warning' && <p className={styles.soft}>{words.troubleText}</p>}
      <Facts
        facts={[
          [words.image, <strong key="name">{name}</strong>],
          [words.origin, <Origin key="origin" slot={slot} />],
          [words.access, slot.WriteProtected ? words.writeProtected : words.writable],
          [words.held, slot.TransferMethod === 'Stream' ? words.heldStream : words.heldWhole],
        ]}
      />
      {patch.error && <ErrorPanel error={patch.error} />}
      <div className={styles.actions}>
        <Button icon="eject" disabled={!may} onClick={() => setAsks(true)}>
          {words.eject}
        </Button>
        <Button
          look="quiet"
          disabled={!may}
          busy={patch.isPending}
          onClick={() => patch.mutate({ Inserted: !slot.Inserted })}
        >
          {slot.Inserted ? words.disconnect : words.connect}
        </Button>
        <span className={styles.space} />
        <CopyAs lines={lines} />
      </div>
      <ConfirmDialog
        open={asks}
        onClose={() => setAsks(false)}
        level={slot.WriteProtected ? 'calm' : 'danger'}
        title={words.ejectQuestion(name)}
        description={words.ejectText}
        action={words.eject}
        busy={eject.isPending}
        error={eject.error}
        lines={lines}
        onConfirm={() =>
          eject.mutate(
            {},
            {
              onSuccess() {
                setAsks(false);
                notify({ kind: 'ok', title: words.ejected(words.slots[id]) });
              },
            },
          )
        }
      />
    </div>
  );
}

function Origin({ slot: { Image: image, TransferProtocolType: protocol } }: { readonly slot: VirtualMedia }) {
  const words = useMediaBootWords();
  if (image?.startsWith('file:')) return words.origins.library;
  return protocol === 'OEM' ? words.origins.upload : <code>{image}</code>;
}

/** Whom the BMC trusts when it fetches images for this drive. */
function Trust({ slot, may }: { readonly slot: VirtualMedia; readonly may: boolean }) {
  const words = useMediaBootWords();
  const [open, setOpen] = useState(false);
  const patch = usePatch<VirtualMedia>(slot['@odata.id']);
  return (
    <div className={styles.trust}>
      <Switch
        label={words.verify}
        hint={words.verifyHint}
        checked={slot.VerifyCertificate}
        disabled={!may || patch.isPending}
        onChange={(verify) => patch.mutate({ VerifyCertificate: verify })}
      />
      <Button look="quiet" size="small" icon="shield" onClick={() => setOpen(true)}>
        {words.trusted}
      </Button>
      {patch.error && <ErrorPanel error={patch.error} />}
      {open && <TrustDialog uri={slot.Certificates['@odata.id']} onClose={() => setOpen(false)} />}
    </div>
  );
}
