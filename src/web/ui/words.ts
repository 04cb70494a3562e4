import { useWords } from '../i18n/words.ts';
import { en } from './en.ts';
import { ja } from './ja.ts';

export const useUiWords = () => useWords({ en, ja });
