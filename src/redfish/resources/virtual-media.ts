/**
 * Virtual media: the CD drive and the USB stick that clients put images into. DSP0268, VirtualMedia, Certificate. They
 * are the system's; older clients find the same under the manager.
 */
import { Type } from 'typebox';
import type { VirtualMedia } from '../../bmc/media.ts';
import { type MediaSlot, type MediumRequest, mediaSlots } from '../../bmc/media-images.ts';
import type { Transfer } from '../../bmc/media-transfer.ts';
import { ClientGone } from '../../http/body.ts';
import { boundaryOf, filePart, MultipartError } from '../../http/multipart.ts';
import { HttpRefusal } from '../../http/refusal.ts';
import { delay } from '../../lib/clock.ts';
import type { Context } from '../context.ts';
import {
  action,
  collection,
  create,
  type Outcome,
  plain,
  type Resource,
  resource,
  type Target,
} from '../definition.ts';
import { RedfishError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { about, inWords, message } from '../messages.ts';
import { together } from '../patch.ts';
import { findManager, findSystem, link, virtualMediaUri } from '../paths.ts';
import { accepted, WorkCancelled } from '../tasks.ts';
import {
  checkOneCertificate,
  newCertificate,
  trustedCertificateBody,
  trustPrivileges,
} from './trusted-certificates.ts';

type SystemPath = '/redfish/v1/Systems/:systemId';
type ManagerPath = '/redfish/v1/Managers/:managerId';
type Owner = { readonly systemId: string } | { readonly managerId: string };

const privileges = {
  get: ['Login'],
  patch: ['ConfigureManager', 'ConfigureComponents'],
  post: ['ConfigureManager', 'ConfigureComponents'],
} as const;

/** An answer that can be had so soon is worth waiting for. */
const quickMs = 2000;
/** Between two looks at how far it is. */
const progressMs = 500;

const ids: Readonly<Record<MediaSlot, string>> = { cd: 'Cd', usb: 'Usb' };
const names: Readonly<Record<MediaSlot, string>> = { cd: 'Virtual CD', usb: 'Virtual USB stick' };
const mediaTypes: Readonly<Record<MediaSlot, readonly string[]>> = { cd: ['CD', 'DVD'], usb: ['USBStick'] };

interface Found {
  readonly slot: MediaSlot;
  readonly media: VirtualMedia;
}

function findOwner(params: unknown, { bmc }: Context): VirtualMedia | undefined {
  const owner = params as Owner;
  return ('systemId' in owner ? findSystem(owner) : findManager(owner)) && bmc.media;
}

function findSlot(params: unknown, context: Context): Found | undefined {
  const media = findOwner(params, context);
  const { mediaId } = params as { readonly mediaId: string };
  const slot = mediaSlots.find((each) => ids[each] === mediaId);
  return media && slot && { media, slot };
}

const transferMethods = ['Stream', 'Upload'] as const;
const protocols = ['HTTP', 'HTTPS', 'NFS'] as const;

const insertParameters = {
  Image: Type.String({ minLength: 1, maxLength: 2048 }),
  Inserted: Type.Optional(Type.Boolean()),
  WriteProtected: Type.Optional(Type.Boolean()),
  UserName: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  Password: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  // `Upload`: the machine sees the image when it is here whole. Otherwise it is read where it is, if that can be done.
  TransferMethod: Type.Optional(Type.Union([Type.Enum([...transferMethods]), Type.Null()])),
  TransferProtocolType: Type.Optional(Type.Union([Type.Enum([...protocols]), Type.Null()])),
};

interface InsertWish {
  readonly Image: string;
  readonly Inserted?: boolean;
  readonly WriteProtected?: boolean;
  readonly UserName?: string | null;
  readonly Password?: string | null;
  readonly TransferMethod?: (typeof transferMethods)[number] | null;
  readonly TransferProtocolType?: (typeof protocols)[number] | null;
  readonly VerifyCertificate?: boolean;
}

/** @throws {RedfishError} for a protocol that is not the image's */
function requestOf(wish: InsertWish): MediumRequest {
  const { Image, Inserted: inserted = true, WriteProtected: readOnly = true, TransferMethod: method } = wish;
  const { UserName: userName, Password: password, TransferProtocolType: protocol } = wish;
  const { VerifyCertificate: verifyCertificate } = wish;
  // As `mount` has it, and clients of other makers' BMCs.
  const [, server, path] = (protocol === 'NFS' && /^([^/:]+):(\/[^/].*)$/.exec(Image)) || [];
  const url = server === undefined || path === undefined ? Image : `nfs://${server}${encodeURI(path)}`;
  if (protocol && protocolOf(url) !== protocol) {
    throw new RedfishError(message('ActionParameterValueConflict', 'TransferProtocolType', protocol));
  }
  return {
    url,
    readOnly,
    inserted,
    whole: method === 'Upload',
    ...(userName && { userName }),
    ...(password && { password }),
    ...(verifyCertificate !== undefined && { verifyCertificate }),
  };
}

function protocolOf(url: string): (typeof protocols)[number] | undefined {
  return protocols.find((each) => url.toLowerCase().startsWith(`${each.toLowerCase()}:`));
}

async function insert({ media, slot }: Found, wish: InsertWish, context: Context): Promise<Outcome> {
  return answer(media.insert(slot, requestOf(wish), context.actor), context);
}

/** Done, if it is done soon; otherwise a task that tells how far it is. @throws {BmcError} when it fails soon */
async function answer(transfer: Transfer, context: Context): Promise<Outcome> {
  const { state, actor, user } = context;
  if (await isDone(transfer, quickMs, context)) return undefined;
  try {
    const task = state.tasks.start({
      name: `Image for the ${names[transfer.slot]}`,
      actor,
      userId: user?.id,
      async run(progress, cancelled) {
        cancelled.addEventListener('abort', () => transfer.cancel(), { once: true });
        try {
          while (!(await isDone(transfer, progressMs, context))) {
            const { receivedBytes, totalBytes } = transfer;
            if (totalBytes !== undefined) progress.percent((99 * receivedBytes) / totalBytes);
          }
        } catch (cause) {
          // By EjectMedia, as well as by the task.
          throw transfer.cancelled ? new WorkCancelled('the image was given up', { cause }) : cause;
        }
        return undefined;
      },
    });
    return accepted(task);
  } catch (error) {
    // What nobody could ask for is not gone on with.
    transfer.cancel();
    throw error;
  }
}

/** @throws {BmcError} when it has failed */
function isDone(transfer: Transfer, withinMs: number, { bmc }: Context): Promise<boolean> {
  return Promise.race([transfer.done.then(() => true), delay(bmc.clock, withinMs).then(() => false)]);
}

function read({ found: { media, slot } }: Target<unknown, Found>): JsonObject {
  const { medium, inserted, loading, trouble, verifyCertificate } = media.slot(slot);
  const present = medium ?? loading;
  // An upload has no place that it came from; its name stands for it.
  const image = present && (present.url ?? encodeURIComponent(present.name));
  const { transfer } = loading ?? {};
  const fromElsewhere = present?.url !== undefined && !present.url.startsWith('file:');
  return {
    Id: ids[slot],
    Name: names[slot],
    MediaTypes: mediaTypes[slot],
    Image: image ?? null,
    // Clients tell a free slot by this being absent.
    ImageName: present?.name,
    Inserted: inserted,
    ConnectedVia: present === undefined ? 'NotConnected' : fromElsewhere ? 'URI' : 'Oem',
    WriteProtected: medium?.readOnly ?? true,
    TransferMethod: present ? (medium && medium.held !== undefined ? 'Stream' : 'Upload') : null,
    TransferProtocolType: present ? (protocolOf(present.url ?? '') ?? 'OEM') : null,
    UserName: null,
    Password: null,
    VerifyCertificate: verifyCertificate,
    Certificates: link(`${virtualMediaUri}/${ids[slot]}/Certificates`),
    Status: { State: transfer ? 'Updating' : 'Enabled', Health: trouble === undefined ? 'OK' : 'Warning' },
    Actions: {
      Oem: {
        '#QemuBmcVirtualMedia.UploadMedia': {
          target: uploadUri(slot),
          title: 'Send an image with the request; GET tells how much of it is here',
        },
        '#QemuBmcVirtualMedia.ListLibrary': {
          target: libraryUri(slot),
          title: 'GET lists the images that can be inserted from the BMC’s own folder, as Image',
        },
      },
    },
  };
}

function definitions(path: SystemPath | ManagerPath): readonly Resource[] {
  return [
    collection({
      path: `${path}/VirtualMedia`,
      type: '#VirtualMediaCollection.VirtualMediaCollection',
      name: 'Virtual media',
      privileges: { get: ['Login'] },
      find: (params: unknown, context: Context) => findOwner(params, context),
      members: ({ uri }) => mediaSlots.map((slot) => `${uri}/${ids[slot]}`),
    }),
    resource({
      path: `${path}/VirtualMedia/:mediaId`,
      type: '#VirtualMedia.v1_6_5.VirtualMedia',
      privileges,
      find: (params: unknown, context: Context) => findSlot(params, context),
      read,
      patch: together(
        Type.Object({
          ...insertParameters,
          Image: Type.Optional(Type.Union([insertParameters.Image, Type.Null()])),
          VerifyCertificate: Type.Optional(Type.Boolean()),
        }),
        async (change, { found }: Target<unknown, Found>, context) => {
          const { media, slot } = found;
          const { Image: image, ...wish } = change;
          if (image) return void (await insert(found, { ...wish, Image: image }, context));
          const { Inserted: inserted, VerifyCertificate: verify } = wish;
          requireImageFor(wish, media.slot(slot).medium);
          if (image === null) await media.eject(slot, context.actor);
          else if (inserted !== undefined) await media.setInserted(slot, inserted, context.actor);
          if (verify !== undefined) media.setVerifyCertificate(slot, verify, context.actor);
        },
      ),
      actions: [
        action({
          name: '#VirtualMedia.InsertMedia',
          parameters: Type.Object(insertParameters),
          run: (wish, { found }: Target<unknown, Found>, context) => insert(found, wish, context),
        }),
        action({
          name: '#VirtualMedia.EjectMedia',
          parameters: Type.Object({}),
          async run(_, { found: { media, slot } }: Target<unknown, Found>, { actor }) {
            await media.eject(slot, actor);
            return undefined;
          },
        }),
      ],
    }),
  ];
}

/** @throws {RedfishError} for what only says how an image is fetched or shown, without an image */
function requireImageFor(
  wish: Omit<InsertWish, 'Image'>,
  medium: { readonly readOnly: boolean } | undefined,
): void {
  const { WriteProtected: readOnly, Inserted: _, VerifyCertificate: __, ...fetching } = wish;
  const changed =
    readOnly !== undefined && readOnly !== (medium?.readOnly ?? true)
      ? 'WriteProtected'
      : Object.entries(fetching).find(([, value]) => value !== undefined && value !== null)?.[0];
  if (changed === undefined) return;
  throw new RedfishError(about(`#/${changed}`, message('PropertyValueConflict', changed, 'Image')));
}

// --- Certificates of the servers that images come from ---

const certificates = collection({
  path: '/redfish/v1/Systems/:systemId/VirtualMedia/:mediaId/Certificates',
  type: '#CertificateCollection.CertificateCollection',
  name: 'Certificates that servers of images are trusted by',
  privileges: trustPrivileges,
  find: findSlot,
  members: ({ uri, found: { media, slot } }) => media.slot(slot).certificates.map(({ id }) => `${uri}/${id}`),
  create: create({
    schema: newCertificate,
    run({ CertificateString: pem }, { uri, found: { media, slot } }: Target<unknown, Found>, { actor }) {
      checkOneCertificate(pem);
      const { id } = media.addCertificate(slot, pem, actor);
      return { status: 201, headers: { location: `${uri}/${id}` } };
    },
  }),
});

function findCertificate(
  params: { systemId: string; mediaId: string; certificateId: string },
  context: Context,
) {
  const found = findSlot(params, context);
  const { certificateId } = params;
  const certificate = found?.media
    .slot(found.slot)
    .certificates.find(({ id }) => String(id) === certificateId);
  return found && certificate && { ...found, certificate };
}

const certificate = resource({
  path: '/redfish/v1/Systems/:systemId/VirtualMedia/:mediaId/Certificates/:certificateId',
  type: '#Certificate.v1_11_0.Certificate',
  privileges: trustPrivileges,
  find: findCertificate,
  read: ({ found }) =>
    trustedCertificateBody('Certificate that servers of images are trusted by', found.certificate),
  remove({ found: { media, slot, certificate: gone } }, { actor }) {
    media.removeCertificate(slot, gone.id, actor);
    return undefined;
  },
});

// --- Images that clients send ---

function uploadUri(slot: MediaSlot): string {
  return `${virtualMediaUri}/${ids[slot]}/Actions/Oem/QemuBmcVirtualMedia.UploadMedia`;
}

/** What browsers and curl call an image, and what they say when they do not know. */
const imageTypes = [
  '',
  'application/octet-stream',
  'application/x-iso9660-image',
  'application/x-cd-image',
  'application/vnd.efi.iso',
  'application/x-raw-disk-image',
  'application/x-www-form-urlencoded',
];

const upload: Resource = {
  ...plain({
    path: '/redfish/v1/Systems/:systemId/VirtualMedia/:mediaId/Actions/Oem/QemuBmcVirtualMedia.UploadMedia',
    privileges,
    answer: ({ params }, context) => {
      const { media, slot } = findSlot(params, context) as Found;
      return progress(media, slot, 200);
    },
  }),
  find: findSlot as Resource['find'],
  rawPost: {
    contentTypes: [...imageTypes, 'multipart/form-data'],
    streams: true,
    run: ({ found }, context) => receive(found as Found, context),
  },
};

/** How much is here, in words of HTTP and of JSON. */
function progress(media: VirtualMedia, slot: MediaSlot, status: number): Outcome {
  const here = media.uploads.progress(slot);
  const { receivedBytes = 0, totalBytes } = here ?? {};
  return {
    status,
    ...(receivedBytes > 0 && { headers: { range: `bytes=0-${receivedBytes - 1}` } }),
    body: { ReceivedBytes: receivedBytes, TotalBytes: totalBytes ?? null },
  };
}

async function receive({ media, slot }: Found, context: Context): Promise<Outcome> {
  const { request, actor } = context;
  const { stream = noBytes() } = request;
  const readOnly = new URL(request.url, 'http://x').searchParams.get('writeProtected') !== 'false';
  try {
    const boundary = boundaryOf(request.headers['content-type']);
    if (boundary !== undefined) {
      const { fileName, bytes } = await filePart(stream, boundary);
      const whole = { name: nameOf(fileName), offset: 0, totalBytes: undefined, readOnly };
      await media.uploads.take(slot, whole, bytes, actor);
      return undefined;
    }
    const { offset, totalBytes } = rangeOf(context);
    const under = media.uploads.progress(slot);
    if ((under?.receivedBytes ?? 0) !== offset) {
      const { headers = {} } = progress(media, slot, 416) ?? {};
      const text = `The next byte that is wanted is number ${under?.receivedBytes ?? 0}.`;
      throw new RedfishError(inWords(text, message('HeaderInvalid', 'Content-Range')), {
        status: 416,
        headers,
      });
    }
    const part = { name: fileNameOf(context), offset, totalBytes, readOnly };
    const whole = await media.uploads.take(slot, part, stream, actor);
    return whole ? undefined : progress(media, slot, 202);
  } catch (error) {
    if (error instanceof MultipartError) {
      throw new RedfishError(inWords(`${error.message}.`, message('MissingOrMalformedPart')), {
        cause: error,
      });
    }
    if (error instanceof HttpRefusal || error instanceof ClientGone) {
      const text = 'The rest of the body did not come. What is here is kept for a while: GET tells how much.';
      throw new RedfishError(inWords(text, message('OperationTimeout')), { status: 408, cause: error });
    }
    throw error;
  }
}

/** @throws {RedfishError} 411 or 400 when it is not clear which bytes of how many these are */
function rangeOf({ request: { headers } }: Context): {
  readonly offset: number;
  readonly totalBytes: number;
} {
  const length = headers['content-length'];
  if (length === undefined) {
    throw new RedfishError(
      inWords('A Content-Length is needed.', message('HeaderMissing', 'Content-Length')),
      {
        status: 411,
      },
    );
  }
  const range = headers['content-range'];
  if (range === undefined) return { offset: 0, totalBytes: Number(length) };
  const [, from, to, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(range) ?? [];
  const [first, last, totalBytes] = [Number(from), Number(to), Number(total)];
  if (total === undefined || last - first + 1 !== Number(length) || last >= totalBytes) {
    throw new RedfishError(message('HeaderInvalid', 'Content-Range'));
  }
  return { offset: first, totalBytes };
}

/** `?filename=`, or what Content-Disposition says. */
function fileNameOf({ request: { url, headers } }: Context): string {
  const asked = new URL(url, 'http://x').searchParams.get('filename');
  const said = /filename="?([^";]+)/i.exec(headers['content-disposition'] ?? '')?.[1];
  return nameOf(asked ?? said);
}

/** The last part of a path, as it can be shown. */
function nameOf(fileName: string | undefined): string {
  const last = (fileName ?? '').split(/[/\\]/).at(-1) ?? '';
  return last.replace(/\p{Cc}/gu, '').slice(0, 200) || 'upload.img';
}

async function* noBytes(): AsyncIterable<Uint8Array> {}

// --- Images that are there anyway ---

function libraryUri(slot: MediaSlot): string {
  return `${virtualMediaUri}/${ids[slot]}/Actions/Oem/QemuBmcVirtualMedia.ListLibrary`;
}

const library: Resource = {
  ...plain({
    path: '/redfish/v1/Systems/:systemId/VirtualMedia/:mediaId/Actions/Oem/QemuBmcVirtualMedia.ListLibrary',
    privileges: { get: ['Login'] },
    async answer({ params }, context) {
      const { media, slot } = findSlot(params, context) as Found;
      const images = (await media.library()) ?? [];
      return {
        status: 200,
        body: {
          Images: images
            .filter(({ slots }) => slots.includes(slot))
            .map(({ name, sizeBytes, modifiedAt, slots }) => ({
              Name: name,
              Image: `file:///${encodeURIComponent(name)}`,
              SizeBytes: sizeBytes,
              MediaTypes: slots.flatMap((each) => mediaTypes[each]),
              Modified: new Date(modifiedAt).toISOString(),
            })),
        },
      };
    },
  }),
  find: findSlot as Resource['find'],
};

export const virtualMediaResources: readonly Resource[] = [
  ...definitions('/redfish/v1/Systems/:systemId'),
  ...definitions('/redfish/v1/Managers/:managerId'),
  certificates,
  certificate,
  upload,
  library,
];
