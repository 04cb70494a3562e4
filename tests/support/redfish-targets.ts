/** Everything of Redfish that takes a body: each resource that can be written, each collection that takes members, each action. */
import type { TObject } from 'typebox';
import { actionPath } from '../../src/redfish/actions.ts';
import { redfishResources } from '../../src/redfish/resources.ts';
import { RedfishBench } from './redfish-bench.ts';
import { crawl, isAt } from './redfish-crawl.ts';

export interface RedfishTarget {
  /** Method and address. */
  readonly title: string;
  readonly method: 'PATCH' | 'POST';
  readonly uri: string;
  /** Of which it is: for an action, not the same as `uri`. */
  readonly resource: string;
  readonly schema: TObject;
}

/** @returns one place for each definition that takes a body, and one for each action */
export async function redfishTargets(): Promise<readonly RedfishTarget[]> {
  const bench = new RedfishBench();
  await bench.start();
  const uris = [...(await crawl(bench)).bodies.keys()];
  await bench.stop();
  return redfishResources.flatMap((definition): RedfishTarget[] => {
    // The last one: of the accounts not the administrator's, who asks.
    const resource = uris.findLast((each) => isAt(definition, each));
    if (resource === undefined) return [];
    const { patch, create, actions } = definition;
    const target = (method: 'PATCH' | 'POST', uri: string, schema: TObject) => ({
      ...{ title: `${method} ${uri}`, method, uri, resource, schema },
    });
    return [
      ...(patch ? [target('PATCH', resource, patch.schema)] : []),
      ...(create ? [target('POST', resource, create.schema)] : []),
      ...actions.map((action) => target('POST', actionPath(resource, action), action.parameters)),
    ];
  });
}
