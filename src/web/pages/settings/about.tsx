import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useResource } from '../../api/queries.ts';
import { uris } from '../../api/schema.ts';
import { useFormats } from '../../i18n/formats.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Facts } from '../../ui/card.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Table } from '../../ui/table.tsx';
import styles from './about.module.css';
import { type Licence, readLicences } from './licences.ts';
import type { ManagerSettings, ServiceRoot } from './schema.ts';
import { Section } from './section.tsx';
import { useSettingsWords } from './words.ts';

export function About() {
  const all = useSettingsWords();
  const { about: words } = all;
  const { dateTime } = useFormats();
  const manager = useResource<ManagerSettings>(uris.manager);
  const root = useResource<ServiceRoot>(uris.root);
  const licences = useQuery<readonly Licence[]>({
    queryKey: ['licences'],
    queryFn: ({ signal }) => readLicences(signal),
  });
  const [open, setOpen] = useState<Licence>();
  return (
    <>
      <Section title={words.title} reading={manager}>
        {({ FirmwareVersion: version, Model: model, UUID: uuid, LastResetTime: started, Oem }) => {
          const profile = Oem?.QemuBmc?.Profile;
          return (
            <Facts
              facts={[
                [words.product, model ?? all.none],
                [words.version, version ?? all.none],
                [words.redfish, root.data?.RedfishVersion ?? all.none],
                [words.uuid, <code key="uuid">{uuid ?? all.none}</code>],
                [words.started, started ? dateTime(started) : all.none],
                ...(profile === undefined
                  ? []
                  : [
                      [
                        words.profile,
                        <span key="profile" className={styles.profile}>
                          <Badge tone={profile === 'strict' ? 'ok' : 'accent'}>{profile}</Badge>
                          {words.profiles[profile]}
                        </span>,
                      ] as const,
                    ]),
                [words.licence, 'Apache-2.0'],
              ]}
            />
          );
        }}
      </Section>
      <Section flush title={words.licences} about={words.licencesAbout} reading={licences}>
        {(list) => (
          <Table
            stacked="line"
            label={words.licences}
            rows={list}
            rowKey={({ name, version, where }) => `${name} ${version} ${where}`}
            columns={[
              { id: 'name', header: words.package, cell: ({ name }) => <code>{name}</code> },
              { id: 'version', header: words.version, narrow: true, cell: ({ version }) => version },
              { id: 'where', header: words.where, narrow: true, cell: ({ where }) => words.places[where] },
              { id: 'licence', header: words.licence, narrow: true, cell: ({ licence }) => licence },
              {
                id: 'text',
                header: '',
                narrow: true,
                align: 'end',
                cell: (each) => (
                  <Button
                    size="small"
                    look="quiet"
                    disabled={each.text === ''}
                    aria-label={words.textOf(each.name)}
                    onClick={() => setOpen(each)}
                  >
                    {words.text}
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Section>
      {open && (
        <Dialog
          open
          size="large"
          title={`${open.name} ${open.version}`}
          description={open.licence}
          onClose={() => setOpen(undefined)}
        >
          <section
            aria-label={words.textOf(open.name)}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by the keyboard, too
            tabIndex={0}
          >
            <pre className={styles.text}>{open.text}</pre>
          </section>
        </Dialog>
      )}
    </>
  );
}
