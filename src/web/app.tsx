/** Who sees what: the login page, or the shell with the page that the URL names. */
import { QueryClientProvider } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense, useSyncExternalStore } from 'react';
import { BrowserRouter, Navigate, Route, Routes, useLocation } from 'react-router';
import { queryClient } from './api/queries.ts';
import { type SessionState, session } from './api/session.ts';
import { usePreferences } from './i18n/preferences.ts';
import { LanguageContext } from './i18n/words.ts';
import { Login } from './pages/login/login.tsx';
import { pages } from './pages/pages.ts';
import { Failure } from './shell/failure.tsx';
import { Notices } from './ui/notices.tsx';
import { Skeleton } from './ui/skeleton.tsx';
import { TooltipProvider } from './ui/tooltip.tsx';

const Shell = lazy(() => import('./shell/shell.tsx'));
const loaded = pages.map((page) => ({ path: page.path, Page: lazy(page.load) }));
const NotFound = lazy(() => import('./shell/not-found.tsx'));
const [firstPage] = pages;

export function App() {
  const { language } = usePreferences();
  const state = useSyncExternalStore(session.subscribe, session.current);
  return (
    <LanguageContext value={language}>
      <QueryClientProvider client={queryClient}>
        <TooltipProvider delayDuration={500}>
          <BrowserRouter>
            <Failure>{state.phase === 'resuming' ? null : <Routed state={state} />}</Failure>
          </BrowserRouter>
          <Notices />
        </TooltipProvider>
      </QueryClientProvider>
    </LanguageContext>
  );
}

function Routed({ state }: { readonly state: SessionState }) {
  const location = useLocation();
  const isIn = state.phase === 'in';
  const home = firstPage?.path ?? '/';
  if (!isIn && location.pathname !== '/login') {
    const here = `${location.pathname}${location.search}`;
    return <Navigate replace to={here === '/' ? '/login' : `/login?to=${encodeURIComponent(here)}`} />;
  }
  if (isIn && location.pathname === '/login')
    return <Navigate replace to={returnPath(location.search) ?? home} />;
  if (!isIn) return <Login state={state} />;
  return (
    <Suspense>
      <Shell>
        <Failure key={location.pathname}>
          <Routes>
            {loaded.map(({ path, Page }) => (
              <Route key={path} path={`${path}/*`} element={waiting(<Page />)} />
            ))}
            {['/', '/machine'].map((path) => (
              <Route key={path} path={path} element={<Navigate replace to={home} />} />
            ))}
            <Route path="*" element={waiting(<NotFound home={home} />)} />
          </Routes>
        </Failure>
      </Shell>
    </Suspense>
  );
}

function waiting(page: ReactNode): ReactNode {
  return <Suspense fallback={<Skeleton lines={6} />}>{page}</Suspense>;
}

/** Where the user was going; a path of our own and nothing else. */
function returnPath(search: string): string | undefined {
  const to = new URLSearchParams(search).get('to');
  return to !== null && /^\/(?![/\\])/.test(to) ? to : undefined;
}
