/** The list changes that a listen for tasks may ask for beside them, as the SDK's own listens deliver them. */
import type { ServerCapabilities, ServerEvent } from "@modelcontextprotocol/server";
import type { JsonObject } from "../../task/json.ts";
import { createSdkServer } from "../sdk-server.ts";
import type { Service } from "../service.ts";
import { isTexts } from "./envelope.ts";

/** `SubscriptionFilter` with the extension's field. */
export interface Filter extends Changes {
  readonly taskIds?: readonly string[];
}

interface Changes {
  readonly toolsListChanged?: boolean;
  readonly promptsListChanged?: boolean;
  readonly resourcesListChanged?: boolean;
  readonly resourceSubscriptions?: readonly string[];
}

const flags = ["toolsListChanged", "promptsListChanged", "resourcesListChanged"] as const;
const lists = ["taskIds", "resourceSubscriptions"] as const;

/** `undefined` where a field is not of its type. */
export function readFilter(notifications: JsonObject): Filter | undefined {
  for (const flag of flags) {
    if (notifications[flag] !== undefined && typeof notifications[flag] !== "boolean") return undefined;
  }
  for (const list of lists) {
    if (notifications[list] !== undefined && !isTexts(notifications[list])) return undefined;
  }
  return notifications;
}

/** What of the filter the server can deliver, by its capabilities. */
export function honouredChanges(service: Service, filter: Filter): Changes {
  const asked =
    flags.some((flag) => filter[flag] === true) || (filter.resourceSubscriptions?.length ?? 0) > 0;
  if (!asked) return {};
  const can = capabilitiesOf(service);
  const { resourceSubscriptions = [] } = filter;
  return {
    ...(filter.toolsListChanged === true && can.tools?.listChanged === true && { toolsListChanged: true }),
    ...(filter.promptsListChanged === true &&
      can.prompts?.listChanged === true && { promptsListChanged: true }),
    ...(filter.resourcesListChanged === true &&
      can.resources?.listChanged === true && { resourcesListChanged: true }),
    ...(resourceSubscriptions.length > 0 && can.resources?.subscribe === true && { resourceSubscriptions }),
  };
}

function capabilitiesOf(service: Service): ServerCapabilities {
  const nobody = { owner: "", session: undefined, clientName: undefined, headers: {} };
  return createSdkServer(service, { generation: "2026", callerOf: () => nobody }).server.getCapabilities();
}

/** A listener of the SDK's bus that passes on what was honoured. */
export function listChangesTo(
  honoured: Changes,
  notify: (method: string, params: JsonObject) => void,
): (event: ServerEvent) => void {
  return (event) => {
    switch (event.kind) {
      case "tools_list_changed":
        if (honoured.toolsListChanged === true) notify("notifications/tools/list_changed", {});
        break;
      case "prompts_list_changed":
        if (honoured.promptsListChanged === true) notify("notifications/prompts/list_changed", {});
        break;
      case "resources_list_changed":
        if (honoured.resourcesListChanged === true) notify("notifications/resources/list_changed", {});
        break;
      case "resource_updated":
        if (honoured.resourceSubscriptions?.includes(event.uri) === true) {
          notify("notifications/resources/updated", { uri: event.uri });
        }
    }
  };
}
