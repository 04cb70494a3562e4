import { useMay } from '../../../api/privileges.ts';
import { client } from '../../../api/session.ts';
import { Button } from '../../../ui/button.tsx';
import { Checkbox, Field, Input } from '../../../ui/field.tsx';
import { Select } from '../../../ui/select.tsx';
import { useTellFailure } from '../../../ui/tell-failure.ts';
import { CheckList } from '../check-list.tsx';
import { useDraft } from '../draft.ts';
import { NumberField } from '../number-field.tsx';
import { type EventFilter, settingsUris } from '../schema.ts';
import { useSettingsWords } from '../words.ts';
import { Entries, EntryDialog, OnOff } from './entries.tsx';
import { filterActions, isUnused, numberOrNull, offsetsOf } from './filter-wish.ts';

/** Which events something is done about, and what. */
export function Filters() {
  const { filtering: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const tellFailure = useTellFailure();

  async function toggle(filter: EventFilter, reread: () => Promise<unknown>) {
    try {
      await client.patch(filter['@odata.id'], { Enabled: !filter.Enabled });
      await reread();
    } catch (error) {
      tellFailure(words.filter(filter.Id), error);
    }
  }

  return (
    <Entries<EventFilter>
      uri={settingsUris.eventFilters}
      title={words.filters}
      about={words.filtersAbout}
      nameOf={words.filter}
      isUnused={isUnused}
      columns={[
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
      ]}
      buttons={(each, reread) => (
        <Button
          size="small"
          disabled={!may}
          aria-label={(each.Enabled ? words.disableOf : words.enableOf)(words.filter(each.Id))}
          onClick={() => void toggle(each, reread)}
        >
          {each.Enabled ? words.disable : words.enable}
        </Button>
      )}
      dialog={(each, close) => <FilterDialog filter={each} onClose={close} />}
    />
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
    <EntryDialog
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
      <CheckList
        legend={words.does}
        all={filterActions}
        labels={words.actions}
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
    </EntryDialog>
  );
}
