/** What the service refused with, by the names of its model; see the kinds of a `MemoryError`. */
import { MemoryError, type MemoryErrorKind } from "../delivery/memory.ts";

const kinds: Readonly<Record<string, MemoryErrorKind>> = {
  ThrottledException: "throttled",
  ThrottlingException: "throttled",
  ServiceQuotaExceededException: "quota",
  RetryableConflictException: "conflict",
  ConflictException: "conflict",
  ValidationException: "refused",
  InvalidInputException: "refused",
  ResourceNotFoundException: "not-found",
  AccessDeniedException: "denied",
  UnauthorizedException: "denied",
  SubscriptionRequiredException: "denied",
  // of the SDK itself, and of the service's front door
  CredentialsProviderError: "denied",
  ExpiredTokenException: "denied",
  InvalidSignatureException: "denied",
  UnrecognizedClientException: "denied",
};

const kindsByStatus: Readonly<Record<number, MemoryErrorKind>> = {
  401: "denied",
  402: "quota",
  403: "denied",
  404: "not-found",
  409: "conflict",
  429: "throttled",
};

interface ServiceError {
  readonly name: string;
  readonly message: string;
  readonly reason?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $retryable?: { readonly throttling?: boolean };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

export function toMemoryError(thrown: unknown): MemoryError {
  if (thrown instanceof MemoryError) return thrown;
  if (!(thrown instanceof Error)) return new MemoryError("unavailable", String(thrown));
  const error: ServiceError = thrown;
  const status = error.$metadata?.httpStatusCode ?? 0;
  const kind = kinds[error.name] ?? kindsByStatus[status] ?? (status === 400 ? "refused" : "unavailable");
  const seconds = Number(error.$response?.headers?.["retry-after"]);
  return new MemoryError(kind, `AgentCore Memory: ${error.name}: ${error.message}`, {
    cause: thrown,
    ...(seconds > 0 && { retryAfterMs: seconds * 1_000 }),
  });
}

/** The same token came before, with another time of the event: it was kept then. */
export function isKeptBefore(thrown: unknown): boolean {
  return (
    thrown instanceof Error && (thrown as ServiceError).reason === "IdempotentParameterMismatchException"
  );
}

export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof Error && toMemoryError(thrown).kind === "not-found";
}
