import { useState } from 'react';
import { useMay } from '../../../api/privileges.ts';
import { client } from '../../../api/session.ts';
import { Button } from '../../../ui/button.tsx';
import { Checkbox, Field, Input } from '../../../ui/field.tsx';
import { notify } from '../../../ui/notices.tsx';
import { useTellFailure } from '../../../ui/tell-failure.ts';
import { visibleText } from '../../../ui/visible-text.ts';
import { useDraft } from '../draft.ts';
import { NumberField } from '../number-field.tsx';
import { type AlertDestination, settingsUris } from '../schema.ts';
import { useSettingsWords } from '../words.ts';
import { Entries, EntryDialog } from './entries.tsx';

/** Where alerts are sent, and to which UDP port. */
export function Destinations({ port }: { readonly port: number | undefined }) {
  const { filtering: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const tellFailure = useTellFailure();
  const [testing, setTesting] = useState<string>();

  async function test({ Id: id, Actions: actions }: AlertDestination) {
    setTesting(id);
    try {
      const { status } = await client.post(actions['#QemuBmcAlertDestination.SendTestAlert'].target, {});
      notify({ kind: 'ok', title: status === 202 ? words.testing : words.tested });
    } catch (error) {
      tellFailure(words.testOf(id), error);
    } finally {
      setTesting(undefined);
    }
  }

  return (
    <Entries<AlertDestination>
      uri={settingsUris.alertDestinations}
      title={words.destinations}
      about={words.destinationsAbout(port)}
      nameOf={words.destination}
      columns={[
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
      ]}
      buttons={(each) => (
        <Button
          size="small"
          aria-label={words.testOf(each.Id)}
          disabled={!may || each.Address === null}
          busy={testing === each.Id}
          onClick={() => void test(each)}
        >
          {words.test}
        </Button>
      )}
      dialog={(each, close) => <DestinationDialog destination={each} onClose={close} />}
    />
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
    <EntryDialog
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
    </EntryDialog>
  );
}
