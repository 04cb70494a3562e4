/** The console's own icons: 20 × 20, drawn with lines of the text's colour. They are decoration; words stand beside them. */
import type { ReactNode } from 'react';
import styles from './icon.module.css';

const shapes = {
  overview: (
    <>
      <rect x="2.5" y="3.5" width="15" height="5.5" rx="1.5" />
      <rect x="2.5" y="11" width="15" height="5.5" rx="1.5" />
      <path d="M5.5 6.25h.01M5.5 13.75h.01M9 6.25h5.5M9 13.75h5.5" />
    </>
  ),
  console: (
    <>
      <rect x="2.5" y="3.5" width="15" height="11" rx="1.5" />
      <path d="m5.5 7 2.3 2-2.3 2M10 11.2h4M7.5 17.5h5" />
    </>
  ),
  terminal: <path d="m3.5 5.5 4.5 4.5-4.5 4.5M10 15h6.5" />,
  screen: (
    <>
      <rect x="2.5" y="3.5" width="15" height="10.5" rx="1.5" />
      <path d="M7 17h6M10 14v3" />
    </>
  ),
  media: (
    <>
      <circle cx="10" cy="10" r="7.5" />
      <circle cx="10" cy="10" r="2" />
      <path d="M10 5a5 5 0 0 1 5 5" />
    </>
  ),
  hardware: (
    <>
      <rect x="5" y="5" width="10" height="10" rx="1.5" />
      <rect x="8" y="8" width="4" height="4" rx=".5" />
      <path d="M8 2.5V5M12 2.5V5M8 15v2.5M12 15v2.5M2.5 8H5M2.5 12H5M15 8h2.5M15 12h2.5" />
    </>
  ),
  memory: (
    <path d="M2.5 6h15v6.5h-15zM5.5 8.5v2M8.5 8.5v2M11.5 8.5v2M14.5 8.5v2M4 12.5V15M8 12.5V15M12 12.5V15M16 12.5V15" />
  ),
  disk: (
    <>
      <path d="m4.6 4.5-2.1 7v4h15v-4l-2.1-7z" />
      <path d="M2.5 11.5h15M13.5 13.5h1.5" />
    </>
  ),
  network: (
    <>
      <rect x="7.5" y="2.5" width="5" height="4" rx="1" />
      <rect x="2.5" y="13.5" width="5" height="4" rx="1" />
      <rect x="12.5" y="13.5" width="5" height="4" rx="1" />
      <path d="M10 6.5V10M5 13.5V10h10v3.5" />
    </>
  ),
  temperature: <path d="M8 4.5a2 2 0 1 1 4 0v7a3.5 3.5 0 1 1-4 0zM10 8v6" />,
  logs: <path d="M4 3.5h12v13H4zM7 7h6M7 10h6M7 13h3.5" />,
  settings: <path d="M3 5.5h8M15 5.5h2M3 14.5h2M9 14.5h8M13 3.5v4M7 12.5v4M3 10h4M11 10h6M9 8v4" />,
  power: <path d="M10 2.5v7M6 4.8a6.8 6.8 0 1 0 8 0" />,
  restart: <path d="M16.5 10a6.5 6.5 0 1 1-2-4.7M16.5 2.5v4h-4" />,
  pause: <path d="M7 4.5v11M13 4.5v11" />,
  play: <path d="M6 4v12l10-6z" />,
  bolt: <path d="M11 2.5 4.5 11.5H9L8.5 17.5 15.5 8H11z" />,
  search: <path d="M8.8 14.6a5.8 5.8 0 1 0 0-11.6 5.8 5.8 0 0 0 0 11.6ZM13 13l4.2 4.2" />,
  help: (
    <>
      <circle cx="10" cy="10" r="7.5" />
      <path d="M7.8 7.8a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.6M10 14h.01" />
    </>
  ),
  menu: <path d="M3 5.5h14M3 10h14M3 14.5h14" />,
  close: <path d="m5 5 10 10M15 5 5 15" />,
  check: <path d="m4 10.5 4 4 8-9" />,
  copy: (
    <>
      <rect x="7" y="7" width="10" height="10" rx="1.5" />
      <path d="M13 7V4.5A1.5 1.5 0 0 0 11.5 3h-7A1.5 1.5 0 0 0 3 4.5v7A1.5 1.5 0 0 0 4.5 13H7" />
    </>
  ),
  down: <path d="m5 7.5 5 5 5-5" />,
  right: <path d="m7.5 5 5 5-5 5" />,
  more: <path strokeWidth={2.6} d="M4.5 10h.01M10 10h.01M15.5 10h.01" />,
  user: (
    <>
      <circle cx="10" cy="6.5" r="3.2" />
      <path d="M3.5 17a6.5 6.5 0 0 1 13 0" />
    </>
  ),
  language: (
    <>
      <circle cx="10" cy="10" r="7.5" />
      <path d="M2.5 10h15M10 2.5c-4.5 5-4.5 10 0 15M10 2.5c4.5 5 4.5 10 0 15" />
    </>
  ),
  sun: (
    <>
      <circle cx="10" cy="10" r="3.4" />
      <path d="M10 2v1.8M10 16.2V18M2 10h1.8M16.2 10H18M4.3 4.3l1.3 1.3M14.4 14.4l1.3 1.3M4.3 15.7l1.3-1.3M14.4 5.6l1.3-1.3" />
    </>
  ),
  moon: <path d="M16.8 11.8A7.2 7.2 0 0 1 8.2 3.2a7.2 7.2 0 1 0 8.6 8.6Z" />,
  system: (
    <>
      <circle cx="10" cy="10" r="7.5" />
      <path d="M10 2.5v15M10 5.5a4.5 4.5 0 0 1 0 9" />
    </>
  ),
  warning: <path d="M10 3 2.3 16.5h15.4zM10 8.2v4M10 14.3h.01" />,
  error: <path d="M6.9 2.5h6.2l4.4 4.4v6.2l-4.4 4.4H6.9l-4.4-4.4V6.9zM10 6.3v4.5M10 13.6h.01" />,
  info: (
    <>
      <circle cx="10" cy="10" r="7.5" />
      <path d="M10 9.2v4.6M10 6.3h.01" />
    </>
  ),
  ok: (
    <>
      <circle cx="10" cy="10" r="7.5" />
      <path d="m6.6 10.3 2.4 2.4 4.4-5" />
    </>
  ),
  external: <path d="M8 4H4v12h12v-4M11.5 3.5h5v5M16 4 9.5 10.5" />,
  add: <path d="M10 4v12M4 10h12" />,
  remove: <path d="M3.5 5.5h13M8 5.5v-2h4v2M5.5 5.5l.8 11h7.4l.8-11M8.5 8.8v4.5M11.5 8.8v4.5" />,
  edit: <path d="m3.5 16.5.8-3.6 9-9a1.6 1.6 0 0 1 2.3 0l.5.5a1.6 1.6 0 0 1 0 2.3l-9 9zM12 5.2l2.8 2.8" />,
  download: <path d="M10 3v9.5M5.8 8.5 10 12.7l4.2-4.2M3.5 16.5h13" />,
  upload: <path d="M10 13V3.5M5.8 7.7 10 3.5l4.2 4.2M3.5 16.5h13" />,
  eject: <path d="M10 4 4 11.5h12zM4 15.5h12" />,
  eye: (
    <>
      <path d="M1.8 10S5 4.5 10 4.5 18.2 10 18.2 10 15 15.5 10 15.5 1.8 10 1.8 10Z" />
      <circle cx="10" cy="10" r="2.4" />
    </>
  ),
  lock: (
    <>
      <rect x="4" y="9" width="12" height="8" rx="1.5" />
      <path d="M6.8 9V6.2a3.2 3.2 0 0 1 6.4 0V9M10 12v2" />
    </>
  ),
  key: (
    <>
      <circle cx="6.8" cy="13.2" r="3.3" />
      <path d="m9.2 10.8 7.3-7.3M13.5 6.5l2.3 2.3M11.5 8.5l1.5 1.5" />
    </>
  ),
  shield: <path d="M10 2.5 4 4.8v5c0 3.8 2.6 6.4 6 7.7 3.4-1.3 6-3.9 6-7.7v-5z" />,
  identify: (
    <>
      <path d="M7 12.2a5 5 0 1 1 6 0c-.6.5-.9 1-.9 1.8H7.9c0-.8-.3-1.3-.9-1.8ZM8.3 17h3.4" />
    </>
  ),
  logout: <path d="M8 3.5H4v13h4M12.5 6.5 16 10l-3.5 3.5M16 10H8" />,
  camera: (
    <>
      <path d="M2.5 6h3.7l1.3-2h5l1.3 2h3.7v10.5h-15z" />
      <circle cx="10" cy="11" r="2.8" />
    </>
  ),
  record: (
    <>
      <circle cx="10" cy="10" r="7.5" />
      <circle cx="10" cy="10" r="2.8" fill="currentColor" />
    </>
  ),
  expand: <path d="M3.5 8V3.5H8M12 3.5h4.5V8M16.5 12v4.5H12M8 16.5H3.5V12" />,
  shrink: <path d="M8 3.5V8H3.5M16.5 8H12V3.5M12 16.5V12h4.5M3.5 12H8v4.5" />,
  keyboard: (
    <>
      <rect x="2" y="5" width="16" height="10.5" rx="1.5" />
      <path d="M5 8.2h.010M8.3 8.2h.010M11.7 8.2h.010M15 8.2h.010M6 12.2h8" />
    </>
  ),
  clock: (
    <>
      <circle cx="10" cy="10" r="7.5" />
      <path d="M10 5.5V10l3 2" />
    </>
  ),
  filter: <path d="M3 4.5h14l-5.5 6.5v5l-3-1.5V11z" />,
  signal: (
    <path d="M10 15.5h.010M7 12.3a4.3 4.3 0 0 1 6 0M4.5 9.4a8 8 0 0 1 11 0M2 6.5a11.6 11.6 0 0 1 16 0" />
  ),
  offline: (
    <path d="M10 15.5h.010M7 12.3a4.3 4.3 0 0 1 4.5-1M4.5 9.4A8 8 0 0 1 8 7.5M2 6.5A11.6 11.6 0 0 1 5 4.5M11 4a11.6 11.6 0 0 1 7 2.5M3 2.5l14 15" />
  ),
} as const satisfies Record<string, ReactNode>;

export type IconName = keyof typeof shapes;

export function Icon({ name, size }: { readonly name: IconName; readonly size?: 'small' | 'large' }) {
  return (
    <svg className={styles.icon} data-size={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      {shapes[name]}
    </svg>
  );
}
