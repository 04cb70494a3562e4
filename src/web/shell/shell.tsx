/** What surrounds every page: navigation, top bar, palette, help, shortcuts. */
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { ResetProvider } from '../machine/reset-provider.tsx';
import { pages } from '../pages/pages.ts';
import { ConnectionBanner } from './connection.tsx';
import { Drawer } from './drawer.tsx';
import { Help } from './help.tsx';
import { Palette } from './palette.tsx';
import { PasswordDialog } from './password-dialog.tsx';
import { Rail } from './rail.tsx';
import styles from './shell.module.css';
import { useShortcuts } from './shortcuts.ts';
import { TopBar } from './top-bar.tsx';
import { useShellWords } from './words.ts';

type Open = 'navigation' | 'palette' | 'help' | 'password';

export default function Shell({ children }: { readonly children: ReactNode }) {
  const words = useShellWords();
  const navigate = useNavigate();
  const [open, setOpen] = useState<Open>();
  const main = useRef<HTMLElement>(null);
  const close = () => setOpen(undefined);
  // A window of its own for one console: `?popout=1`.
  const isBare = new URLSearchParams(useLocation().search).has('popout');

  useFocusOnNavigation(main);
  useShortcuts({
    palette: () => setOpen('palette'),
    help: () => setOpen('help'),
    go(key) {
      const page = pages.find((each) => each.key === key);
      if (page) void navigate(page.path);
      return page !== undefined;
    },
  });

  return (
    <ResetProvider>
      <div className={styles.shell} data-bare={isBare || undefined}>
        <a className={styles.skip} href="#content">
          {words.skip}
        </a>
        {!isBare && (
          <div className={styles.rail}>
            <Rail />
          </div>
        )}
        <div className={styles.column}>
          {!isBare && (
            <TopBar
              openNavigation={() => setOpen('navigation')}
              openPalette={() => setOpen('palette')}
              openHelp={() => setOpen('help')}
              changePassword={() => setOpen('password')}
            />
          )}
          <ConnectionBanner />
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, with the keyboard, too */}
          <main className={styles.main} id="content" ref={main} tabIndex={0}>
            {children}
          </main>
        </div>
      </div>
      {open === 'navigation' && <Drawer onClose={close} />}
      {open === 'palette' && <Palette onClose={close} openHelp={() => setOpen('help')} />}
      <Help open={open === 'help'} onClose={close} />
      <PasswordDialog open={open === 'password'} onClose={close} />
    </ResetProvider>
  );
}

/** Whoever cannot see that another page has come is told so by the focus. */
function useFocusOnNavigation(main: React.RefObject<HTMLElement | null>): void {
  const { pathname } = useLocation();
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    main.current?.focus({ preventScroll: true });
    main.current?.scrollTo(0, 0);
  }, [pathname, main]);
}
