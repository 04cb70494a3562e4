import { useMay } from '../../api/privileges.ts';
import { useResource } from '../../api/queries.ts';
import { type ComputerSystem, uris } from '../../api/schema.ts';
import { Checkbox, Field } from '../../ui/field.tsx';
import { Select } from '../../ui/select.tsx';
import { useDraft } from './draft.ts';
import { PatchForm } from './patch-form.tsx';
import {
  type ManagerSettings,
  type SerialInterface,
  type SystemInterfacePolicy,
  settingsUris,
  systemInterfacePolicies,
} from './schema.ts';
import { Section } from './section.tsx';
import { useSettingsWords } from './words.ts';

interface System extends ComputerSystem {
  readonly PowerRestorePolicy?: string;
}

const restorePolicies = ['AlwaysOff', 'LastState', 'AlwaysOn'] as const;
/** Words of ipmitool. */
const ipmiPolicies: Readonly<Record<string, string>> = {
  AlwaysOff: 'always-off',
  LastState: 'previous',
  AlwaysOn: 'always-on',
};

/** Between the BMC and the machine. */
export function HostSettings() {
  const { host: words } = useSettingsWords();
  const system = useResource<System>(uris.system);
  const serial = useResource<SerialInterface>(settingsUris.serialInterface);
  const manager = useResource<ManagerSettings>(uris.manager);
  const policy = manager.data?.Oem?.QemuBmc?.SystemInterfacePolicy;
  return (
    <>
      <Section title={words.restore} about={words.restoreAbout} needs="ConfigureComponents" reading={system}>
        {(data) => <RestoreForm system={data} />}
      </Section>
      <Section title={words.sol} about={words.solAbout} needs="ConfigureManager" reading={serial}>
        {(data) => <SolForm serial={data} />}
      </Section>
      {policy !== undefined && (
        <Section title={words.kcs} about={words.kcsAbout} needs="ConfigureManager" reading={manager}>
          {() => <KcsForm policy={policy} />}
        </Section>
      )}
    </>
  );
}

function RestoreForm({ system }: { readonly system: System }) {
  const { host: words } = useSettingsWords();
  const may = useMay('ConfigureComponents');
  const draft = useDraft({ policy: system.PowerRestorePolicy ?? 'AlwaysOff' });
  const { policy } = draft.value;
  const word = ipmiPolicies[policy];
  return (
    <PatchForm
      uri={uris.system}
      may={may}
      body={draft.differs ? { PowerRestorePolicy: policy } : undefined}
      ipmi={word === undefined ? undefined : ['chassis', 'policy', word]}
      saved={words.restoreSaved}
      revert={draft.revert}
    >
      <Field label={words.restorePolicy} hint={words.restoreHints[policy]}>
        <Select
          value={policy}
          options={restorePolicies.map((value) => ({
            value: value as string,
            label: words.restorePolicies[value] ?? value,
          }))}
          onChange={(next) => draft.set({ policy: next })}
        />
      </Field>
    </PatchForm>
  );
}

function KcsForm({ policy }: { readonly policy: SystemInterfacePolicy }) {
  const { host: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const draft = useDraft({ policy });
  return (
    <PatchForm
      uri={uris.manager}
      may={may}
      body={draft.differs ? { Oem: { QemuBmc: { SystemInterfacePolicy: draft.value.policy } } } : undefined}
      saved={words.kcsSaved}
      revert={draft.revert}
    >
      <Field label={words.kcsPolicy} hint={words.kcsHint}>
        <Select
          value={draft.value.policy}
          options={systemInterfacePolicies.map((value) => ({ value, label: words.kcsPolicies[value] }))}
          onChange={(next) => draft.set({ policy: next })}
        />
      </Field>
    </PatchForm>
  );
}

const bitRates = ['9600', '19200', '38400', '57600', '115200'];

function SolForm({ serial }: { readonly serial: SerialInterface }) {
  const { host: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const draft = useDraft({ enabled: serial.InterfaceEnabled ?? false, rate: serial.BitRate ?? '' });
  const { enabled, rate } = draft.changes;
  const body = {
    ...(enabled !== undefined && { InterfaceEnabled: enabled }),
    ...(rate !== undefined && { BitRate: rate }),
  };
  const ipmi =
    enabled !== undefined && rate === undefined ? ['sol', 'set', 'enabled', String(enabled), '1'] : undefined;
  return (
    <PatchForm
      uri={settingsUris.serialInterface}
      may={may}
      body={draft.differs ? body : undefined}
      ipmi={ipmi}
      saved={words.solSaved}
      revert={draft.revert}
    >
      <Checkbox
        label={words.solEnabled}
        checked={draft.value.enabled}
        onChange={({ target }) => draft.set({ enabled: target.checked })}
      />
      <Field label={words.bitRate} hint={words.bitRateHint}>
        <Select
          value={draft.value.rate}
          options={[
            ...(bitRates.includes(draft.value.rate)
              ? []
              : [{ value: draft.value.rate, label: words.bitRateOther, disabled: true }]),
            ...bitRates.map((value) => ({ value, label: `${value} bit/s` })),
          ]}
          onChange={(next) => draft.set({ rate: next })}
        />
      </Field>
    </PatchForm>
  );
}
