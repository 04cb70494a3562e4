import { useMay } from '../../../api/privileges.ts';
import { useResource } from '../../../api/queries.ts';
import { Checkbox, Field, Input } from '../../../ui/field.tsx';
import { CheckList } from '../check-list.tsx';
import { useDraft } from '../draft.ts';
import { PatchForm } from '../patch-form.tsx';
import { type EventFiltering, settingsUris } from '../schema.ts';
import { Section } from '../section.tsx';
import { useSettingsWords } from '../words.ts';
import { Destinations } from './destinations.tsx';
import { filterActions } from './filter-wish.ts';
import { Filters } from './filters.tsx';
import { Policies } from './policies.tsx';

/** What the BMC does about events by itself: the same that IPMI's clients configure as PEF and LAN alerts. */
export function Filtering() {
  const { filtering: words } = useSettingsWords();
  const service = useResource<EventFiltering>(settingsUris.eventFiltering);
  return (
    <>
      <Section title={words.title} about={words.about} needs="ConfigureManager" reading={service}>
        {(data) => <ServiceForm service={data} />}
      </Section>
      <Destinations port={service.data?.TrapPort} />
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
      <CheckList
        legend={words.allowed}
        all={filterActions}
        labels={words.actions}
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
