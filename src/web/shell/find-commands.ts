/** What the palette shows for a text: each of its words must occur; what begins with it comes first within its group. */

export interface Findable {
  readonly title: string;
  readonly hint?: string;
  readonly group: string;
}

export function findCommands<C extends Findable>(commands: readonly C[], text: string): readonly C[] {
  const words = folded(text).split(/\s+/).filter(Boolean);
  if (words.length === 0) return commands;
  const groups = [...new Set(commands.map(({ group }) => group))];
  return commands
    .map((command) => ({ command, rank: rankOf(command, words) }))
    .filter(({ rank }) => rank < none)
    .sort((a, b) => groups.indexOf(a.command.group) - groups.indexOf(b.command.group) || a.rank - b.rank)
    .map(({ command }) => command);
}

const none = 3;

function rankOf({ title, hint = '', group }: Findable, words: readonly string[]): number {
  const name = folded(title);
  const all = folded(`${title} ${hint} ${group}`);
  if (!words.every((word) => all.includes(word))) return none;
  const [first = ''] = words;
  if (name.startsWith(first)) return 0;
  return words.every((word) => name.includes(word)) ? 1 : 2;
}

/** Half and full width, upper and lower case are the same to whoever searches. */
function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}
