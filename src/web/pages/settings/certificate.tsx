import { useState } from 'react';
import { useMay } from '../../api/privileges.ts';
import { usePost, useResource } from '../../api/queries.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Card, Facts } from '../../ui/card.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { Field, Input, TextArea } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { saveFile } from '../../ui/save-file.ts';
import { Select } from '../../ui/select.tsx';
import { useUiWords } from '../../ui/words.ts';
import styles from './certificate.module.css';
import { isOwnSigned, looksLikePem, nameText, signingRequest, validity } from './certificate-facts.ts';
import { FormDialog } from './form-dialog.tsx';
import { type Certificate, settingsUris } from './schema.ts';
import { Action, Section } from './section.tsx';
import { useSettingsWords } from './words.ts';

/** What the server over HTTPS shows to browsers. */
export function CertificateSettings() {
  const { certificate: words } = useSettingsWords();
  const may = useMay('ConfigureManager');
  const certificate = useResource<Certificate>(may ? settingsUris.certificate : undefined);
  const [open, setOpen] = useState<'replace' | 'request'>();
  const close = () => setOpen(undefined);
  if (!may) {
    return (
      <Card title={words.title}>
        <EmptyState icon="lock" title={words.forbidden}>
          {words.forbiddenText}
        </EmptyState>
      </Card>
    );
  }
  return (
    <>
      <Section title={words.title} about={words.about} reading={certificate}>
        {(data) => <CertificateFacts certificate={data} />}
      </Section>
      <Card flush title={words.change}>
        <Action title={words.request} text={words.requestText}>
          <Button onClick={() => setOpen('request')}>{words.requestAction}</Button>
        </Action>
        <Action title={words.replace} text={words.replaceText}>
          <Button onClick={() => setOpen('replace')}>{words.replaceAction}</Button>
        </Action>
      </Card>
      {open === 'replace' && <ReplaceDialog onClose={close} />}
      {open === 'request' && (
        <RequestDialog
          commonName={certificate.data?.Subject?.CommonName ?? location.hostname}
          onClose={close}
        />
      )}
    </>
  );
}

function CertificateFacts({ certificate }: { readonly certificate: Certificate }) {
  const { certificate: words } = useSettingsWords();
  const { dateTime } = useFormats();
  const { CertificateString: pem = '', ValidNotBefore: from = '', ValidNotAfter: to = '' } = certificate;
  const { state, days } = validity(from, to, Date.now());
  const tone = state === 'good' ? 'ok' : state === 'soon' ? 'warning' : 'bad';
  return (
    <div className={styles.facts}>
      <Facts
        facts={[
          [words.subject, nameText(certificate.Subject)],
          [words.names, (certificate.Subject?.AlternativeNames ?? []).join(', ') || '–'],
          [words.issuer, isOwnSigned(certificate) ? words.ownSigned : nameText(certificate.Issuer)],
          [
            words.valid,
            <span key="valid" className={styles.valid}>
              {dateTime(from)} – {dateTime(to)}
              <Badge tone={tone}>{words.validity[state](days)}</Badge>
            </span>,
          ],
          [
            words.fingerprint,
            <span key="print" className={styles.print}>
              <code>{certificate.Fingerprint}</code>
              <CopyButton text={certificate.Fingerprint ?? ''} label={words.copyFingerprint} />
            </span>,
          ],
          [words.serial, <code key="serial">{certificate.SerialNumber}</code>],
          [words.algorithm, <code key="algorithm">{certificate.SignatureAlgorithm}</code>],
        ]}
      />
      <div className={styles.buttons}>
        <CopyButton text={pem} label={words.copyPem} />
        <Button
          size="small"
          icon="download"
          onClick={() => saveFile('certificate.pem', 'application/x-pem-file', `${pem}\n`)}
        >
          {words.download}
        </Button>
      </div>
    </div>
  );
}

function ReplaceDialog({ onClose }: { onClose(): void }) {
  const { certificate: words } = useSettingsWords();
  const linesOf = useShellLines();
  const [text, setText] = useState('');
  const uri = `${settingsUris.certificateService}/Actions/CertificateService.ReplaceCertificate`;
  const body = {
    CertificateUri: { '@odata.id': settingsUris.certificate },
    CertificateString: text,
    CertificateType: text.split('-----BEGIN CERTIFICATE-----').length > 2 ? 'PEMchain' : 'PEM',
  };
  const post = usePost<typeof body>(uri);
  const [strict, setStrict] = useState(false);
  return (
    <FormDialog
      size="normal"
      title={words.replace}
      description={words.replaceText}
      action={words.replaceAction.replace(/…$/, '')}
      busy={post.isPending}
      error={post.error}
      lines={linesOf({ method: 'POST', uri, body: { ...body, CertificateString: '-----BEGIN …' } })}
      onClose={onClose}
      onSubmit={() => {
        setStrict(true);
        if (!looksLikePem(text)) return;
        post.mutate(body, {
          onSuccess() {
            notify({ kind: 'ok', title: words.replaced, detail: words.replacedText });
            onClose();
          },
        });
      }}
    >
      <Field label={words.pem} hint={words.pemHint} error={strict && !looksLikePem(text) && words.pemWrong}>
        <TextArea
          rows={9}
          className={styles.pem ?? ''}
          spellCheck={false}
          value={text}
          placeholder="-----BEGIN CERTIFICATE-----"
          onChange={({ target }) => setText(target.value)}
        />
      </Field>
      <Field label={words.file}>
        <Input
          type="file"
          accept=".pem,.crt,.cer,.key,text/plain"
          multiple
          onChange={async ({ target }) => {
            const texts = await Promise.all([...(target.files ?? [])].map((file) => file.text()));
            setText(texts.map((each) => each.trimEnd()).join('\n'));
          }}
        />
      </Field>
    </FormDialog>
  );
}

function RequestDialog({ commonName, onClose }: { readonly commonName: string; onClose(): void }) {
  const { certificate: words } = useSettingsWords();
  const ui = useUiWords();
  const linesOf = useShellLines();
  const [wish, setWish] = useState({
    commonName,
    names: location.hostname,
    organization: '',
    unit: '',
    city: '',
    state: '',
    country: '',
    key: 'P-256',
  });
  const uri = `${settingsUris.certificateService}/Actions/CertificateService.GenerateCSR`;
  const body = signingRequest(wish);
  const post = usePost<typeof body, { readonly CSRString?: string }>(uri);
  const request = post.data?.body?.CSRString;
  const text = (name: 'commonName' | 'organization' | 'unit' | 'city' | 'state', required = false) => (
    <Field label={words.fields[name]}>
      <Input
        required={required}
        maxLength={64}
        value={wish[name]}
        onChange={({ target }) => setWish({ ...wish, [name]: target.value })}
      />
    </Field>
  );
  if (request !== undefined) {
    return (
      <Dialog
        open
        title={words.requestDone}
        description={words.requestDoneText}
        onClose={onClose}
        footer={
          <>
            <Button icon="download" onClick={() => saveFile('bmc.csr', 'application/pkcs10', request)}>
              {words.download}
            </Button>
            <Button look="primary" data-initial-focus onClick={onClose}>
              {ui.close}
            </Button>
          </>
        }
      >
        <Field label={words.request}>
          <TextArea rows={10} readOnly className={styles.pem ?? ''} value={request} />
        </Field>
      </Dialog>
    );
  }
  return (
    <FormDialog
      size="normal"
      title={words.request}
      description={words.requestText}
      action={words.requestAction.replace(/…$/, '')}
      busy={post.isPending}
      error={post.error}
      lines={linesOf({ method: 'POST', uri, body })}
      onClose={onClose}
      onSubmit={() => post.mutate(body)}
    >
      <div className={styles.pair}>
        {text('commonName', true)}
        <Field label={words.fields.names} hint={words.namesHint}>
          <Input
            value={wish.names}
            spellCheck={false}
            onChange={({ target }) => setWish({ ...wish, names: target.value })}
          />
        </Field>
        {text('organization')}
        {text('unit')}
        {text('city')}
        {text('state')}
        <Field label={words.fields.country} hint={words.countryHint}>
          <Input
            value={wish.country}
            pattern="[A-Za-z]{2}"
            maxLength={2}
            onChange={({ target }) => setWish({ ...wish, country: target.value.toUpperCase() })}
          />
        </Field>
        <Field label={words.fields.key}>
          <Select
            value={wish.key}
            options={['P-256', 'P-384', 'RSA-2048', 'RSA-3072', 'RSA-4096'].map((value) => ({
              value,
              label: value.replace('P-', 'ECDSA P-'),
            }))}
            onChange={(key) => setWish({ ...wish, key })}
          />
        </Field>
      </div>
    </FormDialog>
  );
}
