import { useState } from 'react';
import { useMay, useWho } from '../../api/privileges.ts';
import { useDelete, useMembers, useResource } from '../../api/queries.ts';
import type { Session } from '../../api/schema.ts';
import { session as ownSession } from '../../api/session.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx';
import { notify } from '../../ui/notices.tsx';
import { Table } from '../../ui/table.tsx';
import { useDraft } from './draft.ts';
import { NumberField } from './number-field.tsx';
import { PatchForm } from './patch-form.tsx';
import { type SessionService, settingsUris } from './schema.ts';
import { Section } from './section.tsx';
import styles from './users.module.css';
import { useSettingsWords } from './words.ts';

/** Who is logged in: to Redfish, which this page is a client of, and by IPMI over LAN. */
export function Sessions() {
  const all = useSettingsWords();
  const { sessions: words } = all;
  const { dateTime, ago } = useFormats();
  const who = useWho();
  const mayAll = useMay('ConfigureManager');
  const sessions = useMembers<Session>(settingsUris.sessions);
  const service = useResource<SessionService>(settingsUris.sessionService);
  const [asking, setAsking] = useState<readonly Session[]>();
  const isOwn = (each: Session) => each['@odata.id'] === who?.uri;
  const others = sessions.data?.filter((each) => !isOwn(each) && (mayAll || each.UserName === who?.userName));
  return (
    <>
      <Section
        flush
        title={words.title}
        about={words.about}
        reading={sessions}
        aside={
          <Button size="small" disabled={!others || others.length === 0} onClick={() => setAsking(others)}>
            {words.endOthers}
          </Button>
        }
      >
        {(list) => (
          <Table
            label={words.title}
            rows={[...list].sort((a, b) => (b.CreatedTime ?? '').localeCompare(a.CreatedTime ?? ''))}
            rowKey={({ Id }) => Id}
            columns={[
              {
                id: 'user',
                header: words.user,
                cell: (each) => (
                  <span className={styles.name}>
                    <bdi>{each.UserName}</bdi>
                    {isOwn(each) && <Badge tone="accent">{words.thisOne}</Badge>}
                  </span>
                ),
              },
              {
                id: 'role',
                header: all.users.role,
                cell: ({ Roles: [role = ''] = [] }) => all.users.roles[role] ?? role,
              },
              {
                id: 'type',
                header: words.type,
                narrow: true,
                cell: ({ SessionType: type = '' }) => type,
              },
              {
                id: 'from',
                header: words.from,
                cell: ({ ClientOriginIPAddress: address }) => <code>{address ?? ''}</code>,
              },
              {
                id: 'since',
                header: words.since,
                cell: ({ CreatedTime: time }) =>
                  time && (
                    <time dateTime={time} title={dateTime(time)}>
                      {ago(time)}
                    </time>
                  ),
              },
              {
                id: 'actions',
                header: '',
                narrow: true,
                align: 'end',
                cell: (each) => (
                  <Button
                    size="small"
                    disabled={!mayAll && each.UserName !== who?.userName}
                    title={mayAll || each.UserName === who?.userName ? undefined : words.notYours}
                    aria-label={isOwn(each) ? undefined : words.endOf(each.UserName, each.SessionType ?? '')}
                    onClick={() => (isOwn(each) ? void ownSession.logout() : setAsking([each]))}
                  >
                    {isOwn(each) ? words.logOut : words.end}
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Section>
      <Section title={words.policy} about={words.policyAbout} needs="ConfigureManager" reading={service}>
        {(data) => <TimeoutForm service={data} />}
      </Section>
      {asking && <EndSessions sessions={asking} onClose={() => setAsking(undefined)} />}
    </>
  );
}

function EndSessions({ sessions, onClose }: { readonly sessions: readonly Session[]; onClose(): void }) {
  const { sessions: words } = useSettingsWords();
  const linesOf = useShellLines();
  const remove = useDelete();
  const [only, ...others] = sessions;
  async function end() {
    try {
      for (const each of sessions) await remove.mutateAsync(each['@odata.id']);
    } catch {
      // Shown in the dialog, by the mutation's own error.
      return;
    }
    notify({ kind: 'ok', title: words.ended(sessions.length) });
    onClose();
  }
  return (
    <ConfirmDialog
      open
      level="calm"
      title={others.length === 0 ? words.endTitle(only?.UserName ?? '') : words.endAllTitle(sessions.length)}
      description={
        sessions.every(({ SessionType: type }) => type === 'IPMI') ? words.endIpmiText : words.endText
      }
      action={words.endAction}
      busy={remove.isPending}
      error={remove.error}
      lines={only && others.length === 0 ? linesOf({ method: 'DELETE', uri: only['@odata.id'] }) : undefined}
      onClose={onClose}
      onConfirm={() => void end()}
    />
  );
}

function TimeoutForm({ service }: { readonly service: SessionService }) {
  const { sessions: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const draft = useDraft({ timeout: String(service.SessionTimeout ?? '') });
  return (
    <PatchForm
      uri={settingsUris.sessionService}
      may={may}
      body={draft.differs ? { SessionTimeout: Number(draft.value.timeout) } : undefined}
      saved={words.policySaved}
      revert={draft.revert}
    >
      <NumberField
        label={words.timeout}
        hint={words.timeoutHint}
        min={30}
        max={86_400}
        value={draft.value.timeout}
        onChange={(timeout) => draft.set({ timeout })}
      />
    </PatchForm>
  );
}
