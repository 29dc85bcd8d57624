/** The errors of AgentCore, as the SDKs tell them apart: by name, in the header `x-amzn-errortype`. */

/** Name and HTTP status: those that the operations declare, and what any AWS service gives. */
export const errorStatus = {
  ValidationException: 400,
  InvalidInputException: 400,
  ServiceQuotaExceededException: 402,
  AccessDeniedException: 403,
  ResourceNotFoundException: 404,
  RetryableConflictException: 409,
  ThrottledException: 429,
  ServiceException: 500,
  UnauthorizedException: 401,
  RuntimeClientError: 424,
  InternalServerException: 500,
  GatewayTimeoutException: 504,
  MethodNotAllowedException: 405,
  ModelTimeoutException: 408,
  ModelErrorException: 424,
  ModelNotReadyException: 429,
  ThrottlingException: 429,
  ServiceUnavailableException: 503,
  UnknownOperationException: 404,
  RequestEntityTooLargeException: 413,
  SerializationException: 400,
} as const;

export type ErrorName = keyof typeof errorStatus;

export type ValidationReason =
  | "CannotParse"
  | "FieldValidationFailed"
  | "IdempotentParameterMismatchException"
  | "EventInOtherSession"
  | "ResourceConflict";

export interface InvalidField {
  readonly name: string;
  readonly message: string;
}

/** What an operation refuses with. Everything else that is thrown becomes a `ServiceException` without details. */
export class ServiceError extends Error {
  override readonly name: ErrorName;
  readonly status: number;
  /** Members of the answer beside `message`. */
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    name: ErrorName,
    message: string,
    members: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = name;
    this.status = errorStatus[name];
    this.members = members;
    this.headers = headers;
  }
}

export function validationError(
  message: string,
  reason: ValidationReason = "FieldValidationFailed",
  fieldList?: readonly InvalidField[],
): ServiceError {
  return new ServiceError("ValidationException", message, {
    reason,
    ...(fieldList !== undefined && { fieldList }),
  });
}

export function notFound(message: string): ServiceError {
  return new ServiceError("ResourceNotFoundException", message);
}
