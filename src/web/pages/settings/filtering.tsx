import { type ReactNode, useState } from 'react';
import { useMay } from '../../api/privileges.ts';
import { useMembers, usePatch, useResource } from '../../api/queries.ts';
import type { Resource } from '../../api/schema.ts';
import { client } from '../../api/session.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { useExplain } from '../../ui/explain.ts';
import { Checkbox, Field, Input } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { Select } from '../../ui/select.tsx';
import { Table } from '../../ui/table.tsx';
import { visibleText } from '../../ui/visible-text.ts';
import { useUiWords } from '../../ui/words.ts';
import { useDraft } from './draft.ts';
import { filterActions, isUnused, numberOrNull, offsetsOf } from './filter-wish.ts';
import { PatchForm } from './patch-form.tsx';
import {
  type AlertDestination,
  type AlertPolicy,
  type EventFilter,
  type EventFiltering,
  settingsUris,
} from './schema.ts';
import { Section } from './section.tsx';
import styles from './users.module.css';
import { useSettingsWords } from './words.ts';

/** What the BMC does about events by itself: the same that IPMI's clients configure as PEF and LAN alerts. */
export function Filtering() {
  const { filtering: words } = useSettingsWords();
  const service = useResource<EventFiltering>(settingsUris.eventFiltering);
  return (
    <>
      <Section title={words.title} about={words.about} needs="ConfigureManager" reading={service}>
        {(data) => <ServiceForm service={data} />}
      </Section>
      <Destinations />
      <Policies />
      <Filters />
    </>
  );
}

function ServiceForm({ service }: { readonly service: EventFiltering }) {
  const { filtering: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const draft = useDraft({
    Enabled: service.Enabled,
    LogActions: service.LogActions,
    AllowedActions: service.AllowedActions,
    TrapCommunity: '',
  });
  const { value, set } = draft;
  return (
    <PatchForm
      uri={settingsUris.eventFiltering}
      may={may}
      body={draft.differs ? draft.changes : undefined}
      saved={words.saved}
      revert={draft.revert}
    >
      <Checkbox
        label={words.enabled}
        checked={value.Enabled}
        onChange={({ target }) => set({ Enabled: target.checked })}
      />
      <Checkbox
        label={words.logActions}
        checked={value.LogActions}
        onChange={({ target }) => set({ LogActions: target.checked })}
      />
      <Actions
        legend={words.allowed}
        value={value.AllowedActions}
        onChange={(AllowedActions) => set({ AllowedActions })}
      />
      <Field label={words.community} hint={words.communityHint}>
        <Input
          maxLength={18}
          autoComplete="off"
          spellCheck={false}
          value={value.TrapCommunity}
          onChange={({ target }) => set({ TrapCommunity: target.value })}
        />
      </Field>
    </PatchForm>
  );
}

function Actions({
  legend,
  value,
  onChange,
}: {
  readonly legend: ReactNode;
  readonly value: readonly string[];
  onChange(value: readonly string[]): void;
}) {
  const { filtering: words } = useSettingsWords();
  return (
    <fieldset className={styles.types}>
      <legend>{legend}</legend>
      {filterActions.map((action) => (
        <Checkbox
          key={action}
          label={words.actions[action]}
          checked={value.includes(action)}
          onChange={({ target }) =>
            onChange(
              filterActions.filter((each) => (each === action ? target.checked : value.includes(each))),
            )
          }
        />
      ))}
    </fieldset>
  );
}

function Destinations() {
  const { filtering: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const explain = useExplain();
  const destinations = useMembers<AlertDestination>(settingsUris.alertDestinations);
  const [open, setOpen] = useState<AlertDestination>();
  const [testing, setTesting] = useState<string>();

  async function test({ Id: id, Actions: actions }: AlertDestination) {
    setTesting(id);
    try {
      const { status } = await client.post(actions['#QemuBmcAlertDestination.SendTestAlert'].target, {});
      notify({ kind: 'ok', title: status === 202 ? words.testing : words.tested });
    } catch (error) {
      const { cause, remedy } = explain(error as Error);
      notify({ kind: 'error', title: words.testOf(id), detail: `${cause} ${remedy}` });
    } finally {
      setTesting(undefined);
    }
  }

  return (
    <>
      <Section
        flush
        title={words.destinations}
        about={words.destinationsAbout}
        needs="ConfigureManager"
        reading={destinations}
      >
        {(list) => (
          <Table
            label={words.destinations}
            rows={list}
            rowKey={({ Id }) => Id}
            columns={[
              { id: 'number', header: words.number, narrow: true, cell: ({ Id }) => Id },
              {
                id: 'address',
                header: words.address,
                cell: ({ Address: address }) =>
                  address === null ? words.noAddress : <code>{visibleText(address)}</code>,
              },
              {
                id: 'acknowledged',
                header: words.acknowledgedShort,
                narrow: true,
                cell: (each) => (each.Acknowledged ? words.yes : words.no),
              },
              { id: 'retries', header: words.retries, narrow: true, cell: (each) => each.RetryCount },
              {
                id: 'actions',
                header: '',
                narrow: true,
                align: 'end',
                cell: (each) => (
                  <span className={styles.buttons}>
                    <Button
                      size="small"
                      aria-label={words.testOf(each.Id)}
                      disabled={!may || each.Address === null}
                      busy={testing === each.Id}
                      onClick={() => void test(each)}
                    >
                      {words.test}
                    </Button>
                    <IconButton
                      icon="edit"
                      size="small"
                      label={words.edit(words.destination(each.Id))}
                      disabled={!may}
                      onClick={() => setOpen(each)}
                    />
                  </span>
                ),
              },
            ]}
          />
        )}
      </Section>
      {open && <DestinationDialog destination={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

function DestinationDialog({
  destination,
  onClose,
}: {
  readonly destination: AlertDestination;
  onClose(): void;
}) {
  const { filtering: words } = useSettingsWords();
  const draft = useDraft({
    address: destination.Address ?? '',
    Acknowledged: destination.Acknowledged,
    retries: String(destination.RetryCount),
    interval: String(destination.RetryIntervalSeconds),
  });
  const { value, set } = draft;
  const { address, Acknowledged, retries, interval } = draft.changes;
  const body = {
    ...(address !== undefined && { Address: address.trim() === '' ? null : address.trim() }),
    ...(Acknowledged !== undefined && { Acknowledged }),
    ...(retries !== undefined && { RetryCount: Number(retries) }),
    ...(interval !== undefined && { RetryIntervalSeconds: Number(interval) }),
  };
  const { Id: id } = destination;
  const ipmi =
    address !== undefined && Object.keys(body).length === 1 && /^[\d.]+$/.test(address)
      ? ['lan', 'alert', 'set', '1', id, 'ipaddr', address]
      : undefined;
  return (
    <EditDialog
      of={destination}
      name={words.destination(id)}
      body={draft.differs ? body : undefined}
      ipmi={ipmi}
      onClose={onClose}
    >
      <Field label={words.address} hint={words.addressHint}>
        <Input
          autoComplete="off"
          spellCheck={false}
          maxLength={45}
          value={value.address}
          onChange={({ target }) => set({ address: target.value })}
        />
      </Field>
      <Checkbox
        label={words.acknowledged}
        checked={value.Acknowledged}
        onChange={({ target }) => set({ Acknowledged: target.checked })}
      />
      <NumberField
        label={words.retries}
        max={7}
        value={value.retries}
        onChange={(next) => set({ retries: next })}
      />
      <NumberField
        label={words.interval}
        max={255}
        value={value.interval}
        onChange={(next) => set({ interval: next })}
      />
    </EditDialog>
  );
}

function Policies() {
  const { filtering: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const policies = useMembers<AlertPolicy>(settingsUris.alertPolicies);
  const [all, setAll] = useState(false);
  const [open, setOpen] = useState<AlertPolicy>();
  return (
    <>
      <Section
        flush
        title={words.policies}
        about={words.policiesAbout}
        needs="ConfigureManager"
        reading={policies}
        aside={<Unused list={policies.data} shown={all} isUnused={isSpare} onChange={setAll} />}
      >
        {(list) => (
          <Table
            label={words.policies}
            rows={list.filter((each) => all || !isSpare(each))}
            rowKey={({ Id }) => Id}
            columns={[
              { id: 'number', header: words.number, narrow: true, cell: ({ Id }) => Id },
              { id: 'policy', header: words.policy, narrow: true, cell: (each) => each.PolicyNumber },
              { id: 'rule', header: words.rule, cell: ({ Rule: rule }) => words.rules[rule] ?? rule },
              { id: 'to', header: words.to, narrow: true, cell: (each) => each.Destination },
              {
                id: 'state',
                header: words.state,
                narrow: true,
                cell: ({ Enabled: enabled }) => <OnOff enabled={enabled} />,
              },
              {
                id: 'actions',
                header: '',
                narrow: true,
                align: 'end',
                cell: (each) => (
                  <IconButton
                    icon="edit"
                    size="small"
                    label={words.edit(words.policyEntry(each.Id))}
                    disabled={!may}
                    onClick={() => setOpen(each)}
                  />
                ),
              },
            ]}
          />
        )}
      </Section>
      {open && <PolicyDialog policy={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

/** The first is shown in any case: it is where one begins. */
function isSpare({ Id: id, Enabled: enabled }: AlertPolicy): boolean {
  return !enabled && id !== '1';
}

function PolicyDialog({ policy, onClose }: { readonly policy: AlertPolicy; onClose(): void }) {
  const { filtering: words } = useSettingsWords();
  const draft = useDraft({
    Enabled: policy.Enabled,
    number: String(policy.PolicyNumber),
    Rule: policy.Rule,
    destination: String(policy.Destination),
  });
  const { value, set } = draft;
  const { number, destination, ...same } = draft.changes;
  const body = {
    ...same,
    ...(number !== undefined && { PolicyNumber: Number(number) }),
    ...(destination !== undefined && { Destination: Number(destination) }),
  };
  return (
    <EditDialog
      of={policy}
      name={words.policyEntry(policy.Id)}
      body={draft.differs ? body : undefined}
      onClose={onClose}
    >
      <Checkbox
        label={words.entryEnabled}
        checked={value.Enabled}
        onChange={({ target }) => set({ Enabled: target.checked })}
      />
      <NumberField
        label={words.policy}
        min={1}
        max={15}
        value={value.number}
        onChange={(next) => set({ number: next })}
      />
      <Field label={words.rule}>
        <Select
          value={value.Rule}
          options={Object.entries(words.rules).map(([id, label]) => ({ value: id, label }))}
          onChange={(Rule) => set({ Rule })}
        />
      </Field>
      <NumberField
        label={words.to}
        min={1}
        max={4}
        value={value.destination}
        onChange={(next) => set({ destination: next })}
      />
    </EditDialog>
  );
}

function Filters() {
  const { filtering: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const explain = useExplain();
  const filters = useMembers<EventFilter>(settingsUris.eventFilters);
  const [all, setAll] = useState(false);
  const [open, setOpen] = useState<EventFilter>();

  async function enable({ '@odata.id': uri, Id: id, Enabled: enabled }: EventFilter) {
    try {
      await client.patch(uri, { Enabled: !enabled });
      await filters.refetch();
    } catch (error) {
      const { cause, remedy } = explain(error as Error);
      notify({ kind: 'error', title: words.filter(id), detail: `${cause} ${remedy}` });
    }
  }

  return (
    <>
      <Section
        flush
        title={words.filters}
        about={words.filtersAbout}
        needs="ConfigureManager"
        reading={filters}
        aside={<Unused list={filters.data} shown={all} isUnused={isUnused} onChange={setAll} />}
      >
        {(list) => (
          <Table
            label={words.filters}
            rows={list.filter((each) => all || !isUnused(each))}
            rowKey={({ Id }) => Id}
            columns={[
              { id: 'number', header: words.number, narrow: true, cell: ({ Id }) => Id },
              { id: 'what', header: words.looksFor, cell: (each) => each.Description },
              {
                id: 'does',
                header: words.does,
                cell: ({ FilterActions: actions }) =>
                  actions.map((action) => words.actions[action] ?? action).join(', ') || words.none,
              },
              {
                id: 'severity',
                header: words.severity,
                narrow: true,
                cell: ({ EventSeverity: severity }) => words.severities[severity] ?? severity,
              },
              {
                id: 'policy',
                header: words.policy,
                narrow: true,
                cell: ({ AlertPolicyNumber: number }) => (number === 0 ? words.none : number),
              },
              {
                id: 'state',
                header: words.state,
                narrow: true,
                cell: ({ Enabled: enabled }) => <OnOff enabled={enabled} />,
              },
              {
                id: 'actions',
                header: '',
                narrow: true,
                align: 'end',
                cell: (each) => (
                  <span className={styles.buttons}>
                    <Button
                      size="small"
                      disabled={!may}
                      aria-label={(each.Enabled ? words.disableOf : words.enableOf)(words.filter(each.Id))}
                      onClick={() => void enable(each)}
                    >
                      {each.Enabled ? words.disable : words.enable}
                    </Button>
                    <IconButton
                      icon="edit"
                      size="small"
                      label={words.edit(words.filter(each.Id))}
                      disabled={!may}
                      onClick={() => setOpen(each)}
                    />
                  </span>
                ),
              },
            ]}
          />
        )}
      </Section>
      {open && <FilterDialog filter={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

function FilterDialog({ filter, onClose }: { readonly filter: EventFilter; onClose(): void }) {
  const { filtering: words } = useSettingsWords();
  const draft = useDraft({
    Enabled: filter.Enabled,
    FilterActions: filter.FilterActions,
    EventSeverity: filter.EventSeverity,
    policy: String(filter.AlertPolicyNumber),
    type: String(filter.SensorType ?? ''),
    sensor: String(filter.SensorNumber ?? ''),
    trigger: String(filter.EventTrigger ?? ''),
    offsets: filter.EventOffsets.join(', '),
  });
  const { value, set } = draft;
  const { policy, type, sensor, trigger, offsets, ...same } = draft.changes;
  const matching = offsetsOf(value.offsets);
  const body = {
    ...same,
    ...(policy !== undefined && { AlertPolicyNumber: Number(policy) }),
    ...(type !== undefined && { SensorType: numberOrNull(type) }),
    ...(sensor !== undefined && { SensorNumber: numberOrNull(sensor) }),
    ...(trigger !== undefined && { EventTrigger: numberOrNull(trigger) }),
    ...(offsets !== undefined && { EventOffsets: matching }),
  };
  return (
    <EditDialog
      of={filter}
      name={words.filter(filter.Id)}
      body={draft.differs && matching ? body : undefined}
      onClose={onClose}
    >
      <Checkbox
        label={words.entryEnabled}
        checked={value.Enabled}
        onChange={({ target }) => set({ Enabled: target.checked })}
      />
      <Actions
        legend={words.does}
        value={value.FilterActions}
        onChange={(FilterActions) => set({ FilterActions })}
      />
      <NumberField
        label={words.alertPolicy}
        hint={words.alertPolicyHint}
        max={15}
        value={value.policy}
        onChange={(next) => set({ policy: next })}
      />
      <Field label={words.severity}>
        <Select
          value={value.EventSeverity}
          options={Object.entries(words.severities).map(([id, label]) => ({ value: id, label }))}
          onChange={(EventSeverity) => set({ EventSeverity })}
        />
      </Field>
      <NumberField
        label={words.sensorType}
        hint={words.anyHint}
        max={254}
        optional
        value={value.type}
        onChange={(next) => set({ type: next })}
      />
      <NumberField
        label={words.sensorNumber}
        hint={words.anyHint}
        max={254}
        optional
        value={value.sensor}
        onChange={(next) => set({ sensor: next })}
      />
      <NumberField
        label={words.trigger}
        hint={words.triggerHint}
        max={254}
        optional
        value={value.trigger}
        onChange={(next) => set({ trigger: next })}
      />
      <Field label={words.offsets} hint={words.offsetsHint} error={matching ? undefined : words.offsetsWrong}>
        <Input value={value.offsets} onChange={({ target }) => set({ offsets: target.value })} />
      </Field>
    </EditDialog>
  );
}

function OnOff({ enabled }: { readonly enabled: boolean }) {
  const { filtering: words } = useSettingsWords();
  return <Badge tone={enabled ? 'ok' : 'neutral'}>{enabled ? words.on : words.off}</Badge>;
}

/** Whether a long table shows what nobody uses of it, too. */
function Unused<T>({
  list = [],
  shown,
  isUnused: unused,
  onChange,
}: {
  readonly list: readonly T[] | undefined;
  readonly shown: boolean;
  isUnused(each: T): boolean;
  onChange(shown: boolean): void;
}) {
  const { filtering: words } = useSettingsWords();
  return (
    <Button size="small" aria-pressed={shown} onClick={() => onChange(!shown)}>
      {shown ? words.hideUnused : words.showUnused(list.filter(unused).length)}
    </Button>
  );
}

function NumberField({
  label,
  hint,
  min = 0,
  max,
  optional = false,
  value,
  onChange,
}: {
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  readonly min?: number;
  readonly max: number;
  readonly optional?: boolean;
  readonly value: string;
  onChange(value: string): void;
}) {
  return (
    <Field label={label} hint={hint}>
      <Input
        type="number"
        min={min}
        max={max}
        required={!optional}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    </Field>
  );
}

/** Fields of one entry of a table, with what saves them. */
function EditDialog({
  of,
  name,
  body,
  ipmi,
  onClose,
  children,
}: {
  readonly of: Resource;
  readonly name: string;
  /** What is sent; undefined as long as nothing is another, or something is no value. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly ipmi?: readonly string[] | undefined;
  onClose(): void;
  readonly children: ReactNode;
}) {
  const { filtering: words } = useSettingsWords();
  const ui = useUiWords();
  const linesOf = useShellLines();
  const uri = of['@odata.id'];
  const patch = usePatch<Resource>(uri);
  return (
    <Dialog open size="small" title={words.edit(name)} onClose={onClose}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
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
        {patch.error && <ErrorPanel error={patch.error} />}
        <div className={styles.foot}>
          <span className={styles.lines}>
            {body && <CopyAs lines={linesOf({ method: 'PATCH', uri, body, ipmi })} />}
          </span>
          <Button onClick={onClose}>{ui.cancel}</Button>
          <Button type="submit" look="primary" disabled={!body} busy={patch.isPending}>
            {ui.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
