/** In the place of a page that there is none of. */
import { Link, useLocation } from 'react-router';
import { type Dictionary, useWords } from '../i18n/words.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { Page } from './page.tsx';

const en = {
  title: 'Page not found',
  text: (path: string) => `The console has no page ${path}.`,
  home: 'Go to the overview',
};
const dictionary = {
  en,
  ja: {
    title: 'ページが見つかりません',
    text: (path) => `コンソールに ${path} というページはありません。`,
    home: '概要へ移動',
  },
} satisfies Dictionary<typeof en>;

export default function NotFound({ home }: { readonly home: string }) {
  const words = useWords(dictionary);
  const { pathname } = useLocation();
  return (
    <Page title={words.title}>
      <EmptyState icon="search" title={words.text(pathname)} action={<Link to={home}>{words.home}</Link>} />
    </Page>
  );
}
