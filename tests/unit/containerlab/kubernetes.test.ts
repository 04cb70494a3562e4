/**
 * The Kubernetes manifests against schemas of the parts that they use. Nobody ran them in a cluster; what can be known
 * without one is checked here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Type, { type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { settingsLeaves } from '../../../src/config/schema.ts';
import { labsFolder, readTopology, TopologyFile } from '../../support/containerlab.ts';

const folder = join(labsFolder, 'kubernetes');
const documents = (name: string): Record<string, unknown>[] =>
  parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });

const object = <T extends Record<string, TSchema>>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });
const name = Type.String({ pattern: '^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$' });
const labels = Type.Record(Type.String(), Type.String());
const quantity = Type.String({ pattern: '^[0-9]+(m|[KMGT]i?)?$' });
const image = Type.String({ pattern: '^[a-z0-9][a-z0-9.-]*/[a-z0-9./_-]+:[A-Za-z0-9._-]+$' });

/** https://doc.crds.dev/github.com/srl-labs/clabernetes, `v1alpha1` */
const ClabernetesTopology = object({
  apiVersion: Type.Literal('clabernetes.containerlab.dev/v1alpha1'),
  kind: Type.Literal('Topology'),
  metadata: object({ name }),
  spec: object({
    expose: object({
      disableAutoExpose: Type.Boolean(),
      exposeType: Type.Enum(['None', 'ClusterIP', 'Headless', 'LoadBalancer']),
    }),
    statusProbes: object({ enabled: Type.Boolean() }),
    definition: object({ containerlab: Type.String() }),
  }),
});

const NetworkAttachmentDefinition = object({
  apiVersion: Type.Literal('k8s.cni.cncf.io/v1'),
  kind: Type.Literal('NetworkAttachmentDefinition'),
  metadata: object({ name }),
  spec: object({ config: Type.String() }),
});
const BridgePlugin = object({
  cniVersion: Type.Enum(['0.3.1', '0.4.0', '1.0.0']),
  type: Type.Literal('bridge'),
  bridge: Type.String({ pattern: '^[a-z][a-z0-9-]{0,14}$' }),
  mtu: Type.Integer({ minimum: 1500, maximum: 9500 }),
});

const Service = object({
  apiVersion: Type.Literal('v1'),
  kind: Type.Literal('Service'),
  metadata: object({ name, labels }),
  spec: object({
    clusterIP: Type.Literal('None'),
    publishNotReadyAddresses: Type.Boolean(),
    selector: labels,
    ports: Type.Array(object({ name, port: Type.Integer(), protocol: Type.Enum(['TCP', 'UDP']) })),
  }),
});

const Probe = object({
  exec: object({ command: Type.Array(Type.String()) }),
  periodSeconds: Type.Integer({ minimum: 1 }),
  timeoutSeconds: Type.Integer({ minimum: 1 }),
  failureThreshold: Type.Integer({ minimum: 1 }),
});
const EnvVar = Type.Union([
  object({ name: Type.String(), value: Type.String() }),
  object({
    name: Type.String(),
    valueFrom: Type.Union([
      object({ fieldRef: object({ fieldPath: Type.String() }) }),
      object({ secretKeyRef: object({ name, key: Type.String() }) }),
    ]),
  }),
]);
const Container = object({
  name,
  image,
  env: Type.Array(EnvVar),
  ports: Type.Array(object({ name, containerPort: Type.Integer(), protocol: Type.Enum(['TCP', 'UDP']) })),
  securityContext: object({
    privileged: Type.Boolean(),
    allowPrivilegeEscalation: Type.Boolean(),
    capabilities: object({ drop: Type.Array(Type.String()), add: Type.Array(Type.String()) }),
  }),
  startupProbe: Probe,
  livenessProbe: Probe,
  resources: object({
    requests: object({ cpu: quantity, memory: quantity }),
    limits: object({ memory: quantity }),
  }),
  volumeMounts: Type.Array(object({ name, mountPath: Type.String({ pattern: '^/' }) })),
});
const StatefulSet = object({
  apiVersion: Type.Literal('apps/v1'),
  kind: Type.Literal('StatefulSet'),
  metadata: object({ name }),
  spec: object({
    serviceName: name,
    replicas: Type.Integer({ minimum: 1 }),
    podManagementPolicy: Type.Enum(['OrderedReady', 'Parallel']),
    selector: object({ matchLabels: labels }),
    template: object({
      metadata: object({ labels, annotations: Type.Record(Type.String(), Type.String()) }),
      spec: object({
        terminationGracePeriodSeconds: Type.Integer(),
        automountServiceAccountToken: Type.Boolean(),
        affinity: object({
          podAffinity: object({
            requiredDuringSchedulingIgnoredDuringExecution: Type.Array(
              object({ topologyKey: Type.String(), labelSelector: object({ matchLabels: labels }) }),
            ),
          }),
        }),
        containers: Type.Array(Container),
        volumes: Type.Array(
          object({ name, hostPath: object({ path: Type.String(), type: Type.Literal('CharDevice') }) }),
        ),
      }),
    }),
    volumeClaimTemplates: Type.Array(
      object({
        metadata: object({ name }),
        spec: object({
          accessModes: Type.Array(Type.Enum(['ReadWriteOnce', 'ReadWriteMany'])),
          resources: object({ requests: object({ storage: quantity }) }),
        }),
      }),
    ),
  }),
});

describe('the topology for clabernetes', () => {
  const [manifest] = documents('clabernetes.yaml');

  test('is what clabernetes knows', () => {
    expect(Value.Errors(ClabernetesTopology, manifest)).toEqual([]);
  });

  test('is the lab of two servers, with an image from a registry and the BMC’s ports', () => {
    const { definition } = Value.Parse(ClabernetesTopology, manifest).spec;
    const embedded = parse(definition.containerlab);
    expect(Value.Errors(TopologyFile, embedded)).toEqual([]);
    const pair = readTopology('pair');
    expect(embedded).toEqual({
      ...pair,
      topology: {
        ...pair.topology,
        defaults: {
          ...pair.topology.defaults,
          image: 'registry.example/qemu-bmc:0.1.0',
          ports: ['623:623/udp', '443:443/tcp'],
        },
      },
    });
  });
});

describe('the plain manifests', () => {
  const [wire, service, set] = documents('statefulset.yaml');

  test('are what Kubernetes and Multus know', () => {
    expect(Value.Errors(NetworkAttachmentDefinition, wire)).toEqual([]);
    const { config } = Value.Parse(NetworkAttachmentDefinition, wire).spec;
    expect(Value.Errors(BridgePlugin, JSON.parse(config))).toEqual([]);
    expect(Value.Errors(Service, service)).toEqual([]);
    expect(Value.Errors(StatefulSet, set)).toEqual([]);
  });

  test('name one another as they are called', () => {
    const { metadata, spec } = Value.Parse(StatefulSet, set);
    const { template } = spec;
    const pods = template.metadata.labels;
    const headless = Value.Parse(Service, service);
    expect(spec.selector.matchLabels).toEqual(pods);
    expect(headless.spec.selector).toEqual(pods);
    expect(spec.serviceName).toBe(headless.metadata.name);
    expect(metadata.name).toBe(headless.metadata.name);
    const networks = JSON.parse(template.metadata.annotations['k8s.v1.cni.cncf.io/networks'] ?? '');
    expect(networks).toEqual([
      { name: Value.Parse(NetworkAttachmentDefinition, wire).metadata.name, interface: 'eth2' },
    ]);
    const volumes = [...template.spec.volumes, ...spec.volumeClaimTemplates.map(({ metadata: own }) => own)];
    const mounts = template.spec.containers.flatMap(({ volumeMounts }) => volumeMounts);
    expect(mounts.map((mount) => mount.name).sort()).toEqual(volumes.map((volume) => volume.name).sort());
  });

  test('set only variables that the program reads, and leave the guest time to shut down', () => {
    const { spec } = Value.Parse(StatefulSet, set).spec.template;
    const variables = new Set(settingsLeaves().map(({ schema }) => schema['x-env']));
    const env = spec.containers.flatMap((container) => container.env);
    expect(env.filter((each) => !variables.has(each.name))).toEqual([]);
    const grace = env.find((each) => each.name === 'SHUTDOWN_GRACE');
    const seconds = Number(grace !== undefined && 'value' in grace ? grace.value : Number.NaN);
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(seconds);
  });
});
