import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './ui/tokens.css';
import './ui/base.css';
import { startLive } from './api/live.ts';
import { session } from './api/session.ts';
import { App } from './app.tsx';
import { applyPreferences } from './i18n/preferences.ts';

applyPreferences();
startLive();
void session.resume();

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
