import { useState } from 'react';
import type { ApiError } from '../../api/errors.ts';
import { useMay } from '../../api/privileges.ts';
import { usePatch, useResource } from '../../api/queries.ts';
import { type NetworkProtocol, uris } from '../../api/schema.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Facts } from '../../ui/card.tsx';
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx';
import { Checkbox, Field, Input } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { Select } from '../../ui/select.tsx';
import { Table } from '../../ui/table.tsx';
import { useTellFailure } from '../../ui/tell-failure.ts';
import { useDraft } from './draft.ts';
import styles from './network.module.css';
import { ipmiNetwork, type NetworkWish, networkBody, networkPointers, networkWish } from './network-wish.ts';
import { NumberField } from './number-field.tsx';
import { PatchForm } from './patch-form.tsx';
import type { ManagerSettings, Network } from './schema.ts';
import { Note, Section } from './section.tsx';
import { useSettingsWords } from './words.ts';

export function NetworkSettings() {
  const { network: words } = useSettingsWords();
  const nic = useResource<Network>(uris.managerInterface);
  const manager = useResource<ManagerSettings>(uris.manager);
  return (
    <>
      <Protocols />
      <Section title={words.title} about={words.about} needs="ConfigureManager" reading={nic}>
        {(data) => <NetworkForm nic={data} writable={manager.data?.Oem?.QemuBmc?.NetworkWritable} />}
      </Section>
    </>
  );
}

/** By which doors the BMC is reached. */
function Protocols() {
  const all = useSettingsWords();
  const { network: words } = all;
  const may = useMay('ConfigureManager');
  const tellFailure = useTellFailure();
  const linesOf = useShellLines();
  const protocols = useResource<NetworkProtocol>(uris.networkProtocol);
  const patch = usePatch<NetworkProtocol>(uris.networkProtocol);
  const [asking, setAsking] = useState(false);
  const isOn = protocols.data?.IPMI?.ProtocolEnabled ?? false;
  const body = { IPMI: { ProtocolEnabled: !isOn } };

  function toggle() {
    patch.mutate(body, {
      onSuccess() {
        setAsking(false);
        notify({ kind: 'ok', title: isOn ? words.ipmiOff : words.ipmiOn });
      },
      onError(error) {
        if (!asking) tellFailure(words.protocols, error);
      },
    });
  }

  return (
    <>
      <Section
        flush
        title={words.protocols}
        about={words.protocolsAbout}
        needs="ConfigureManager"
        reading={protocols}
      >
        {(data) => (
          <Table
            label={words.protocols}
            rowKey={({ name }) => name}
            rows={[
              { name: 'HTTPS', use: words.uses.https, transport: 'TCP', protocol: data.HTTPS },
              { name: 'HTTP', use: words.uses.http, transport: 'TCP', protocol: data.HTTP },
              { name: 'IPMI', use: words.uses.ipmi, transport: 'UDP', protocol: data.IPMI },
              { name: 'VNC', use: words.uses.vnc, transport: 'TCP', protocol: data.KVMIP },
            ]}
            columns={[
              { id: 'name', header: words.protocol, narrow: true, cell: ({ name }) => name },
              { id: 'use', header: words.use, cell: ({ use }) => use },
              {
                id: 'port',
                header: words.port,
                narrow: true,
                cell: ({ protocol, transport }) =>
                  protocol?.Port ? `${transport} ${protocol.Port}` : all.none,
              },
              {
                id: 'state',
                header: all.users.state,
                narrow: true,
                cell: ({ protocol }) => (
                  <Badge tone={protocol?.ProtocolEnabled ? 'ok' : 'neutral'}>
                    {protocol?.ProtocolEnabled ? words.on : words.off}
                  </Badge>
                ),
              },
              {
                id: 'actions',
                header: '',
                narrow: true,
                align: 'end',
                cell: ({ name }) =>
                  name === 'IPMI' && (
                    <Button
                      size="small"
                      disabled={!may}
                      busy={patch.isPending}
                      aria-label={isOn ? words.disableIpmi : words.enableIpmi}
                      onClick={() => {
                        patch.reset();
                        if (isOn) setAsking(true);
                        else toggle();
                      }}
                    >
                      {isOn ? words.disable : words.enable}
                    </Button>
                  ),
              },
            ]}
          />
        )}
      </Section>
      {asking && (
        <ConfirmDialog
          open
          title={words.disableTitle}
          description={words.disableText}
          action={words.disableIpmi}
          busy={patch.isPending}
          error={patch.error}
          lines={linesOf({
            method: 'PATCH',
            uri: uris.networkProtocol,
            body,
            ipmi: ['lan', 'set', '1', 'access', 'off'],
          })}
          onClose={() => setAsking(false)}
          onConfirm={toggle}
        />
      )}
    </>
  );
}

interface NetworkFormProps {
  readonly nic: Network;
  /** Whether the BMC lets clients change it; undefined until that is known. */
  readonly writable: boolean | undefined;
}

function NetworkForm({ nic, writable }: NetworkFormProps) {
  const all = useSettingsWords();
  const { network: words } = all;
  const may = useMay('ConfigureManager');
  const draft = useDraft<NetworkWish>(networkWish(nic));
  const { value, set } = draft;
  const isStatic = value.source === 'static';
  const text = (name: keyof typeof networkPointers, refused: ApiError | null, hint?: string) => (
    <Field
      label={words[name]}
      hint={hint}
      error={refused?.about(networkPointers[name]) !== undefined && words.wrong[name]}
    >
      <Input
        value={value[name]}
        spellCheck={false}
        autoCapitalize="none"
        disabled={!isStatic && (name === 'address' || name === 'mask' || name === 'gateway')}
        onChange={({ target }) => set({ [name]: target.value })}
      />
    </Field>
  );
  const slaac = (nic.IPv6Addresses ?? []).map(({ Address, PrefixLength, AddressOrigin: origin }) => (
    <code key={Address} className={styles.address}>
      {Address}/{PrefixLength} {origin}
    </code>
  ));
  return (
    <>
      <div className={styles.facts}>
        <Facts
          facts={[
            [words.hostName, nic.HostName || all.none],
            [words.mac, <code key="mac">{nic.MACAddress ?? all.none}</code>],
            [words.addresses6, slaac.length > 0 ? slaac : all.none],
          ]}
        />
      </div>
      {writable === false && <Note>{words.hosts}</Note>}
      <PatchForm
        uri={uris.managerInterface}
        may={may && writable === true}
        body={draft.differs ? networkBody(draft.changes, value) : undefined}
        ipmi={ipmiNetwork(draft.changes)}
        saved={words.saved}
        revert={draft.revert}
        warning={
          <p className={styles.warning} role="note">
            {words.warning}
          </p>
        }
      >
        {(refused) => (
          <>
            <Field label={words.source}>
              <Select
                value={value.source}
                options={[
                  { value: 'dhcp', label: words.dhcp },
                  { value: 'static', label: words.static },
                ]}
                onChange={(source) => set({ source })}
              />
            </Field>
            {text('address', refused)}
            {text('mask', refused)}
            {text('gateway', refused)}
            {text('address6', refused, words.address6Hint)}
            {text('gateway6', refused)}
            <Checkbox
              label={words.vlan}
              checked={value.vlan}
              onChange={({ target }) => set({ vlan: target.checked })}
            />
            <NumberField
              label={words.vlanId}
              max={4094}
              optional
              disabled={!value.vlan}
              value={value.vlanId}
              onChange={(vlanId) => set({ vlanId })}
            />
            <NumberField
              label={words.vlanPriority}
              max={7}
              optional
              disabled={!value.vlan}
              value={value.vlanPriority}
              onChange={(vlanPriority) => set({ vlanPriority })}
            />
          </>
        )}
      </PatchForm>
    </>
  );
}
