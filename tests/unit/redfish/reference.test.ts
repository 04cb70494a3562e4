import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { actionPath } from '../../../src/redfish/actions.ts';
import type { Resource } from '../../../src/redfish/definition.ts';
import {
  openApiDocument,
  redfishReferenceFiles,
  redfishReferencePage,
} from '../../../src/redfish/reference.ts';
import { redfishResources } from '../../../src/redfish/resources.ts';
import { Routes } from '../../../src/redfish/routes.ts';

// biome-ignore lint/suspicious/noExplicitAny: the document is looked at as a reader of OpenAPI does
type Document = any;

const template = (path: string) => path.replace(/:(\w+)/g, '{$1}');

describe('the OpenAPI document', () => {
  const document: Document = parse(redfishReferenceFiles()[1]?.[1] ?? '');
  const paths = Object.entries<Document>(document.paths);
  const operations = paths.flatMap(([path, item]) =>
    Object.entries<Document>(item)
      .filter(([name]) => name !== 'parameters')
      .map(([method, operation]) => ({ path, method, operation })),
  );

  it('is OpenAPI 3.1 with every path of the service and none besides', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
    const { all } = new Routes(redfishResources);
    const expected = new Set(all.map(({ path }) => template(path)));
    for (const { path, actions } of redfishResources) {
      for (const action of actions) expected.add(template(actionPath(path, action)));
    }
    expect(new Set(paths.map(([path]) => path))).toEqual(expected);
  });

  it('declares each variable of a path, and nothing else', () => {
    for (const [path, item] of paths) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (item.parameters ?? []).map((parameter: Document) => parameter.name);
      expect(declared, path).toEqual(names);
      for (const parameter of item.parameters ?? []) {
        expect(parameter).toMatchObject({ in: 'path', required: true, schema: { type: 'string' } });
      }
    }
  });

  it('gives each operation an answer, and each that writes a body whose schema is complete', () => {
    expect(operations.length).toBeGreaterThan(paths.length / 2);
    for (const { path, method, operation } of operations) {
      expect(['get', 'patch', 'post', 'delete'], `${method} ${path}`).toContain(method);
      expect(operation.responses.default, path).toEqual({ $ref: '#/components/responses/Error' });
      expect(Object.keys(operation.responses).length, path).toBeGreaterThan(1);
      for (const [status, response] of Object.entries<Document>(operation.responses)) {
        expect(status).toMatch(/^([1-5]\d\d|default)$/);
        if (status !== 'default') expect(response.description).toBeTypeOf('string');
      }
      if (method === 'patch') {
        expect(operation.requestBody.required).toBe(true);
        const { schema } = operation.requestBody.content['application/json'];
        expect(Object.keys(schema.properties).length, path).toBeGreaterThan(0);
        expect(JSON.stringify(schema)).not.toContain('"required"');
      }
    }
  });

  it('names only components and security schemes that are there', () => {
    const text = JSON.stringify(document);
    for (const [, pointer = ''] of text.matchAll(/"\$ref":"#([^"]+)"/g)) {
      const found = pointer
        .split('/')
        .slice(1)
        .reduce((value: Document, name) => value?.[name], document);
      expect(found, pointer).toBeDefined();
    }
    const schemes = Object.keys(document.components.securitySchemes);
    for (const { security } of [document, ...operations.map(({ operation }) => operation)]) {
      for (const each of security ?? []) expect(schemes).toEqual(expect.arrayContaining(Object.keys(each)));
    }
  });

  it('says who needs no login', () => {
    expect(document.paths['/redfish/v1'].get.security).toEqual([]);
    expect(document.paths['/redfish/v1/Systems'].get.security).toBeUndefined();
    expect(document.paths['/redfish/v1/SessionService/Sessions'].post.security).toEqual([]);
  });

  it('follows the definitions', () => {
    const [first] = redfishResources.filter(({ path }) => path === '/redfish/v1/Systems');
    const small: Document = openApiDocument([first as Resource]);
    expect(Object.keys(small.paths)).toEqual(['/redfish/v1/Systems']);
  });
});

describe('the reference page', () => {
  it('has a section for each resource, with privileges, properties and actions', () => {
    const page = redfishReferencePage(redfishResources);
    for (const { path, actions } of redfishResources) {
      expect(page).toContain(`\n## ${template(path)}\n`);
      for (const { name } of actions) expect(page).toContain(`- Action \`${name.slice(1)}\``);
    }
    expect(page).toContain('| PATCH | `ConfigureUsers`, `ConfigureSelf` |');
    expect(page).toContain('PATCH takes `IPMI/ProtocolEnabled`.');
    expect(page).toContain(
      '| `/redfish/v1/Chassis/{chassisId}` IndicatorLED | `On` | `Lit` | Foreman smart proxy |',
    );
  });
});
