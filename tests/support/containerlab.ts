/**
 * What our topology files use of containerlab's format, for nodes of kind linux, as schemas. Whatever else containerlab
 * knows is refused here, so that a key that nobody has thought about is noticed.
 * https://containerlab.dev/manual/topo-def-file/ and https://containerlab.dev/manual/nodes/
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { parse } from 'yaml';

export const labsFolder = join(import.meta.dirname, '../../containerlab');

const strict = { additionalProperties: false } as const;
const nodeName = '^[a-zA-Z0-9][a-zA-Z0-9._-]*$';

const nodeSettings = {
  kind: Type.Optional(Type.Literal('linux')),
  image: Type.Optional(Type.String({ pattern: '^[a-z0-9][a-z0-9./_-]*:[A-Za-z0-9._-]+$' })),
  // A number or a boolean would be turned into text by everybody's own rules.
  env: Type.Optional(Type.Record(Type.String(), Type.String())),
  ports: Type.Optional(Type.Array(Type.String({ pattern: '^([0-9.]+:)?[0-9]+:[0-9]+(/(tcp|udp))?$' }))),
  exec: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
  entrypoint: Type.Optional(Type.String({ minLength: 1 })),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
};
const Node = Type.Object(nodeSettings, strict);

const Link = Type.Object(
  {
    endpoints: Type.Tuple([
      Type.String({ pattern: '^[a-zA-Z0-9._-]+:[a-z][a-z0-9]{0,14}$' }),
      Type.String({ pattern: '^[a-zA-Z0-9._-]+:[a-z][a-z0-9]{0,14}$' }),
    ]),
    mtu: Type.Optional(Type.Integer({ minimum: 68, maximum: 9500 })),
  },
  strict,
);

export const TopologyFile = Type.Object(
  {
    name: Type.String({ pattern: nodeName }),
    mgmt: Type.Optional(Type.Object({ network: Type.String(), 'ipv4-subnet': Type.String() }, strict)),
    topology: Type.Object(
      {
        defaults: Type.Optional(Node),
        kinds: Type.Optional(Type.Object({ linux: Node }, strict)),
        nodes: Type.Record(Type.String({ pattern: nodeName }), Node, strict),
        links: Type.Optional(Type.Array(Link)),
      },
      strict,
    ),
  },
  strict,
);
export type TopologyFile = Static<typeof TopologyFile>;
export type TopologyNode = Static<typeof Node>;

/** The labs, by the names of their folders. */
export function labNames(): string[] {
  return readdirSync(labsFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'kubernetes')
    .map(({ name }) => name)
    .sort();
}

export function topologyPath(lab: string): string {
  return join(labsFolder, lab, `${lab}.clab.yml`);
}

/** As it stands there, unchecked. */
export function readTopology(lab: string): TopologyFile {
  return parse(readFileSync(topologyPath(lab), 'utf8'));
}

/** The nodes with what they take from `kinds` and `defaults`. */
export function completeNodes({ topology }: TopologyFile): Map<string, TopologyNode> {
  return new Map(
    Object.entries(topology.nodes).map(([name, own]) => {
      const layers = [topology.defaults ?? {}, topology.kinds?.linux ?? {}, own];
      const merged = (key: 'env' | 'labels') => Object.assign({}, ...layers.map((layer) => layer[key] ?? {}));
      return [name, Object.assign({}, ...layers, { env: merged('env'), labels: merged('labels') })];
    }),
  );
}
