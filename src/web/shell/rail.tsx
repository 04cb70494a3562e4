import { NavLink } from 'react-router';
import { useResource } from '../api/queries.ts';
import { type Manager, uris } from '../api/schema.ts';
import { useLanguage } from '../i18n/words.ts';
import { sections } from '../pages/pages.ts';
import { Icon } from '../ui/icon.tsx';
import { Brand } from './brand.tsx';
import styles from './rail.module.css';
import { useShellWords } from './words.ts';

/** The left navigation. */
export function Rail({ onFollow }: { onFollow?(): void }) {
  const language = useLanguage();
  const words = useShellWords();
  const { data: manager } = useResource<Manager>(uris.manager);
  return (
    <nav className={styles.rail} aria-label={words.navigation}>
      <div className={styles.brand}>
        <Brand />
      </div>
      <div className={styles.sections}>
        {sections.map(({ title, pages }) => (
          <div key={title.en}>
            <p className={styles.section}>{title[language]}</p>
            <ul>
              {pages.map(({ path, icon, title: name, load }) => (
                <li key={path}>
                  <NavLink
                    className={styles.link ?? ''}
                    to={path}
                    onClick={onFollow}
                    // It is there when the click is.
                    onPointerEnter={() => void load()}
                  >
                    <Icon name={icon} />
                    {name[language]}
                  </NavLink>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </div>
      {manager?.FirmwareVersion && <p className={styles.foot}>{words.bmcVersion(manager.FirmwareVersion)}</p>}
    </nav>
  );
}
