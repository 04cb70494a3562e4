import { Checkbox, Field } from '../../../ui/field.tsx';
import { Select } from '../../../ui/select.tsx';
import { useDraft } from '../draft.ts';
import { NumberField } from '../number-field.tsx';
import { type AlertPolicy, settingsUris } from '../schema.ts';
import { useSettingsWords } from '../words.ts';
import { Entries, EntryDialog, OnOff } from './entries.tsx';

/** Which destinations an alert goes to. */
export function Policies() {
  const { filtering: words } = useSettingsWords();
  return (
    <Entries<AlertPolicy>
      uri={settingsUris.alertPolicies}
      title={words.policies}
      about={words.policiesAbout}
      nameOf={words.policyEntry}
      isUnused={isSpare}
      columns={[
        { id: 'policy', header: words.policy, narrow: true, cell: (each) => each.PolicyNumber },
        { id: 'rule', header: words.rule, cell: ({ Rule: rule }) => words.rules[rule] ?? rule },
        { id: 'to', header: words.to, narrow: true, cell: (each) => each.Destination },
        {
          id: 'state',
          header: words.state,
          narrow: true,
          cell: ({ Enabled: enabled }) => <OnOff enabled={enabled} />,
        },
      ]}
      dialog={(each, close) => <PolicyDialog policy={each} onClose={close} />}
    />
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
    <EntryDialog
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
    </EntryDialog>
  );
}
