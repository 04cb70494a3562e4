import { useState } from 'react';
import { useMay } from '../../api/privileges.ts';
import { useDelete, useMembers, usePost, useResource } from '../../api/queries.ts';
import { client } from '../../api/session.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { Checkbox, Field, Input } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { Select } from '../../ui/select.tsx';
import { Table } from '../../ui/table.tsx';
import { useTellFailure } from '../../ui/tell-failure.ts';
import { visibleText } from '../../ui/visible-text.ts';
import { buttonColumn } from './button-column.tsx';
import { useDraft } from './draft.ts';
import { FormDialog } from './form-dialog.tsx';
import { NumberField } from './number-field.tsx';
import { PatchForm } from './patch-form.tsx';
import { type EventService, type Subscription, settingsUris } from './schema.ts';
import { Section } from './section.tsx';
import { useSettingsWords } from './words.ts';

/** Who is told of events. */
export function Alerts() {
  const { alerts: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const tellFailure = useTellFailure();
  const linesOf = useShellLines();
  const service = useResource<EventService>(settingsUris.eventService);
  const subscriptions = useMembers<Subscription>(settingsUris.subscriptions);
  const testUri = service.data?.Actions?.['#EventService.SubmitTestEvent']?.target;
  const test = usePost(testUri);
  const [open, setOpen] = useState<'create' | Subscription>();
  const close = () => setOpen(undefined);
  const testBody = { MessageId: 'ResourceEvent.1.4.TestMessage', Message: 'Test message.' };

  function sendTest() {
    test.mutate(testBody, {
      onSuccess: () => notify({ kind: 'ok', title: words.tested }),
      onError: (error) => tellFailure(words.test, error),
    });
  }

  async function resume(subscription: Subscription) {
    const target = subscription.Actions?.['#EventDestination.ResumeSubscription']?.target;
    if (target === undefined) return;
    try {
      await client.post(target);
      await subscriptions.refetch();
    } catch (error) {
      tellFailure(words.resume, error);
    }
  }

  return (
    <>
      <Section
        flush
        title={words.title}
        about={words.about}
        needs="ConfigureManager"
        reading={subscriptions}
        aside={
          <>
            {testUri && <CopyAs lines={linesOf({ method: 'POST', uri: testUri, body: testBody })} />}
            <Button size="small" disabled={!may || !testUri} busy={test.isPending} onClick={sendTest}>
              {words.test}
            </Button>
            <Button size="small" icon="add" disabled={!may} onClick={() => setOpen('create')}>
              {words.create}
            </Button>
          </>
        }
      >
        {(list) => (
          <Table
            label={words.title}
            rows={list}
            rowKey={({ Id }) => Id}
            empty={
              <EmptyState icon="signal" title={words.empty}>
                {words.emptyText}
              </EmptyState>
            }
            columns={[
              {
                id: 'to',
                header: words.destination,
                cell: ({ Destination: to, Context: context }) => (
                  <>
                    <code>{visibleText(to)}</code>
                    {context && <div>{visibleText(context)}</div>}
                  </>
                ),
              },
              {
                id: 'what',
                header: words.what,
                cell: ({ RegistryPrefixes: prefixes = [] }) =>
                  prefixes.length === 0 ? words.everything : prefixes.join(', '),
              },
              {
                id: 'retry',
                header: words.policy,
                cell: ({ DeliveryRetryPolicy: policy = '' }) => words.policies[policy] ?? policy,
              },
              {
                id: 'state',
                header: words.state,
                narrow: true,
                cell: ({ Status: status }) => (
                  <Badge tone={status?.State === 'Enabled' ? 'ok' : 'warning'}>
                    {status?.State === 'Enabled' ? words.active : words.suspended}
                  </Badge>
                ),
              },
              buttonColumn<Subscription>((each) => (
                <>
                  {each.Status?.State !== 'Enabled' && (
                    <Button size="small" disabled={!may} onClick={() => void resume(each)}>
                      {words.resume}
                    </Button>
                  )}
                  <IconButton
                    icon="remove"
                    size="small"
                    label={words.remove(each.Destination)}
                    disabled={!may}
                    onClick={() => setOpen(each)}
                  />
                </>
              )),
            ]}
          />
        )}
      </Section>
      <Section title={words.delivery} about={words.deliveryAbout} needs="ConfigureManager" reading={service}>
        {(data) => <DeliveryForm service={data} />}
      </Section>
      {open === 'create' && (
        <SubscriptionDialog prefixes={service.data?.RegistryPrefixes ?? []} onClose={close} />
      )}
      {open && open !== 'create' && <DeleteSubscription subscription={open} onClose={close} />}
    </>
  );
}

function DeliveryForm({ service }: { readonly service: EventService }) {
  const { alerts: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const draft = useDraft({
    attempts: String(service.DeliveryRetryAttempts ?? ''),
    interval: String(service.DeliveryRetryIntervalSeconds ?? ''),
  });
  const { attempts, interval } = draft.changes;
  return (
    <PatchForm
      uri={settingsUris.eventService}
      may={may}
      body={
        draft.differs
          ? {
              ...(attempts !== undefined && { DeliveryRetryAttempts: Number(attempts) }),
              ...(interval !== undefined && { DeliveryRetryIntervalSeconds: Number(interval) }),
            }
          : undefined
      }
      saved={words.deliverySaved}
      revert={draft.revert}
    >
      <NumberField
        label={words.attempts}
        max={100}
        value={draft.value.attempts}
        onChange={(next) => draft.set({ attempts: next })}
      />
      <NumberField
        label={words.interval}
        min={1}
        max={3600}
        value={draft.value.interval}
        onChange={(next) => draft.set({ interval: next })}
      />
    </PatchForm>
  );
}

const policies = ['TerminateAfterRetries', 'SuspendRetries', 'RetryForever', 'RetryForeverWithBackoff'];

function SubscriptionDialog({
  prefixes,
  onClose,
}: {
  readonly prefixes: readonly string[];
  onClose(): void;
}) {
  const { alerts: words } = useSettingsWords();
  const linesOf = useShellLines();
  const post = usePost(settingsUris.subscriptions);
  const [wish, setWish] = useState({
    destination: '',
    context: '',
    prefix: '',
    policy: 'TerminateAfterRetries',
    verify: true,
  });
  const body = {
    Destination: wish.destination.trim(),
    Protocol: 'Redfish',
    ...(wish.context !== '' && { Context: wish.context }),
    ...(wish.prefix !== '' && { RegistryPrefixes: [wish.prefix] }),
    DeliveryRetryPolicy: wish.policy,
    VerifyCertificate: wish.verify,
  };
  return (
    <FormDialog
      title={words.createTitle}
      description={words.createText}
      action={words.createAction}
      busy={post.isPending}
      error={post.error}
      lines={linesOf({ method: 'POST', uri: settingsUris.subscriptions, body })}
      onClose={onClose}
      onSubmit={() =>
        post.mutate(body, {
          onSuccess() {
            notify({ kind: 'ok', title: words.created });
            onClose();
          },
        })
      }
    >
      <Field label={words.destination}>
        <Input
          type="url"
          required
          value={wish.destination}
          placeholder="https://collector.example/events"
          onChange={({ target }) => setWish({ ...wish, destination: target.value })}
        />
      </Field>
      <Field label={words.context} hint={words.contextHint}>
        <Input
          maxLength={256}
          value={wish.context}
          onChange={({ target }) => setWish({ ...wish, context: target.value })}
        />
      </Field>
      <Field label={words.what}>
        <Select
          value={wish.prefix}
          options={[
            { value: '', label: words.everything },
            ...prefixes.map((value) => ({ value, label: words.prefixes[value] ?? value })),
          ]}
          onChange={(prefix) => setWish({ ...wish, prefix })}
        />
      </Field>
      <Field label={words.policy}>
        <Select
          value={wish.policy}
          options={policies.map((value) => ({ value, label: words.policies[value] ?? value }))}
          onChange={(policy) => setWish({ ...wish, policy })}
        />
      </Field>
      <Checkbox
        label={words.verify}
        checked={wish.verify}
        onChange={({ target }) => setWish({ ...wish, verify: target.checked })}
      />
    </FormDialog>
  );
}

function DeleteSubscription({
  subscription,
  onClose,
}: {
  readonly subscription: Subscription;
  onClose(): void;
}) {
  const { alerts: words } = useSettingsWords();
  const linesOf = useShellLines();
  const remove = useDelete();
  const uri = subscription['@odata.id'];
  return (
    <ConfirmDialog
      open
      level="calm"
      title={words.deleteTitle}
      description={words.deleteText(visibleText(subscription.Destination))}
      action={words.deleteAction}
      busy={remove.isPending}
      error={remove.error}
      lines={linesOf({ method: 'DELETE', uri })}
      onClose={onClose}
      onConfirm={() =>
        remove.mutate(uri, {
          onSuccess() {
            notify({ kind: 'ok', title: words.deleted });
            onClose();
          },
        })
      }
    />
  );
}
