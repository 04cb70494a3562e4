import { useWords } from '../i18n/words.ts';
import { en } from './en.ts';
import { ja } from './ja.ts';

/** Words of the machine itself, which every page may need. */
export const useMachineWords = () => useWords({ en, ja });
