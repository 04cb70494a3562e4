/** What runs out before long: the user's own password, and the certificate of the server. */
import { Link } from 'react-router';
import { useMay, useWho } from '../../../api/privileges.ts';
import { useMembers, useResource } from '../../../api/queries.ts';
import { type Resource, uris } from '../../../api/schema.ts';
import { useFormats } from '../../../i18n/formats.ts';
import { useWords } from '../../../i18n/words.ts';
import { Icon } from '../../../ui/icon.tsx';
import { en } from './en.ts';
import styles from './expiry.module.css';
import { ja } from './ja.ts';
import { certificateUri, urgency } from './urgency.ts';

interface Account extends Resource {
  readonly UserName?: string;
  readonly PasswordExpiration?: string | null;
}

interface Certificate extends Resource {
  readonly ValidNotAfter?: string;
}

export default function Expiry() {
  const words = useWords({ en, ja });
  const { dateTime, ago } = useFormats();
  const who = useWho();
  // Who may not mend it is not asked to.
  const mayMend = useMay('ConfigureManager');
  const accounts = useMembers<Account>(who && uris.accounts);
  const certificate = useResource<Certificate>(mayMend ? certificateUri : undefined);
  const own = accounts.data?.find(({ UserName: name }) => name === who?.userName);
  const told = [
    {
      id: 'password',
      at: own?.PasswordExpiration ?? undefined,
      days: 14,
      text: words.password,
      to: '/machine/settings/users',
      link: words.changePassword,
    },
    {
      id: 'certificate',
      at: certificate.data?.ValidNotAfter,
      days: 30,
      text: words.certificate,
      to: '/machine/settings/certificate',
      link: words.replaceCertificate,
    },
  ];
  return told.map(({ id, at, days, text, to, link }) => {
    const grade = at === undefined ? undefined : urgency(Date.parse(at) - Date.now(), days);
    if (at === undefined || grade === undefined) return null;
    return (
      <p key={id} className={styles.note} data-urgency={grade} role={grade === 'calm' ? 'note' : 'alert'}>
        <Icon name={grade === 'calm' ? 'clock' : 'warning'} />
        <span>
          {grade === 'over' ? text.over(dateTime(at)) : text.soon(ago(at), dateTime(at))}{' '}
          <Link to={to}>{link}</Link>
        </span>
      </p>
    );
  });
}
