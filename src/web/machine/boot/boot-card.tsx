import { useState } from 'react';
import { useMay } from '../../api/privileges.ts';
import { useMembers, usePatch } from '../../api/queries.ts';
import { type ComputerSystem, type Resource, uris } from '../../api/schema.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Foot } from '../../ui/foot.tsx';
import { notify } from '../../ui/notices.tsx';
import { Select } from '../../ui/select.tsx';
import { useShellLines } from '../use-shell-lines.ts';
import { useWhyNot } from '../use-why-not.ts';
import styles from './boot-card.module.css';
import { type BootChoice, bootPatch, choiceName, ipmiBoot, isUefiOnly } from './boot-choice.ts';
import { useBootWords } from './words.ts';

/** What the next start boots from, if not from what the machine always does. */
export function BootCard({
  system,
  withOrder = true,
}: {
  readonly system: ComputerSystem;
  /** Shows what the machine boots of its own accord. */
  readonly withOrder?: boolean;
}) {
  const words = useBootWords();
  const may = useMay('ConfigureComponents');
  const whyNot = useWhyNot();
  const linesOf = useShellLines();
  const patch = usePatch<ComputerSystem>(uris.system);
  const { Boot: boot } = system;
  const present: BootChoice = {
    target: boot.BootSourceOverrideTarget,
    enabled: boot.BootSourceOverrideEnabled === 'Continuous' ? 'Continuous' : 'Once',
    mode: boot.BootSourceOverrideMode,
  };
  // Only what the user has touched; the rest follows what others do.
  const [touched, setTouched] = useState<Partial<BootChoice>>({});
  const target = touched.target ?? present.target;
  const name = choiceName(target);
  const known = name === undefined ? '' : (boot[name] ?? '');
  const choice: BootChoice = { ...present, what: known, ...touched };
  const isOverride = choice.target !== 'None';
  const differs =
    choice.target !== present.target ||
    (isOverride &&
      (choice.enabled !== present.enabled ||
        (choice.mode !== present.mode && !isUefiOnly(target)) ||
        choice.what !== known));
  const targets = boot['BootSourceOverrideTarget@Redfish.AllowableValues'] ?? [choice.target];
  const body = bootPatch(choice);

  function change(part: Partial<BootChoice>) {
    patch.reset();
    setTouched({ ...touched, ...part });
  }

  return (
    <Card
      title={words.boot}
      aside={
        boot.BootSourceOverrideEnabled !== 'Disabled' && (
          <Badge tone="accent">
            {boot.BootSourceOverrideEnabled === 'Once' ? words.overrideOnce : words.overrideContinuous}
          </Badge>
        )
      }
    >
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          patch.mutate(body, {
            onSuccess() {
              setTouched({});
              notify({ kind: 'ok', title: words.bootSaved });
            },
          });
        }}
      >
        <Field label={words.bootFrom}>
          <Select
            value={choice.target}
            disabled={!may}
            options={targets.map((value) => ({ value, label: words.targets[value] ?? value }))}
            onChange={(chosen) => setTouched({ ...withoutWhat(touched), target: chosen })}
          />
        </Field>
        {name === 'HttpBootUri' && (
          <Field label={words.httpUri} hint={words.httpUriHint}>
            <Input
              type="url"
              value={choice.what}
              disabled={!may}
              spellCheck={false}
              placeholder="http://server/image.efi"
              onChange={(event) => change({ what: event.target.value })}
            />
          </Field>
        )}
        {name !== undefined && name !== 'HttpBootUri' && (
          <EntryField
            uri={boot.BootOptions?.['@odata.id']}
            by={name === 'BootNext' ? 'Id' : 'UefiDevicePath'}
            value={choice.what ?? ''}
            disabled={!may}
            onChange={(what) => change({ what })}
          />
        )}
        {isOverride && (
          <div className={styles.pair}>
            <Field label={words.bootFor}>
              <Select
                value={choice.enabled}
                disabled={!may}
                options={[
                  { value: 'Once', label: words.once },
                  { value: 'Continuous', label: words.continuous },
                ]}
                onChange={(enabled) => change({ enabled })}
              />
            </Field>
            <Field label={words.bootMode} hint={isUefiOnly(target) && words.uefiOnly}>
              <Select
                value={isUefiOnly(target) ? 'UEFI' : choice.mode}
                disabled={!may || isUefiOnly(target)}
                options={[
                  { value: 'UEFI', label: words.modes.UEFI },
                  { value: 'Legacy', label: words.modes.Legacy },
                ]}
                onChange={(mode) => change({ mode })}
              />
            </Field>
          </div>
        )}
        {withOrder && boot.BootOrder && boot.BootOrder.length > 0 && (
          <p className={styles.order}>
            {words.order}: <code>{boot.BootOrder.join(' → ')}</code>
          </p>
        )}
        {patch.error && <ErrorPanel error={patch.error} />}
        <Foot
          end={
            <CopyAs lines={linesOf({ method: 'PATCH', uri: uris.system, body, ipmi: ipmiBoot(choice) })} />
          }
        >
          <Button
            type="submit"
            look="primary"
            disabled={!may || !differs}
            title={whyNot}
            busy={patch.isPending}
          >
            {words.apply}
          </Button>
          {differs && <Button onClick={() => setTouched({})}>{words.revert}</Button>}
        </Foot>
      </form>
    </Card>
  );
}

/** What belongs to another target goes with it. */
function withoutWhat({ what: _, ...rest }: Partial<BootChoice>): Partial<BootChoice> {
  return rest;
}

interface BootOption extends Resource {
  readonly DisplayName?: string;
  readonly UefiDevicePath?: string;
}

interface EntryFieldProps {
  readonly uri: string | undefined;
  readonly by: 'Id' | 'UefiDevicePath';
  readonly value: string;
  readonly disabled: boolean;
  onChange(value: string): void;
}

/** One of the entries that the firmware has. */
function EntryField({ uri, by, value, disabled, onChange }: EntryFieldProps) {
  const words = useBootWords();
  const entries = useMembers<BootOption>(uri).data?.filter((option) => option.UefiDevicePath !== undefined);
  const options = (entries ?? []).map((option) => ({
    value: option[by] ?? '',
    label: `${option.Id}: ${option.DisplayName ?? option.Name}`,
  }));
  return (
    <Field label={words.entry}>
      <Select
        value={value}
        disabled={disabled}
        options={value === '' ? [{ value: '', label: '' }, ...options] : options}
        onChange={onChange}
      />
    </Field>
  );
}
