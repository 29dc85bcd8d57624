/**
 * Who asks. On AgentCore Runtime it is the subject of the token that the platform has verified (`customJwtAuthorizer` in
 * agentcore/agentcore.json). Without a platform only this machine is served, and all of it is one user.
 */
import type { Authenticate } from "perdure";
import { platformAuth } from "perdure/agentcore";

/** All callers without a token are this one: of a platform that lets nobody in without, none. */
const shared = process.env["CALLER"];

export const auth: Authenticate =
  process.env["PERDURE_HOSTING"] === undefined
    ? () => shared ?? "me"
    : platformAuth(shared === undefined ? {} : { shared });
