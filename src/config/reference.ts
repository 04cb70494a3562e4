/** What people and editors read about the settings, made from the schema. `npm run gen` writes it. */
import { expectation, type Leaf, settingsLeaves, settingsSchema } from './schema.ts';

/** @param readme the README as it is; its table of variables is replaced */
export function generatedFiles(readme: string): [path: string, content: string][] {
  return [
    ['configs/qemu-bmc.schema.json', jsonSchema()],
    ['docs/reference/configuration.md', referencePage()],
    ['README.md', withVariables(readme)],
  ];
}

/** For editors: a file may leave out what has a default. */
function jsonSchema(): string {
  const optionalDefaults = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(optionalDefaults);
    if (typeof node !== 'object' || node === null) return node;
    const copy = Object.fromEntries(
      Object.entries(node)
        .filter(([key]) => key !== 'x-path')
        .map(([key, value]) => [key, optionalDefaults(value)]),
    );
    const { required, properties } = copy as { required?: unknown; properties?: Record<string, object> };
    if (Array.isArray(required) && properties) {
      const needed = required.filter((key: string) => !('default' in (properties[key] ?? {})));
      if (needed.length > 0) copy.required = needed;
      else delete copy.required;
    }
    return copy;
  };
  const schema = optionalDefaults(JSON.parse(JSON.stringify(settingsSchema))) as object;
  return `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }, null, 2)}\n`;
}

function referencePage(): string {
  const sections = new Map<string, Leaf[]>();
  for (const leaf of settingsLeaves()) {
    const section = leaf.path.includes('.') ? (leaf.path.split('.')[0] ?? '') : 'general';
    sections.set(section, [...(sections.get(section) ?? []), leaf]);
  }
  const body = [...sections].flatMap(([name, leaves]) => [
    `## ${name}`,
    '',
    '| Setting | Variable | Default | Value | Meaning |',
    '|---|---|---|---|---|',
    ...leaves.map((leaf) => {
      const cells = [code(leaf.path), variable(leaf), defaultOf(leaf), valueCell(leaf), meaning(leaf)];
      return `| ${cells.map(cell).join(' | ')} |`;
    }),
    '',
  ]);
  return [
    '# Configuration',
    '',
    'Made by `npm run gen` from `src/config/schema.ts`; change it there.',
    '',
    'Settings come from three places, each over the one before: built-in defaults, one YAML file (`--config FILE`,',
    'or the variable `QEMU_BMC_CONFIG`, or `configs/default.yaml`), and environment variables. A setting that',
    'nobody knows or a value that does not fit stops the start; the message names file or variable, path,',
    'expectation and value. `qemu-bmc config show` prints what is in force and where it comes from.',
    '',
    '- A variable that is set but empty counts as not set, except `IPMI_USER`, `IPMI_PASS` and `IPMI_PASS_FILE`.',
    '- Lists in variables are separated by commas or line ends.',
    '- Relative paths count from the file they stand in; in variables, from the working directory.',
    '- `IPMI_USER`, `IPMI_PASS` and `IPMI_PASS_FILE` set the first user; a variable for the password takes the place',
    '  of whatever the file says about it.',
    '',
    ...body,
  ].join('\n');
}

const begin = '<!-- variables: made by npm run gen -->';
const end = '<!-- end of variables -->';

/** @throws {Error} when the README has no place for the table */
function withVariables(readme: string): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`README.md: expected the lines ${begin} and ${end}`);
  const rows = settingsLeaves()
    .filter(({ schema }) => schema['x-env'])
    .map((leaf) => {
      const sentence = /^.*?\.(?= |$)/.exec(meaning(leaf))?.[0] ?? meaning(leaf);
      return `| ${[variable(leaf), defaultOf(leaf), sentence].map(cell).join(' | ')} |`;
    });
  const table = ['| Variable | Default | Meaning |', '|---|---|---|', ...rows].join('\n');
  return `${readme.slice(0, from + begin.length)}\n${table}\n${readme.slice(to)}`;
}

function variable({ schema }: Leaf): string {
  return schema['x-env'] ? code(schema['x-env']) : '';
}

function defaultOf({ path, schema }: Leaf): string {
  if (path === 'ipmi.users[].name') return code('admin');
  if (path === 'ipmi.users[].password') return `${code('password')}; none in \`strict\``;
  if (schema.default === undefined || path === 'ipmi.users') {
    return /Default: (.*?)\.(?: |$)/.exec(schema.description ?? '')?.[1] ?? '';
  }
  if (schema.default === '') return 'empty';
  const text = Array.isArray(schema.default) ? schema.default.join(',') : String(schema.default);
  return text === '' ? 'empty' : code(text);
}

function valueCell({ schema }: Leaf): string {
  const unit = schema['x-unit'] ? ` (${schema['x-unit']})` : '';
  return `${expectation(schema)}${unit}${schema['x-secret'] ? '; secret, never shown' : ''}`;
}

function meaning({ schema }: Leaf): string {
  return schema.description ?? '';
}

function code(text: string): string {
  return `\`${text}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
