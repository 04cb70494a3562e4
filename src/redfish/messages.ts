/**
 * The messages of DMTF's Base message registry that this service uses, as the registry words them (DSP2068), each
 * with the HTTP status it goes with. DSP0266 §7.11.3 (message object), §8.6 (error responses).
 */
import type { JsonObject } from './json.ts';

export const baseRegistry = { prefix: 'Base', version: '1.22.1', messagePrefix: 'Base.1.22' } as const;

type Severity = 'OK' | 'Warning' | 'Critical';
/** What a registry says of a message. */
export type Entry = readonly [status: number, severity: Severity, text: string, resolution: string];

export const baseMessages = {
  Success: [200, 'OK', 'The request completed successfully.', 'None.'],
  GeneralError: [
    500,
    'Critical',
    'A general error has occurred.  See Resolution for information on how to resolve the error, or @Message.ExtendedInfo if Resolution is not provided.',
    'None.',
  ],
  Created: [201, 'OK', 'The resource was created successfully.', 'None.'],
  NoOperation: [
    200,
    'Warning',
    'The request body submitted contain no data to act upon and no changes to the resource took place.',
    'Add properties in the JSON object and resubmit the request.',
  ],
  PropertyUnknown: [
    400,
    'Warning',
    'The property %1 is not in the list of valid properties for the resource.',
    'Remove the unknown property from the request body and resubmit the request if the operation failed.',
  ],
  PropertyValueTypeError: [
    400,
    'Warning',
    "The value '%1' for the property %2 is not a type that the property can accept.",
    'Correct the value for the property in the request body and resubmit the request if the operation failed.',
  ],
  PropertyValueFormatError: [
    400,
    'Warning',
    "The value '%1' for the property %2 is not a format that the property can accept.",
    'Correct the value for the property in the request body and resubmit the request if the operation failed.',
  ],
  PropertyValueNotInList: [
    400,
    'Warning',
    "The value '%1' for the property %2 is not in the list of acceptable values.",
    'Choose a value from the enumeration list that the implementation can support and resubmit the request if the operation failed.',
  ],
  PropertyValueOutOfRange: [
    400,
    'Warning',
    "The value '%1' for the property %2 is not in the supported range of acceptable values.",
    'Correct the value for the property in the request body and resubmit the request if the operation failed.',
  ],
  PropertyValueError: [
    400,
    'Warning',
    'The value provided for the property %1 is not valid.',
    'Correct the value for the property in the request body and resubmit the request if the operation failed.',
  ],
  PropertyNotWritable: [
    400,
    'Warning',
    'The property %1 is a read-only property and cannot be assigned a value.',
    'Remove the property from the request body and resubmit the request if the operation failed.',
  ],
  PropertyNotUpdated: [
    500,
    'Critical',
    'The property %1 was not updated due to an internal service error.  The service is still operational.',
    'Resubmit the request.  If the problem persists, check for additional messages and consider resetting the service.',
  ],
  PropertyMissing: [
    400,
    'Warning',
    'The property %1 is a required property and must be included in the request.',
    'Ensure that the property is in the request body and has a valid value and resubmit the request if the operation failed.',
  ],
  MalformedJSON: [
    400,
    'Critical',
    'The request body submitted was malformed JSON and could not be parsed by the receiving service.',
    'Ensure that the request body is valid JSON and resubmit the request.',
  ],
  EmptyJSON: [
    400,
    'Warning',
    'The request body submitted contained an empty JSON object and the service is unable to process it.',
    'Add properties in the JSON object and resubmit the request.',
  ],
  UnrecognizedRequestBody: [
    400,
    'Warning',
    'The service detected a malformed request body that it was unable to interpret.',
    'Correct the request body and resubmit the request if it failed.',
  ],
  ActionNotSupported: [
    400,
    'Critical',
    'The action %1 is not supported by the resource.',
    'Check the Actions property in the resource for the supported actions.',
  ],
  ActionParameterMissing: [
    400,
    'Critical',
    'The action %1 requires the parameter %2 to be present in the request body.',
    'Supply the action with the required parameter in the request body when the request is resubmitted.',
  ],
  ActionParameterUnknown: [
    400,
    'Warning',
    'The action %1 was submitted with the invalid parameter %2.',
    'Correct the invalid action parameter and resubmit the request if the operation failed.',
  ],
  ActionParameterValueTypeError: [
    400,
    'Warning',
    "The value '%1' for the parameter %2 in the action %3 is not a type that the parameter can accept.",
    'Correct the value for the parameter in the request body and resubmit the request if the operation failed.',
  ],
  ActionParameterValueFormatError: [
    400,
    'Warning',
    "The value '%1' for the parameter %2 in the action %3 is not a format that the parameter can accept.",
    'Correct the value for the parameter in the request body and resubmit the request if the operation failed.',
  ],
  ActionParameterValueNotInList: [
    400,
    'Warning',
    "The value '%1' for the parameter %2 in the action %3 is not in the list of acceptable values.",
    'Choose a value from the enumeration list that the implementation can support and resubmit the request if the operation failed.',
  ],
  ActionParameterValueOutOfRange: [
    400,
    'Warning',
    "The value '%1' for the parameter %2 in the action %3 is not in the supported range of acceptable values.",
    'Correct the value for the parameter in the request body and resubmit the request if the operation failed.',
  ],
  ActionParameterValueError: [
    400,
    'Warning',
    'The value for the parameter %1 in the action %2 is invalid.',
    'Correct the value for the parameter in the request body and resubmit the request if the operation failed.',
  ],
  ActionParameterNotSupported: [
    400,
    'Warning',
    'The parameter %1 for the action %2 is not supported on the target resource.',
    'Remove the parameter supplied and resubmit the request if the operation failed.',
  ],
  ArraySizeTooLong: [
    400,
    'Warning',
    'The array provided for property %1 exceeds the size limit %2.',
    'Resubmit the request with an appropriate array size.',
  ],
  ArraySizeTooShort: [
    400,
    'Warning',
    'The array provided for property %1 is under the minimum size limit %2.',
    'Resubmit the request with an appropriate array size.',
  ],
  StringValueTooLong: [
    400,
    'Warning',
    "The string '%1' exceeds the length limit %2.",
    'Resubmit the request with an appropriate string length.',
  ],
  StringValueTooShort: [
    400,
    'Warning',
    "The string '%1' was under the minimum required length %2.",
    'Resubmit the request with an appropriate string length.',
  ],
  QueryParameterValueTypeError: [
    400,
    'Warning',
    "The value '%1' for the query parameter %2 is not a type that the parameter can accept.",
    'Correct the value for the query parameter in the request and resubmit the request if the operation failed.',
  ],
  QueryParameterValueFormatError: [
    400,
    'Warning',
    "The value '%1' for the parameter %2 is not a format that the parameter can accept.",
    'Correct the value for the query parameter in the request and resubmit the request if the operation failed.',
  ],
  QueryParameterOutOfRange: [
    400,
    'Warning',
    "The value '%1' for the query parameter %2 is out of range %3.",
    'Reduce the value for the query parameter to a value that is within range, such as a start or count value that is within bounds of the number of resources in a collection or a page number that is within the range of valid pages.',
  ],
  QueryNotSupportedOnResource: [
    400,
    'Warning',
    'Querying is not supported on the requested resource.',
    'Remove the query parameters and resubmit the request if the operation failed.',
  ],
  QueryNotSupportedOnOperation: [
    400,
    'Warning',
    'Querying is not supported with the requested operation.',
    'Remove the query parameters and resubmit the request if the operation failed.',
  ],
  QueryCombinationInvalid: [
    400,
    'Warning',
    'Two or more query parameters in the request cannot be used together.',
    'Remove one or more of the query parameters and resubmit the request if the operation failed.',
  ],
  QueryParameterUnsupported: [
    501,
    'Warning',
    "Query parameter '%1' is not supported.",
    'Correct or remove the query parameter and resubmit the request.',
  ],
  SessionLimitExceeded: [
    503,
    'Critical',
    'The session establishment failed due to the number of simultaneous sessions exceeding the limit of the implementation.',
    'Reduce the number of other sessions before trying to establish the session or increase the limit of simultaneous sessions, if supported.',
  ],
  EventSubscriptionLimitExceeded: [
    503,
    'Critical',
    'The event subscription failed due to the number of simultaneous subscriptions exceeding the limit of the implementation.',
    'Reduce the number of other subscriptions before trying to establish the event subscription or increase the limit of simultaneous subscriptions, if supported.',
  ],
  ResourceCannotBeDeleted: [
    405,
    'Critical',
    'The delete request failed because the resource requested cannot be deleted.',
    'Do not attempt to delete a non-deletable resource.',
  ],
  ResourceInUse: [
    409,
    'Warning',
    'The change to the requested resource failed because the resource is in use or in transition.',
    'Remove the condition and resubmit the request if the operation failed.',
  ],
  ResourceAlreadyExists: [
    409,
    'Critical',
    "The requested resource of type %1 with the property %2 with the value '%3' already exists.",
    'Do not repeat the create operation as the resource was already created.',
  ],
  ResourceNotFound: [
    404,
    'Critical',
    "The requested resource of type %1 named '%2' was not found.",
    'Provide a valid resource identifier and resubmit the request.',
  ],
  PayloadTooLarge: [
    413,
    'Critical',
    'The supplied payload exceeds the maximum size supported by the service.',
    'Check that the supplied payload is correct and supported by this service.',
  ],
  InsufficientStorage: [
    507,
    'Critical',
    'Insufficient storage or memory available to complete the request.',
    'Increase the free storage space available to the service and resubmit the request.',
  ],
  MissingOrMalformedPart: [
    400,
    'Critical',
    'The multipart request contains malformed parts or is missing required parts.',
    'Add any missing required parts or correct the malformed parts and resubmit the request.',
  ],
  CreateFailedMissingReqProperties: [
    400,
    'Critical',
    'The create operation failed because the required property %1 was missing from the request.',
    'Correct the body to include the required property with a valid value and resubmit the request if the operation failed.',
  ],
  CreateLimitReachedForResource: [
    409,
    'Critical',
    'The create operation failed because the resource has reached the limit of possible resources.',
    'Either delete resources and resubmit the request if the operation failed or do not resubmit the request.',
  ],
  ServiceShuttingDown: [
    503,
    'Critical',
    'The operation failed because the service is shutting down and can no longer take incoming requests.',
    'When the service becomes available, resubmit the request if the operation failed.',
  ],
  NoValidSession: [
    401,
    'Critical',
    'There is no valid session established with the implementation.',
    'Establish a session before attempting any operations.',
  ],
  InsufficientPrivilege: [
    403,
    'Critical',
    'There are insufficient privileges for the account or credentials associated with the current session to perform the requested operation.',
    'Either abandon the operation or change the associated access rights and resubmit the request if the operation failed.',
  ],
  AccountRemoved: [200, 'OK', 'The account was successfully removed.', 'None.'],
  AccountForSessionNoLongerExists: [
    200,
    'OK',
    'The account for the current session was removed, and so the current session was removed as well.',
    'Attempt to connect with a valid account.',
  ],
  InternalError: [
    500,
    'Critical',
    'The request failed due to an internal service error.  The service is still operational.',
    'Resubmit the request.  If the problem persists, consider resetting the service.',
  ],
  ResourceMissingAtURI: [
    404,
    'Critical',
    "The resource at the URI '%1' was not found.",
    'Place a valid resource at the URI or correct the URI and resubmit the request.',
  ],
  ResourceAtUriUnauthorized: [
    401,
    'Critical',
    "While accessing the resource at '%1', the service received an authorization error '%2'.",
    'Ensure that the appropriate access is provided for the service in order for it to access the URI.',
  ],
  CouldNotEstablishConnection: [
    400,
    'Critical',
    "The service failed to establish a connection with the URI '%1'.",
    'Ensure that the URI contains a valid and reachable node name, protocol information, and other URI components.',
  ],
  SourceDoesNotSupportProtocol: [
    400,
    'Critical',
    "The other end of the connection at '%1' does not support the specified protocol %2.",
    'Change protocols or URIs.',
  ],
  AccessDenied: [
    403,
    'Critical',
    "While attempting to establish a connection to '%1', the service denied access.",
    'Attempt to ensure that the URI is correct and that the service has the appropriate credentials.',
  ],
  ServiceTemporarilyUnavailable: [
    503,
    'Critical',
    'The service is temporarily unavailable.  Retry in %1 seconds.',
    'Wait for the indicated retry duration and retry the operation.',
  ],
  ResourceInStandby: [
    409,
    'Critical',
    'The request could not be performed because the resource is in standby.',
    'Ensure that the resource is in the correct power state and resubmit the request.',
  ],
  ResourceExhaustion: [
    503,
    'Critical',
    "The resource '%1' was unable to satisfy the request due to unavailability of resources.",
    'Ensure that the resources are available and resubmit the request.',
  ],
  SessionTerminated: [200, 'OK', 'The session was successfully terminated.', 'None.'],
  SubscriptionTerminated: [200, 'OK', 'The event subscription was terminated.', 'None.'],
  PasswordChangeRequired: [
    403,
    'Critical',
    "The password provided for this account must be changed before access is granted.  PATCH the Password property for this account located at the target URI '%1' to complete this process.",
    'Change the password for this account using a PATCH to the Password property at the URI provided.',
  ],
  PasswordIncorrectLength: [
    400,
    'Critical',
    'The password provided for this account does not meet the password length requirements of the service.',
    'Resubmit the request with a password that meets the password length requirements as specified by the `MinPasswordLength` and `MaxPasswordLength` properties in the `AccountService` resource.',
  ],
  ResetRequired: [
    200,
    'Warning',
    "In order to apply changes, recover from errors, or complete the operation, a component reset is required with the Reset action URI '%1' and ResetType '%2'.",
    'Perform the required reset action on the specified component.',
  ],
  ChassisPowerStateOnRequired: [
    409,
    'Warning',
    "The chassis with Id '%1' is required to be powered on to perform this request.",
    'Power on the specified chassis and resubmit the request.',
  ],
  ChassisPowerStateOffRequired: [
    409,
    'Warning',
    "The chassis with Id '%1' is required to be powered off to perform this request.",
    'Power off the specified chassis and resubmit the request.',
  ],
  PropertyValueConflict: [
    400,
    'Warning',
    "The property '%1' could not be written because its value would conflict with the value of the '%2' property.",
    'None.',
  ],
  PropertyValueResourceConflict: [
    409,
    'Warning',
    "The property '%1' with the requested value of '%2' could not be written because the value conflicts with the state or configuration of the resource at '%3'.",
    'None.',
  ],
  PropertyValueExternalConflict: [
    409,
    'Warning',
    "The property '%1' with the requested value of '%2' could not be written because the value is not available due to a configuration conflict.",
    'None.',
  ],
  PropertyValueIncorrect: [
    400,
    'Warning',
    "The property '%1' with the requested value of '%2' could not be written because the value is not acceptable for the property.",
    'None.',
  ],
  ActionParameterValueConflict: [
    400,
    'Warning',
    "The parameter '%1' with the requested value of '%2' does not meet the constraints of the implementation.",
    'None.',
  ],
  PreconditionFailed: [
    412,
    'Critical',
    'The ETag supplied did not match the ETag required to change this resource.',
    'Try the operation again using the appropriate ETag.',
  ],
  PreconditionRequired: [
    428,
    'Critical',
    'A precondition header or annotation is required to change this resource.',
    'Try the operation again using an If-Match or If-None-Match header and appropriate ETag.',
  ],
  HeaderMissing: [
    400,
    'Critical',
    "Required header '%1' is missing in the request.",
    'Resubmit the request with the required request header.',
  ],
  HeaderInvalid: [
    400,
    'Critical',
    "Header '%1' is invalid.",
    'Resubmit the request with a valid request header.',
  ],
  OperationFailed: [
    500,
    'Warning',
    'An error occurred internal to the service as part of the overall request.  Partial results may have been returned.',
    'Resubmit the request.  If the problem persists, consider resetting the service or provider.',
  ],
  OperationTimeout: [
    504,
    'Warning',
    'A timeout internal to the service occurred as part of the request.  Partial results may have been returned.',
    'Resubmit the request.  If the problem persists, consider resetting the service or provider.',
  ],
  OperationNotAllowed: [405, 'Critical', 'The HTTP method is not allowed on this resource.', 'None.'],
  RestrictedRole: [
    400,
    'Warning',
    "The operation was not successful because the role '%1' is restricted.",
    'No resolution is required.  For standard roles, consider using the role specified in the AlternateRoleId property in the Role resource.',
  ],
  ServiceDisabled: [
    503,
    'Warning',
    'The operation failed because the service at %1 is disabled and cannot accept requests.',
    'Enable the service and resubmit the request if the operation failed.',
  ],
  PropertyModified: [200, 'OK', 'One or more properties were successfully modified.', 'None.'],
  AccessUnauthorized: [401, 'Critical', 'Unauthorized.', 'Resubmit the request with valid credentials.'],
  AccessForbidden: [
    403,
    'Critical',
    'Forbidden.',
    'Resubmit the request with credentials that contain the necessary privileges to perform the requested operation.',
  ],
  ActionParameterDuplicate: [
    400,
    'Warning',
    'The action %1 was submitted with more than one value for the parameter %2.',
    'Resubmit the action with only one instance of the action parameter in the request body if the operation failed.',
  ],
  PropertyDuplicate: [
    400,
    'Warning',
    'The property %1 was duplicated in the request.',
    'Remove the duplicate property from the request body and resubmit the request if the operation failed.',
  ],
  PropertyDeprecated: [
    200,
    'Warning',
    'The deprecated property %1 was included in the request body.',
    'Refer to the schema guide for more information.',
  ],
} as const satisfies Record<string, Entry>;
export type BaseMessageId = keyof typeof baseMessages;

/** A message object, with what it says of itself. */
export interface Message {
  /** With its registry: `Base.1.22.Success`. */
  readonly id: string;
  readonly entry: Entry;
  readonly args: readonly string[];
  /** JSON pointers, as fragments, to what the message is about: `#/Boot/BootSourceOverrideTarget`. */
  readonly relatedProperties: readonly string[];
  /** Words of our own in place of the registry's, where those say less. */
  readonly text: string | undefined;
  /** The HTTP status of an answer that says this first. */
  readonly status: number;
}

/** What a client sent comes back cut to so many characters: an answer is not to be a burden. */
const maxArgLength = 128;
const maxTextLength = 512;

/** @param args in the order of %1, %2, …; long ones are cut */
export function message(id: BaseMessageId, ...args: readonly string[]): Message {
  return messageOf(`${baseRegistry.messagePrefix}.${id}`, baseMessages[id], args);
}

/** @param id with its registry */
export function messageOf(id: string, entry: Entry, args: readonly string[]): Message {
  const shown = args.map((arg) => cut(arg, maxArgLength));
  return { id, entry, args: shown, relatedProperties: [], text: undefined, status: entry[0] };
}

/** The message with what it is about. */
export function about(pointer: string, told: Message): Message {
  return { ...told, relatedProperties: [pointer] };
}

/** The message in other words: cause and remedy in place of the registry's general sentence. */
export function inWords(text: string, told: Message): Message {
  return { ...told, text: cut(text, maxTextLength) };
}

/** The message with another status than it usually goes with. */
export function withStatus(status: number, told: Message): Message {
  return { ...told, status };
}

export function severityOf({ entry: [, severity] }: Message): Severity {
  return severity;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** What it says to people. */
export function textOf({ entry: [, , words], args, text }: Message): string {
  return text ?? words.replace(/%(\d)/g, (_, n: string) => args[Number(n) - 1] ?? '');
}

/** In the form of Message.v1_3_0. */
export function messageObject(told: Message): JsonObject {
  const { id, entry, args, relatedProperties } = told;
  const [, severity, , resolution] = entry;
  return {
    '@odata.type': '#Message.v1_3_0.Message',
    MessageId: id,
    Message: textOf(told),
    ...(args.length > 0 && { MessageArgs: args }),
    ...(relatedProperties.length > 0 && { RelatedProperties: relatedProperties }),
    MessageSeverity: severity,
    Resolution: resolution,
  };
}
