import { useExplain } from './explain.ts';
import { notify } from './notices.tsx';

/** @returns tells what did not work, and why, where no dialog is open that would show it */
export function useTellFailure(): (title: string, error: unknown) => void {
  const explain = useExplain();
  return (title, error) => {
    const { cause, remedy } = explain(error as Error);
    notify({ kind: 'error', title, detail: `${cause} ${remedy}` });
  };
}
