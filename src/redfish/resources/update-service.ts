/**
 * Updates: of the machine's firmware, of its UEFI variables, of the BMC's configuration. An image comes with the request,
 * as a form (MultipartHttpPushUri) or bare, as curl sends files, or is fetched (SimpleUpdate). DSP0266 §13.9; DSP0268,
 * UpdateService.
 */
import { Type } from 'typebox';
import { ClientGone } from '../../http/body.ts';
import { boundaryOf, formParts, MultipartError } from '../../http/multipart.ts';
import { HttpRefusal } from '../../http/refusal.ts';
import { checkBody } from '../body.ts';
import type { Context } from '../context.ts';
import { action, always, type Outcome, plain, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import { inventoryUri, updateServiceUri } from '../inventory-ids.ts';
import { isObject } from '../json.ts';
import { about, inWords, message } from '../messages.ts';
import { each, property } from '../patch.ts';
import { link } from '../paths.ts';
import {
  type ApplyTime,
  applyTimes,
  collect,
  fetched,
  maxImageBytes,
  targetOf,
  type UpdateWish,
} from '../updates.ts';

const uploadUri = `${updateServiceUri}/upload`;
/** As DMTF's registry of privileges has it: operators update servers. A configuration asks for more: see `updates.ts`. */
const privileges = {
  get: ['Login'],
  patch: ['ConfigureComponents'],
  post: ['ConfigureComponents'],
} as const;

/** What clients may say about an image, however it comes. */
const wishes = {
  Targets: Type.Optional(Type.Array(Type.String({ maxLength: 512 }), { maxItems: 16 })),
  ForceUpdate: Type.Optional(Type.Boolean()),
  Stage: Type.Optional(Type.Boolean()),
  '@Redfish.OperationApplyTime': Type.Optional(Type.Enum([...applyTimes])),
};
const updateParameters = Type.Object({ ...wishes, Oem: Type.Optional(Type.Object({})) });

interface Wishes {
  readonly Targets?: readonly string[];
  readonly Stage?: boolean;
  readonly '@Redfish.OperationApplyTime'?: ApplyTime;
}

function wishOf(image: string, wish: Wishes): UpdateWish {
  return {
    image,
    target: targetOf(wish.Targets ?? []),
    applyTime: wish['@Redfish.OperationApplyTime'],
    stage: wish.Stage ?? false,
  };
}

const protocols = ['HTTP', 'HTTPS'] as const;

const updateService = resource({
  path: '/redfish/v1/UpdateService',
  type: '#UpdateService.v1_17_0.UpdateService',
  privileges,
  find: always,
  read: (_, { state }) => ({
    Id: 'UpdateService',
    Name: 'Update service',
    ServiceEnabled: true,
    Status: { State: 'Enabled', Health: 'OK' },
    FirmwareInventory: link(inventoryUri),
    MultipartHttpPushUri: uploadUri,
    'MultipartHttpPushUri@Redfish.OperationApplyTimeSupport': {
      '@odata.type': '#Settings.v1_4_0.OperationApplyTimeSupport',
      SupportedValues: [...applyTimes],
    },
    MaxImageSizeBytes: maxImageBytes,
    VerifyRemoteServerCertificate: state.settings.verifyUpdateServer,
  }),
  patch: each({
    VerifyRemoteServerCertificate: property(Type.Boolean(), (verify, _, { state, actor }) =>
      state.settings.setVerifyUpdateServer(verify, actor),
    ),
  }),
  actions: [
    action({
      name: '#UpdateService.SimpleUpdate',
      applyTimes,
      parameters: Type.Object({
        ImageURI: Type.String({ minLength: 1, maxLength: 2048 }),
        TransferProtocol: Type.Optional(Type.Enum([...protocols])),
        Username: Type.Optional(Type.String({ maxLength: 255 })),
        Password: Type.Optional(Type.String({ maxLength: 255 })),
        ...wishes,
      }),
      run(given, _, context) {
        const { ImageURI: uri, TransferProtocol: protocol, Username: userName, Password: password } = given;
        const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(uri)
          ? uri
          : `${(protocol ?? 'HTTP').toLowerCase()}://${uri}`;
        const request = { url, ...(userName && { userName }), ...(password && { password }) };
        if (!URL.canParse(url)) {
          throw new RedfishError(message('ActionParameterValueFormatError', uri, 'ImageURI', 'SimpleUpdate'));
        }
        context.bmc.fetcher?.check(request);
        const wish = wishOf(nameOf(new URL(url).pathname), given);
        return context.state.updates.start(wish, context, (progress, cancelled) =>
          fetched(request, context, progress, cancelled),
        );
      },
    }),
  ],
});

/** What tools call an image that they send bare; the empty one: nothing. */
const imageTypes = ['application/octet-stream', 'application/json', 'application/x-www-form-urlencoded', ''];

const upload: Resource = {
  ...plain({
    path: '/redfish/v1/UpdateService/upload',
    privileges,
    answer: () => {
      throw new RedfishError(message('OperationNotAllowed'), { headers: { allow: 'POST' } });
    },
  }),
  rawPost: {
    contentTypes: ['multipart/form-data', ...imageTypes],
    streams: true,
    run: (_, context) => receive(context),
  },
};

async function receive(context: Context): Promise<Outcome> {
  const { state } = context;
  const { wish, image } = await state.updates.receive(() => read(context));
  return state.updates.start(wish, context, () => Promise.resolve(image));
}

async function read(context: Context): Promise<{ readonly wish: UpdateWish; readonly image: Uint8Array }> {
  const { headers, stream = noBytes() } = context.request;
  if (Number(headers['content-length'] ?? 0) > maxImageBytes + formBytes) {
    throw new RedfishError(message('PayloadTooLarge'));
  }
  try {
    const boundary = boundaryOf(headers['content-type']);
    if (boundary === undefined) {
      const image = await collect(stream, maxImageBytes);
      if (image.length === 0) throw new RedfishError(message('UnrecognizedRequestBody'));
      return { wish: wishOf('the image that was sent', {}), image };
    }
    return await readForm(stream, boundary);
  } catch (error) {
    if (error instanceof MultipartError) {
      throw new RedfishError(inWords(`${error.message}.`, message('MissingOrMalformedPart')), {
        cause: error,
      });
    }
    if (error instanceof HttpRefusal || error instanceof ClientGone) {
      throw new RedfishError(inWords('The rest of the body did not come.', message('OperationTimeout')), {
        status: 408,
        cause: error,
      });
    }
    throw error;
  }
}

/** Room in a form for everything but the image. */
const formBytes = 64 * 1024;

/** DSP0266 §13.9.2: parts `UpdateParameters` and `UpdateFile`; those of vendors begin with `Oem`. */
async function readForm(stream: AsyncIterable<Uint8Array>, boundary: string) {
  let wish: Wishes = {};
  let file: { readonly name: string; readonly image: Uint8Array } | undefined;
  for await (const { name, fileName, bytes } of formParts(stream, boundary)) {
    if (name === 'UpdateParameters') {
      wish = parametersOf(Buffer.from(await collect(bytes, formBytes)).toString('utf8'));
    } else if (name === 'UpdateFile') {
      file = { name: nameOf(fileName ?? ''), image: await collect(bytes, maxImageBytes) };
    } else if (!name?.startsWith('Oem')) {
      throw new MultipartError(
        `the part ${name ?? 'without a name'} is neither UpdateParameters nor UpdateFile`,
      );
    }
  }
  if (!file) throw new MultipartError('the part UpdateFile is missing');
  return { wish: wishOf(file.name, wish), image: file.image };
}

function parametersOf(text: string): Wishes {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RedfishError(inWords('The part UpdateParameters is no JSON.', message('MalformedJSON')));
  }
  if (!isObject(value)) throw new RedfishError(message('UnrecognizedRequestBody'));
  const { accepted, problems } = checkBody(updateParameters, value, { complete: true });
  const [first, ...rest] = problems.map(({ pointer, message: told }) => about(pointer, told));
  if (first) throw new RedfishError([first, ...rest]);
  return accepted as Wishes;
}

/** The last part of a path, as it can be shown. */
function nameOf(path: string): string {
  const last = path.split(/[/\\]/).findLast((part) => part !== '') ?? '';
  return last.replace(/\p{Cc}/gu, '').slice(0, 100) || 'the image that was sent';
}

async function* noBytes(): AsyncIterable<Uint8Array> {}

export const updateServiceResources: readonly Resource[] = [updateService, upload];
