import styles from './login.module.css';

const units = [0, 1, 2, 3, 4, 5] as const;
/** The one whose console this is. */
const ours = 2;

/** A rack with one machine alight. */
export function RackArt() {
  return (
    <svg className={styles.rack} viewBox="0 0 320 268" aria-hidden="true" focusable="false">
      <path className={styles.posts} d="M14 4v260M306 4v260" />
      {units.map((unit) => (
        <g
          key={unit}
          className={unit === ours ? styles.ours : styles.unit}
          transform={`translate(26 ${10 + unit * 43})`}
        >
          <rect width="268" height="35" rx="5" />
          <circle cx="18" cy="17.5" r="4" />
          {[0, 1, 2, 3].map((bay) => (
            <rect key={bay} x={38 + bay * 34} y="8" width="28" height="19" rx="2" />
          ))}
          <path d="M186 11h64M186 17.5h64M186 24h64" />
        </g>
      ))}
    </svg>
  );
}
