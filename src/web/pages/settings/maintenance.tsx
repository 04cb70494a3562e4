import { useRef, useState } from 'react';
import { useMay } from '../../api/privileges.ts';
import { useMembers, usePost, useResource } from '../../api/queries.ts';
import { uris } from '../../api/schema.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { useMachineName } from '../../shell/machine-name.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { Field } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { saveFile } from '../../ui/save-file.ts';
import { Select } from '../../ui/select.tsx';
import { Table } from '../../ui/table.tsx';
import { useTellFailure } from '../../ui/tell-failure.ts';
import { backupName } from './backup.ts';
import { UpdateProgress, useImageUpdate } from './image-update.tsx';
import styles from './maintenance.module.css';
import { type ManagerSettings, type Software, settingsUris, type UpdateService } from './schema.ts';
import { Action, ReadOnlyNote, Section } from './section.tsx';
import { useSettingsWords } from './words.ts';

type Asking = 'restart' | 'reset';

export function Maintenance() {
  const { maintenance: words } = useSettingsWords();
  const manager = useResource<ManagerSettings>(uris.manager);
  const may = useMay('ConfigureManager');
  const linesOf = useShellLines();
  const machine = useMachineName() ?? 'qemu-bmc';
  const actions = manager.data?.Actions;
  const restartUri = actions?.['#Manager.Reset']?.target;
  const resetUri = actions?.['#Manager.ResetToDefaults']?.target;
  const [asking, setAsking] = useState<Asking>();
  const [scope, setScope] = useState('PreserveNetworkAndUsers');
  const restart = usePost(restartUri);
  const reset = usePost(resetUri);
  const close = () => setAsking(undefined);
  const restartBody = { ResetType: 'GracefulRestart' };
  const resetBody = { ResetType: scope };
  return (
    <>
      <Configuration manager={manager.data} />
      <Firmware />
      <Card flush title={words.bmc}>
        <div className={styles.note}>
          <ReadOnlyNote needs="ConfigureManager" />
        </div>
        <Action title={words.restart} text={words.restartText}>
          <Button
            icon="restart"
            disabled={!may || !restartUri}
            onClick={() => {
              restart.reset();
              setAsking('restart');
            }}
          >
            {words.restartAction}
          </Button>
        </Action>
        <Action title={words.reset} text={words.resetText}>
          <Button
            disabled={!may || !resetUri}
            onClick={() => {
              reset.reset();
              setAsking('reset');
            }}
          >
            {words.resetAction}
          </Button>
        </Action>
      </Card>
      {asking === 'restart' && restartUri && (
        <ConfirmDialog
          open
          level="calm"
          title={words.restartTitle}
          description={words.restartText}
          action={words.restartAction.replace(/…$/, '')}
          busy={restart.isPending}
          error={restart.error}
          lines={linesOf({
            method: 'POST',
            uri: restartUri,
            body: restartBody,
            ipmi: ['mc', 'reset', 'warm'],
          })}
          onClose={close}
          onConfirm={() =>
            restart.mutate(restartBody, {
              onSuccess() {
                notify({ kind: 'info', title: words.restarting });
                close();
              },
            })
          }
        />
      )}
      {asking === 'reset' && resetUri && (
        <ConfirmDialog
          open
          title={words.resetTitle}
          description={words.resetText}
          action={words.resetAction.replace(/…$/, '')}
          typed={machine}
          busy={reset.isPending}
          error={reset.error}
          lines={linesOf({ method: 'POST', uri: resetUri, body: resetBody })}
          onClose={close}
          onConfirm={() =>
            reset.mutate(resetBody, {
              onSuccess() {
                notify({ kind: 'info', title: words.resetting });
                close();
              },
            })
          }
        >
          <Field label={words.resetScope} hint={words.resetScopeHints[scope]}>
            <Select
              value={scope}
              options={['PreserveNetworkAndUsers', 'PreserveNetwork', 'ResetAll'].map((value) => ({
                value,
                label: words.resetScopes[value] ?? value,
              }))}
              onChange={setScope}
            />
          </Field>
        </ConfirmDialog>
      )}
    </>
  );
}

/** Backup and restore. */
function Configuration({ manager }: { readonly manager: ManagerSettings | undefined }) {
  const { maintenance: words } = useSettingsWords();
  const tellFailure = useTellFailure();
  const linesOf = useShellLines();
  const machine = useMachineName();
  const mayUsers = useMay('ConfigureUsers');
  const may = useMay('ConfigureManager');
  const exportUri = manager?.Actions?.Oem?.['#QemuBmcManager.ExportConfiguration']?.target;
  const post = usePost<Readonly<Record<string, never>>, unknown>(exportUri);
  const service = useResource<UpdateService>(settingsUris.updateService);
  const pushUri = service.data?.MultipartHttpPushUri;
  const { update, start, cancel, forget } = useImageUpdate();
  const [file, setFile] = useState<File>();
  const input = useRef<HTMLInputElement>(null);

  function backup() {
    post.mutate(
      {},
      {
        onSuccess({ body }) {
          saveFile(
            backupName(machine ?? '', new Date()),
            'application/json',
            `${JSON.stringify(body, null, 2)}\n`,
          );
        },
        onError: (error) => tellFailure(words.backup, error),
      },
    );
  }

  return (
    <Card flush title={words.configuration}>
      <div className={styles.note}>
        <ReadOnlyNote needs="ConfigureUsers" />
      </div>
      <Action title={words.backup} text={words.backupText}>
        {exportUri && <CopyAs lines={linesOf({ method: 'POST', uri: exportUri, body: {} })} />}
        <Button icon="download" disabled={!may || !exportUri} busy={post.isPending} onClick={backup}>
          {words.backupAction}
        </Button>
      </Action>
      <Action title={words.restore} text={words.restoreText}>
        <input
          ref={input}
          type="file"
          accept=".json,application/json"
          hidden
          aria-label={words.restoreFile}
          onChange={({ target }) => {
            setFile(target.files?.[0]);
            target.value = '';
          }}
        />
        <Button icon="upload" disabled={!may || !mayUsers || !pushUri} onClick={() => input.current?.click()}>
          {words.restoreAction}
        </Button>
      </Action>
      {update && <UpdateProgress update={update} cancel={cancel} forget={forget} />}
      {file && pushUri && (
        <ConfirmDialog
          open
          title={words.restoreTitle}
          description={words.restoreConfirm(file.name)}
          action={words.restoreAction.replace(/…$/, '')}
          onClose={() => setFile(undefined)}
          onConfirm={() => {
            void start({ uri: pushUri, file, targets: [uris.manager] });
            setFile(undefined);
          }}
        />
      )}
    </Card>
  );
}

/** What runs below the operating system, and a newer one for it. */
function Firmware() {
  const all = useSettingsWords();
  const { maintenance: words } = all;
  const may = useMay('ConfigureComponents');
  const service = useResource<UpdateService>(settingsUris.updateService);
  const inventory = useMembers<Software>(settingsUris.firmware);
  const pushUri = service.data?.MultipartHttpPushUri;
  const { update, start, cancel, forget } = useImageUpdate();
  const [file, setFile] = useState<File>();
  const [applyTime, setApplyTime] = useState<'OnReset' | 'Immediate'>('OnReset');
  const [activating, setActivating] = useState<Software>();
  const activateUri = activating?.Actions?.['#SoftwareInventory.Activate']?.target;
  const activate = usePost(activateUri);
  const linesOf = useShellLines();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Section
        flush
        title={words.firmware}
        about={words.firmwareAbout}
        needs="ConfigureComponents"
        reading={inventory}
        aside={
          <>
            <input
              ref={input}
              type="file"
              hidden
              aria-label={words.firmwareFile}
              onChange={({ target }) => {
                setFile(target.files?.[0]);
                target.value = '';
              }}
            />
            <Button
              size="small"
              icon="upload"
              disabled={!may || !pushUri}
              onClick={() => input.current?.click()}
            >
              {words.firmwareAction}
            </Button>
          </>
        }
      >
        {(list) => (
          <>
            <Table
              label={words.firmware}
              rows={list}
              rowKey={({ Id }) => Id}
              columns={[
                { id: 'name', header: words.component, cell: ({ Name: name }) => name },
                {
                  id: 'version',
                  header: words.version,
                  cell: ({ Version: version }) => version ?? all.none,
                },
                {
                  id: 'state',
                  header: all.users.state,
                  narrow: true,
                  cell: ({ Status: status }) => (
                    <Badge tone={status?.State === 'Enabled' ? 'ok' : 'neutral'}>
                      {words.softwareStates[status?.State ?? ''] ?? status?.State}
                    </Badge>
                  ),
                },
                {
                  id: 'actions',
                  header: '',
                  narrow: true,
                  align: 'end',
                  cell: (software) =>
                    software.Actions?.['#SoftwareInventory.Activate'] && (
                      <Button
                        size="small"
                        disabled={!may}
                        aria-label={words.activateOf(software.Name)}
                        onClick={() => {
                          activate.reset();
                          setActivating(software);
                        }}
                      >
                        {words.activate}
                      </Button>
                    ),
                },
              ]}
            />
            {update && <UpdateProgress update={update} cancel={cancel} forget={forget} />}
          </>
        )}
      </Section>
      {file && pushUri && (
        <ConfirmDialog
          open
          level={applyTime === 'Immediate' ? 'danger' : 'calm'}
          title={words.firmwareTitle}
          description={words.firmwareConfirm(file.name)}
          action={words.firmwareConfirmAction}
          onClose={() => setFile(undefined)}
          onConfirm={() => {
            void start({ uri: pushUri, file, targets: [], applyTime });
            setFile(undefined);
          }}
        >
          <Field label={words.applyTime} hint={words.applyTimeHints[applyTime]}>
            <Select<'OnReset' | 'Immediate'>
              value={applyTime}
              options={(['OnReset', 'Immediate'] as const).map((value) => ({
                value,
                label: words.applyTimes[value],
              }))}
              onChange={setApplyTime}
            />
          </Field>
        </ConfirmDialog>
      )}
      {activating && activateUri && (
        <ConfirmDialog
          open
          level="calm"
          title={words.activateOf(activating.Name)}
          description={words.activateText}
          action={words.activate}
          busy={activate.isPending}
          error={activate.error}
          lines={linesOf({ method: 'POST', uri: activateUri, body: {} })}
          onClose={() => setActivating(undefined)}
          onConfirm={() =>
            activate.mutate(
              {},
              {
                onSuccess() {
                  notify({ kind: 'ok', title: words.activated });
                  setActivating(undefined);
                },
              },
            )
          }
        />
      )}
    </>
  );
}
