import { type FormEvent, useState } from 'react';
import { usePost } from '../../api/queries.ts';
import { Button } from '../../ui/button.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Field, TextArea } from '../../ui/field.tsx';
import styles from './add-certificate.module.css';
import { useMediaBootWords } from './words.ts';

/** @param uri of a collection of certificates */
export function AddCertificate({ uri, onDone }: { readonly uri: string; onDone?(): void }) {
  const words = useMediaBootWords();
  const [pem, setPem] = useState('');
  const post = usePost(uri);

  function submit(event: FormEvent) {
    event.preventDefault();
    post.mutate(
      { CertificateString: pem, CertificateType: 'PEM' },
      {
        onSuccess() {
          setPem('');
          onDone?.();
        },
      },
    );
  }

  return (
    <form className={styles.form} onSubmit={submit}>
      <Field label={words.certificatePem} hint={words.pemHint}>
        <TextArea
          className={styles.pem}
          rows={5}
          spellCheck={false}
          placeholder="-----BEGIN CERTIFICATE-----"
          value={pem}
          onChange={({ target }) => setPem(target.value)}
        />
      </Field>
      {post.error && <ErrorPanel error={post.error} />}
      <div className={styles.foot}>
        <input
          type="file"
          aria-label={words.chooseFile}
          accept=".pem,.crt,.cer"
          onChange={({ target }) => void target.files?.[0]?.text().then(setPem)}
        />
        <Button type="submit" look="primary" disabled={pem.trim() === ''} busy={post.isPending}>
          {words.add}
        </Button>
      </div>
    </form>
  );
}
