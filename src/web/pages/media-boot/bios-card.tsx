import { useState } from 'react';
import { useMay } from '../../api/privileges.ts';
import { usePatch, useResource } from '../../api/queries.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useLanguage } from '../../i18n/words.ts';
import { ConfirmPost } from '../../machine/confirm-post.tsx';
import { useResets } from '../../machine/reset-provider.tsx';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { Select } from '../../ui/select.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { attributeTexts } from './attribute-texts.ts';
import { discarding, grouped, isPending, numberFault, type Setting, settingsOf } from './attributes.ts';
import styles from './bios-card.module.css';
import {
  type AttributeRegistry,
  type Attributes,
  type AttributeValue,
  type Bios,
  mediaUris,
  type RegistryAttribute,
} from './schema.ts';
import { useMediaBootWords } from './words.ts';

/** What the firmware's own setup would show: values of now, and of the next start. */
export function BiosCard({ isOn }: { readonly isOn: boolean }) {
  const words = useMediaBootWords();
  const current = useResource<Bios>(mediaUris.bios);
  const next = useResource<Bios>(mediaUris.biosSettings);
  const registry = useResource<AttributeRegistry>(mediaUris.biosRegistry);
  const error = current.error ?? next.error ?? registry.error;
  const settings =
    current.data && next.data && registry.data
      ? settingsOf(registry.data.RegistryEntries.Attributes, current.data.Attributes, next.data.Attributes)
      : undefined;
  const pending = settings?.filter(isPending).length ?? 0;
  return (
    <Card
      title={<span id="firmware">{words.firmware}</span>}
      aside={pending > 0 && <Badge tone="warning">{words.pendingCount(pending)}</Badge>}
    >
      {!settings && !error && <Skeleton lines={8} />}
      {!settings && error && (
        <ErrorPanel
          error={error}
          title={words.firmwareUnreadable}
          retry={() => void Promise.all([current.refetch(), next.refetch(), registry.refetch()])}
        />
      )}
      {settings && (
        <Settings
          settings={settings}
          resetUri={current.data?.Actions?.['#Bios.ResetBios']?.target}
          isOn={isOn}
        />
      )}
    </Card>
  );
}

interface SettingsProps {
  readonly settings: readonly Setting[];
  readonly resetUri: string | undefined;
  readonly isOn: boolean;
}

function Settings({ settings, resetUri, isOn }: SettingsProps) {
  const words = useMediaBootWords();
  const may = useMay('ConfigureComponents');
  const linesOf = useShellLines();
  const resets = useResets();
  const patch = usePatch<Bios>(mediaUris.biosSettings);
  const textsOf = useTexts();
  const [search, setSearch] = useState('');
  const [asks, setAsks] = useState(false);
  // As typed, and only what the user has touched.
  const [touched, setTouched] = useState<Readonly<Record<string, string>>>({});
  const groups = grouped(settings, search, textsOf);
  const waits = settings.some(isPending);
  const change = changeOf(touched, settings);
  const isChanged = Object.keys(change).length > 0;
  const isFaulty = settings.some(
    ({ attribute }) => faultOf(attribute, touched[attribute.AttributeName]) !== undefined,
  );
  const save = (attributes: Attributes) =>
    patch.mutate(
      { Attributes: attributes },
      {
        onSuccess() {
          setTouched({});
          notify({ kind: 'ok', title: words.settingsSaved });
        },
      },
    );

  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        save(change);
      }}
    >
      <Input
        type="search"
        aria-label={words.searchSettings}
        placeholder={words.searchSettings}
        value={search}
        onChange={({ target }) => setSearch(target.value)}
      />
      {waits && (
        <div className={styles.pending}>
          <p>{words.pendingText}</p>
          <Button size="small" disabled={!may} onClick={() => save(discarding(settings))}>
            {words.discard}
          </Button>
          {isOn && (
            <Button
              size="small"
              icon="restart"
              disabled={!may}
              onClick={() => resets.request('GracefulRestart')}
            >
              {words.restart}
            </Button>
          )}
        </div>
      )}
      {groups.length === 0 && <EmptyState icon="search" title={words.nothingFound} />}
      {groups.map((group) => (
        <fieldset key={group.id} className={styles.group}>
          <legend className={styles.legend}>{words.groups[group.id]}</legend>
          {group.settings.map((setting) => {
            const { AttributeName: name } = setting.attribute;
            return (
              <Row
                key={name}
                setting={setting}
                typed={touched[name]}
                disabled={!may || setting.attribute.ReadOnly === true}
                onChange={(text) => {
                  patch.reset();
                  setTouched({ ...touched, [name]: text });
                }}
              />
            );
          })}
        </fieldset>
      ))}
      {patch.error && <ErrorPanel error={patch.error} />}
      <div className={styles.foot}>
        <Button type="submit" look="primary" disabled={!may || !isChanged || isFaulty} busy={patch.isPending}>
          {words.save}
        </Button>
        {Object.keys(touched).length > 0 && (
          <Button
            onClick={() => {
              patch.reset();
              setTouched({});
            }}
          >
            {words.revert}
          </Button>
        )}
        <span className={styles.space} />
        <Button look="quiet" disabled={!may || resetUri === undefined} onClick={() => setAsks(true)}>
          {words.resetBios}
        </Button>
        <CopyAs
          lines={linesOf({ method: 'PATCH', uri: mediaUris.biosSettings, body: { Attributes: change } })}
        />
      </div>
      {resetUri !== undefined && (
        <ConfirmPost
          open={asks}
          title={words.resetBiosQuestion}
          description={words.resetBiosText}
          action={words.resetBiosDo}
          uri={resetUri}
          done={words.settingsSaved}
          onClose={() => setAsks(false)}
        />
      )}
    </form>
  );
}

interface RowProps {
  readonly setting: Setting;
  /** Undefined while the user has not touched it. */
  readonly typed: string | undefined;
  readonly disabled: boolean;
  onChange(text: string): void;
}

function Row({ setting, typed, disabled, onChange }: RowProps) {
  const words = useMediaBootWords();
  const { number } = useFormats();
  const { attribute, current, next } = setting;
  const { name, help } = useTexts()(attribute);
  const { LowerBound: least, UpperBound: most, DefaultValue: usual } = attribute;
  const shown = (value: AttributeValue | undefined) =>
    typeof value === 'number' ? number(value) : (words.values[String(value)] ?? String(value));
  const fault = faultOf(attribute, typed);
  const error =
    fault === 'range'
      ? words.numberRange(number(least ?? 0), number(most ?? Number.MAX_SAFE_INTEGER))
      : fault && words.numberEmpty;
  const hasRange = least !== undefined && most !== undefined && usual !== undefined;
  const text = typed ?? String(next ?? '');
  return (
    <div className={styles.row} data-pending={isPending(setting) || undefined}>
      <Field
        label={name}
        error={error}
        hint={
          <>
            {help} {hasRange ? words.range(number(least), number(most), shown(usual)) : null}
            {!hasRange && usual !== undefined && words.usual(shown(usual))}
          </>
        }
      >
        <span className={styles.control}>
          {attribute.Type === 'Enumeration' ? (
            <Select
              value={text}
              disabled={disabled}
              options={(attribute.Value ?? []).map(({ ValueName: value }) => ({
                value,
                label: words.values[value] ?? value,
              }))}
              onChange={onChange}
            />
          ) : (
            <Input
              inputMode={attribute.Type === 'Integer' ? 'numeric' : undefined}
              value={text}
              disabled={disabled}
              spellCheck={false}
              onChange={({ target }) => onChange(target.value)}
            />
          )}
          {isPending(setting) && <Badge tone="warning">{words.pendingRow(shown(current))}</Badge>}
        </span>
      </Field>
    </div>
  );
}

function useTexts() {
  const language = useLanguage();
  return (attribute: RegistryAttribute) => attributeTexts(attribute, language);
}

function faultOf(attribute: RegistryAttribute, typed: string | undefined) {
  return typed === undefined || attribute.Type !== 'Integer' ? undefined : numberFault(typed, attribute);
}

/** What was typed, as the registry's types, without what is so already. */
function changeOf(touched: Readonly<Record<string, string>>, settings: readonly Setting[]): Attributes {
  return Object.fromEntries(
    settings.flatMap(({ attribute: { AttributeName: name, Type: type }, next }) => {
      const typed = touched[name];
      if (typed === undefined) return [];
      const value = type === 'Integer' ? Number(typed) : typed;
      return value === next ? [] : [[name, value]];
    }),
  );
}
