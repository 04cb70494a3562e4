import { useMay } from '../../api/privileges.ts';
import { useResource } from '../../api/queries.ts';
import { Field } from '../../ui/field.tsx';
import { Select } from '../../ui/select.tsx';
import { useDraft } from './draft.ts';
import { type Lockout, lockoutBody } from './lockout.ts';
import { NumberField } from './number-field.tsx';
import { PatchForm } from './patch-form.tsx';
import { type AccountService, settingsUris } from './schema.ts';
import { Section } from './section.tsx';
import { useSettingsWords } from './words.ts';

/** What wrong passwords lead to: for IPMI and Redfish alike. */
export function LockoutPolicy() {
  const { users: words } = useSettingsWords();
  const service = useResource<AccountService>(settingsUris.accountService);
  return (
    <Section title={words.policy} about={words.policyAbout} needs="ConfigureUsers" reading={service}>
      {(data) => <PolicyForm service={data} />}
    </Section>
  );
}

function PolicyForm({ service }: { readonly service: AccountService }) {
  const { users: words } = useSettingsWords();
  const may = useMay('ConfigureUsers');
  const draft = useDraft<Lockout>({
    threshold: String(service.AccountLockoutThreshold ?? 0),
    duration: String(service.AccountLockoutDuration ?? 0),
    resetAfter: String(service.AccountLockoutCounterResetAfter ?? 0),
    basicAuth: service.HTTPBasicAuth ?? 'Enabled',
    passwordDays: String(service.PasswordExpirationDays ?? ''),
  });
  const { value, set } = draft;
  const isOff = value.threshold === '0';
  return (
    <PatchForm
      uri={settingsUris.accountService}
      may={may}
      body={draft.differs ? lockoutBody(draft.changes) : undefined}
      saved={words.policySaved}
      revert={draft.revert}
    >
      <NumberField
        label={words.threshold}
        hint={isOff ? words.thresholdOff : words.thresholdHint}
        max={255}
        value={value.threshold}
        onChange={(threshold) => set({ threshold })}
      />
      <NumberField
        label={words.duration}
        hint={value.duration === '0' ? words.durationForEver : words.steps}
        max={655_350}
        step={10}
        value={value.duration}
        onChange={(duration) => set({ duration })}
      />
      <NumberField
        label={words.resetAfter}
        hint={value.resetAfter === '0' ? words.resetNever : words.steps}
        max={655_350}
        step={10}
        value={value.resetAfter}
        onChange={(resetAfter) => set({ resetAfter })}
      />
      <NumberField
        label={words.passwordDays}
        hint={words.passwordDaysHint}
        min={1}
        max={3650}
        optional
        value={value.passwordDays}
        onChange={(passwordDays) => set({ passwordDays })}
      />
      <Field label={words.basicAuth} hint={words.basicAuthHint}>
        <Select
          value={value.basicAuth}
          options={['Enabled', 'Unadvertised', 'Disabled'].map((state) => ({
            value: state,
            label: words.basicAuthStates[state] ?? state,
          }))}
          onChange={(basicAuth) => set({ basicAuth })}
        />
      </Field>
    </PatchForm>
  );
}
